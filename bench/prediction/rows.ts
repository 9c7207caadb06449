// Rows a second and memory of the whole pipeline, warm, between files; the peer with the same model and file, and a plain
// copy, in turns. Then where the time goes.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { alone, type BenchmarkOptions, compared, type Measurement, median } from '../measurement.ts';
import { planHandler } from './model.ts';
import { bundled } from './program.ts';
import { Side } from './side.ts';

export interface Files {
  data: string;
  quoted: string;
}

/** `folder`: of the model's files, for both sides; `python`: of the peer, where there is one. */
export async function throughput(
  model: string,
  folder: string,
  files: Files,
  python: string | undefined,
  { rounds, rows, say }: BenchmarkOptions,
): Promise<Measurement[]> {
  const ours = new Side(process.execPath, [await bundled('server.ts', folder), folder]);
  const plan = python ? new Side(python, [planHandler, 'serve', folder]) : undefined;
  const output = (name: string) => join(folder, `${name}.csv`);
  const outputs = { ours: output('ours'), quoted: output('quoted'), copy: output('copy'), plan: output('plan') };
  const times = { ours: [] as number[], quoted: [] as number[], copy: [] as number[], plan: [] as number[] };
  let [peakMiB, planPeakMiB] = [0, 0];
  let stages: Record<string, number> = {};
  try {
    for (let round = 1; round <= rounds; round++) {
      say(`${model}: round ${round} of ${rounds}`);
      // Emptying a large file takes as long as a third of a copy, and is nobody's work here.
      await Promise.all(Object.values(outputs).map((path) => rm(path, { force: true })));
      const done = await ours.ask({ input: files.data, output: outputs.ours });
      times.ours.push(done.ms);
      peakMiB = done.peakMiB;
      times.quoted.push((await ours.ask({ input: files.quoted, output: outputs.quoted })).ms);
      times.copy.push((await ours.ask({ input: files.data, output: outputs.copy, copy: true })).ms);
      if (!plan) continue;
      const answer = await plan.ask({ input: files.data, output: outputs.plan });
      times.plan.push(answer.ms);
      planPeakMiB = answer.peakMiB;
    }
    stages = (await ours.ask({ input: files.data, output: outputs.ours, stages: true })).stages ?? {};
  } finally {
    await Promise.all([ours.close(), plan?.close()]);
  }
  const rate = (ms: readonly number[]) => (rows / median(ms)) * 1000;
  const plans = "the plan's handler";
  const against = plan
    ? [
        compared(`${model}: rows/s`, rate(times.ours), 'rows/s', plans, rate(times.plan), 'more'),
        compared(`${model}: peak memory`, peakMiB, 'MiB', plans, planPeakMiB, 'less'),
        alone(`${model}: labels that differ from ${plans}`, await differingLabels(outputs.ours, outputs.plan), 'rows'),
      ]
    : [alone(`${model}: peak memory`, peakMiB, 'MiB')];
  return [
    ...against,
    compared(`${model}: rows/s`, rate(times.ours), 'rows/s', 'a copy of the file', rate(times.copy), 'more'),
    compared(`${model}: rows/s, quoted text`, rate(times.quoted), 'rows/s', 'unquoted', rate(times.ours), 'more'),
    ...Object.entries(stages).map(([stage, ns]) => alone(`${model}: time of ${stage}`, ns, 'ns/row')),
    alone(`${model}: time of a copy`, (median(times.copy) * 1e6) / rows, 'ns/row'),
    alone(`${model}: time of all`, (median(times.ours) * 1e6) / rows, 'ns/row'),
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
