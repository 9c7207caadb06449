// `npm run bench -- evaluators [FAMILY …]`: our own evaluators of model.onnx against onnxruntime, on models of every family that
// the worker trains anew on hard rows (bench/models/exactness.py): microseconds of processor a row, labels that are not the
// estimator's own, the largest difference from onnxruntime; of trees also against plain JavaScript. --rows: rows to predict, at
// most 60,000 a class.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../cloud/contract/contract.generated.ts';
import { arithmeticEvaluator } from '../lambda/score/arithmetic.ts';
import type { Evaluator } from '../lambda/score/evaluator.ts';
import { NotOurs } from '../lambda/score/onnxgraph.ts';
import { onnxEvaluator } from '../lambda/score/onnxruntime.ts';
import { labelIndex } from '../lambda/score/prediction.ts';
import { plainForest } from './evaluators/javascript.ts';
import { alone, type Benchmark, type BenchmarkOptions, compared, type Measurement } from './measurement.ts';

const MOST_ROWS = 60_000;
const BATCH_ROWS = 4096;
/** The system counts processor time in steps of up to 10 ms. */
const ROUND_MS = 300;
const UNIT = 'µs/row';
const python = join(import.meta.dirname, '../.venv/bin/python3');

export const benchmark: Benchmark = {
  description: 'our evaluators of models against onnxruntime: time, labels, differences',
  async run(options) {
    const folder = await mkdtemp(join(tmpdir(), 'bench-evaluators-'));
    try {
      options.say('training every family');
      train(folder, Math.min(MOST_ROWS, options.rows), options.more ?? []);
      const measured: Measurement[] = [];
      for (const name of (await readdir(folder)).sort())
        measured.push(...(await measuredModel(name, join(folder, name), options)));
      return measured;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function train(folder: string, rows: number, families: readonly string[]): void {
  const args = ['-m', 'bench.models.exactness', '--rows', String(rows), '--keep', folder];
  if (families.length > 0) args.push('--family', ...families);
  const cwd = join(import.meta.dirname, '..');
  const { status } = spawnSync(python, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('the families could not be trained, or a graph is not its estimator');
}

interface About {
  type: 'float32' | 'float64';
  width: number;
  kind: 'value' | 'scores';
  divisor: number;
  outputs: number;
  threshold: number | null;
}

async function measuredModel(name: string, folder: string, { rounds, say }: BenchmarkOptions): Promise<Measurement[]> {
  const file = (part: string) => readFile(join(folder, part));
  const about = JSON.parse((await file('graph.json')).toString()) as About;
  const { type, width, kind, divisor, outputs } = about;
  const onnx: Manifest['onnx'] = {
    file: 'model.onnx',
    input: { name: 'input', type, width },
    output: { name: 'output', kind, divisor },
  };
  const model = await file('model.onnx');
  const rows = new (type === 'float32' ? Float32Array : Float64Array)(new Uint8Array(await file('rows.bin')).buffer);
  const predictions = new Float64Array(new Uint8Array(await file('predictions.bin')).buffer);
  const reference = await onnxEvaluator(model, onnx, outputs);
  try {
    say(name);
    const own = ownEvaluator(model, onnx, outputs);
    const native = await cost(() => scores(reference, rows, width), rounds, rows.length / width);
    if (!own) return [alone(`${name}: left to onnxruntime`, native, UNIT)];
    const value = await cost(() => scores(own, rows, width), rounds, rows.length / width);
    const [mine, theirs] = [await scores(own, rows, width), await scores(reference, rows, width)];
    return [
      compared(name, value, UNIT, 'onnxruntime', native, 'less'),
      ...(rows instanceof Float32Array ? await besideJavaScript(name, value, model, rows, width, rounds) : []),
      alone(`${name}: labels that are not the estimator's`, wrongLabels(mine, predictions, about), 'rows'),
      alone(`${name}: largest difference from onnxruntime, relative above 1`, largest(mine, theirs), ''),
    ];
  } finally {
    await reference.close();
  }
}

async function besideJavaScript(
  name: string,
  value: number,
  model: Uint8Array,
  rows: Float32Array,
  width: number,
  rounds: number,
): Promise<Measurement[]> {
  const forest = plainForest(model);
  if (!forest) return [];
  const count = BATCH_ROWS * Math.floor(rows.length / width / BATCH_ROWS);
  const out = new Float64Array(BATCH_ROWS * forest.targets);
  const whole = async () => {
    for (let from = 0; from < count; from += BATCH_ROWS)
      forest.score(rows.subarray(from * width, (from + BATCH_ROWS) * width), width, BATCH_ROWS, out);
  };
  return count === 0 ? [] : [compared(name, value, UNIT, 'plain JavaScript', await cost(whole, rounds, count), 'less')];
}

function ownEvaluator(model: Uint8Array, onnx: Manifest['onnx'], outputs: number): Evaluator | undefined {
  try {
    return arithmeticEvaluator(model, onnx, outputs);
  } catch (error) {
    if (error instanceof NotOurs) return undefined;
    throw error;
  }
}

type Rows = Float32Array | Float64Array;

async function scores(evaluator: Evaluator, rows: Rows, width: number): Promise<Float64Array> {
  const count = rows.length / width;
  const all = new Float64Array(count * evaluator.outputs);
  for (let from = 0; from < count; from += BATCH_ROWS) {
    const batch = Math.min(BATCH_ROWS, count - from);
    const scored = await evaluator.score({ input: rows.subarray(from * width, (from + batch) * width), rows: batch });
    all.set(scored.subarray(0, batch * evaluator.outputs), from * evaluator.outputs);
  }
  return all;
}

/** The quickest of the rounds, in microseconds of this thread's processor time, which a busy machine changes least. */
async function cost(work: () => Promise<unknown>, rounds: number, rows: number): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= rounds; round++) {
    const [before, began] = [process.threadCpuUsage(), performance.now()];
    let times = 0;
    do {
      await work();
      times++;
    } while (performance.now() - began < ROUND_MS);
    const { user, system } = process.threadCpuUsage();
    best = Math.min(best, (user + system - before.user - before.system) / times);
  }
  return best / rows;
}

function wrongLabels(
  mine: Float64Array,
  predictions: Float64Array,
  { kind, outputs, divisor, threshold }: About,
): number {
  if (kind === 'value') return 0;
  let wrong = 0;
  for (let from = 0; from < mine.length; from += outputs) {
    const own = labelIndex(mine, from, outputs, divisor, threshold);
    if (own !== labelIndex(predictions, from, outputs, 1, threshold)) wrong++;
  }
  return wrong;
}

function largest(mine: Float64Array, theirs: Float64Array): number {
  return mine.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - theirs[i]!) / Math.max(1, Math.abs(theirs[i]!))),
    0,
  );
}
