// Is this an ONNX file at all? Asked before any native code sees the bytes, so that a pickle (which is code), an archive
// or a half-written file is refused in plain words. Reads only the outermost protobuf fields of ModelProto.

const IR_VERSION = 1;
const GRAPH = 7;
/** Fields of ModelProto, onnx.proto: 1–8, metadata_props 14, training_info 20, functions 25, configuration 26. */
const KNOWN = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]);

export function isOnnx(bytes: Uint8Array): boolean {
  let at = 0;
  const seen = new Set<number>();
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    if (!KNOWN.has(field)) return false;
    seen.add(field);
    if (tag % 8 !== 0 && tag % 8 !== 2) return false;
    const value = varint();
    if (Number.isNaN(value)) return false;
    if (tag % 8 === 2) at += value;
  }
  return at === bytes.length && seen.has(IR_VERSION) && seen.has(GRAPH);
}
