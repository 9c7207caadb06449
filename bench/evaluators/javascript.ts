// The trees of a model.onnx in plain JavaScript, as well as we could make them run there: typed arrays, trees outside and rows
// inside, four rows abreast without a branch, leaves that lead to themselves. What WebAssembly is measured against.
import { type Node, numbersOf, readGraph } from '../../lambda/score/onnxgraph.ts';
import { Message } from '../../lambda/score/protobuf.ts';

export class PlainForest {
  readonly targets: number;
  readonly #roots: number[] = [];
  readonly #depths: number[] = [];
  readonly #left: Int32Array;
  readonly #feature: Int32Array;
  readonly #threshold: Float64Array;
  readonly #weights: Float64Array;

  constructor(node: Node) {
    const tree = integers(node, 'nodes_treeids');
    const size = tree.length;
    this.targets = node.attributes.get('n_targets')!.integer;
    this.#left = new Int32Array(size);
    this.#feature = new Int32Array(size);
    this.#threshold = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    this.#weights = new Float64Array(size * this.targets);
    const places = new Int32Array(size);
    const starts = new Map<number, number>();
    for (const [entry, number] of tree.entries()) if (!starts.has(number)) starts.set(number, entry);
    const branches = branchesOf(node);
    for (const start of starts.values()) this.#place(branches, start, places);
    this.#weigh(node, starts, places);
  }

  /** Children side by side. */
  #place({ left, right, feature, leaf, thresholds }: Branches, start: number, places: Int32Array): void {
    const queue: [entry: number, place: number, depth: number][] = [[start, start, 0]];
    this.#roots.push(start);
    let free = start + 1;
    let deepest = 0;
    for (const [entry, place, depth] of queue) {
      deepest = Math.max(deepest, depth);
      places[entry] = place;
      this.#left[place] = leaf[entry] ? place : free;
      if (leaf[entry]) continue;
      this.#feature[place] = feature[entry]!;
      this.#threshold[place] = thresholds[entry]!;
      queue.push([start + left[entry]!, free, depth + 1], [start + right[entry]!, free + 1, depth + 1]);
      free += 2;
    }
    this.#depths.push(deepest);
  }

  #weigh(node: Node, starts: ReadonlyMap<number, number>, places: Int32Array): void {
    const weights = numbersOf(node.attributes.get('target_weights_as_tensor')!.tensor);
    const targets = integers(node, 'target_ids');
    const nodes = integers(node, 'target_nodeids');
    for (const [i, tree] of integers(node, 'target_treeids').entries())
      this.#weights[places[starts.get(tree)! + nodes[i]!]! * this.targets + targets[i]!] = weights[i]!;
  }

  /** Writes [rows, targets]; `rows` a multiple of four, no number of `input` NaN. */
  score(input: Float32Array, width: number, rows: number, out: Float64Array): void {
    const left = this.#left;
    const feature = this.#feature;
    const threshold = this.#threshold;
    out.fill(0, 0, rows * this.targets);
    for (const [tree, root] of this.#roots.entries()) {
      const depth = this.#depths[tree]!;
      for (let row = 0; row < rows; row += 4) {
        const at = row * width;
        let [a, b, c, d] = [root, root, root, root];
        for (let level = 0; level < depth; level++) {
          a = left[a]! + Number(input[at + feature[a]!]! > threshold[a]!);
          b = left[b]! + Number(input[at + width + feature[b]!]! > threshold[b]!);
          c = left[c]! + Number(input[at + 2 * width + feature[c]!]! > threshold[c]!);
          d = left[d]! + Number(input[at + 3 * width + feature[d]!]! > threshold[d]!);
        }
        this.#add(a, row, out);
        this.#add(b, row + 1, out);
        this.#add(c, row + 2, out);
        this.#add(d, row + 3, out);
      }
    }
  }

  #add(leaf: number, row: number, out: Float64Array): void {
    const { targets } = this;
    for (let target = 0; target < targets; target++)
      out[row * targets + target]! += this.#weights[leaf * targets + target]!;
  }
}

/** The forest of a model that is nothing else but one, and some arithmetic behind it. */
export function plainForest(model: Uint8Array): PlainForest | undefined {
  const nodes = readGraph(model).nodes.filter(({ operator }) => operator === 'ai.onnx.ml:TreeEnsembleRegressor');
  return nodes.length === 1 ? new PlainForest(nodes[0]!) : undefined;
}

interface Branches {
  left: number[];
  right: number[];
  feature: number[];
  leaf: boolean[];
  thresholds: Float64Array;
}

function branchesOf(node: Node): Branches {
  const leaf: boolean[] = [];
  for (const modes = new Message(node.attributes.get('nodes_modes')!.bytes); modes.next(); )
    if (modes.field === 9) leaf.push(modes.text() === 'LEAF');
  return {
    left: integers(node, 'nodes_truenodeids'),
    right: integers(node, 'nodes_falsenodeids'),
    feature: integers(node, 'nodes_featureids'),
    leaf,
    thresholds: numbersOf(node.attributes.get('nodes_values_as_tensor')!.tensor),
  };
}

function integers(node: Node, name: string): number[] {
  const found: number[] = [];
  for (const list = new Message(node.attributes.get(name)!.bytes); list.next(); )
    if (list.field === 8) list.integersInto(found);
  return found;
}
