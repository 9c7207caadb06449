// The last events of the store, so that a watch can go on from where it was and an old list can be told again.
// Bounded in events and bytes; what falls out makes older watches answer 410 and start over.
import type { StoreEvent } from './store.ts';

export class History {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  #events: StoreEvent[] = [];
  #first = 0;
  #bytes = 0;
  #before = 0;

  constructor(maxEvents: number, maxBytes: number) {
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
  }

  /** Nothing up to this revision is known. */
  startAt(revision: number): void {
    this.#before = revision;
  }

  /** The oldest revision a watch may start from: everything after it is known. */
  get oldest(): number {
    return this.#before;
  }

  push(event: StoreEvent): void {
    this.#events.push(event);
    this.#bytes += event.bytes;
    while (this.#events.length - this.#first > this.#maxEvents || this.#bytes > this.#maxBytes) {
      const dropped = this.#events[this.#first];
      if (dropped === undefined) break;
      this.#before = dropped.revision;
      this.#bytes -= dropped.bytes;
      this.#first += 1;
    }
    // Dropped entries are let go of in bulk, so that dropping stays cheap.
    if (this.#first > 1000 || (this.#first > 0 && this.#first === this.#events.length)) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Events after `revision`, oldest first; undefined when some of them are no longer kept. */
  since(revision: number): StoreEvent[] | undefined {
    if (revision < this.#before) return undefined;
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }
}
