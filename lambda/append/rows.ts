// The output of a batch: the original bytes, with new cells inserted where each row's content ends. Rows are contiguous in
// the window, so a batch is fully described by its bytes and those places: quoting, line endings, empty lines and a missing
// last newline all pass through by themselves.
import { quotedCell } from '../csv/cell.ts';
import type { Delimiter } from '../csv/dialect.ts';
import type { Encoding } from '../csv/encoding.ts';
import type { Engine } from '../csv/engine.ts';
import { listed, PredictionFailure } from '../failure.ts';
import { bytesOf, type Predictor } from '../score/prediction.ts';

/** A row's new cells: their address and length. */
const ADDED_BYTES = 8;

export class RowAppender {
  readonly #engine: Engine;
  readonly #predictor: Predictor;
  readonly #added: number;
  readonly #cells: number;
  readonly #emptyCells: Buffer;
  #out = 0;
  #room = 0;

  /** For batches of at most `mostRows` rows. */
  constructor(engine: Engine, predictor: Predictor, delimiter: Delimiter, mostRows: number) {
    this.#engine = engine;
    this.#predictor = predictor;
    this.#emptyCells = Buffer.from(delimiter.repeat(1 + predictor.extraColumns.length));
    this.#added = engine.allocate(mostRows * ADDED_BYTES);
    this.#cells = engine.allocate(mostRows * Math.max(predictor.mostBytes, this.#emptyCells.length));
  }

  /**
   * Bytes [from, to) that the batch was read from, with a prediction at the end of each row but those of `bad`, which are
   * in order and have no scores. Valid until the next call.
   */
  append(from: number, to: number, bad: readonly number[], scores: Float64Array, outputs: number): Buffer {
    const { run } = this.#engine;
    const most = to - from + this.#write(bad, scores, outputs);
    if (this.#room < most) {
      this.#room = most + (most >> 2);
      this.#out = this.#engine.allocate(this.#room);
    }
    const length = run.append(from, to, this.#out, this.#added);
    return this.#engine.bytes.subarray(this.#out, this.#out + length);
  }

  /** Writes the new cells of all rows and returns how many bytes they are. */
  #write(bad: readonly number[], scores: Float64Array, outputs: number): number {
    const { bytes, run } = this.#engine;
    const ends = run.ends.value;
    const added = new Int32Array(bytes.buffer, this.#added, 2 * ends);
    const predictor = this.#predictor;
    let at = this.#cells;
    for (let row = 0, passed = 0; row < ends; row++) {
      const start = at;
      if (row === bad[passed]) {
        at += this.#emptyCells.copy(bytes, at);
        passed++;
      } else at = predictor.write(scores, (row - passed) * outputs, bytes, at);
      added[2 * row] = start;
      added[2 * row + 1] = at - start;
    }
    return at - this.#cells;
  }
}

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
