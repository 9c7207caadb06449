// From the nodes of a graph to steps: each writes the columns that later ones read, in an array that grows with the batches.
// What is only another view of the same numbers (a slice, a part, a wider type) is no step. A graph with anything unknown, in
// whatever respect, is NotOurs. Called by arithmetic.ts; operators.ts and ensemble.ts do the sums.
import type { Numbers } from '../encode/rows.ts';
import { Ensemble } from './ensemble.ts';
import { type Graph, type Node, NotOurs, numbersOf, type Tensor } from './onnxgraph.ts';
import * as operators from './operators.ts';

/**
 * Products of numbers a row in all matrices of several columns. Measured against onnxruntime: a matrix of one column is as
 * quick here, of several up to eight times slower; at 1,000 products that is 0.3 µs a row, which 100,000 rows of a cold start
 * make up for.
 */
const MOST_PRODUCTS = 1024;
/** Columns of all steps together that are worth an evaluator of our own; a row of them is half a megabyte at most. */
const MOST_COLUMNS = 65_536;
/** The second dimension of [rows, columns]. */
const COLUMNS = 1;

type Type = 'float32' | 'float64';
export type Step = (rows: number) => void;

/** What a name of the graph stands for. */
interface Value extends operators.Columns {
  /** As the graph has it; the store may be of float32 where float64 is only a wider view of it. */
  type: Type;
  store: Place;
}

/** Where the numbers of a batch are: the input's array, or one of our own that grows with the batches. */
export class Place implements operators.Store {
  data: Numbers;

  constructor(type: Type) {
    this.data = type === 'float32' ? new Float32Array(0) : new Float64Array(0);
  }

  get type(): Type {
    return this.data instanceof Float32Array ? 'float32' : 'float64';
  }

  reserve(numbers: number): Numbers {
    if (this.data.length < numbers)
      this.data = this.type === 'float32' ? new Float32Array(numbers) : new Float64Array(numbers);
    return this.data;
  }
}

/** A graph as steps over a batch of rows. */
export interface Compiled {
  /** Its data is to be the batch's. */
  input: Place;
  steps: readonly Step[];
  /** Of all steps together. */
  columns: number;
  /** [rows, width] in float64. */
  result: Place;
}

/** Throws NotOurs, Damaged or PredictionFailure (ModelRefused). */
export function compiled(graph: Graph): Compiled {
  return new Compiler(graph).compile();
}

class Compiler {
  readonly #graph: Graph;
  readonly #values = new Map<string, Value>();
  readonly #steps: Step[] = [];
  readonly #input: Place;
  #products = 0;
  #columns = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
    const { name, type, width } = graph.input;
    if (type === 'int64') throw new NotOurs('an input of integers');
    this.#input = new Place(type);
    this.#values.set(name, { type, store: this.#input, offset: 0, stride: width, count: width });
  }

  compile(): Compiled {
    for (const node of this.#graph.nodes) this.#compileNode(node);
    const { name, width } = this.#graph.output;
    const output = this.#value(name);
    if (output.count !== width) throw new NotOurs('an output of another width');
    const result = this.#result(output);
    return { input: this.#input, steps: this.#steps, columns: this.#columns, result };
  }

  #compileNode(node: Node): void {
    const { operator, outputs } = node;
    if (operator === 'Split') return this.#split(node);
    const [output, ...more] = outputs;
    if (output === undefined || more.length > 0) throw new NotOurs(`${operator} with ${outputs.length} outputs`);
    this.#set(output, this.#compiled(node));
  }

  #compiled(node: Node): Value {
    const { operator } = node;
    if (operators.isUnary(operator)) return this.#unary(node, operator);
    if (operators.isBinary(operator)) return this.#binary(node, operator);
    switch (operator) {
      case 'Cast':
        return this.#cast(node);
      case 'Clip':
        return this.#clip(node);
      case 'Concat':
        return this.#concat(node);
      case 'MatMul':
        return this.#multiply(node);
      case 'ReduceSum':
        return this.#sum(node);
      case 'Slice':
        return this.#slice(node);
      case 'Softmax':
        return this.#softmax(node);
      case 'ai.onnx.ml:TreeEnsembleRegressor':
        return this.#ensemble(node);
      default:
        throw new NotOurs(`the operator ${operator}`);
    }
  }

  #unary(node: Node, operator: operators.UnaryOperator): Value {
    const [x] = this.#inputs(node, 1);
    return this.#step(x!.count, (rows, out) => operators.mapOne(operator, x!, rows, out));
  }

  #binary(node: Node, operator: operators.BinaryOperator): Value {
    requireAttributes(node, {});
    const [x, y, ...more] = node.inputs.map((name) => this.#wide(this.#row(name) ?? this.#value(name)));
    if (!x || !y || more.length > 0) throw new NotOurs(`${operator} of ${node.inputs.length} inputs`);
    if (x.stride + y.stride === 0) throw new NotOurs('a sum of constants');
    if (x.count !== y.count && x.count !== 1 && y.count !== 1) throw new NotOurs('columns that do not fit');
    return this.#step(Math.max(x.count, y.count), (rows, out) => operators.mapTwo(operator, x, y, rows, out));
  }

  #multiply(node: Node): Value {
    requireAttributes(node, {});
    const [x, factor] = [this.#wide(this.#value(node.inputs[0])), this.#constant(node.inputs[1], 'float64')];
    const [count, outputs] = factor.dims;
    if (factor.dims.length !== 2 || count !== x.count || !(outputs! >= 1))
      throw new NotOurs('a matrix that does not fit');
    this.#products += outputs! === 1 ? 0 : count * outputs!;
    if (this.#products > MOST_PRODUCTS) throw new NotOurs('matrices that onnxruntime multiplies more quickly');
    const weights = transposed(numbersOf(factor), count, outputs!);
    return this.#step(outputs!, (rows, out) => operators.multiply(x, weights, outputs!, rows, out));
  }

  #softmax(node: Node): Value {
    const [x] = this.#inputs(node, 1, { axis: 1 });
    return this.#step(x!.count, (rows, out) => operators.softmax(x!, rows, out));
  }

  #sum(node: Node): Value {
    requireAttributes(node, { keepdims: 1 });
    const x = this.#wide(this.#value(node.inputs[0]));
    if (this.#integer(node.inputs[1]) !== COLUMNS) throw new NotOurs('a sum over rows');
    return this.#step(1, (rows, out) => operators.sumColumns(x, rows, out));
  }

  #concat(node: Node): Value {
    const parts = this.#inputs(node, node.inputs.length, { axis: 1 });
    if (!node.attributes.has('axis')) throw new NotOurs('Concat without an axis');
    const width = parts.reduce((sum, { count }) => sum + count, 0);
    return this.#step(width, (rows, out) => {
      let to = 0;
      for (const part of parts) {
        operators.copyColumns(part, rows, out, to, width);
        to += part.count;
      }
    });
  }

  #clip(node: Node): Value {
    requireAttributes(node, {});
    const x = this.#wide(this.#value(node.inputs[0]));
    const [low, high] = [this.#scalar(node.inputs[1]), this.#scalar(node.inputs[2])];
    if (!(low <= high)) throw new NotOurs('bounds the wrong way round');
    return this.#step(x.count, (rows, out) => operators.clip(x, low, high, rows, out));
  }

  #cast(node: Node): Value {
    const x = this.#value(node.inputs[0]);
    const to = castType(node);
    // What is widened is read where it is.
    if (to === x.type || to === 'float64') return { ...x, type: to };
    return this.#step(x.count, (rows, out) => operators.copyColumns(x, rows, out, 0, x.count), 'float32');
  }

  #slice(node: Node): Value {
    requireAttributes(node, {});
    if (node.inputs.length !== 4) throw new NotOurs('a slice with steps');
    const x = this.#value(node.inputs[0]);
    const [start, end, axis] = node.inputs.slice(1).map((name) => this.#integer(name));
    if (axis !== COLUMNS || !(start! >= 0 && start! < end! && end! <= x.count))
      throw new NotOurs('a slice of another kind');
    return { ...x, offset: x.offset + start!, count: end! - start! };
  }

  #split(node: Node): void {
    const { outputs } = node;
    requireAttributes(node, { axis: 1, num_outputs: outputs.length });
    const x = this.#value(node.inputs[0]);
    const count = x.count / outputs.length;
    if (!node.attributes.has('axis') || node.inputs.length !== 1 || !Number.isInteger(count))
      throw new NotOurs('a split of another kind');
    for (const [i, output] of outputs.entries()) this.#set(output, { ...x, offset: x.offset + i * count, count });
  }

  #ensemble(node: Node): Value {
    const x = this.#value(node.inputs[0]);
    if (x.type !== 'float64') throw new NotOurs('trees of float32, which onnxruntime sums in float32');
    const { offset, stride, store } = x;
    const ensemble = new Ensemble(node, x.count, { type: store.type, offset, stride });
    const score = (rows: number, out: Numbers) => ensemble.score(store.data, rows, out);
    return { ...this.#step(ensemble.targets, score, 'float32'), type: 'float32' };
  }

  /** A step that writes `count` columns of its own. */
  #step(count: number, run: (rows: number, out: Numbers) => void, type: Type = 'float64'): Value {
    this.#columns += count;
    if (this.#columns > MOST_COLUMNS) throw new NotOurs('so many columns');
    const store = new Place(type);
    this.#steps.push((rows) => run(rows, store.reserve(rows * count)));
    return { type, store, offset: 0, stride: count, count };
  }

  #set(name: string, value: Value): void {
    if (this.#values.has(name) || this.#graph.constants.has(name)) throw new NotOurs('a name with two meanings');
    this.#values.set(name, value);
  }

  /** Inputs in float64, with attributes of these values at most. */
  #inputs(node: Node, count: number, attributes: Record<string, number> = {}): Value[] {
    requireAttributes(node, attributes);
    if (node.inputs.length !== count) throw new NotOurs(`${node.operator} of ${node.inputs.length} inputs`);
    return node.inputs.map((name) => this.#wide(this.#value(name)));
  }

  #value(name: string | undefined): Value {
    const value = this.#values.get(name ?? '');
    if (!value) throw new NotOurs('an input that is not there');
    return value;
  }

  #wide(value: Value): Value {
    if (value.type !== 'float64') throw new NotOurs('arithmetic in float32');
    return value;
  }

  #constant(name: string | undefined, type: Tensor['type']): Tensor {
    const tensor = this.#graph.constants.get(name ?? '');
    if (tensor?.type !== type) throw new NotOurs(`no constant of type ${type}`);
    return tensor;
  }

  /** A constant as columns that are the same in every row. */
  #row(name: string): Value | undefined {
    if (!this.#graph.constants.has(name)) return undefined;
    const tensor = this.#constant(name, 'float64');
    const values = numbersOf(tensor);
    const { dims } = tensor;
    if (dims.length > 2 || values.length === 0 || (dims.length === 2 && dims[0] !== 1))
      throw new NotOurs('a constant of rows');
    const store = new Place('float64');
    store.data = values;
    return { type: 'float64', store, offset: 0, stride: 0, count: values.length };
  }

  #scalar(name: string | undefined): number {
    const bound = this.#constant(name, 'float64');
    if (bound.dims.length > 0) throw new NotOurs('a bound a column');
    return numbersOf(bound)[0]!;
  }

  #integer(name: string | undefined): number {
    const axis = this.#constant(name, 'int64');
    if (axis.count !== 1) throw new NotOurs('several axes');
    return numbersOf(axis)[0]!;
  }

  /** The output as an array of its own that holds nothing else. */
  #result(output: Value): Place {
    const { store, offset, stride, count } = this.#wide(output);
    const whole = store !== this.#input && store.type === 'float64' && offset === 0 && stride === count;
    if (whole) return store;
    return this.#step(count, (rows, out) => operators.copyColumns(output, rows, out, 0, count)).store;
  }
}

/** Of onnx.proto's TensorProto.DataType. */
const CAST_TYPES: ReadonlyMap<number | undefined, Type> = new Map([
  [1, 'float32'],
  [11, 'float64'],
]);

function castType(node: Node): Type {
  const to = CAST_TYPES.get(node.attributes.get('to')?.integer);
  if (!to || node.attributes.size !== 1 || node.inputs.length !== 1) throw new NotOurs('a cast of another kind');
  return to;
}

function requireAttributes({ operator, attributes }: Node, known: Record<string, number>): void {
  for (const [name, attribute] of attributes)
    if (!Object.hasOwn(known, name) || known[name] !== attribute.integer) throw new NotOurs(`${name} of ${operator}`);
}

function transposed(values: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}
