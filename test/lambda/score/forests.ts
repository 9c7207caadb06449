// Random forests for the tests of the evaluators, and what they say by the plainest walk there is.
import fc from 'fast-check';
import type { TreeNode } from '../../../bench/prediction/onnxmodel.ts';

export interface Forest {
  trees: TreeNode[][];
  width: number;
  targets: number;
}

const THRESHOLDS = [0, -0, 1, 0.1, -3.5, 1e300, -1e300, 5e-324, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
/** Numbers that meet thresholds exactly, miss them by a little, or are none. */
export const CELLS = [0, -0, 1, Math.fround(0.1), 0.1, -3.5, 5e-324, 3e38, -3e38, Number.NaN, Number.POSITIVE_INFINITY];

const threshold = fc.oneof(fc.constantFrom(...THRESHOLDS), fc.double({ noNaN: true }));
const weight = fc.oneof(fc.constantFrom(0, -0, 1, 1 / 3, 1e16, -1e16), fc.double({ noNaN: true, min: -1e6, max: 1e6 }));

export const forests: fc.Arbitrary<Forest> = fc
  .record({ width: fc.integer({ min: 1, max: 4 }), targets: fc.integer({ min: 1, max: 5 }) })
  .chain(({ width, targets }) =>
    fc.record({
      width: fc.constant(width),
      targets: fc.constant(targets),
      trees: fc.array(tree(width, targets), { minLength: 1, maxLength: 6 }),
    }),
  );

function tree(width: number, targets: number): fc.Arbitrary<TreeNode[]> {
  const split = fc.record({ grow: fc.nat(), feature: fc.integer({ min: 0, max: width - 1 }), threshold });
  const leaf = fc.array(weight, { minLength: targets, maxLength: targets });
  return fc
    .record({ splits: fc.array(split, { maxLength: 12 }), leaves: fc.array(leaf, { minLength: 13, maxLength: 13 }) })
    .map(({ splits, leaves }) => {
      const nodes: TreeNode[] = [{ weights: [] }];
      for (const { grow, feature, threshold } of splits) {
        const open = nodes.flatMap((node, i) => ('weights' in node ? [i] : []));
        nodes[open[grow % open.length]!] = { feature, threshold, left: nodes.length, right: nodes.length + 1 };
        nodes.push({ weights: [] }, { weights: [] });
      }
      let next = 0;
      return nodes.map((node) => ('weights' in node ? { weights: leaves[next++]! } : node));
    });
}

/** [rows, targets]: sums in float64, tree after tree, then float32, as onnxruntime has them. */
export function walked({ trees, width, targets }: Forest, input: Float32Array | Float64Array): Float64Array {
  const rows = input.length / width;
  const out = new Float64Array(rows * targets);
  for (let row = 0; row < rows; row++) {
    for (const nodes of trees) {
      let node = nodes[0]!;
      while ('feature' in node)
        node = nodes[input[row * width + node.feature]! <= node.threshold ? node.left : node.right]!;
      for (const [target, value] of node.weights.entries()) out[row * targets + target]! += value;
    }
  }
  return out.map(Math.fround);
}
