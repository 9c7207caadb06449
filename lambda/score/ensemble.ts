// A TreeEnsembleRegressor in WebAssembly (wasm/assembly/ensemble.ts): hands over the lists of its node as they stand in the
// file, gets an evaluator of blocks of rows. The sums are float64, tree after tree, and given as float32: exactly what
// onnxruntime gives for float64 inputs. Used by compiler.ts.
import type { Numbers } from '../encode/rows.ts';
import { PredictionFailure } from '../failure.ts';
import { ensembleModule } from '../wasm/ensemble.generated.ts';
import { type Node, NotOurs, type Tensor } from './onnxgraph.ts';
import { Damaged } from './protobuf.ts';

/** How rows lie in what `score` gets: number f of a row is at `offset` + f, the next row `stride` numbers on. */
export interface RowLayout {
  type: 'float32' | 'float64';
  offset: number;
  stride: number;
}

interface Exports {
  take(bytes: bigint): number;
  list(number: number, from: number, to: number): number;
  gather(width: number, thresholds: number, count: number): number;
  build(targets: number, weights: number, count: number, stride: number, offset: number, wide: number): number;
  score(rows: number): void;
  readonly starts: Global;
  readonly gathered: Global;
  readonly places: Global;
  readonly sumWidth: Global;
  readonly blockRows: Global;
  readonly input: Global;
  readonly sums: Global;
}

interface Global {
  readonly value: number;
}

/** In the order of their numbers in wasm/assembly/ensemble/lists.ts. */
const LISTS = [
  'nodes_treeids',
  'nodes_nodeids',
  'nodes_featureids',
  'nodes_truenodeids',
  'nodes_falsenodeids',
  'nodes_modes',
  'target_treeids',
  'target_nodeids',
  'target_ids',
];
const OTHERS = [
  'n_targets',
  'nodes_values_as_tensor',
  'target_weights_as_tensor',
  'aggregate_function',
  'post_transform',
];
const KNOWN = new Set([...LISTS, ...OTHERS]);
const MOST_TARGETS = 65_536;
/** By the answers of wasm/assembly/ensemble/answers.ts. */
const DAMAGED = -2;
const REFUSED: ReadonlyMap<number, string> = new Map([
  [-3, 'a tree asks for a number that a row does not have'],
  [-4, 'a tree goes on at a node that is not there'],
  [-5, 'a tree comes to a node in two ways'],
  [-6, 'a leaf adds to an output that is not there'],
  [-7, 'its lists of nodes have different lengths'],
]);
let compiled: WebAssembly.Module | undefined;

export class Ensemble {
  readonly targets: number;
  readonly #stride: number;
  readonly #exports: Exports;
  readonly #blockRows: number;
  readonly #input: Numbers;
  readonly #sums: Float64Array;
  readonly #sumWidth: number;
  readonly #places: Int32Array;

  /** `width`: numbers a row. Throws NotOurs, Damaged or PredictionFailure (ModelRefused). */
  constructor(node: Node, width: number, layout: RowLayout) {
    const { stride, offset, type } = layout;
    this.targets = targetsOf(node);
    this.#stride = stride;
    const memory = new WebAssembly.Memory({ initial: 1 });
    compiled ??= new WebAssembly.Module(Buffer.from(ensembleModule, 'base64'));
    const wasm = new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Exports;
    this.#exports = wasm;
    for (const [number, name] of LISTS.entries()) {
      const bytes = node.attributes.get(name)?.bytes ?? new Uint8Array(0);
      const start = copied(wasm, memory, bytes);
      settle(wasm.list(number, start, start + bytes.length));
    }
    const thresholds = float64(node, 'nodes_values_as_tensor');
    settle(wasm.gather(width, copied(wasm, memory, thresholds.raw), thresholds.count));
    sortThresholds(wasm, memory, width);
    const weights = float64(node, 'target_weights_as_tensor');
    const start = copied(wasm, memory, weights.raw);
    settle(wasm.build(this.targets, start, weights.count, stride, offset, Number(type === 'float64')));
    const numbers = type === 'float64' ? Float64Array : Float32Array;
    this.#blockRows = wasm.blockRows.value;
    this.#sumWidth = wasm.sumWidth.value;
    this.#input = new numbers(memory.buffer, wasm.input.value, this.#blockRows * stride);
    this.#sums = new Float64Array(memory.buffer, wasm.sums.value, this.#blockRows * this.#sumWidth);
    this.#places = new Int32Array(memory.buffer, wasm.places.value, this.targets);
  }

  /** `data`: rows as the layout says; `out`: [rows, targets]. */
  score(data: Numbers, rows: number, out: Numbers): void {
    for (let from = 0; from < rows; from += this.#blockRows) {
      const count = Math.min(this.#blockRows, rows - from);
      this.#input.set(data.subarray(from * this.#stride, (from + count) * this.#stride));
      this.#exports.score(count);
      let to = from * this.targets;
      for (let row = 0; row < count; row++) {
        for (let target = 0; target < this.targets; target++)
          out[to++] = this.#sums[row * this.#sumWidth + this.#places[target]!]!;
      }
    }
  }
}

function targetsOf({ attributes }: Node): number {
  for (const name of attributes.keys()) if (!KNOWN.has(name)) throw new NotOurs(`${name} of an ensemble`);
  const textOf = (name: string, usual: string) => attributes.get(name)?.text ?? usual;
  if (textOf('aggregate_function', 'SUM') !== 'SUM' || textOf('post_transform', 'NONE') !== 'NONE')
    throw new NotOurs('an ensemble that is not a sum');
  const targets = attributes.get('n_targets')?.integer ?? 0;
  if (!(targets >= 1 && targets <= MOST_TARGETS)) throw new NotOurs(`an ensemble of ${targets} outputs`);
  return targets;
}

function copied(wasm: Exports, memory: WebAssembly.Memory, bytes: Uint8Array): number {
  const start = wasm.take(BigInt(bytes.length));
  if (start === 0) throw new NotOurs('an ensemble beyond a gigabyte');
  new Uint8Array(memory.buffer, start, bytes.length).set(bytes);
  return start;
}

function sortThresholds(wasm: Exports, memory: WebAssembly.Memory, width: number): void {
  const starts = new Int32Array(memory.buffer, wasm.starts.value, width + 1);
  const all = new Float64Array(memory.buffer, wasm.gathered.value, starts[width]);
  for (let f = 0; f < width; f++) if (starts[f + 1]! - starts[f]! > 1) all.subarray(starts[f], starts[f + 1]).sort();
}

function float64({ attributes }: Node, name: string): Tensor {
  const tensor = attributes.get(name)?.tensor;
  if (tensor?.type !== 'float64' || tensor.dims.length !== 1) throw new NotOurs('an ensemble in another type');
  return tensor;
}

function settle(answer: number): void {
  if (answer === 0) return;
  const reason = REFUSED.get(answer);
  if (reason) throw new PredictionFailure('ModelRefused', `The model is refused: model.onnx is damaged, ${reason}.`);
  if (answer === DAMAGED) throw new Damaged('a list of its trees cannot be read');
  throw new NotOurs('an ensemble of another kind');
}
