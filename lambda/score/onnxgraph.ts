// The graph of an ONNX file as plain values: nodes with attributes, constants, the one input and the one output. Reads what
// our own exporters write (trainer/export); a file with anything else is not wrong, only not for our evaluators:
// NotOurs sends it to onnxruntime. Next: arithmetic.ts makes steps of the nodes.
import { Damaged, Message } from './protobuf.ts';

/** The file is beyond our own evaluators; the message says why. */
export class NotOurs extends Error {}

export type TensorType = 'float32' | 'float64' | 'int64';

export interface Tensor {
  type: TensorType;
  dims: readonly number[];
  /** How many numbers. */
  count: number;
  /** The numbers row-major, as numpy writes them. */
  raw: Uint8Array;
}

/** An attribute of a node, read when it is asked for: lists of trees are long and have a reader of their own. */
export class Attribute {
  /** The whole AttributeProto. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get integer(): number {
    return this.#only(3).value;
  }

  get text(): string {
    return this.#only(4).text();
  }

  get tensor(): Tensor {
    return namedTensor(this.#only(5).message()).tensor;
  }

  /** The field with the value, when there is none beside it but name, kind and documentation. */
  #only(field: number): Message {
    let found: Message | undefined;
    for (const message = new Message(this.bytes); message.next(); ) {
      if (message.field === field) found = message.copy();
      else if (![1, 13, 20].includes(message.field)) throw new NotOurs(`field ${message.field} of an attribute`);
    }
    if (!found) throw new NotOurs('an attribute of another kind');
    return found;
  }
}

export interface Node {
  /** Operator, behind its domain and a colon where it is not ONNX's own: `ai.onnx.ml:TreeEnsembleRegressor`. */
  operator: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: ReadonlyMap<string, Attribute>;
}

/** A tensor [rows, width]. */
export interface Port {
  name: string;
  type: TensorType;
  width: number;
}

export interface Graph {
  nodes: readonly Node[];
  constants: ReadonlyMap<string, Tensor>;
  input: Port;
  output: Port;
}

/** By their number in TensorProto.DataType. */
const TENSOR_TYPES: ReadonlyMap<number, TensorType> = new Map([
  [1, 'float32'],
  [7, 'int64'],
  [11, 'float64'],
]);
const BYTES: Record<TensorType, number> = { float32: 4, int64: 8, float64: 8 };
/** Versions of the operators whose meaning arithmetic.ts implements: what trainer/export/graph.py writes. */
const OPSETS: ReadonlyMap<string, number> = new Map([
  ['', 18],
  ['ai.onnx.ml', 3],
]);
const GRAPH = 7;
const OPSET = 8;
/** Of ModelProto: version, producer, domain, version of the model, documentation, metadata. They say nothing about numbers. */
const TOLD = new Set([1, 2, 3, 4, 5, 6, 14]);

/** Throws NotOurs, or Damaged where the file is no protobuf. */
export function readGraph(bytes: Uint8Array): Graph {
  let graph: Graph | undefined;
  for (const model = new Message(bytes); model.next(); ) {
    if (model.field === OPSET) requireKnownOpset(model.message());
    else if (model.field === GRAPH && !graph) graph = graphOf(model.message());
    else if (!TOLD.has(model.field)) throw new NotOurs(`field ${model.field} of the model`);
  }
  if (!graph) throw new NotOurs('no graph');
  return graph;
}

function requireKnownOpset(opset: Message): void {
  let domain = '';
  let version = 0;
  while (opset.next()) {
    if (opset.field === 1) domain = opset.text();
    else if (opset.field === 2) version = opset.value;
  }
  if (OPSETS.get(domain) !== version) throw new NotOurs(`version ${version} of the operators ${domain}`);
}

function graphOf(message: Message): Graph {
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  while (message.next()) {
    if (message.field === 1) nodes.push(nodeOf(message.message()));
    else if (message.field === 5) {
      const { name, tensor } = namedTensor(message.message());
      constants.set(name, tensor);
    } else if (message.field === 11) inputs.push(portOf(message.message()));
    else if (message.field === 12) outputs.push(portOf(message.message()));
    else if (message.field !== 2 && message.field !== 10) throw new NotOurs(`field ${message.field} of the graph`);
  }
  const [input, output] = [inputs[0], outputs[0]];
  if (!input || !output || inputs.length + outputs.length > 2) throw new NotOurs('not one input and one output');
  return { nodes, constants, input, output };
}

function nodeOf(message: Message): Node {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  let operator = '';
  let domain = '';
  while (message.next()) {
    if (message.field === 1) inputs.push(message.text());
    else if (message.field === 2) outputs.push(message.text());
    else if (message.field === 4) operator = message.text();
    else if (message.field === 5) attributes.set(...attributeOf(message));
    else if (message.field === 7) domain = message.text();
    else if (message.field !== 3 && message.field !== 6) throw new NotOurs(`field ${message.field} of a node`);
  }
  return { operator: domain ? `${domain}:${operator}` : operator, inputs, outputs, attributes };
}

function attributeOf(message: Message): [name: string, Attribute] {
  const { bytes, start, end } = message;
  const attribute = message.message();
  if (!attribute.next() || attribute.field !== 1) throw new NotOurs('an attribute whose name comes late');
  return [attribute.text(), new Attribute(bytes.subarray(start, end))];
}

/** `[rows, width]`: two dimensions, of which the second has a number. */
function portOf(message: Message): Port {
  let [name, type, width] = ['', Number.NaN, Number.NaN];
  let dimensions: Message[] = [];
  while (message.next()) {
    if (message.field === 1) name = message.text();
    if (message.field !== 2) continue;
    const [tensor] = blocks(message.message(), 1);
    while (tensor?.next()) {
      if (tensor.field === 1) type = tensor.value;
      else if (tensor.field === 2) dimensions = blocks(tensor.message(), 1);
    }
  }
  const [, columns] = dimensions;
  while (columns?.next()) if (columns.field === 1) width = columns.value;
  const known = TENSOR_TYPES.get(type);
  if (!known || dimensions.length !== 2 || !(width >= 1)) throw new NotOurs('an input or output of another shape');
  return { name, type: known, width };
}

function blocks(message: Message, field: number): Message[] {
  const found: Message[] = [];
  while (message.next()) if (message.field === field) found.push(message.message());
  return found;
}

/** Numbers as raw_data, which is how numpy writes them; other ways are NotOurs. */
function namedTensor(message: Message): { name: string; tensor: Tensor } {
  const dims: number[] = [];
  let [name, number] = ['', 0];
  let raw: Uint8Array = new Uint8Array(0);
  while (message.next()) {
    if (message.field === 1) message.integersInto(dims);
    else if (message.field === 2) number = message.value;
    else if (message.field === 8) name = message.text();
    else if (message.field === 9) raw = message.bytes.subarray(message.start, message.end);
    else if (message.field !== 12) throw new NotOurs(`field ${message.field} of a tensor`);
  }
  const type = TENSOR_TYPES.get(number);
  if (!type) throw new NotOurs(`tensors of type ${number}`);
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (raw.length !== count * BYTES[type]) throw new Damaged('a tensor has another number of numbers than its shape');
  return { name, tensor: { type, dims, count, raw } };
}

/** A tensor's numbers, widened to float64; int64 is exact up to 2⁵³. */
export function numbersOf({ type, count, raw }: Tensor): Float64Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    if (type === 'float64') values[i] = view.getFloat64(8 * i, true);
    else values[i] = type === 'float32' ? view.getFloat32(4 * i, true) : Number(view.getBigInt64(8 * i, true));
  }
  return values;
}
