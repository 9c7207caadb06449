// Holds a result against its table, both streamed: every row is the row of the table with the same number, byte for byte, and a prediction.
const NEWLINE = 10;
const COMMA = 44;

/**
 * Rows that are as they should be, the header left out. Throws at the first that is not. For tables whose cells hold no line break;
 * `predictions`: what may stand in the new column, `column`.
 */
export async function rowsAlike(
  table: AsyncIterable<Buffer>,
  result: AsyncIterable<Buffer>,
  column: string,
  predictions: ReadonlySet<string>,
): Promise<number> {
  const [before, after] = [new Lines(table), new Lines(result)];
  for (let row = 0; ; row += 1) {
    // Awaiting each of ten million lines would take longer than reading them.
    const more = [before.next() || (await before.more()), after.next() || (await after.more())];
    if (!more[0] && !more[1]) return row - 1;
    if (!more[0] || !more[1]) throw new Error(`the ${more[0] ? 'result' : 'table'} ends before row ${row}`);
    const [length, at] = [before.end - before.start, after.start + before.end - before.start];
    const same = after.block.compare(before.block, before.start, before.end, after.start, at) === 0;
    if (!same || after.end - after.start <= length || after.block[at] !== COMMA)
      throw new Error(`row ${row} of the result is ${after.text()}, of the table ${before.text()}`);
    const added = after.block.toString('latin1', at + 1, after.end);
    if (row === 0 ? added !== column : !predictions.has(added))
      throw new Error(`row ${row} ends in ${JSON.stringify(added)}`);
  }
}

/** Line by line through pieces that end anywhere. */
class Lines {
  block: Buffer = Buffer.alloc(0);
  start = 0;
  /** Of the line, without its line break. */
  end = -1;
  readonly #pieces: AsyncIterator<Buffer>;

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Goes to the next line; false: it is not whole in this block. */
  next(): boolean {
    const end = this.block.indexOf(NEWLINE, this.end + 1);
    if (end < 0) return false;
    this.start = this.end + 1;
    this.end = end;
    return true;
  }

  /** The same with more of the file; false: there is no more. */
  async more(): Promise<boolean> {
    for (;;) {
      const piece = await this.#pieces.next();
      const rest = this.block.subarray(this.end + 1);
      if (piece.done && rest.length > 0) throw new Error(`a file ends without a line break, in ${rest.toString()}`);
      if (piece.done) return false;
      this.block = Buffer.concat([rest, piece.value]);
      this.end = -1;
      if (this.next()) return true;
    }
  }

  text(): string {
    return JSON.stringify(this.block.toString('utf8', this.start, this.end));
  }
}
