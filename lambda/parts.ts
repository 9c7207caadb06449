// The output as parts of a multipart upload, put while scoring goes on. Holds at most two parts on their way and one that
// fills, so memory does not depend on the size of the data; who writes waits when the network is slower than the model.
// S3 refuses parts under 5 MiB but for the last of an object, so that much is always kept back for the last of the chunk.
import type { PredictionEvent } from '../cloud/contract/contract.generated.ts';
import { PredictionFailure } from './failure.ts';
import type { Sink, Stored } from './sink.ts';
import { upload } from './upload.ts';

export const LEAST_PART_BYTES = 5 * 1024 * 1024;
/** Memory comes and goes in blocks, which move from what fills to what is sent. Also what is sent at once: TLS copies it. */
export const BLOCK_BYTES = 256 * 1024;
const MOST_IN_FLIGHT = 2;
/**
 * Blocks that no part needs any more, for the next invocation too: the memory of dropped ones comes back only when V8 gets round to it,
 * and a warm function would grow by parts that are long sent.
 */
const free: Buffer[] = [];
/** Between invocations: 32 MiB, as parts of 8 MiB need. */
const MOST_FREE = 128;

export type PartUrls = NonNullable<PredictionEvent['output']['parts']>;
type Part = NonNullable<Stored['parts']>[number];

export class Parts implements Sink {
  readonly #urls: PartUrls;
  readonly #partBytes: number;
  readonly #leastBytes: number;
  readonly #done: Part[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #failure: unknown;
  /** What fills: blocks, all but the last of them full. */
  #filling: Buffer[] = [];
  #filled = 0;
  #used = 0;
  #bytes = 0;

  /** `partBytes`: rounded down to whole blocks. `leastBytes`: of a part, but where the whole chunk has less. */
  constructor(urls: PartUrls, partBytes = LEAST_PART_BYTES, leastBytes = LEAST_PART_BYTES) {
    this.#urls = urls;
    this.#partBytes = partBytes - (partBytes % BLOCK_BYTES);
    this.#leastBytes = leastBytes;
  }

  async write(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const at = this.#filled % BLOCK_BYTES;
      if (at === 0) this.#filling.push(free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES));
      const taken = bytes.copy(this.#filling.at(-1)!, at, from);
      from += taken;
      this.#filled += taken;
      this.#bytes += taken;
      if (this.#filled >= this.#partBytes + this.#leastBytes) await this.#cut();
    }
    this.#requireGood();
  }

  async end(): Promise<Stored> {
    if (this.#filled > 0) this.#send(this.#filled);
    await Promise.all(this.#inFlight);
    this.#requireGood();
    return { bytes: this.#bytes, ...(this.#done.length > 0 ? { parts: this.#done } : {}) };
  }

  async discard(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#inFlight);
    free.splice(MOST_FREE);
  }

  /** Sends what makes a part, when there is room on the way, and goes on with the rest. */
  async #cut(): Promise<void> {
    while (this.#inFlight.size >= MOST_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.#requireGood();
    this.#send(this.#partBytes);
  }

  #send(bytes: number): void {
    const index = this.#used++;
    const target = this.#urls[index];
    if (!target) {
      const most = this.#urls.length;
      const text = `The predictions need more than the ${most === 1 ? 'one part' : `${most} parts`} set aside for them.`;
      throw new PredictionFailure('OutOfParts', text);
    }
    const blocks = this.#filling.splice(0, Math.ceil(bytes / BLOCK_BYTES));
    this.#filled -= bytes;
    const { signal } = this.#abort;
    const body = () => blocks.map((block, i) => block.subarray(0, bytes - i * BLOCK_BYTES));
    const sending = upload({ url: target.url, what: 'The predictions', bytes, body, signal })
      .then((etag) => {
        this.#done[index] = { number: target.number, etag, bytes };
        free.push(...blocks);
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  /** A part that failed ends the chunk at the next write: its promise is nobody's. */
  #requireGood(): void {
    if (this.#failure !== undefined) throw this.#failure as Error;
  }
}
