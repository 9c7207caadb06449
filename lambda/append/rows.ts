// The output of a batch: the original bytes, with new cells inserted where each row's content ends. Rows are contiguous in
// the window, so a batch is fully described by its bytes and those places ("cuts"): quoting, line endings, empty lines
// and a missing last newline all pass through by themselves.
import { quotedCell } from '../csv/cell.ts';
import type { Delimiter } from '../csv/dialect.ts';
import type { Encoding } from '../csv/encoding.ts';
import { listed, PredictionFailure } from '../failure.ts';
import { bytesOf, type Predictor } from '../score/prediction.ts';

export class RowAppender {
  readonly #predictor: Predictor;
  #out = Buffer.alloc(0);

  constructor(predictor: Predictor) {
    this.#predictor = predictor;
  }

  /** Bytes [from, to) with a prediction at each of the first `rows` cuts; valid until the next call. */
  append(
    bytes: Buffer,
    from: number,
    to: number,
    cuts: Int32Array,
    rows: number,
    scores: Float64Array,
    outputs: number,
  ): Buffer {
    const most = to - from + rows * this.#predictor.mostBytes;
    if (this.#out.length < most) this.#out = Buffer.allocUnsafeSlow(most + (most >> 2));
    const out = this.#out;
    const predictor = this.#predictor;
    let at = 0;
    let read = from;
    for (let row = 0; row < rows; row++) {
      const cut = cuts[row]!;
      if (cut - read > LONG_ROW) at += bytes.copy(out, at, read, cut);
      else for (let i = read; i < cut; i++) out[at++] = bytes[i]!;
      at = predictor.write(scores, row * outputs, out, at);
      read = cut;
    }
    at += bytes.copy(out, at, read, to);
    return out.subarray(0, at);
  }
}

/** Above this, one native copy beats a loop over bytes (measured: the call costs about as much as 100 bytes). */
const LONG_ROW = 128;

/** The cells that the header gains. Throws InvalidData when the file has a column of that name already. */
export function headerCells(
  names: readonly string[],
  existing: readonly string[],
  delimiter: Delimiter,
  encoding: Encoding,
): Buffer {
  const there = names.filter((name) => existing.includes(name));
  if (there.length > 0) {
    throw new PredictionFailure(
      'InvalidData',
      `The file already has ${there.length === 1 ? 'a column' : 'columns'} named ${listed(there)}. Choose another name for the prediction.`,
    );
  }
  return bytesOf(names.map((name) => delimiter + quotedCell(name, delimiter)).join(''), encoding);
}
