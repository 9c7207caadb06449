// `npm run bench -- prediction`: rows a second, memory and cold start of the prediction handler, bytes in to bytes out,
// against the plan's handler (pandas, scikit-learn, joblib: bench/peers/plan_handler.py) with the same model and file, and
// against a plain copy of the file. Sides alternate within each round; medians. SPOTLEARN_BENCH_PYTHON names a Python with
// pandas, scikit-learn and joblib; without it the peer is left out, loudly, and the model has made-up weights.
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { unzipSync } from 'fflate';
import { packageHandler } from '../lambda/package.ts';
import { eventFor } from './prediction/invocation.ts';
import { startStorage } from './prediction/storage.ts';
import { alone, type Benchmark, type BenchmarkOptions, compared, type Measurement, median } from './measurement.ts';
import { COLUMNS, randomNumbers, TARGET, writeCredit } from './prediction/credit.ts';
import { type Artefact, artefactOf, type FittedModel } from './prediction/model.ts';

const PLAN = "the plan's handler";
const python = process.env.SPOTLEARN_BENCH_PYTHON;
const planHandler = join(import.meta.dirname, 'peers/plan_handler.py');

export const benchmark: Benchmark = {
  description: 'rows a second, memory and cold start of the prediction handler',
  async run(options) {
    if (!python)
      options.say('SKIPPED: the peer. Set SPOTLEARN_BENCH_PYTHON to a Python with pandas, scikit-learn and joblib.');
    const folder = await mkdtemp(join(tmpdir(), 'bench-prediction-'));
    try {
      options.say(`writing ${options.rows.toLocaleString('en-US')} rows`);
      const training = join(folder, 'training.csv');
      const data = join(folder, 'data.csv');
      const quoted = join(folder, 'quoted.csv');
      await writeCredit(training, 1000, { target: true, seed: 2 });
      await writeCredit(data, options.rows);
      await writeCredit(quoted, options.rows, { quoted: true });
      const measured: Measurement[] = [];
      for (const model of python ? ['logistic', 'random_forest'] : ['logistic']) {
        const own = join(folder, model);
        await mkdir(own);
        const artefact = artefactOf(python ? await fitted(python, model, training, own) : madeUp());
        await writeFile(join(own, 'manifest.json'), JSON.stringify(artefact.manifest));
        await writeFile(join(own, 'model.onnx'), artefact.onnx);
        measured.push(...(await throughput(model, own, data, quoted, options)));
        measured.push(...(await coldStart(model, own, artefact, options)));
      }
      return measured;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function fitted(program: string, model: string, training: string, folder: string): Promise<FittedModel> {
  const { status, stderr } = spawnSync(program, [planHandler, 'train', model, training, TARGET, folder], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the peer could not be trained: ${stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as FittedModel;
}

function madeUp(): FittedModel {
  const random = randomNumbers(3);
  const categories = Object.fromEntries(COLUMNS.slice(0, 13).map((name) => [name, ['A10', 'A11', 'A12']]));
  const numbers = Object.fromEntries(COLUMNS.slice(13).map((name): [string, [number, number]] => [name, [3, 7]]));
  const weights = Array.from({ length: 13 * 3 + 7 }, () => random() - 0.5);
  return { classes: ['1', '2'], categories, numbers, logistic: { weights, bias: 0 } };
}

async function throughput(
  model: string,
  folder: string,
  data: string,
  quoted: string,
  { rounds, rows, say }: BenchmarkOptions,
): Promise<Measurement[]> {
  const ours = new Side(process.execPath, [join(import.meta.dirname, 'prediction/server.ts'), folder]);
  const plan = python ? new Side(python, [planHandler, 'serve', folder]) : undefined;
  const [mine, peers] = [join(folder, 'ours.csv'), join(folder, 'plan.csv')];
  const times = { ours: [] as number[], quoted: [] as number[], copy: [] as number[], plan: [] as number[] };
  let [peakMiB, planPeakMiB] = [0, 0];
  try {
    for (let round = 1; round <= rounds; round++) {
      say(`${model}: round ${round} of ${rounds}`);
      times.copy.push((await ours.ask({ input: data, output: mine, copy: true })).ms);
      times.quoted.push((await ours.ask({ input: quoted, output: mine })).ms);
      const done = await ours.ask({ input: data, output: mine });
      times.ours.push(done.ms);
      peakMiB = done.peakMiB;
      if (!plan) continue;
      const answer = await plan.ask({ input: data, output: peers });
      times.plan.push(answer.ms);
      planPeakMiB = answer.peakMiB;
    }
  } finally {
    await Promise.all([ours.close(), plan?.close()]);
  }
  const rate = (ms: readonly number[]) => (rows / median(ms)) * 1000;
  const measured = [
    compared(`${model}: rows/s`, rate(times.ours), 'rows/s', 'a copy of the file', rate(times.copy), 'more'),
    compared(`${model}: rows/s, quoted text`, rate(times.quoted), 'rows/s', 'unquoted', rate(times.ours), 'more'),
  ];
  if (!plan) return [...measured, alone(`${model}: peak memory`, peakMiB, 'MiB')];
  return [
    compared(`${model}: rows/s`, rate(times.ours), 'rows/s', PLAN, rate(times.plan), 'more'),
    compared(`${model}: peak memory`, peakMiB, 'MiB', PLAN, planPeakMiB, 'less'),
    alone(`${model}: labels that differ from ${PLAN}`, await differingLabels(mine, peers), 'rows'),
    ...measured,
  ];
}

async function differingLabels(mine: string, peers: string): Promise<number> {
  const labels = async (path: string) =>
    (await readFile(path, 'latin1'))
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(line.lastIndexOf(',') + 1));
  const [ours, theirs] = [await labels(mine), await labels(peers)];
  if (ours.length !== theirs.length) throw new Error(`${ours.length} rows here, ${theirs.length} there`);
  return ours.filter((label, i) => label !== theirs[i]).length;
}

/** From nothing to one stored prediction: the packaged program over HTTP, against the peer between files. */
async function coldStart(
  model: string,
  folder: string,
  artefact: Artefact,
  { rounds, say }: BenchmarkOptions,
): Promise<Measurement[]> {
  say(`${model}: cold starts`);
  const one = join(folder, 'one.csv');
  await writeCredit(one, 1);
  const { path } = await packageHandler({ platform: process.platform, arch: process.arch, ifChanged: true });
  for (const [name, bytes] of Object.entries(unzipSync(await readFile(path))))
    await writeFile(join(folder, name), bytes);
  const storage = await startStorage();
  const event = eventFor(storage, { ...artefact, data: await readFile(one) });
  const times = { ours: [] as number[], plan: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const mine = await timed(process.execPath, [join(folder, 'main.mjs')], JSON.stringify(event));
      const theirs = python ? await timed(python, [planHandler, 'once', folder, one, join(folder, 'out.csv')], '') : 0;
      if (round === 0) continue; // the disk's cache is warm from here on, for both
      times.ours.push(mine);
      times.plan.push(theirs);
    }
  } finally {
    await storage.close();
  }
  const [name, value] = [`${model}: cold start to one prediction`, median(times.ours)];
  return [python ? compared(name, value, 'ms', PLAN, median(times.plan), 'less') : alone(name, value, 'ms')];
}

function timed(program: string, args: string[], input: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve(performance.now() - began);
      else reject(new Error(`${program} ended with ${code}`));
    });
    child.stdin.end(input);
  });
}

interface Answer {
  rows: number;
  ms: number;
  peakMiB: number;
}

/** A warm process that answers one line to each line. */
class Side {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;

  constructor(program: string, args: string[]) {
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  async ask(request: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error('a side of the benchmark ended early');
    return JSON.parse(line.value) as Answer;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}
