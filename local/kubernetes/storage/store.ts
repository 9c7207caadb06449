// The etcd of the embedded API: objects by resource, one revision counter, a window of history, all of it durable.
// Below it journal.ts; above it writes/ (which decides) and reads/ (which lists and watches). A write becomes visible to
// readers once it is on the disk; until then only `head` shows it, so that the next write is decided on top of it.
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventType, KubeObject } from '../api.ts';
import { History } from './history.ts';
import { Journal, journalLine, parseJournal } from './journal.ts';
import { lockFolder } from './lock.ts';

/** `<group>/<plural>` of what is stored; every served version shares it. */
export type ResourceKey = string;

export interface StoreEvent {
  readonly type: EventType;
  readonly resource: ResourceKey;
  readonly object: KubeObject;
  readonly old?: KubeObject;
  readonly revision: number;
  /** Length of the object's JSON. */
  readonly bytes: number;
}

export interface StoreOptions {
  readonly folder: string;
  /** A journal above this is compacted into a snapshot; default 16 MiB. */
  readonly compactBytes?: number;
  readonly historyEvents?: number;
  readonly historyBytes?: number;
  /** Told about what deserves a log line: a torn tail, a compaction that failed. */
  readonly onNotice?: (message: string, keys: Record<string, unknown>) => void;
}

/** The disk refused; nothing of the write is kept. */
export class StorageFailure extends Error {
  constructor(cause: Error) {
    const full = (cause as NodeJS.ErrnoException).code;
    const why = full === 'ENOSPC' || full === 'EDQUOT' || full === 'EFBIG' ? 'the disk is full' : 'the disk refused';
    super(`${why}; nothing was written`, { cause });
    this.name = 'StorageFailure';
  }
}

/** etcd's limit on one request, in its words. */
export class RecordTooLarge extends Error {
  constructor() {
    super('etcdserver: request is too large');
    this.name = 'RecordTooLarge';
  }
}

const MAX_RECORD_BYTES = 1.5 * 1024 * 1024;

interface Record_ {
  readonly r: number;
  readonly k: ResourceKey;
  /** Deleted: `o` is the last state, with the revision of the deletion. */
  readonly d?: 1;
  readonly o: KubeObject;
}

interface Pending {
  readonly revision: number;
  readonly object: KubeObject | undefined;
}

class Shelf {
  readonly objects = new Map<string, KubeObject>();
  readonly pending = new Map<string, Pending>();
  #sorted: KubeObject[] | undefined;

  set(key: string, object: KubeObject): void {
    this.objects.set(key, object);
    this.#sorted = undefined;
  }

  delete(key: string): void {
    this.objects.delete(key);
    this.#sorted = undefined;
  }

  sorted(): readonly KubeObject[] {
    this.#sorted ??= [...this.objects.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    return this.#sorted;
  }
}

/** Sorts like etcd's keys: by namespace, then name. */
export function objectKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

const COMPACT_BYTES = 16 * 1024 * 1024;
const HISTORY_EVENTS = 5000;
const HISTORY_BYTES = 8 * 1024 * 1024;

export class Store {
  readonly history: History;
  readonly #shelves = new Map<ResourceKey, Shelf>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #options: StoreOptions;
  readonly #release: () => Promise<void>;
  #journal!: Journal;
  #journalNumber = 0;
  #revision = 0;
  #headRevision = 0;
  #snapshotBytes = 0;
  #compacting: Promise<void> | undefined;

  private constructor(options: StoreOptions, release: () => Promise<void>) {
    this.#options = options;
    this.#release = release;
    this.history = new History(options.historyEvents ?? HISTORY_EVENTS, options.historyBytes ?? HISTORY_BYTES);
  }

  /** Rejects with FolderInUse when another process holds the folder. */
  static async open(options: StoreOptions): Promise<Store> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const release = await lockFolder(options.folder);
    try {
      const store = new Store(options, release);
      await store.#recover();
      return store;
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** The newest durable revision. */
  get revision(): number {
    return this.#revision;
  }

  get(resource: ResourceKey, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#shelves.get(resource)?.objects.get(objectKey(namespace, name));
  }

  /** As the next write will find it: with writes that are on their way to the disk. */
  head(resource: ResourceKey, namespace: string | undefined, name: string): KubeObject | undefined {
    const shelf = this.#shelves.get(resource);
    const key = objectKey(namespace, name);
    const pending = shelf?.pending.get(key);
    return pending === undefined ? shelf?.objects.get(key) : pending.object;
  }

  list(resource: ResourceKey, namespace?: string): readonly KubeObject[] {
    const all = this.#shelves.get(resource)?.sorted() ?? [];
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  /** The list as it was at an older revision, by undoing history; undefined when history no longer reaches back. */
  listAt(resource: ResourceKey, namespace: string | undefined, revision: number): readonly KubeObject[] | undefined {
    if (revision >= this.#revision) return this.list(resource, namespace);
    const later = this.history.since(revision);
    if (later === undefined) return undefined;
    const shelf = new Shelf();
    for (const object of this.list(resource, namespace)) {
      shelf.set(objectKey(object.metadata.namespace, object.metadata.name), object);
    }
    for (const event of later.reverse()) {
      const { namespace: its, name } = event.object.metadata;
      if (event.resource !== resource || (namespace !== undefined && its !== namespace)) continue;
      if (event.old === undefined) shelf.delete(objectKey(its, name));
      else shelf.set(objectKey(its, name), event.old);
    }
    return shelf.sorted();
  }

  /** Creates or replaces; resolves once durable, with the object and its new resourceVersion. */
  put(resource: ResourceKey, object: KubeObject): Promise<KubeObject> {
    return this.#write(resource, object, false);
  }

  /** Removes; resolves with the last state, carrying the resourceVersion of the deletion. */
  remove(resource: ResourceKey, object: KubeObject): Promise<KubeObject> {
    return this.#write(resource, object, true);
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#compacting;
    await this.#journal.close();
    await this.#release();
  }

  #shelf(resource: ResourceKey): Shelf {
    let shelf = this.#shelves.get(resource);
    if (shelf === undefined) this.#shelves.set(resource, (shelf = new Shelf()));
    return shelf;
  }

  #write(resource: ResourceKey, given: KubeObject, deleted: boolean): Promise<KubeObject> {
    const revision = this.#headRevision + 1;
    const object = { ...given, metadata: { ...given.metadata, resourceVersion: String(revision) } };
    const record: Record_ = { r: revision, k: resource, ...(deleted ? { d: 1 } : {}), o: object };
    const payload = JSON.stringify(record);
    // A character is at most three bytes: most payloads need no second look.
    if (payload.length * 3 > MAX_RECORD_BYTES && Buffer.byteLength(payload) > MAX_RECORD_BYTES) {
      return Promise.reject(new RecordTooLarge());
    }
    this.#headRevision = revision;
    const shelf = this.#shelf(resource);
    const key = objectKey(object.metadata.namespace, object.metadata.name);
    shelf.pending.set(key, { revision, object: deleted ? undefined : object });
    return new Promise((resolve, reject) => {
      this.#journal.append(payload, (error) => {
        if (error !== undefined) {
          this.#forgetPending();
          reject(new StorageFailure(error));
          return;
        }
        if (shelf.pending.get(key)?.revision === revision) shelf.pending.delete(key);
        this.#apply(record, payload.length);
        resolve(object);
        this.#compactWhenLarge();
      });
    });
  }

  #forgetPending(): void {
    for (const shelf of this.#shelves.values()) shelf.pending.clear();
    this.#headRevision = this.#revision;
  }

  #apply(record: Record_, bytes: number, tell = true): void {
    const { r: revision, k: resource, o: object } = record;
    const shelf = this.#shelf(resource);
    const key = objectKey(object.metadata.namespace, object.metadata.name);
    const old = shelf.objects.get(key);
    if (record.d === 1) shelf.delete(key);
    else shelf.set(key, object);
    this.#revision = revision;
    const type = record.d === 1 ? 'DELETED' : old === undefined ? 'ADDED' : 'MODIFIED';
    const event: StoreEvent = { type, resource, object, revision, bytes, ...(old === undefined ? {} : { old }) };
    this.history.push(event);
    if (tell) for (const listener of this.#listeners) this.#tell(listener, event);
  }

  /** A listener that throws must not keep a durable write from being acknowledged, nor the next from being applied. */
  #tell(listener: (event: StoreEvent) => void, event: StoreEvent): void {
    try {
      listener(event);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.onNotice?.('a listener failed', { resource: event.resource, revision: event.revision, error: why });
    }
  }

  async #recover(): Promise<void> {
    await this.#loadSnapshot();
    const numbers = await this.#journals();
    for (const [at, number] of numbers.entries()) {
      const path = this.#journalPath(number);
      const contents = parseJournal(await readFile(path));
      for (const payload of contents.payloads) {
        const record = JSON.parse(payload) as Record_;
        if (record.r > this.#revision) this.#apply(record, payload.length, false);
      }
      if (contents.torn.length > 0) {
        await writeFile(`${path}.torn`, contents.torn, { mode: 0o600 });
        this.#options.onNotice?.('journal ended in a torn record, which was never acknowledged', {
          bytes: contents.torn.length,
        });
        if (at < numbers.length - 1) throw new Error(`The journal ${path} is damaged before its end`);
      }
    }
    this.#headRevision = this.#revision;
    this.#journalNumber = numbers.at(-1) ?? 1;
    this.#journal = (await Journal.open(this.#journalPath(this.#journalNumber))).journal;
    await syncFolder(this.#options.folder);
  }

  async #loadSnapshot(): Promise<void> {
    const bytes = await readFile(join(this.#options.folder, 'snapshot')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes === undefined) return;
    const { payloads, torn } = parseJournal(bytes);
    const head = payloads[0] === undefined ? undefined : (JSON.parse(payloads[0]) as { r: number; n: number });
    if (head === undefined || torn.length > 0 || payloads.length !== head.n + 1) {
      throw new Error(`The snapshot in ${this.#options.folder} is damaged`);
    }
    for (const payload of payloads.slice(1)) {
      const { k, o } = JSON.parse(payload) as Record_;
      this.#shelf(k).set(objectKey(o.metadata.namespace, o.metadata.name), o);
    }
    this.#revision = head.r;
    this.#snapshotBytes = bytes.length;
    this.history.startAt(head.r);
  }

  async #journals(): Promise<number[]> {
    const names = await readdir(this.#options.folder);
    return names
      .map((name) => /^journal-(\d+)$/.exec(name)?.[1])
      .filter((number) => number !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  }

  #journalPath(number: number): string {
    return join(this.#options.folder, `journal-${number}`);
  }

  #compactWhenLarge(): void {
    const limit = Math.max(this.#options.compactBytes ?? COMPACT_BYTES, 2 * this.#snapshotBytes);
    if (this.#compacting !== undefined || this.#journal.bytes < limit) return;
    this.#compacting = this.compact()
      .catch((error: unknown) => this.#options.onNotice?.('compaction failed', { error: String(error) }))
      .finally(() => (this.#compacting = undefined));
  }

  /** Writes a snapshot and starts a new journal; writers go on meanwhile. A crash at any point loses nothing. */
  async compact(): Promise<void> {
    const keep = this.#journalNumber + 1;
    await this.#journal.rotate(this.#journalPath(keep));
    this.#journalNumber = keep;
    await syncFolder(this.#options.folder);
    await this.#writeSnapshot();
    for (const number of await this.#journals()) {
      if (number < keep) await rm(this.#journalPath(number), { force: true });
    }
  }

  async #writeSnapshot(): Promise<void> {
    const revision = this.#revision;
    const objects = [...this.#shelves].flatMap(([k, shelf]) => [...shelf.objects.values()].map((o) => ({ k, o })));
    const path = join(this.#options.folder, 'snapshot');
    const file = await open(`${path}.new`, 'w', 0o600);
    let written = 0;
    try {
      let chunk = journalLine(JSON.stringify({ r: revision, n: objects.length }));
      for (const { k, o } of objects) {
        chunk += journalLine(JSON.stringify({ r: revision, k, o }));
        if (chunk.length < 256 * 1024) continue;
        await file.appendFile(chunk);
        written += chunk.length;
        chunk = '';
      }
      await file.appendFile(chunk);
      written += chunk.length;
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(this.#options.folder);
    this.#snapshotBytes = written;
  }
}

/** Makes new and renamed names durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
