// Which evaluator a model gets: our own where it knows the graph (arithmetic.ts), onnxruntime for every other. Its native
// library is not even looked for until a model needs it: loading it is half of a cold start. Called by model.ts.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { PredictionFailure } from '../failure.ts';
import { arithmeticEvaluator } from './arithmetic.ts';
import type { Evaluator } from './evaluator.ts';
import { NotOurs } from './onnxgraph.ts';
import { onnxEvaluator } from './onnxruntime.ts';
import { Damaged } from './protobuf.ts';

/** `outputs`: numbers a row that the manifest promises. Throws PredictionFailure (ModelRefused). */
export async function evaluatorOf(model: Uint8Array, onnx: Manifest['onnx'], outputs: number): Promise<Evaluator> {
  try {
    return arithmeticEvaluator(model, onnx, outputs);
  } catch (error) {
    if (error instanceof Damaged)
      throw new PredictionFailure('ModelRefused', `The model is refused: model.onnx is damaged, ${error.message}.`);
    if (!(error instanceof NotOurs)) throw error;
  }
  return onnxEvaluator(model, onnx, outputs);
}
