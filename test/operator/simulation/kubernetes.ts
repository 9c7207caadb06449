// An API server in memory, behind the operator's own border (operator/runtime/kubernetes.ts): versions and the optimistic lock, the
// status subresource, finalizers, pages, watches with bookmarks and a history that can be forgotten. No I/O and no wait, so that a
// life of a job takes milliseconds. What it does not do (validation by CEL, quotas, garbage collection) the embedded one does.
import type { Clock } from '../../../cloud/clock.ts';
import { timestamp } from '../../../crds/conditions.ts';
import { GROUP } from '../../../crds/objects.ts';
import {
  KubernetesError,
  type Kubernetes,
  type KubeObject,
  type Page,
  type Query,
  type Resource,
  type WatchEvent,
} from '../../../operator/runtime/kubernetes.ts';
import { frozen, merged, same } from './json.ts';
import { faultsOf, schemas, withDefaults, type Schema } from './schema.ts';
import { Stream } from './stream.ts';

/** Versions kept for watches that begin in the past. */
const HISTORY = 20_000;

type Stored = KubeObject & { spec?: object; status?: object };
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
}

interface Kind {
  readonly objects: Map<string, Stored>;
  history: { version: number; change: Change }[];
  /** Watches from an older version are Gone. */
  oldest: number;
  readonly streams: Set<Stream>;
}

const conflict = (message: string): KubernetesError => new KubernetesError('Conflict', message, 409);
const gone = (): KubernetesError => new KubernetesError('Gone', 'too old resource version', 410);
const keyOf = (namespace: string | undefined, name: string): string => (namespace ? `${namespace}/${name}` : name);

export class MemoryKubernetes {
  readonly #clock: Clock;
  readonly #schemas: ReadonlyMap<string, Schema> = schemas();
  readonly #kinds = new Map<string, Kind>();
  readonly #pages = new Map<string, { rest: Stored[]; version: number }>();
  readonly #listeners = new Set<(resource: string, change: Change) => void>();
  #version = 1;
  #uids = 0;
  /** What a real server would have pruned or refused of what was written. */
  readonly complaints: string[] = [];
  /** Milliseconds until a watch tells of a change. */
  watchLagMs: () => number = () => 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of one process: `close` ends its watches. */
  client(): Kubernetes {
    const own = new Set<Stream>();
    return {
      get: async <T>(resource: Resource, name: string, namespace?: string) =>
        this.#found(resource, name, namespace) as T,
      list: async <T>(resource: Resource, query: Query = {}, namespace?: string) =>
        this.#list(resource, query, namespace) as Page<T>,
      create: async <T extends KubeObject>(resource: Resource, object: T, namespace?: string) =>
        this.#create(resource, object, namespace) as T,
      replace: async <T extends KubeObject>(resource: Resource, object: T) => this.#replace(resource, object) as T,
      mergePatch: async <T>(resource: Resource, name: string, patch: object, at: PatchPlace = {}) =>
        this.#patch(resource, name, patch, at) as T,
      delete: async (resource, name, at = {}) => this.#delete(resource, name, at),
      watch: async (resource, query, onEvent, { signal, heard }) => {
        const stream = this.#open(resource, query, onEvent as (event: WatchEvent<unknown>) => void, heard);
        own.add(stream);
        try {
          await stream.ended(signal);
        } finally {
          own.delete(stream);
          this.#kind(resource).streams.delete(stream);
        }
      },
      close: () => {
        for (const stream of own) stream.end(new KubernetesError('Unreachable', 'the client was closed'));
      },
    };
  }

  /** For tests: an object as it is now. */
  read<T>(resource: Resource, name: string, namespace?: string): T | undefined {
    return this.#kind(resource).objects.get(keyOf(namespace, name)) as T | undefined;
  }
  all<T>(resource: Resource): T[] {
    return [...this.#kind(resource).objects.values()] as T[];
  }
  /** Told of every change, at once. Returns what ends it. */
  onChange(listener: (plural: string, change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  /** Every watch of every client ends, as when the server restarts. */
  closeWatches(error?: KubernetesError): void {
    for (const { streams } of this.#kinds.values()) for (const stream of [...streams]) stream.end(error);
  }
  /** Every watch hears an ERROR event 410, and versions until now are forgotten. */
  forget(): void {
    for (const kind of this.#kinds.values()) {
      kind.history = [];
      kind.oldest = this.#version;
      for (const stream of [...kind.streams])
        stream.tell({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } });
    }
    this.#pages.clear();
  }

  #kind(resource: Resource): Kind {
    const name = `${resource.group}/${resource.plural}`;
    let kind = this.#kinds.get(name);
    if (!kind) this.#kinds.set(name, (kind = { objects: new Map(), history: [], oldest: 0, streams: new Set() }));
    return kind;
  }

  #found(resource: Resource, name: string, namespace?: string): Stored {
    const found = this.#kind(resource).objects.get(keyOf(namespace, name));
    if (!found) throw new KubernetesError('NotFound', `${resource.plural} "${name}" not found`, 404);
    return found;
  }

  #list(resource: Resource, query: Query, namespace: string | undefined): Page<Stored> {
    if (query.fieldSelector !== undefined) throw new Error('field selectors are not simulated');
    const token = query.continue === undefined ? undefined : String(query.continue);
    const page = token === undefined ? this.#snapshot(resource, query, namespace) : this.#pages.get(token);
    if (!page) throw gone();
    const limit = Number(query.limit ?? Infinity);
    const items = page.rest.slice(0, limit);
    const rest = page.rest.slice(limit);
    if (token !== undefined) this.#pages.delete(token);
    const next = rest.length > 0 ? `${page.version}-${this.#pages.size}-${rest.length}` : undefined;
    if (next !== undefined) this.#pages.set(next, { rest, version: page.version });
    return { items, metadata: { resourceVersion: String(page.version), continue: next } };
  }

  #snapshot(resource: Resource, query: Query, namespace: string | undefined) {
    const selected = selects(query.labelSelector);
    const rest = [...this.#kind(resource).objects.values()].filter(
      ({ metadata }) => (namespace === undefined || metadata?.namespace === namespace) && selected(metadata?.labels),
    );
    return { rest, version: this.#version };
  }

  #create(resource: Resource, given: KubeObject, namespace = given.metadata?.namespace): Stored {
    const name = given.metadata?.name ?? `${given.metadata?.generateName ?? 'object-'}${this.#uids + 1}`;
    if (this.#kind(resource).objects.has(keyOf(namespace, name)))
      throw new KubernetesError('AlreadyExists', `${resource.plural} "${name}" already exists`, 409);
    const { status: _, ...object } = given as Stored;
    const metadata = {
      ...given.metadata,
      name,
      ...(namespace ? { namespace } : {}),
      uid: `${(this.#uids += 1).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
      generation: 1,
      creationTimestamp: timestamp(this.#clock.now()),
    };
    return this.#store(resource, 'ADDED', { ...(hasStatus(resource) ? object : given), metadata });
  }

  #replace(resource: Resource, object: KubeObject): Stored {
    const { name = '', namespace, resourceVersion } = object.metadata ?? {};
    const old = this.#found(resource, name, namespace);
    if (resourceVersion !== undefined && resourceVersion !== old.metadata?.resourceVersion)
      throw conflict('the object has been modified');
    return this.#change(resource, old, frozen({ ...object, metadata: { ...old.metadata, ...object.metadata } }));
  }

  #patch(resource: Resource, name: string, given: object, at: PatchPlace): Stored {
    const old = this.#found(resource, name, at.namespace);
    const { metadata, status, ...rest } = frozen(given) as Stored;
    const { resourceVersion, uid, ...changes } = metadata ?? {};
    if (resourceVersion !== undefined && resourceVersion !== old.metadata?.resourceVersion)
      throw conflict('the object has been modified');
    if (uid !== undefined && uid !== old.metadata?.uid) throw conflict('the object is another one');
    const patch =
      at.subresource === 'status'
        ? { status }
        : { ...rest, metadata: changes, ...(hasStatus(resource) || status === undefined ? {} : { status }) };
    return this.#change(resource, old, merged(old, patch) as Stored);
  }

  /** Stores what differs; a change of nothing makes no new version. */
  #change(resource: Resource, old: Stored, next: Stored): Stored {
    if (same(old, next)) return old;
    const { generation = 1 } = old.metadata ?? {};
    const moved = same(wanted(old), wanted(next)) ? generation : generation + 1;
    const object = { ...next, metadata: { ...next.metadata, generation: moved } };
    const last = object.metadata.deletionTimestamp !== undefined && !object.metadata.finalizers?.length;
    return this.#store(resource, last ? 'DELETED' : 'MODIFIED', object);
  }

  #delete(resource: Resource, name: string, at: { namespace?: string; uid?: string; resourceVersion?: string }): void {
    const old = this.#found(resource, name, at.namespace);
    const { uid, resourceVersion, finalizers, deletionTimestamp, generation = 1 } = old.metadata ?? {};
    if ((at.uid ?? uid) !== uid || (at.resourceVersion ?? resourceVersion) !== resourceVersion)
      throw conflict('the object is another one');
    if (!finalizers?.length) this.#store(resource, 'DELETED', old);
    else if (deletionTimestamp === undefined)
      this.#store(resource, 'MODIFIED', {
        ...old,
        metadata: {
          ...old.metadata,
          deletionTimestamp: timestamp(this.#clock.now()),
          generation: generation + 1,
        },
      });
  }

  #store(resource: Resource, type: Change['type'], object: Stored): Stored {
    const kind = this.#kind(resource);
    const schema = resource.group === GROUP ? this.#schemas.get(resource.plural) : undefined;
    const version = (this.#version += 1);
    const old = this.#kind(resource).objects.get(keyOf(object.metadata?.namespace, object.metadata?.name ?? ''));
    const whole = (schema && old?.spec !== object.spec ? withDefaults(schema, object) : object) as Stored;
    const stored = frozen({ ...whole, metadata: { ...whole.metadata, resourceVersion: String(version) } });
    if (schema) this.#examine(resource, schema, old, stored);
    const key = keyOf(stored.metadata?.namespace, stored.metadata?.name ?? '');
    if (type === 'DELETED') kind.objects.delete(key);
    else kind.objects.set(key, stored);
    const change: Change = { type, object: stored };
    kind.history.push({ version, change });
    if (kind.history.length > 2 * HISTORY) {
      kind.history = kind.history.slice(-HISTORY);
      kind.oldest = (kind.history[0]?.version ?? 1) - 1;
    }
    for (const stream of kind.streams) stream.tell(change);
    for (const listener of this.#listeners) listener(resource.plural, change);
    return stored;
  }

  #examine({ plural }: Resource, { properties = {} }: Schema, old: Stored | undefined, next: Stored): void {
    for (const part of ['spec', 'status'] as const) {
      const schema = properties[part];
      if (!schema || next[part] === undefined || next[part] === old?.[part]) continue;
      for (const fault of faultsOf(schema, next[part], `.${part}`))
        this.complaints.push(`${plural}/${next.metadata?.name}${fault}`);
    }
  }

  #open(
    resource: Resource,
    query: Query,
    onEvent: (event: WatchEvent<unknown>) => void,
    heard: (() => void) | undefined,
  ): Stream {
    const kind = this.#kind(resource);
    const from = Number(query.resourceVersion ?? 0);
    if (from < kind.oldest) throw gone();
    const selected = selects(query.labelSelector);
    const stream = new Stream({
      clock: this.#clock,
      lagMs: () => this.watchLagMs(),
      seconds: Number(query.timeoutSeconds ?? 600),
      version: () => String(this.#version),
      selected: ({ object }) => selected((object as KubeObject).metadata?.labels),
      onEvent,
      heard: heard ?? (() => {}),
    });
    for (const { version, change } of since(kind.history, from)) if (version > from) stream.tell(change);
    kind.streams.add(stream);
    return stream;
  }
}

interface PatchPlace {
  namespace?: string;
  subresource?: 'status';
}

const hasStatus = ({ group }: Resource): boolean => group === GROUP;

/** What a generation counts changes of. */
const wanted = ({ metadata: _, status: __, ...rest }: Stored): object => rest;

/** The part of a history after a version: it is in order, so that it is found from the end. */
function since<T extends { version: number }>(history: readonly T[], version: number): readonly T[] {
  let at = history.length;
  while (at > 0 && (history[at - 1]?.version ?? 0) > version) at -= 1;
  return history.slice(at);
}

/** Equality only: `a=b,c=d`. */
function selects(selector: Query[string]): (labels: Record<string, string> | undefined) => boolean {
  if (selector === undefined || selector === '') return () => true;
  const pairs = String(selector)
    .split(',')
    .map((pair) => pair.split('='));
  return (labels) => pairs.every(([name = '', value]) => labels?.[name] === value);
}
