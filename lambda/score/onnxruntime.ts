// Scores batches with onnxruntime: one thread, because the vCPU share of a small function is below one and because two
// threads sum trees in another order; graph optimisation off, because it costs more at start than it saves (feasibility).
// Imported lazily: loading the native library is half of a cold start.
import type * as Runtime from 'onnxruntime-node';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { PredictionFailure } from '../failure.ts';
import type { Batch, Evaluator } from './evaluator.ts';

type Ort = Pick<typeof Runtime, 'InferenceSession' | 'Tensor'>;
let runtime: Promise<Ort> | undefined;

/** Starts loading the native library; worth calling while the model is still on its way. */
export function loadRuntime(): Promise<Ort> {
  // From 1.29 on, onnxruntime's Linux builds report sessions and models to Microsoft unless told not to before they are
  // loaded (github.com/microsoft/onnxruntime/pull/27379). Users' models are nobody else's business.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  runtime ??= import('onnxruntime-node').then((module): Ort => module.default);
  return runtime;
}

export async function onnxEvaluator(model: Uint8Array, onnx: Manifest['onnx'], outputs: number): Promise<Evaluator> {
  const { InferenceSession, Tensor } = await loadRuntime();
  let session: Runtime.InferenceSession;
  try {
    session = await InferenceSession.create(model, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 3,
    });
  } catch {
    throw new PredictionFailure(
      'ModelRefused',
      'onnxruntime cannot load model.onnx: the file is damaged or not a model it knows.',
    );
  }
  const { input, output } = onnx;
  if (!session.inputNames.includes(input.name) || !session.outputNames.includes(output.name)) {
    await session.release();
    throw new PredictionFailure(
      'ModelRefused',
      'model.onnx does not have the input and output that its manifest names.',
    );
  }
  return new OnnxEvaluator(session, Tensor, onnx, outputs);
}

class OnnxEvaluator implements Evaluator {
  readonly outputs: number;
  readonly #session: Runtime.InferenceSession;
  readonly #tensor: Ort['Tensor'];
  readonly #onnx: Manifest['onnx'];
  #scores = new Float64Array(0);

  constructor(session: Runtime.InferenceSession, tensor: Ort['Tensor'], onnx: Manifest['onnx'], outputs: number) {
    this.#session = session;
    this.#tensor = tensor;
    this.#onnx = onnx;
    this.outputs = outputs;
  }

  async score({ input, rows }: Batch): Promise<Float64Array> {
    const { name, width } = this.#onnx.input;
    const data = input.length === rows * width ? input : input.subarray(0, rows * width);
    const tensor =
      data instanceof Float32Array
        ? new this.#tensor('float32', data, [rows, width])
        : new this.#tensor('float64', data, [rows, width]);
    const wanted = this.#onnx.output.name;
    let result: Runtime.Tensor | undefined;
    try {
      result = (await this.#session.run({ [name]: tensor }, [wanted]))[wanted];
    } catch {
      throw new PredictionFailure(
        'ModelRefused',
        'The model cannot score these rows: its graph does not fit its manifest.',
      );
    }
    const scores = result?.data;
    if (!(scores instanceof Float32Array || scores instanceof Float64Array) || scores.length !== rows * this.outputs) {
      throw new PredictionFailure('ModelRefused', 'The model answers in another shape than its manifest says.');
    }
    if (scores instanceof Float64Array) return scores;
    if (this.#scores.length < scores.length) this.#scores = new Float64Array(scores.length);
    this.#scores.set(scores);
    return this.#scores;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
