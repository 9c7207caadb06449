// The tables that wasm/assembly/ensemble.ts reads, in the order in which they lie in its memory:
//   features    {offset of the number in a row of input, address of its thresholds, how many}, u32 each
//   thresholds  float64, ascending, a list for each feature in use
//   trees       {address of the root, levels above the highest leaf, pairs, address of their offsets}, u32 each
//   offsets     u32: where a pair of targets stands in a row of sums, a list for each tree
//   nodes       {u32 address of the left child, u16 offset of the rank in a row of ranks, u16 rank of the threshold}
//   leaves      u32 a node: address of what a leaf adds
//   weights     float64, pairs of targets: what the leaves add
//   input, ranks, sums  of one block of rows
// Filled once by `tablesOf`, for ensemble.ts.
import { NotOurs } from './onnxgraph.ts';
import type { Tree } from './trees.ts';

/** How rows lie in the input: number f of a row is at `offset` + f, the next row `stride` numbers on. */
export interface RowLayout {
  type: 'float32' | 'float64';
  offset: number;
  stride: number;
}

export interface Tables {
  memory: WebAssembly.Memory;
  /** Addresses; those of tables that only other tables point to are left out. */
  features: number;
  trees: number;
  nodes: number;
  leaves: number;
  input: number;
  ranks: number;
  sums: number;
  featureCount: number;
  /** Bytes of a row. */
  rowBytes: number;
  rankBytes: number;
  sumBytes: number;
  /** Rows of a block, a multiple of LANES. */
  blockRows: number;
  /** Where in a row of sums a target stands. */
  places: Int32Array;
}

const LANES = 8;
const MOST_BLOCK_ROWS = 256;
/** A block's ranks fill about half of the nearest cache. */
const BLOCK_RANK_BYTES = 24 * 1024;
const MOST_FEATURES = 32_767;
const MOST_THRESHOLDS = 65_534;
/** Rank of a leaf's threshold: no number's rank is above it. */
const UNREACHED = 0xffff;
const PAIR_BYTES = 16;
const MOST_BYTES = 2 ** 30;
const PAGE_BYTES = 65_536;

/** Throws NotOurs where 16 bits for a rank or a gigabyte of memory do not do. */
export function tablesOf(trees: readonly Tree[], targets: number, layout: RowLayout): Tables {
  const features = featuresOf(trees);
  const { pairsOfTrees, places, pairs } = pairsOf(trees, targets);
  const rankBytes = 2 * Math.max(1, features.size);
  const rowBytes = layout.stride * (layout.type === 'float64' ? 8 : 4);
  const sumBytes = pairs * PAIR_BYTES;
  const blockRows = LANES * Math.max(1, Math.floor(Math.min(MOST_BLOCK_ROWS, BLOCK_RANK_BYTES / rankBytes) / LANES));
  const sum = (of: (tree: Tree, index: number) => number) => trees.reduce((total, tree, i) => total + of(tree, i), 0);
  const nodeCount = sum(({ order }) => order.length);
  const space = new Space();
  const at = {
    features: space.take(12 * features.size),
    thresholds: space.take(8 * [...features.values()].reduce((total, { thresholds }) => total + thresholds.length, 0)),
    trees: space.take(16 * trees.length),
    offsets: space.take(4 * sum((_, i) => pairsOfTrees[i]!.length)),
    nodes: space.take(8 * nodeCount),
    leaves: space.take(4 * nodeCount),
    weights: space.take(PAIR_BYTES * sum((tree, i) => leavesOf(tree) * pairsOfTrees[i]!.length)),
    input: space.take(rowBytes * blockRows),
    ranks: space.take(rankBytes * blockRows),
    sums: space.take(sumBytes * blockRows),
  };
  if (!(space.bytes <= MOST_BYTES)) throw new NotOurs('an ensemble beyond a gigabyte');
  const memory = new WebAssembly.Memory({ initial: Math.ceil(space.bytes / PAGE_BYTES) });
  const words = new DataView(memory.buffer);
  writeFeatures(words, at, features, layout);
  new TreeWriter(words, at, features, places).write(trees, pairsOfTrees);
  return { memory, ...at, featureCount: features.size, rowBytes, rankBytes, sumBytes, blockRows, places };
}

interface Feature {
  /** Its place among the ranks of a row. */
  index: number;
  /** Ascending, each once. */
  thresholds: Float64Array;
  /** Threshold → its place among them. */
  ranks: ReadonlyMap<number, number>;
}

/** The features that any tree asks for. */
function featuresOf(trees: readonly Tree[]): Map<number, Feature> {
  const found = new Map<number, Set<number>>();
  for (const { order, left, feature, threshold } of trees) {
    for (const node of order) {
      if (left[node]! < 0) continue;
      let thresholds = found.get(feature[node]!);
      if (!thresholds) found.set(feature[node]!, (thresholds = new Set()));
      thresholds.add(threshold[node]!); // a Set takes -0 for 0, as a comparison does
    }
  }
  if (found.size > MOST_FEATURES) throw new NotOurs('trees with so many features');
  const features = [...found].map(([feature, thresholds], index): [number, Feature] => {
    if (thresholds.size > MOST_THRESHOLDS) throw new NotOurs('trees with so many thresholds of one feature');
    const sorted = Float64Array.from(thresholds).sort();
    return [feature, { index, thresholds: sorted, ranks: new Map(Array.from(sorted, (value, rank) => [value, rank])) }];
  });
  return new Map(features);
}

/** Targets two by two, those of one tree side by side, so that a tree adds to few pairs. -1: no target. */
function pairsOf(
  trees: readonly Tree[],
  targets: number,
): { pairsOfTrees: number[][]; places: Int32Array; pairs: number } {
  const places = new Int32Array(targets).fill(-1);
  let pairs = 0;
  const place = (wanted: number[]) => {
    const left = wanted.filter((target) => places[target] === -1);
    for (const [i, target] of left.entries()) places[target] = 2 * pairs + i;
    pairs += Math.ceil(left.length / 2);
  };
  for (const { weights } of trees) place([...weights.keys()].sort((a, b) => a - b));
  place(Array.from(places, (_, target) => target)); // whatever no tree adds to
  const pairsOfTrees = trees.map(({ weights }) => [
    ...new Set([...weights.keys()].map((target) => places[target]! >> 1)),
  ]);
  return { pairsOfTrees, places, pairs };
}

function leavesOf({ order, left }: Tree): number {
  return order.reduce((count, node) => count + (left[node]! < 0 ? 1 : 0), 0);
}

type Addresses = Record<'features' | 'thresholds' | 'trees' | 'offsets' | 'nodes' | 'leaves' | 'weights', number>;

function writeFeatures(
  words: DataView,
  at: Addresses,
  features: ReadonlyMap<number, Feature>,
  { type, offset }: RowLayout,
): void {
  let next = at.thresholds;
  for (const [feature, { index, thresholds }] of features) {
    const entry = at.features + 12 * index;
    words.setUint32(entry, (offset + feature) * (type === 'float64' ? 8 : 4), true);
    words.setUint32(entry + 4, next, true);
    words.setUint32(entry + 8, thresholds.length, true);
    new Float64Array(words.buffer, next, thresholds.length).set(thresholds);
    next += 8 * thresholds.length;
  }
}

class TreeWriter {
  readonly #words: DataView;
  readonly #at: Addresses;
  readonly #features: ReadonlyMap<number, Feature>;
  /** Place in a row of sums → its target. */
  readonly #targets = new Map<number, number>();
  #offsets: number;
  #nodes = 0;
  #weights: number;

  constructor(words: DataView, at: Addresses, features: ReadonlyMap<number, Feature>, places: Int32Array) {
    this.#words = words;
    this.#at = at;
    this.#features = features;
    this.#offsets = at.offsets;
    this.#weights = at.weights;
    for (const [target, place] of places.entries()) this.#targets.set(place, target);
  }

  write(trees: readonly Tree[], pairsOfTrees: readonly number[][]): void {
    for (const [i, tree] of trees.entries()) {
      const pairs = pairsOfTrees[i]!;
      const entry = this.#at.trees + 16 * i;
      this.#words.setUint32(entry, this.#at.nodes + 8 * this.#nodes, true);
      this.#words.setUint32(entry + 4, this.#writeNodes(tree, pairs), true);
      this.#words.setUint32(entry + 8, pairs.length, true);
      this.#words.setUint32(entry + 12, this.#offsets, true);
      for (const pair of pairs) {
        this.#words.setUint32(this.#offsets, PAIR_BYTES * pair, true);
        this.#offsets += 4;
      }
    }
  }

  /** Returns how many levels lie above the highest leaf. */
  #writeNodes(tree: Tree, pairs: readonly number[]): number {
    const { order, left, feature, threshold } = tree;
    let child = 1; // place in the order of the next left child
    let highest = Number.POSITIVE_INFINITY;
    const levels = new Int32Array(order.length);
    for (const [place, node] of order.entries()) {
      const index = this.#nodes + place;
      if (left[node]! < 0) {
        this.#writeNode(index, index, 0, UNREACHED);
        this.#words.setUint32(this.#at.leaves + 4 * index, this.#writeWeights(tree, node, pairs), true);
        highest = Math.min(highest, levels[place]!);
        continue;
      }
      const known = this.#features.get(feature[node]!)!;
      this.#writeNode(index, this.#nodes + child, 2 * known.index, known.ranks.get(threshold[node]!)!);
      levels[child] = levels[child + 1] = levels[place]! + 1;
      child += 2;
    }
    this.#nodes += order.length;
    return highest;
  }

  #writeNode(index: number, child: number, offset: number, rank: number): void {
    const node = this.#at.nodes + 8 * index;
    this.#words.setUint32(node, this.#at.nodes + 8 * child, true);
    this.#words.setUint16(node + 4, offset, true);
    this.#words.setUint16(node + 6, rank, true);
  }

  #writeWeights({ weights }: Tree, node: number, pairs: readonly number[]): number {
    const address = this.#weights;
    for (const pair of pairs) {
      for (const place of [2 * pair, 2 * pair + 1]) {
        const target = this.#targets.get(place);
        const own = target === undefined ? undefined : weights.get(target);
        this.#words.setFloat64(this.#weights, own?.[node] ?? 0, true);
        this.#weights += 8;
      }
    }
    return address;
  }
}

/** Addresses one behind the other, each fit for float64 pairs. */
class Space {
  bytes = PAIR_BYTES; // address 0 stays free

  take(bytes: number): number {
    const start = this.bytes;
    this.bytes += Math.ceil(bytes / PAIR_BYTES) * PAIR_BYTES;
    return start;
  }
}
