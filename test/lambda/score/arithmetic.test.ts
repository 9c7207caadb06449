// Our own evaluator against onnxruntime on the same files: trees and whatever only adds, to the bit; sums of products and
// exponentials, which onnxruntime rounds in another order (FMA, several sums at once), within a bound.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Manifest } from '../../../cloud/contract/contract.generated.ts';
import { arithmeticEvaluator } from '../../../lambda/score/arithmetic.ts';
import type { Numbers } from '../../../lambda/encode/rows.ts';
import { labelIndex } from '../../../lambda/score/prediction.ts';
import { NotOurs } from '../../../lambda/score/onnxgraph.ts';
import { onnxEvaluator } from '../../../lambda/score/onnxruntime.ts';
import { randomNumbers } from '../../../bench/prediction/credit.ts';
import { linearModel, logisticModel } from '../../../bench/prediction/onnxmodel.ts';

const folder = new URL('../../golden/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
/** Their graphs are loops over blocks of rows, see trainer/export/blocks.py. */
const LOOPS = /^(k_nearest_neighbors|polynomial|svm)_/;
/** Nothing is rounded in them but sums in a told order. */
const TO_THE_BIT = /^(decision_tree|extra_trees|random_forest)_|_boosting_regression$|^(xgboost|lightgbm)_regression$/;
const ROWS = 1500;
const LARGEST_DIFFERENCE = 4e-12;

function read(name: string) {
  const file = (part: string) => readFileSync(new URL(`${name}/${part}`, folder));
  const manifest = JSON.parse(file('manifest.json').toString()) as Manifest;
  const { onnx, target } = manifest;
  return { manifest, onnx, model: file('model.onnx'), outputs: target.classes?.length ?? 1 };
}

function rowsFor({ type, width }: Manifest['onnx']['input']): Numbers {
  const random = randomNumbers(5);
  const numbers = type === 'float32' ? new Float32Array(ROWS * width) : new Float64Array(ROWS * width);
  return numbers.map(() => (random() < 0.5 ? Math.round(3 * random()) : 10 * (random() - 0.3)));
}

async function scoredByOnnxruntime(
  model: Buffer,
  onnx: Manifest['onnx'],
  outputs: number,
  input: Numbers,
  rows: number,
) {
  const evaluator = await onnxEvaluator(model, onnx, outputs);
  const scores = Float64Array.from(await evaluator.score({ input, rows }));
  await evaluator.close();
  return scores;
}

describe('The arithmetic evaluator', () => {
  for (const name of names.filter((one) => !LOOPS.test(one))) {
    it(`says of ${name} what onnxruntime says${TO_THE_BIT.test(name) ? ', to the bit' : ''}`, async () => {
      const { manifest, onnx, model, outputs } = read(name);
      const input = rowsFor(onnx.input);
      const wanted = await scoredByOnnxruntime(model, onnx, outputs, input, ROWS);
      const got = arithmeticEvaluator(model, onnx, outputs).score({ input, rows: ROWS }) as Float64Array;
      const divisor = onnx.output.divisor ?? 1;
      const label = (scores: Float64Array, row: number) =>
        labelIndex(scores, row * outputs, outputs, divisor, manifest.threshold ?? null);
      for (let i = 0; i < ROWS * outputs; i++) {
        const fits = TO_THE_BIT.test(name)
          ? Object.is(got[i], wanted[i])
          : Math.abs(got[i]! - wanted[i]!) <= LARGEST_DIFFERENCE;
        if (!fits) expect.fail(`number ${i}: ${got[i]} for ${wanted[i]}`);
      }
      for (let row = 0; row < ROWS; row++) expect(label(got, row)).to.equal(label(wanted, row));
    });
  }

  for (const name of names.filter((one) => LOOPS.test(one))) {
    it(`leaves ${name} to onnxruntime`, () => {
      const { onnx, model, outputs } = read(name);
      expect(() => arithmeticEvaluator(model, onnx, outputs)).to.throw(NotOurs);
    });
  }

  const described = (width: number, rest: Partial<Manifest['onnx']['input']> = {}): Manifest['onnx'] => ({
    file: 'model.onnx',
    input: { name: 'input', type: 'float64', width, ...rest },
    output: { name: 'output', kind: 'value' },
  });

  it('multiplies within what the order of rounding can make of it: n · 2⁻⁵² of the sum of sizes', async () => {
    const number = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(number, { minLength: 1, maxLength: 60 }),
        fc.array(number, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        async (weights, cells, rows) => {
          const width = weights.length;
          const model = linearModel(weights, [0]);
          const input = Float64Array.from({ length: rows * width }, (_, i) => cells[i % cells.length]!);
          const wanted = await scoredByOnnxruntime(model, described(width), 1, input, rows);
          const got = arithmeticEvaluator(model, described(width), 1).score({ input, rows }) as Float64Array;
          for (let row = 0; row < rows; row++) {
            const sizes = weights.reduce((sum, weight, i) => sum + Math.abs(weight * input[row * width + i]!), 0);
            expect(Math.abs(got[row]! - wanted[row]!)).to.be.at.most(width * 2 ** -52 * sizes);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('scores as much at once as fits its block, and the rest after it, to the same numbers', () => {
    const width = 200;
    const random = randomNumbers(7);
    const weights = Array.from({ length: 5 * width }, () => random() - 0.5);
    const model = linearModel(weights, [1, 2, 3, 4, 5]);
    const evaluator = arithmeticEvaluator(model, described(width), 5);
    const rows = 30_001; // of ten columns, over two blocks of 13,107 rows
    const input = new Float64Array(rows * width).map(() => random());
    const together = Float64Array.from((evaluator.score({ input, rows }) as Float64Array).subarray(0, 5 * rows));
    for (const row of [0, 13_106, 13_107, 26_214, 30_000]) {
      const alone = evaluator.score({ input: input.subarray(row * width, (row + 1) * width), rows: 1 }) as Float64Array;
      expect([...alone.subarray(0, 5)]).to.deep.equal([...together.subarray(5 * row, 5 * row + 5)]);
    }
  });

  it('keeps probabilities at the ends of what numbers can say', () => {
    const evaluator = arithmeticEvaluator(logisticModel([1], 0), described(1), 2);
    const input = Float64Array.of(-1e50, -800, 0, 800, 1e50);
    expect([...(evaluator.score({ input, rows: 5 }) as Float64Array)]).to.deep.equal([
      1, 0, 1, 0, 0.5, 0.5, 0, 1, 0, 1,
    ]);
  });

  it('leaves to onnxruntime what does not fit the manifest, and what it multiplies more quickly', () => {
    const model = linearModel([1, 2], [0]);
    for (const onnx of [
      described(3),
      described(2, { name: 'other' }),
      described(2, { type: 'float32' }),
      { ...described(2), output: { name: 'other', kind: 'value' as const } },
    ])
      expect(() => arithmeticEvaluator(model, onnx, 1)).to.throw(NotOurs);
    expect(() => arithmeticEvaluator(model, described(2), 2)).to.throw(NotOurs);
    const wide = linearModel(new Array<number>(2048).fill(1), new Array<number>(32).fill(0));
    expect(() => arithmeticEvaluator(wide, described(64), 32)).to.throw(NotOurs, /more quickly/);
    expect(() => arithmeticEvaluator(linearModel([1], [0], 'float32'), described(1, { type: 'float32' }), 1)).to.throw(
      NotOurs,
    );
  });
});
