// The seam between encoded rows and a model: whatever can score a batch. onnxruntime.ts is the one for every model; an
// evaluator for one family (plain arithmetic, WebAssembly) is another file that implements the same interface.
import type { Numbers } from '../encode/rows.ts';

export interface Batch {
  /** Row-major [rows, width], of the type the manifest names; may be longer than rows × width. */
  input: Numbers;
  rows: number;
}

export interface Evaluator {
  /** Numbers of the output per row: 1 for a value, one a class for scores. */
  readonly outputs: number;
  /** Row-major [rows, outputs] as the model gives them, undivided; valid until the next call. */
  score(batch: Batch): Float64Array | Promise<Float64Array>;
  close(): Promise<void>;
}
