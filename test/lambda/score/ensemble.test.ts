// Trees: bit for bit what the plainest walk and onnxruntime say, and no file that could make them walk for ever.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Manifest } from '../../../cloud/contract/contract.generated.ts';
import { PredictionFailure } from '../../../lambda/failure.ts';
import { arithmeticEvaluator } from '../../../lambda/score/arithmetic.ts';
import { NotOurs } from '../../../lambda/score/onnxgraph.ts';
import { onnxEvaluator } from '../../../lambda/score/onnxruntime.ts';
import { Damaged } from '../../../lambda/score/protobuf.ts';
import { forestModel, type TreeNode } from '../../../bench/prediction/onnxmodel.ts';
import { CELLS, type Forest, forests, walked } from './forests.ts';

const describedAs = (width: number): Manifest['onnx'] => ({
  file: 'model.onnx',
  input: { name: 'input', type: 'float32', width },
  output: { name: 'output', kind: 'scores' },
});
const evaluatorOf = ({ trees, width, targets }: Forest) =>
  arithmeticEvaluator(forestModel(trees, width, targets), describedAs(width), targets);
const cells = fc.array(fc.oneof(fc.constantFrom(...CELLS), fc.float()), { minLength: 1, maxLength: 40 });

function inputOf({ width }: Forest, numbers: readonly number[], rows: number): Float32Array {
  return Float32Array.from({ length: rows * width }, (_, i) => numbers[i % numbers.length]!);
}

function expectSame(got: Float64Array, wanted: Float64Array): void {
  const different = wanted.findIndex((value, i) => !Object.is(value, got[i]));
  expect(different, `number ${different}: ${got[different]} for ${wanted[different]}`).to.equal(-1);
}

describe('An ensemble of trees', () => {
  it('says to the bit what the plainest walk says, for any number of rows', () => {
    fc.assert(
      fc.property(forests, cells, fc.integer({ min: 1, max: 600 }), (forest, numbers, rows) => {
        const input = inputOf(forest, numbers, rows);
        expectSame(evaluatorOf(forest).score({ input, rows }) as Float64Array, walked(forest, input));
      }),
      { numRuns: 150 },
    );
  });

  it('says to the bit what onnxruntime says', async () => {
    await fc.assert(
      fc.asyncProperty(forests, cells, async (forest, numbers) => {
        const { trees, width, targets } = forest;
        const input = inputOf(forest, numbers, 24);
        const reference = await onnxEvaluator(forestModel(trees, width, targets), describedAs(width), targets);
        const wanted = Float64Array.from(await reference.score({ input, rows: 24 }));
        await reference.close();
        expectSame(evaluatorOf(forest).score({ input, rows: 24 }) as Float64Array, wanted);
      }),
      { numRuns: 60 },
    );
  });

  it('forgets a batch with the next one', () => {
    const trees: TreeNode[][] = [[{ feature: 0, threshold: 0, left: 1, right: 2 }, { weights: [1] }, { weights: [2] }]];
    const evaluator = evaluatorOf({ trees, width: 1, targets: 1 });
    const first = evaluator.score({ input: Float32Array.of(-1, 1, -1, 1), rows: 4 }) as Float64Array;
    expect([...first.subarray(0, 4)]).to.deep.equal([1, 2, 1, 2]);
    const second = evaluator.score({ input: Float32Array.of(1), rows: 1 }) as Float64Array;
    expect(second[0]).to.equal(2);
  });

  const split = (rest: Partial<Extract<TreeNode, { feature: number }>>): TreeNode => ({
    feature: 0,
    threshold: 0,
    left: 1,
    right: 2,
    ...rest,
  });
  const leaf: TreeNode = { weights: [1] };
  const damaged: Record<string, [TreeNode[], RegExp]> = {
    'a circle': [[split({ left: 0 }), leaf, leaf], /in two ways/],
    'a circle further down': [[split({}), split({ left: 3, right: 0 }), leaf, leaf], /in two ways/],
    'a child of two parents': [[split({}), split({ left: 3, right: 2 }), leaf, leaf], /in two ways/],
    'the same child twice': [[split({ right: 1 }), leaf], /in two ways/],
    'a child behind the last node': [[split({ right: 3 }), leaf, leaf], /not there/],
    'a feature behind the last one': [[split({ feature: 2 }), leaf, leaf], /number that a row does not have/],
    'a target behind the last one': [[split({}), { weights: [1, 2] }, leaf], /output that is not there/],
  };
  for (const [what, [nodes, words]] of Object.entries(damaged)) {
    it(`is refused with ${what}`, () => {
      expect(() => evaluatorOf({ trees: [nodes], width: 2, targets: 1 }))
        .to.throw(PredictionFailure, words)
        .with.property('type', 'ModelRefused');
    });
  }

  const notOurs: Record<string, TreeNode[]> = {
    'a threshold that is no number': [split({ threshold: Number.NaN }), leaf, leaf],
    'a leaf that adds nothing at all': [split({}), { weights: [] }, leaf],
  };
  for (const [what, nodes] of Object.entries(notOurs)) {
    it(`is left to onnxruntime with ${what}`, () => {
      expect(() => evaluatorOf({ trees: [nodes], width: 2, targets: 1 })).to.throw(NotOurs);
    });
  }

  it('has room for thousands of levels and tells a feature of too many thresholds', () => {
    const deep: TreeNode[] = [];
    for (let level = 0; level < 3000; level++)
      deep.push(split({ threshold: level, left: 2 * level + 1, right: 2 * level + 2 }), { weights: [level] });
    const chain: TreeNode[] = deep.flatMap((node, i) => (i % 2 === 0 ? [node] : []));
    const nodes: TreeNode[] = [];
    for (const [level, node] of chain.entries()) {
      nodes[level === 0 ? 0 : 2 * level] = { ...(node as Extract<TreeNode, { feature: number }>) };
      nodes[2 * level + 1] = { weights: [level] };
    }
    nodes[6000] = { weights: [-1] };
    const evaluator = evaluatorOf({ trees: [nodes], width: 1, targets: 1 });
    const scores = evaluator.score({ input: Float32Array.of(-5, 1234, 2999, 9999), rows: 4 }) as Float64Array;
    expect([...scores.subarray(0, 4)]).to.deep.equal([0, 1234, 2999, -1]);
  });
});

describe('A model file with any byte changed, or cut anywhere', () => {
  const folder = new URL('../../golden/', import.meta.url);
  for (const name of ['decision_tree_binary', 'xgboost_multiclass', 'blend_binary', 'sgd_multiclass']) {
    it(`is scored, refused or left to onnxruntime, never more (${name})`, () => {
      const model = readFileSync(new URL(`${name}/model.onnx`, folder));
      const manifest = JSON.parse(readFileSync(new URL(`${name}/manifest.json`, folder), 'utf8')) as Manifest;
      const { onnx, target } = manifest;
      const input = new (onnx.input.type === 'float32' ? Float32Array : Float64Array)(9 * onnx.input.width).fill(0.5);
      const change = fc.record({ at: fc.nat(model.length - 1), to: fc.integer({ min: 0, max: 255 }), cut: fc.nat(9) });
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
          const bytes = Buffer.from(model);
          for (const { at, to } of changes) bytes[at] = to;
          const file = changes[0]!.cut === 0 ? bytes.subarray(0, changes[0]!.at) : bytes;
          try {
            const evaluator = arithmeticEvaluator(file, onnx, target.classes!.length);
            expect((evaluator.score({ input, rows: 9 }) as Float64Array).length).to.be.at.least(
              9 * target.classes!.length,
            );
          } catch (error) {
            const known = [NotOurs, Damaged, PredictionFailure].some((kind) => error instanceof kind);
            expect(known, String(error)).to.equal(true);
          }
        }),
        { numRuns: 400 },
      );
    });
  }
});
