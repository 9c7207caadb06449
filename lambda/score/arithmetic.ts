// Evaluates the graphs of our exporters (linear families, naive Bayes, small networks, trees, boosting, blends) without
// onnxruntime, as plain arithmetic and a little WebAssembly. What compiler.ts does not know goes to onnxruntime.ts; choice.ts
// decides.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import type { Numbers } from '../encode/rows.ts';
import { type Compiled, compiled } from './compiler.ts';
import type { Batch, Evaluator } from './evaluator.ts';
import { NotOurs, readGraph } from './onnxgraph.ts';

/** Throws NotOurs, Damaged (no ONNX) or PredictionFailure (ModelRefused). */
export function arithmeticEvaluator(model: Uint8Array, onnx: Manifest['onnx'], outputs: number): Evaluator {
  const graph = readGraph(model);
  const { input, output } = graph;
  const fits =
    input.name === onnx.input.name &&
    input.type === onnx.input.type &&
    input.width === onnx.input.width &&
    output.name === onnx.output.name &&
    output.width === outputs &&
    output.type === 'float64';
  if (!fits) throw new NotOurs('input and output that are not those of the manifest');
  return new Arithmetic(compiled(graph), input.width, outputs);
}

/** Numbers of all steps for the rows that go through them together (1 MiB): memory is constant, the caches are near. */
const BLOCK_NUMBERS = 131_072;

class Arithmetic implements Evaluator {
  readonly outputs: number;
  readonly #graph: Compiled;
  readonly #width: number;
  readonly #blockRows: number;
  #scores = new Float64Array(0);

  constructor(graph: Compiled, width: number, outputs: number) {
    this.#graph = graph;
    this.#width = width;
    this.#blockRows = Math.max(1, Math.floor(BLOCK_NUMBERS / graph.columns));
    this.outputs = outputs;
  }

  score({ input, rows }: Batch): Float64Array {
    if (rows <= this.#blockRows) return this.#run(input, rows);
    const { outputs } = this;
    if (this.#scores.length < rows * outputs) this.#scores = new Float64Array(rows * outputs);
    for (let from = 0; from < rows; from += this.#blockRows) {
      const count = Math.min(this.#blockRows, rows - from);
      const scores = this.#run(input.subarray(from * this.#width, (from + count) * this.#width), count);
      this.#scores.set(scores.subarray(0, count * outputs), from * outputs);
    }
    return this.#scores;
  }

  #run(input: Numbers, rows: number): Float64Array {
    const { input: place, steps, result } = this.#graph;
    place.data = input;
    for (const step of steps) step(rows);
    return result.data as Float64Array;
  }

  async close(): Promise<void> {}
}
