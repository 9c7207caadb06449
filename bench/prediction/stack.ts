// Whole PredictionJobs over large tables, everything over its real protocol: the operator as `npm start` runs it, the packaged handler on the
// local Lambda, S3, the Kubernetes API. Memory by the size of the table, what a second worker brings, how much of a data set the operator
// reads itself, and whether each row came out with a prediction behind it, in order.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { DEFAULT_PREFIXES, datasetsOf, modelFolder } from '../../cloud/keys.ts';
import { alone, type BenchmarkOptions, type Measurement, median } from '../measurement.ts';
import { least, most } from '../target.ts';
import { cores, onCores } from './cores.ts';
import { writeCredit } from './credit.ts';
import { Installation } from './installation.ts';
import { Jobs, type JobRun } from './jobs.ts';
import type { Artefact } from './model.ts';

/** Of the rows asked for. The last is the one that workers are compared on. */
const SIZES = [0.1, 1, 10];
const USER = '1001';
const MODEL = 'credit';
const WORKERS = 2;
/** The issue's. */
const MOST_OPERATOR_MIB = 200;
const MOST_HANDLER_MIB = 128;
const MOST_READ_BYTES = 65_536;
const LEAST_EFFICIENCY = 0.9;

/** Of one table, by how many chunks are in flight. */
interface Runs {
  readonly one: readonly JobRun[];
  readonly two: readonly JobRun[];
}

export async function wholeJobs(
  folder: string,
  artefact: Artefact,
  { rows, rounds, say }: BenchmarkOptions,
): Promise<Measurement[]> {
  const here = await cores();
  if (here.length < WORKERS) say(`SKIPPED: the efficiency of ${WORKERS} workers, for want of processors and taskset`);
  const installation = await Installation.start(join(folder, 'installation'));
  try {
    await putModel(installation, artefact);
    const jobs = new Jobs(installation, { user: USER, model: MODEL, manifest: artefact.manifest });
    const measured: Measurement[] = [];
    for (const [i, size] of SIZES.entries()) {
      const count = Math.max(1, Math.round(rows * size));
      const label = `${count.toLocaleString('en-US')} rows in a PredictionJob`;
      const table = { path: join(folder, 'whole.csv'), key: `${datasetsOf(DEFAULT_PREFIXES, USER)}${count}.csv` };
      await writeCredit(table.path, count);
      await installation.upload(table.path, table.key);
      const compare = i === SIZES.length - 1 && here.length >= WORKERS;
      const runs = { one: [] as JobRun[], two: [] as JobRun[] };
      for (let round = 1; round <= (compare ? rounds : 1); round += 1) {
        say(`${label}, round ${round}`);
        if (compare) runs.one.push(await onCores(here.slice(0, 1), () => jobs.run(table, 1)));
        const two = () => jobs.run(table, WORKERS);
        runs.two.push(await (compare ? onCores(here.slice(0, WORKERS), two) : two()));
      }
      await installation.bucket.delete(table.key);
      await rm(table.path);
      for (const { rows: came } of [...runs.one, ...runs.two])
        if (came !== count) throw new Error(`${came} rows came out of ${count}`);
      measured.push(...figures(label, count, runs));
    }
    return measured;
  } finally {
    await installation.close();
  }
}

/** As training leaves it. */
async function putModel({ bucket }: Installation, { manifest, onnx }: Artefact): Promise<void> {
  const folder = modelFolder(DEFAULT_PREFIXES, USER, MODEL);
  const sha256 = createHash('sha256').update(onnx).digest('hex');
  const files = [{ name: manifest.onnx.file, size: onnx.length, sha256 }];
  await bucket.put(`${folder}${manifest.onnx.file}`, onnx);
  await bucket.put(`${folder}manifest.json`, JSON.stringify({ ...manifest, files } satisfies Manifest));
}

/** Of memory and of what the operator read the most that was seen; of all else the median. */
export function figures(label: string, rows: number, { one, two }: Runs): Measurement[] {
  const highest = (of: (run: JobRun) => number): number => Math.max(...[...one, ...two].map(of));
  const middle = (of: (run: JobRun) => number, runs = two): number => median(runs.map(of));
  const seconds = middle((run) => run.seconds);
  const measured = [
    most(
      `${label}: most memory of the operator`,
      highest((run) => run.operatorMiB),
      'MiB',
      MOST_OPERATOR_MIB,
    ),
    most(
      `${label}: most memory of a handler`,
      highest((run) => run.handlerMiB),
      'MiB',
      MOST_HANDLER_MIB,
    ),
    most(
      `${label}: read of the table by the operator`,
      highest((run) => run.readBytes),
      'bytes',
      MOST_READ_BYTES,
    ),
    alone(`${label}: from creation to result`, seconds, 's'),
    alone(label, rows / seconds, 'rows/s'),
    alone(
      `${label}: invocations`,
      middle((run) => run.invocations),
      'invocations',
    ),
    alone(`${label}: cost`, middle((run) => run.usd) * 100, 'US cents'),
  ];
  if (one.length === 0) return measured;
  const alongside = middle((run) => run.seconds, [...one]);
  const efficiency = alongside / (WORKERS * seconds);
  return [
    ...measured,
    alone(`${label}: from creation to result, one worker on one processor`, alongside, 's'),
    least(`${label}: efficiency on ${WORKERS} processors`, efficiency, `of ${WORKERS}`, LEAST_EFFICIENCY),
  ];
}
