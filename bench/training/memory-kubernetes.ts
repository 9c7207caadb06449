// An API server in memory, for measuring the operator alone: optimistic locking, status subresource, finalizers, defaults of our kinds, and
// watches, each answer a copy as if it had come over the wire. No HTTP, no admission, no disk.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ObjectMeta } from '../../crds/objects.ts';
import { compileSchema } from '../../local/kubernetes/schema/compile.ts';
import { keyOf } from '../../operator/runtime/cache.ts';
import {
  type Kubernetes,
  KubernetesError,
  type KubeObject,
  type Page,
  type Resource,
  type WatchEvent,
} from '../../operator/runtime/kubernetes.ts';

type Stored = KubeObject & { metadata: ObjectMeta; spec?: object; status?: object };
type Listener = (event: WatchEvent<Stored>, version: number) => void;

interface Shelf {
  readonly objects: Map<string, Stored>;
  readonly listeners: Set<Listener>;
  /** For a watch that begins after its list. */
  readonly history: { version: number; event: WatchEvent<Stored> }[];
}

const HISTORY = 1000;

export class MemoryKubernetes implements Kubernetes {
  /** Requests so far, watches not counted, since these come once. */
  calls = 0;
  readonly #shelves = new Map<string, Shelf>();
  #version = 0;
  #uids = 0;

  async get<T>(resource: Resource, name: string, namespace?: string): Promise<T> {
    this.calls += 1;
    return copy(this.#found(resource, name, namespace)) as T;
  }

  async list<T>(resource: Resource): Promise<Page<T>> {
    this.calls += 1;
    const items = [...this.#shelf(resource).objects.values()].map(copy) as T[];
    return { items, metadata: { resourceVersion: String(this.#version) } };
  }

  async create<T extends KubeObject>(resource: Resource, object: T, namespace?: string): Promise<T> {
    this.calls += 1;
    const shelf = this.#shelf(resource);
    const made = copy({ ...object, metadata: { namespace, ...object.metadata } }) as unknown as Stored;
    if (shelf.objects.has(keyOf(made))) throw new KubernetesError('AlreadyExists', 'it is there already', 409);
    DEFAULTS.get(resource.plural)?.(made);
    if (resource.plural === 'resourcequotas') count(made);
    made.metadata.uid = `00000000-0000-4000-8000-${String((this.#uids += 1)).padStart(12, '0')}`;
    made.metadata.generation = 1;
    made.metadata.creationTimestamp = new Date().toISOString();
    return this.#store(shelf, 'ADDED', made) as T;
  }

  async replace<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    this.calls += 1;
    const { name = '', namespace } = object.metadata ?? {};
    this.#found(resource, name, namespace);
    return this.#store(this.#shelf(resource), 'MODIFIED', copy(object) as unknown as Stored) as T;
  }

  async mergePatch<T>(
    resource: Resource,
    name: string,
    patch: object,
    at: { namespace?: string; subresource?: 'status' } = {},
  ): Promise<T> {
    this.calls += 1;
    const old = this.#found(resource, name, at.namespace);
    const { metadata, status, ...rest } = copy(patch) as Partial<Stored> & { spec?: object };
    if (metadata?.resourceVersion !== undefined && metadata.resourceVersion !== old.metadata.resourceVersion)
      throw new KubernetesError('Conflict', 'it was changed meanwhile', 409);
    const next =
      at.subresource === 'status'
        ? { ...old, metadata: { ...old.metadata }, status: merge(old.status, status) }
        : { ...(merge(old, rest) as Stored), metadata: merge(old.metadata, metadata) };
    const over = next.metadata.deletionTimestamp && (next.metadata.finalizers ?? []).length === 0;
    return this.#store(this.#shelf(resource), over ? 'DELETED' : 'MODIFIED', next as Stored) as T;
  }

  async delete(resource: Resource, name: string, at: { namespace?: string } = {}): Promise<void> {
    this.calls += 1;
    const old = this.#found(resource, name, at.namespace);
    const held = (old.metadata.finalizers ?? []).length > 0;
    const metadata = { ...old.metadata, deletionTimestamp: new Date().toISOString() };
    this.#store(this.#shelf(resource), held ? 'MODIFIED' : 'DELETED', { ...old, metadata });
  }

  watch<T>(
    resource: Resource,
    query: { resourceVersion?: string },
    onEvent: (event: WatchEvent<T>) => void,
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    const { listeners, history } = this.#shelf(resource);
    let from = Number(query.resourceVersion ?? 0);
    const listener: Listener = (event, version) => {
      if (version <= from) return;
      from = version;
      // Each event comes in a turn of its own, as bytes from a socket do.
      setImmediate(() => {
        if (!signal.aborted) onEvent({ type: event.type, object: copy(event.object) as T });
      });
    };
    for (const { event, version } of history) listener(event, version);
    listeners.add(listener);
    return new Promise((resolve) =>
      signal.addEventListener('abort', () => (listeners.delete(listener), resolve()), { once: true }),
    );
  }

  close(): void {}

  /** Somebody writes to every object what the operator does not care for: each comes again through the watch. Not counted. */
  touch(resource: Resource): void {
    const shelf = this.#shelf(resource);
    for (const object of shelf.objects.values()) {
      const annotations = { ...object.metadata.annotations, touched: String(this.#version) };
      this.#store(shelf, 'MODIFIED', { ...object, metadata: { ...object.metadata, annotations } });
    }
  }

  #shelf({ group, plural }: Resource): Shelf {
    const name = `${group}/${plural}`;
    const shelf = this.#shelves.get(name) ?? { objects: new Map(), listeners: new Set(), history: [] };
    this.#shelves.set(name, shelf);
    return shelf;
  }

  #found(resource: Resource, name: string, namespace?: string): Stored {
    const found = this.#shelf(resource).objects.get(keyOf({ metadata: { name, namespace } }));
    if (!found) throw new KubernetesError('NotFound', `there is no ${resource.plural} ${name}`, 404);
    return found;
  }

  #store(shelf: Shelf, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Stored): unknown {
    const version = (this.#version += 1);
    object.metadata.resourceVersion = String(version);
    if (type === 'DELETED') shelf.objects.delete(keyOf(object));
    else shelf.objects.set(keyOf(object), object);
    const event = { type, object };
    shelf.history.push({ version, event });
    if (shelf.history.length > HISTORY) shelf.history.shift();
    for (const listener of shelf.listeners) listener(event, version);
    return copy(object);
  }
}

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** RFC 7386. */
function merge<T>(old: T | undefined, patch: unknown): T {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return (patch ?? old) as T;
  const merged: Record<string, unknown> = { ...(old as object) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged as T;
}

/** In place of the quota controller. */
function count(quota: Stored): void {
  const { hard = {} } = (quota.spec ?? {}) as { hard?: Record<string, string> };
  quota.status = { hard, used: Object.fromEntries(Object.keys(hard).map((name) => [name, '0'])) };
}

interface Definition {
  kind?: string;
  spec: { names: { plural: string }; versions: { schema: { openAPIV3Schema: Record<string, unknown> } }[] };
}

const DEFAULTS: ReadonlyMap<string, (object: object) => void> = new Map(
  ['trainingjobs', 'accounts'].flatMap((name) => {
    const text = readFileSync(join(import.meta.dirname, '../../crds', `${name}.yaml`), 'utf8');
    return parseAllDocuments(text).flatMap((document): [string, (object: object) => void][] => {
      const { kind, spec } = document.toJS() as Definition;
      const schema = spec?.versions?.[0]?.schema.openAPIV3Schema;
      return kind === 'CustomResourceDefinition' && schema
        ? [[spec.names.plural, (object) => compiled(schema).applyDefaults(object)]]
        : [];
    });
  }),
);

const schemas = new Map<object, ReturnType<typeof compileSchema>>();
function compiled(schema: Record<string, unknown>): ReturnType<typeof compileSchema> {
  const known = schemas.get(schema) ?? compileSchema(schema);
  schemas.set(schema, known);
  return known;
}
