// TreeEnsembleRegressor's flat attribute lists as trees. They come from a stranger's file: what would make an evaluator
// run for ever or read beyond its tables is refused here, once, so that the evaluator itself need not look.
// Next: ensemble.ts lays them out for WebAssembly.
import { type Node, NotOurs, type Tensor } from './onnxgraph.ts';
import { PredictionFailure } from '../failure.ts';

/** One tree; entries by node, the root first. A row goes left where its feature is at most the threshold. */
export interface Tree {
  /** -1: a leaf. */
  left: Int32Array;
  right: Int32Array;
  feature: Int32Array;
  threshold: Float64Array;
  /** Target → what each node adds to it, for the targets that any leaf of the tree adds to. */
  weights: ReadonlyMap<number, Float64Array>;
  /** Nodes that can be reached, level by level from the root, the two children of a node together. */
  order: Int32Array;
}

const INTEGERS = {
  nodes: ['nodes_nodeids', 'nodes_featureids', 'nodes_truenodeids', 'nodes_falsenodeids'],
  targets: ['target_treeids', 'target_nodeids', 'target_ids'],
} as const;
const KNOWN = new Set<string>([
  ...INTEGERS.nodes,
  ...INTEGERS.targets,
  'n_targets',
  'nodes_treeids',
  'nodes_modes',
  'nodes_values_as_tensor',
  'target_weights_as_tensor',
  'aggregate_function',
  'post_transform',
]);
const LEAF = -1;

/** Throws NotOurs for what our exporters do not write, PredictionFailure (ModelRefused) for what cannot be evaluated. */
export function readTrees({ attributes }: Node, width: number): { trees: Tree[]; targets: number } {
  for (const name of attributes.keys()) if (!KNOWN.has(name)) throw new NotOurs(`${name} of an ensemble`);
  const textOf = (name: string, usual: string) => attributes.get(name)?.text ?? usual;
  if (textOf('aggregate_function', 'SUM') !== 'SUM' || textOf('post_transform', 'NONE') !== 'NONE')
    throw new NotOurs('an ensemble that is not a sum');
  const integers = (name: string) => attributes.get(name)?.integers ?? [];
  const targets = attributes.get('n_targets')?.integer ?? Number.NaN;
  const treeOfNode = integers('nodes_treeids');
  const lists: Lists = {
    width,
    targets,
    node: integers('nodes_nodeids'),
    feature: integers('nodes_featureids'),
    left: integers('nodes_truenodeids'),
    right: integers('nodes_falsenodeids'),
    modes: attributes.get('nodes_modes')?.texts ?? [],
    thresholds: float64(attributes.get('nodes_values_as_tensor')?.tensor),
    weightTree: integers('target_treeids'),
    weightNode: integers('target_nodeids'),
    weightTarget: integers('target_ids'),
    weights: float64(attributes.get('target_weights_as_tensor')?.tensor),
  };
  const { node, feature, left, right, modes, thresholds, weightTree, weightNode, weightTarget, weights } = lists;
  const perNode = [node, feature, left, right, modes, thresholds];
  const perWeight = [weightNode, weightTarget, weights];
  if (
    !(targets >= 1) ||
    treeOfNode.length === 0 ||
    perNode.some(({ length }) => length !== treeOfNode.length) ||
    perWeight.some(({ length }) => length !== weightTree.length)
  )
    throw refused('its lists have different lengths');
  const trees: Tree[] = [];
  let weight = 0;
  for (let from = 0; from < treeOfNode.length; ) {
    const tree = treeOfNode[from]!;
    let to = from;
    while (treeOfNode[to] === tree) to++;
    const firstWeight = weight;
    while (weightTree[weight] === tree) weight++;
    trees.push(treeOf(lists, from, to, firstWeight, weight));
    from = to;
  }
  if (weight !== weightTree.length) throw new NotOurs('leaves in another order than their trees');
  return { trees, targets };
}

interface Lists {
  width: number;
  targets: number;
  node: readonly number[];
  feature: readonly number[];
  left: readonly number[];
  right: readonly number[];
  modes: readonly string[];
  thresholds: Float64Array;
  weightTree: readonly number[];
  weightNode: readonly number[];
  weightTarget: readonly number[];
  weights: Float64Array;
}

/** The tree whose nodes are entries [from, to) and whose leaf weights are entries [firstWeight, endWeight). */
function treeOf(lists: Lists, from: number, to: number, firstWeight: number, endWeight: number): Tree {
  const size = to - from;
  const left = Int32Array.from(lists.left.slice(from, to));
  const right = Int32Array.from(lists.right.slice(from, to));
  const feature = Int32Array.from(lists.feature.slice(from, to));
  const threshold = lists.thresholds.slice(from, to);
  for (let i = 0; i < size; i++) {
    const mode = lists.modes[from + i];
    if (lists.node[from + i] !== i) throw new NotOurs('nodes that are not numbered from 0');
    if (mode === 'LEAF') left[i] = right[i] = LEAF;
    else if (mode !== 'BRANCH_LEQ' || Number.isNaN(threshold[i])) throw new NotOurs(`nodes of mode ${mode}`);
    else if (!(lists.feature[from + i]! >= 0 && lists.feature[from + i]! < lists.width))
      throw refused('a tree asks for a number that a row does not have');
    else if (!(isNode(lists.left[from + i]!, size) && isNode(lists.right[from + i]!, size)))
      throw refused('a tree goes on at a node that is not there');
  }
  const weights = weightsOf(lists, left, firstWeight, endWeight);
  return { left, right, feature, threshold, weights, order: levels(left, right) };
}

function isNode(index: number, size: number): boolean {
  return index >= 0 && index < size;
}

/** A node that is come to twice would be a circle, or as good as one. */
function levels(left: Int32Array, right: Int32Array): Int32Array {
  const order = new Int32Array(left.length);
  const seen = new Uint8Array(left.length);
  seen[0] = 1;
  let known = 1;
  for (let at = 0; at < known; at++) {
    const node = order[at]!;
    if (left[node] === LEAF) continue;
    for (const child of [left[node]!, right[node]!]) {
      if (seen[child] === 1) throw refused('a tree comes to a node in two ways');
      seen[child] = 1;
      order[known++] = child;
    }
  }
  return order.subarray(0, known);
}

function weightsOf(lists: Lists, left: Int32Array, from: number, to: number): Map<number, Float64Array> {
  const weights = new Map<number, Float64Array>();
  const told = new Set<number>();
  for (let i = from; i < to; i++) {
    const [node, target] = [lists.weightNode[i]!, lists.weightTarget[i]!];
    if (!(target >= 0 && target < lists.targets)) throw refused('a leaf adds to an output that is not there');
    if (!isNode(node, left.length) || left[node] !== LEAF) throw new NotOurs('a weight of what is no leaf');
    if (told.has(node * lists.targets + target)) throw new NotOurs('two weights of one leaf');
    told.add(node * lists.targets + target);
    let own = weights.get(target);
    if (!own) weights.set(target, (own = new Float64Array(left.length)));
    own[node] = lists.weights[i]!;
  }
  return weights;
}

function float64(tensor: Tensor | undefined): Float64Array {
  if (tensor?.type !== 'float64' || tensor.dims.length !== 1) throw new NotOurs('an ensemble in another type');
  return tensor.values;
}

function refused(what: string): PredictionFailure {
  return new PredictionFailure('ModelRefused', `The model is refused: model.onnx is damaged, ${what}.`);
}
