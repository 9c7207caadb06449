// The bytes of a table, or of a chunk of it, as a window of text: UTF-16 transcoded, the end of the chunk marked, and read
// beyond it only as far as its last row goes. Filled from lookahead.ts; predict.ts takes rows from it.
import type { Encoding } from '../csv/encoding.ts';
import { toUtf8 } from '../csv/transcode.ts';
import { LONGEST_RECORD_BYTES, Window } from '../csv/window.ts';
import type { Lookahead } from './lookahead.ts';
import { isHighSurrogate, objectBytes, unitAt, unitBytes } from './units.ts';

export class Feed {
  readonly window = new Window();
  /** No byte of the object follows the window's. */
  ended = false;
  /** Offset in the object of the window's first byte. */
  position: number;
  readonly #stream: Lookahead;
  readonly #encoding: Encoding;
  readonly #transcoder: ReturnType<typeof toUtf8>;
  readonly #end: number;
  /** Offset in the object of the next byte of the stream. */
  #read: number;
  /** Bytes of text that are done with, that were put into the window, and that come before the end of the chunk. */
  #done = 0;
  #pushed = 0;
  #limit = Number.POSITIVE_INFINITY;
  #lastUnit: Buffer = Buffer.alloc(0);

  /** The stream begins at `position`; `end`: of the chunk, infinite when it goes to the object's end. */
  constructor(stream: Lookahead, encoding: Encoding, position: number, end: number) {
    this.#stream = stream;
    this.#encoding = encoding;
    this.#transcoder = toUtf8(encoding);
    this.#end = end;
    this.position = position;
    this.#read = position;
  }

  /** Where in the window's bytes the chunk ends: rows that begin there or later are not its own. */
  get stop(): number {
    return this.window.from + this.#limit - this.#done;
  }

  /** Everything before the end of the chunk is done with. */
  get passed(): boolean {
    return this.#done >= this.#limit;
  }

  /** Whether the record that begins the window is longer than any row. */
  get overlong(): boolean {
    return this.window.length > LONGEST_RECORD_BYTES;
  }

  /** Everything in the window before `to` is done with. */
  advance(to: number): void {
    const { window } = this;
    this.position += objectBytes(window.bytes, window.from, to, this.#encoding);
    this.#done += to - window.from;
    window.advance(to);
  }

  /** Reads on, because the window is empty or begins with a torn record. */
  async more(): Promise<void> {
    const { window } = this;
    if (window.length > 0) window.starve();
    const wanted = 2 * window.length;
    while (!this.ended && (this.#read < this.#end ? window.hungry : window.length <= wanted)) await this.#pull();
  }

  /** Reads until the window holds so many bytes, or all there are. */
  async hold(bytes: number): Promise<void> {
    while (!this.ended && this.window.length < bytes) await this.#pull();
  }

  /** Lets go of the source and of the window: no view of its bytes may be used any more. */
  async close(): Promise<void> {
    this.window.release();
    await this.#stream.close();
  }

  async #pull(): Promise<void> {
    const piece = await this.#stream.next();
    if (!piece) {
      this.ended = true;
      if (this.#transcoder) this.#put(this.#transcoder.end());
      return;
    }
    const own = Math.min(piece.length, Math.max(0, this.#end - this.#read));
    this.#read += piece.length;
    this.#push(piece.subarray(0, own));
    if (this.#read < this.#end) return;
    if (this.#limit === Number.POSITIVE_INFINITY) this.#limit = this.#pushed + (this.#isTorn() ? 1 : 0);
    this.#push(piece.subarray(own));
  }

  #push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (!this.#transcoder) return this.#put(piece);
    if (this.#limit === Number.POSITIVE_INFINITY)
      this.#lastUnit = Buffer.concat([this.#lastUnit, piece.subarray(-2)]).subarray(-2);
    this.#put(this.#transcoder.push(piece));
  }

  #put(text: Uint8Array): void {
    this.#pushed += text.length;
    this.window.push(text);
  }

  /** The chunk ends between the halves of a character: it is the chunk's own, and waits in the transcoder. */
  #isTorn(): boolean {
    return (
      unitBytes(this.#encoding) === 2 &&
      this.#lastUnit.length === 2 &&
      isHighSurrogate(unitAt(this.#lastUnit, 0, this.#encoding))
    );
  }
}
