// Follows all objects of a kind: list in pages, watch from there, list again on 410. Whoever listens (notifications.ts) is told of
// each object that came or changed. A watch that falls silent is cut: bookmarks come every minute, so silence is a dead connection.
import { type Clock, sleep } from '../../cloud/clock.ts';
import { told, type Logger } from '../logging.ts';
import { failed, statusError, type KubeObject, type Kubernetes, type Resource } from './client.ts';

const WATCH_SECONDS = 300;
/** The API server sends a bookmark about every minute. */
const SILENCE_MS = 150_000;
const BACKOFF_MS = { first: 500, most: 30_000 };
const PAGE = 500;

export interface WatcherOptions {
  readonly kubernetes: Pick<Kubernetes, 'page' | 'watch'>;
  readonly resource: Resource;
  readonly labelSelector?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (object: KubeObject) => void;
  readonly onGone?: (object: KubeObject) => void;
}

export class Watcher {
  readonly #options: WatcherOptions;
  readonly #stop = new AbortController();
  #version = '';
  #running: Promise<void> = Promise.resolve();
  #synced = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** True after the first complete list. */
  get synced(): boolean {
    return this.#synced;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger, resource } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (this.#version === '') await this.#list();
        await this.#watch();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (failed(error, 'Gone')) this.#version = '';
        else {
          failures += 1;
          logger.warn({ resource, failures, ...told(error) }, 'watch failed');
          await sleep(clock, Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(10, failures - 1)), signal);
        }
      }
    }
  }

  async #list(): Promise<void> {
    const { kubernetes, resource, labelSelector, onChange } = this.#options;
    let next: string | undefined;
    let version: string | undefined;
    do {
      const page = await kubernetes.page(resource, { limit: PAGE, continue: next, labelSelector });
      if (this.#stop.signal.aborted) return;
      for (const item of page.items) onChange(item);
      version = page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
    } while (next);
    this.#version = version ?? '';
    this.#synced = true;
  }

  async #watch(): Promise<void> {
    const { kubernetes, resource, labelSelector, clock, onChange, onGone } = this.#options;
    const cut = new AbortController();
    const signal = AbortSignal.any([cut.signal, this.#stop.signal]);
    let calm = () => {};
    const heard = () => {
      calm();
      calm = clock.after(SILENCE_MS, () => cut.abort());
    };
    heard();
    try {
      const query = {
        resourceVersion: this.#version,
        allowWatchBookmarks: true,
        timeoutSeconds: WATCH_SECONDS,
        labelSelector,
      };
      await kubernetes.watch(
        resource,
        query,
        ({ type, object }) => {
          if (type === 'ERROR') throw statusError(object as object);
          this.#version = object.metadata?.resourceVersion ?? this.#version;
          if (type === 'ADDED' || type === 'MODIFIED') onChange(object);
          else if (type === 'DELETED') onGone?.(object);
        },
        { signal, heard },
      );
    } catch (error) {
      // Cut for silence: on from the last version, without a pause.
      if (!cut.signal.aborted) throw error;
    } finally {
      calm();
    }
  }
}
