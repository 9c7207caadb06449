// What the reflector knows of one kind: objects by key, with indexes. Controllers read here and never ask the API server.
import type { KubeObject } from './kubernetes.ts';

/** `<namespace>/<name>`, or the name alone of a cluster-scoped object. */
export function keyOf(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata ?? {};
  return namespace ? `${namespace}/${name}` : name;
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export type Indexer<T> = (object: T) => readonly string[];

/** An entry of metadata.managedFields. */
interface Managed {
  readonly manager?: string;
  readonly subresource?: string;
}
/** What the API server makes of our user agent. */
const OURSELVES = 'spotlearn-operator';

export class Cache<T extends KubeObject> {
  readonly #makers = new Map<string, string>();
  readonly #objects = new Map<string, T>();
  readonly #indexers: ReadonlyMap<string, Indexer<T>>;
  /** Most values of most indexes belong to one object: a Set only where there are more. */
  readonly #indexes = new Map<string, Map<string, string | Set<string>>>();

  constructor(indexers: Readonly<Record<string, Indexer<T>>> = {}) {
    this.#indexers = new Map(Object.entries(indexers));
    for (const name of this.#indexers.keys()) this.#indexes.set(name, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }
  keys(): string[] {
    return [...this.#objects.keys()];
  }
  values(): IterableIterator<T> {
    return this.#objects.values();
  }
  /** Objects whose indexer `index` named `value`. */
  by(index: string, value: string): T[] {
    const keys = this.#indexes.get(index)?.get(value) ?? [];
    return (typeof keys === 'string' ? [keys] : [...keys]).flatMap((key) => this.#objects.get(key) ?? []);
  }

  /**
   * Stores what is newer than what is known; returns false for an older version. Our own writes are put here at once, so the
   * watch may bring an older version afterwards.
   */
  put(object: T): boolean {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old && isOlder(object, old)) return false;
    if (old) this.#unindex(key, old);
    // Who last wrote which field is of no use here, and as large as the object.
    const metadata = object.metadata as { managedFields?: readonly Managed[] } | undefined;
    if (!old) this.#noteMaker(key, metadata?.managedFields ?? []);
    delete metadata?.managedFields;
    this.#objects.set(key, object);
    for (const [name, indexer] of this.#indexers) {
      const index = this.#indexes.get(name) as Map<string, string | Set<string>>;
      for (const value of indexer(object)) {
        const keys = index.get(value);
        if (keys === undefined) index.set(value, key);
        else if (typeof keys !== 'string') keys.add(key);
        else if (keys !== key) index.set(value, new Set([keys, key]));
      }
    }
    return true;
  }

  /** The program that created an object, as it calls itself; undefined: the API server does not say. */
  makerOf(key: string): string | undefined {
    return this.#makers.get(key);
  }

  #noteMaker(key: string, fields: readonly Managed[]): void {
    const maker = fields.find(({ manager, subresource }) => !subresource && manager !== OURSELVES)?.manager;
    if (maker !== undefined) this.#makers.set(key, maker);
  }

  remove(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#unindex(key, old);
    this.#objects.delete(key);
    this.#makers.delete(key);
    return old;
  }

  #unindex(key: string, old: T): void {
    for (const [name, indexer] of this.#indexers) {
      const index = this.#indexes.get(name) as Map<string, string | Set<string>>;
      for (const value of indexer(old)) {
        const keys = index.get(value);
        if (keys === key) index.delete(value);
        if (typeof keys !== 'object') continue;
        keys.delete(key);
        if (keys.size === 0) index.delete(value);
      }
    }
  }
}

/** Of the same object (uid): the API server's versions grow (KEP-5504 makes them comparable); others are never "older". */
function isOlder(one: KubeObject, other: KubeObject): boolean {
  const [a, b] = [one.metadata, other.metadata];
  if (a?.uid !== b?.uid || !a?.resourceVersion || !b?.resourceVersion) return false;
  return BigInt(a.resourceVersion) < BigInt(b.resourceVersion);
}
