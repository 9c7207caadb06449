// ONNX files made by hand, so that benchmarks and tests of the handler need no Python: a protobuf writer of a few lines and the two
// graphs of interest, a linear model in float64 and a tree ensemble.

type Bytes = Buffer;

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const int = (field: number, value: number): Bytes => Buffer.concat([varint(field * 8), varint(value)]);
const block = (field: number, bytes: Bytes): Bytes =>
  Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
const text = (field: number, value: string): Bytes => block(field, Buffer.from(value));
const message = (...fields: Bytes[]): Bytes => Buffer.concat(fields);

const FLOAT = 1;
const INT64 = 7;
const DOUBLE = 11;
export type NumberType = 'float32' | 'float64';
const typeOf = (type: NumberType) => (type === 'float32' ? FLOAT : DOUBLE);

function tensor(name: string, type: NumberType, dims: number[], values: readonly number[]): Bytes {
  const raw = type === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
  return message(
    ...dims.map((dim) => int(1, dim)),
    int(2, typeOf(type)),
    text(8, name),
    block(9, Buffer.from(raw.buffer)),
  );
}

const attribute = {
  int: (name: string, value: number) => block(5, message(text(1, name), int(3, value), int(20, 2))),
  ints: (name: string, values: readonly number[]) =>
    block(5, message(text(1, name), ...values.map((value) => int(8, value)), int(20, 7))),
  string: (name: string, value: string) => block(5, message(text(1, name), block(4, Buffer.from(value)), int(20, 3))),
  strings: (name: string, values: readonly string[]) =>
    block(5, message(text(1, name), ...values.map((value) => text(9, value)), int(20, 8))),
  tensor: (name: string, value: Bytes) => block(5, message(text(1, name), block(5, value), int(20, 4))),
};

function node(type: string, inputs: string[], outputs: string[], domain = '', ...attributes: Bytes[]): Bytes {
  const names = [...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name))];
  return block(1, message(...names, text(4, type), ...attributes, ...(domain ? [text(7, domain)] : [])));
}

function value(name: string, type: NumberType, width: number): Bytes {
  const shape = message(block(1, text(2, 'rows')), block(1, int(1, width)));
  return message(text(1, name), block(2, block(1, message(int(1, typeOf(type)), block(2, shape)))));
}

interface Graph {
  nodes: Bytes[];
  constants?: Bytes[];
  input: NumberType;
  width: number;
  output: NumberType;
  outputs: number;
}

function model({ nodes, constants = [], input, width, output, outputs }: Graph): Buffer {
  const graph = message(
    ...nodes,
    text(2, 'estimator'),
    ...constants.map((constant) => block(5, constant)),
    block(11, value('input', input, width)),
    block(12, value('output', output, outputs)),
  );
  const opset = (domain: string, version: number) => block(8, message(text(1, domain), int(2, version)));
  return message(int(1, 9), text(2, 'spotlearn'), block(7, graph), opset('', 18), opset('ai.onnx.ml', 3));
}

/** input · weights + bias in float64; `weights` is row-major [width, outputs]. */
export function linearModel(weights: readonly number[], bias: readonly number[], type: NumberType = 'float64'): Buffer {
  const outputs = bias.length;
  const width = weights.length / outputs;
  return model({
    nodes: [node('MatMul', ['input', 'weights'], ['products']), node('Add', ['products', 'bias'], ['output'])],
    constants: [tensor('weights', type, [width, outputs], weights), tensor('bias', type, [outputs], bias)],
    input: type,
    width,
    output: type,
    outputs,
  });
}

/** Logistic regression of two classes: [1 - p, p]. */
export function logisticModel(weights: readonly number[], bias: number): Buffer {
  const width = weights.length;
  return model({
    nodes: [
      node('MatMul', ['input', 'weights'], ['products']),
      node('Add', ['products', 'bias'], ['decision']),
      node('Sigmoid', ['decision'], ['second']),
      node('Sub', ['one', 'second'], ['first']),
      node('Concat', ['first', 'second'], ['output'], '', attribute.int('axis', 1)),
    ],
    constants: [
      tensor('weights', 'float64', [width, 1], weights),
      tensor('bias', 'float64', [1], [bias]),
      tensor('one', 'float64', [1], [1]),
    ],
    input: 'float64',
    width,
    output: 'float64',
    outputs: 2,
  });
}

/** One decision tree, nodes by index; a leaf has `weights` (one a class). */
export type TreeNode =
  | { feature: number; threshold: number; left: number; right: number }
  | { weights: readonly number[] };

/** Undivided sums of leaf weights over all trees, one score a class; float32 in and out. */
export function forestModel(trees: readonly (readonly TreeNode[])[], width: number, classes: number): Buffer {
  const at = {
    tree: [] as number[],
    node: [] as number[],
    feature: [] as number[],
    left: [] as number[],
    right: [] as number[],
  };
  const modes: string[] = [];
  const thresholds: number[] = [];
  const leaf = { tree: [] as number[], node: [] as number[], id: [] as number[] };
  const weights: number[] = [];
  for (const [number, nodes] of trees.entries()) {
    for (const [index, part] of nodes.entries()) {
      const split = 'feature' in part ? part : { feature: 0, threshold: 0, left: 0, right: 0 };
      at.tree.push(number);
      at.node.push(index);
      at.feature.push(split.feature);
      at.left.push(split.left);
      at.right.push(split.right);
      thresholds.push(split.threshold);
      modes.push('feature' in part ? 'BRANCH_LEQ' : 'LEAF');
      if ('feature' in part) continue;
      for (const [id, weight] of part.weights.entries()) {
        leaf.tree.push(number);
        leaf.node.push(index);
        leaf.id.push(id);
        weights.push(weight);
      }
    }
  }
  const ensemble = node(
    'TreeEnsembleRegressor',
    ['wide'],
    ['leaves'],
    'ai.onnx.ml',
    attribute.int('n_targets', classes),
    attribute.string('aggregate_function', 'SUM'),
    attribute.string('post_transform', 'NONE'),
    attribute.ints('nodes_treeids', at.tree),
    attribute.ints('nodes_nodeids', at.node),
    attribute.ints('nodes_featureids', at.feature),
    attribute.strings('nodes_modes', modes),
    attribute.ints('nodes_truenodeids', at.left),
    attribute.ints('nodes_falsenodeids', at.right),
    attribute.tensor('nodes_values_as_tensor', tensor('thresholds', 'float64', [thresholds.length], thresholds)),
    attribute.ints('target_treeids', leaf.tree),
    attribute.ints('target_nodeids', leaf.node),
    attribute.ints('target_ids', leaf.id),
    attribute.tensor('target_weights_as_tensor', tensor('weights', 'float64', [weights.length], weights)),
  );
  return model({
    nodes: [
      node('Cast', ['input'], ['wide'], '', attribute.int('to', DOUBLE)),
      ensemble,
      node('Cast', ['leaves'], ['output'], '', attribute.int('to', DOUBLE)),
    ],
    input: 'float32',
    width,
    output: 'float64',
    outputs: classes,
  });
}

/** A graph whose output is integers, which no manifest can describe. */
export function integerModel(width: number): Buffer {
  return model({
    nodes: [node('Cast', ['input'], ['output'], '', attribute.int('to', INT64))],
    input: 'float64',
    width,
    output: 'float64',
    outputs: width,
  });
}
