// Keeps a Cache equal to the API server: list in pages, watch from there, relist on 410. Its handler is told which keys changed;
// the controller's queue is next. A watch that falls silent is cut: bookmarks come every minute, so silence is a dead connection.
import { type Clock, sleep } from '../../cloud/clock.ts';
import { type Cache, keyOf } from './cache.ts';
import {
  failed,
  KubernetesError,
  statusError,
  type Kubernetes,
  type KubeObject,
  type Resource,
  type WatchEvent,
} from './kubernetes.ts';

export const PAGE_SIZE = 500;
/** The server ends a watch after this long, at most double (spread, so that not all end at once). */
export const WATCH_SECONDS = 300;
/** The API server sends a bookmark about every minute. */
export const SILENCE_MS = 150_000;
export const RESYNC_MS = 600_000;
const BACKOFF_MS = { first: 500, most: 30_000 };

export interface ReflectorOptions<T extends KubeObject> {
  kubernetes: Pick<Kubernetes, 'list' | 'watch'>;
  resource: Resource;
  cache: Cache<T>;
  clock: Clock;
  /** Called for each object that came, changed or went (`object` is then the last known), and at every resync. */
  onChange: (key: string, object: T, gone: boolean) => void;
  onError?: (error: unknown) => void;
  labelSelector?: string;
  silenceMs?: number;
  resyncMs?: number;
  random?: () => number;
}

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #stop = new AbortController();
  #synced: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #version = '';
  #failures = 0;
  #lists = 0;
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.synced = new Promise((resolve) => {
      this.#synced = resolve;
    });
  }

  /** Complete lists so far: tells a relist from a resumed watch. */
  get lists(): number {
    return this.#lists;
  }

  start(): void {
    this.#running = this.#run();
    this.#resync();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, onError, random = Math.random } = this.#options;
    const signal = this.#stop.signal;
    while (!signal.aborted) {
      try {
        if (this.#version === '') await this.#list();
        await this.#watch();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (failed(error, 'Gone')) this.#version = '';
        else {
          this.#failures += 1;
          onError?.(error);
          const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(10, this.#failures - 1));
          const asked = error instanceof KubernetesError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
          await sleep(clock, Math.max(asked, most * (0.5 + random() / 2)), signal);
        }
      }
    }
  }

  async #list(): Promise<void> {
    const { kubernetes, resource, cache, onChange, labelSelector } = this.#options;
    const seen = new Map<string, T>();
    let next: string | undefined;
    let version: string | undefined;
    do {
      const page = await kubernetes.list<T>(resource, { limit: PAGE_SIZE, continue: next, labelSelector });
      for (const item of page.items) seen.set(keyOf(item), item);
      version = page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
    } while (next);
    if (this.#stop.signal.aborted) return;
    for (const key of cache.keys()) {
      const gone = seen.has(key) ? undefined : cache.remove(key);
      if (gone) onChange(key, gone, true);
    }
    for (const [key, object] of seen) if (cache.put(object)) onChange(key, object, false);
    this.#version = version ?? '';
    this.#lists += 1;
    this.#synced();
  }

  async #watch(): Promise<void> {
    const { kubernetes, resource, clock, labelSelector, silenceMs = SILENCE_MS, random = Math.random } = this.#options;
    const cut = new AbortController();
    const signal = AbortSignal.any([cut.signal, this.#stop.signal]);
    let silent = () => {};
    const heard = () => {
      silent();
      silent = clock.after(silenceMs, () => cut.abort());
    };
    heard();
    try {
      await kubernetes.watch<T>(
        resource,
        {
          resourceVersion: this.#version,
          allowWatchBookmarks: true,
          timeoutSeconds: Math.round(WATCH_SECONDS * (1 + random())),
          labelSelector,
        },
        (event) => this.#take(event),
        { signal, heard },
      );
    } catch (error) {
      // Cut for silence: go on from the last version, without a pause.
      if (!cut.signal.aborted) throw error;
    } finally {
      silent();
    }
  }

  #take(event: WatchEvent<T>): void {
    const { cache, onChange } = this.#options;
    if (event.type === 'ERROR') throw statusError(event.object as object);
    const version = event.object.metadata?.resourceVersion;
    if (version) this.#version = version;
    this.#failures = 0;
    if (event.type === 'BOOKMARK') return;
    const key = keyOf(event.object);
    if (event.type === 'DELETED') {
      cache.remove(key);
      onChange(key, event.object, true);
    } else if (cache.put(event.object)) onChange(key, event.object, false);
  }

  #resync(): void {
    const { clock, cache, onChange, resyncMs = RESYNC_MS } = this.#options;
    const cancel = clock.after(resyncMs, () => {
      if (this.#stop.signal.aborted) return;
      for (const object of cache.values()) onChange(keyOf(object), object, false);
      this.#resync();
    });
    this.#stop.signal.addEventListener('abort', cancel, { once: true });
  }
}
