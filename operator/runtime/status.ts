// Writes a status: only what changed, as a merge patch on the status subresource, under the optimistic lock. What was written goes
// into the cache at once, so that the next reconcile decides from it and not from what the watch has brought so far.
import type { Cache } from './cache.ts';
import type { Kubernetes, KubeObject, Resource } from './kubernetes.ts';

/** RFC 7386 patch that makes `next` of `old`: lists whole, vanished fields null; undefined when they are equal. */
export function mergeDiff(old: unknown, next: unknown): unknown {
  if (old === next) return undefined;
  if (!isPlain(old) || !isPlain(next)) return JSON.stringify(old) === JSON.stringify(next) ? undefined : next;
  const patch: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(old), ...Object.keys(next)])) {
    const wanted = next[name];
    if (wanted === undefined) {
      if (old[name] !== undefined) patch[name] = null;
      continue;
    }
    const inner = mergeDiff(old[name], wanted);
    if (inner !== undefined) patch[name] = inner;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export class StatusWriter<T extends KubeObject & { status?: object }> {
  readonly #kubernetes: Pick<Kubernetes, 'mergePatch'>;
  readonly #resource: Resource;
  readonly #cache: Cache<T>;

  constructor(kubernetes: Pick<Kubernetes, 'mergePatch'>, resource: Resource, cache: Cache<T>) {
    this.#kubernetes = kubernetes;
    this.#resource = resource;
    this.#cache = cache;
  }

  /**
   * Makes `status` the status of `object` and returns the object as it is then (the same one when nothing had changed). Throws
   * KubernetesError `Conflict` when somebody wrote since `object` was read: reconcile again.
   */
  async write(object: T, status: NonNullable<T['status']>): Promise<T> {
    const patch = mergeDiff(object.status ?? {}, status);
    if (patch === undefined) return object;
    const { name = '', namespace, resourceVersion, uid } = object.metadata ?? {};
    const written = await this.#kubernetes.mergePatch<T>(
      this.#resource,
      name,
      { metadata: { resourceVersion, uid }, status: patch },
      { namespace, subresource: 'status' },
    );
    this.#cache.put(written);
    return written;
  }
}
