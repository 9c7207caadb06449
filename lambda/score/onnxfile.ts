// Is this an ONNX file at all? Asked before anything else sees the bytes, so that a pickle (which is code), an archive or a
// half-written file is refused in plain words. Reads only the outermost protobuf fields of ModelProto.
import { Damaged, Message } from './protobuf.ts';

const IR_VERSION = 1;
const GRAPH = 7;
/** Fields of ModelProto, onnx.proto: 1–8, metadata_props 14, training_info 20, functions 25, configuration 26. */
const KNOWN = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]);

export function isOnnx(bytes: Uint8Array): boolean {
  const seen = new Set<number>();
  try {
    for (const model = new Message(bytes); model.next(); ) {
      if (!KNOWN.has(model.field)) return false;
      seen.add(model.field);
    }
  } catch (error) {
    if (error instanceof Damaged) return false;
    throw error;
  }
  return seen.has(IR_VERSION) && seen.has(GRAPH);
}
