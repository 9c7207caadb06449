// One watch: events in order after a lag, bookmarks every minute, an end by itself after its time.
import type { Cancel, Clock } from '../../../cloud/clock.ts';
import { KubernetesError, type WatchEvent } from '../../../operator/runtime/kubernetes.ts';

const BOOKMARK_MS = 60_000;

export interface StreamOptions {
  clock: Clock;
  lagMs: () => number;
  /** It ends by itself after this long. */
  seconds: number;
  /** Version of a bookmark sent now. */
  version: () => string;
  selected: (event: { object: unknown }) => boolean;
  onEvent: (event: WatchEvent<unknown>) => void;
  heard: () => void;
}

interface Told {
  readonly type: WatchEvent<unknown>['type'];
  readonly object: unknown;
}

export class Stream {
  readonly #options: StreamOptions;
  readonly #timeout: Cancel;
  #bookmark: Cancel = () => {};
  #flush: Cancel = () => {};
  #waiting: Told[] = [];
  #flushing = false;
  #over = false;
  #resolve = () => {};
  #reject: (error: unknown) => void = () => {};
  readonly #end: Promise<void>;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#end = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timeout = options.clock.after(options.seconds * 1000, () => this.end());
    this.#mark();
    options.heard();
  }

  tell(event: Told): void {
    const about = event.type !== 'ERROR' && event.type !== 'BOOKMARK';
    if (this.#over || (about && !this.#options.selected(event))) return;
    this.#waiting.push(event);
    if (this.#flushing) return;
    this.#flushing = true;
    const lag = this.#options.lagMs();
    if (lag > 0) this.#flush = this.#options.clock.after(lag, () => this.#deliver());
    else queueMicrotask(() => this.#deliver());
  }

  end(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#timeout();
    this.#bookmark();
    this.#flush();
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }

  async ended(signal: AbortSignal): Promise<void> {
    const abort = () => this.end(new KubernetesError('Unreachable', 'the watch was cut'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.#end;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #deliver(): void {
    this.#flushing = false;
    for (const event of this.#waiting.splice(0)) {
      if (this.#over) return;
      try {
        this.#options.heard();
        this.#options.onEvent(event as WatchEvent<unknown>);
      } catch (error) {
        this.end(error);
      }
    }
  }

  #mark(): void {
    this.#bookmark = this.#options.clock.after(BOOKMARK_MS, () => {
      // What is still under way comes before the bookmark that would skip it.
      if (this.#waiting.length === 0)
        this.tell({ type: 'BOOKMARK', object: { metadata: { resourceVersion: this.#options.version() } } });
      this.#mark();
    });
  }
}
