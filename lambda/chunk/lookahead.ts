// A stream of bytes that can be looked into before it is used: for the head of a table and for the byte before a chunk.
// Next: feed.ts makes a window of it.

export class Lookahead {
  readonly #source: AsyncIterator<Uint8Array>;
  #seen: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `bytes` bytes, which stay; fewer only where the stream ends. */
  async peek(bytes: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [this.#seen];
    let length = this.#seen.length;
    while (!this.#ended && length < bytes) {
      const piece = await this.#pull();
      if (!piece) break;
      pieces.push(piece);
      length += piece.length;
    }
    if (pieces.length > 1) this.#seen = Buffer.concat(pieces, length);
    return this.#seen.subarray(0, bytes);
  }

  /** Leaves out bytes that were peeked at. */
  skip(bytes: number): void {
    this.#seen = this.#seen.subarray(bytes);
  }

  /** The next piece, of any length; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#seen.length === 0) return this.#ended ? undefined : this.#pull();
    const seen = this.#seen;
    this.#seen = Buffer.alloc(0);
    return seen;
  }

  /** Lets go of a source that is not read to its end: a download would keep its connection. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.();
  }

  async #pull(): Promise<Uint8Array | undefined> {
    const next = await this.#source.next();
    if (!next.done) return next.value;
    this.#ended = true;
    return undefined;
  }
}
