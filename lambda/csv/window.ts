// The bytes being worked on: what was read and not yet passed on. Parsing looks at whole records only, so a torn record
// at the end waits here for more. Bounded: by WINDOW_BYTES, or by the longest record where one is larger, as long as who
// fills it refuses longer ones (chunk/feed.ts).
import { Engine } from './engine.ts';

/** Bytes worth reading before parsing: about 3,000 rows, enough to fill a batch and still at home in the cache. */
export const WINDOW_BYTES = 256 * 1024;
/** A record beyond this is an unclosed quote, not a row. */
export const LONGEST_RECORD_BYTES = 16 * 1024 * 1024;

export class Window {
  /** Where the bytes lie, for those who work on them in place. */
  readonly engine = Engine.take();
  #released = false;
  #at = 0;
  #capacity = 0;
  from = 0;
  to = 0;
  #wanted = WINDOW_BYTES;

  constructor() {
    this.#makeRoom(2 * WINDOW_BYTES);
  }

  /** The window is [from, to) of these; good until the next `push`. */
  get bytes(): Buffer {
    return this.engine.bytes;
  }

  get length(): number {
    return this.to - this.from;
  }

  /** Whether parsing should wait for more bytes. */
  get hungry(): boolean {
    return this.length < this.#wanted;
  }

  push(chunk: Uint8Array): void {
    if (this.to + chunk.length > this.#at + this.#capacity) this.#makeRoom(chunk.length);
    this.bytes.set(chunk, this.to);
    this.to += chunk.length;
  }

  /** Nothing of the window, nor of what was laid out in its memory, is needed any more. */
  release(): void {
    if (!this.#released) this.engine.release();
    this.#released = true;
  }

  /** Everything before `from` is done with. */
  advance(from: number): void {
    this.from = from;
    this.#wanted = WINDOW_BYTES;
  }

  /** The record at `from` is torn. Asks for as much again, so that scanning it anew stays linear in its length. */
  starve(): void {
    this.#wanted = Math.max(WINDOW_BYTES, Math.min(2 * this.length, LONGEST_RECORD_BYTES + 1));
  }

  #makeRoom(extra: number): void {
    const { length } = this;
    if (length + extra > this.#capacity) {
      this.#capacity = this.#capacity === 0 ? extra : 2 * (length + extra);
      this.#at = this.engine.allocate(this.#capacity);
    }
    this.bytes.copyWithin(this.#at, this.from, this.to);
    this.from = this.#at;
    this.to = this.#at + length;
  }
}
