// Garbage collection by owner references, as kube-controller-manager does it: what has lost all its owners is deleted;
// `orphan` and `foregroundDeletion` finalizers are worked off. Knows dependents by an index kept from events.
import type { Clock } from '../../../cloud/clock.ts';
import type { Api, ApiEvent, KubeObject, OwnerReference, PropagationPolicy, ResourceRef } from '../api.ts';
import { isCode, objectKey, parseKey, storedResources, unlessGone, withFinalizers } from './objects.ts';
import { WorkQueue } from './queue.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

type OwnerState = 'solid' | 'absent' | 'waiting';

export class GarbageCollector {
  readonly #api: Api;
  readonly #queue: WorkQueue;
  /** Keys of the objects that name an owner, by its uid. */
  readonly #dependents = new Map<string, Set<string>>();

  constructor(api: Api, clock: Clock, onError: (key: string, error: unknown) => void) {
    this.#api = api;
    this.#queue = new WorkQueue(clock, (key) => this.#reconcile(key), onError);
  }

  start(): void {
    for (const resource of storedResources(this.#api)) {
      for (const object of this.#api.list(resource)) this.#see(resource, object);
    }
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  observe({ type, resource, object, old }: ApiEvent): void {
    const key = objectKey(resource, object);
    const owners = new Set((object.metadata.ownerReferences ?? []).map(({ uid }) => uid));
    for (const { uid } of old?.metadata.ownerReferences ?? []) {
      if (type === 'DELETED' || !owners.has(uid)) this.#unlink(uid, key);
    }
    if (type !== 'DELETED') return this.#see(resource, object);
    for (const uid of owners) {
      this.#unlink(uid, key);
      // An owner that waits for its dependents may be able to go now.
      for (const owner of this.#ownersByReference(object, uid)) this.#queue.add(owner);
    }
    for (const dependent of this.#dependents.get(object.metadata.uid) ?? []) this.#queue.add(dependent);
  }

  #see(resource: ResourceRef, object: KubeObject): void {
    const key = objectKey(resource, object);
    const references = object.metadata.ownerReferences ?? [];
    for (const { uid } of references) {
      let keys = this.#dependents.get(uid);
      if (keys === undefined) this.#dependents.set(uid, (keys = new Set()));
      keys.add(key);
    }
    const finalizers = object.metadata.finalizers ?? [];
    const deleted = object.metadata.deletionTimestamp !== undefined;
    const leaves = deleted && (finalizers.includes(ORPHAN) || finalizers.includes(FOREGROUND));
    if (leaves || (!deleted && references.some((one) => this.#state(object, one) !== 'solid'))) this.#queue.add(key);
    // A dependent that no longer blocks its owner's deletion.
    if (deleted)
      for (const { uid } of references)
        for (const owner of this.#ownersByReference(object, uid)) this.#queue.add(owner);
  }

  #unlink(uid: string, key: string): void {
    const keys = this.#dependents.get(uid);
    keys?.delete(key);
    if (keys?.size === 0) this.#dependents.delete(uid);
  }

  #owner(
    dependent: KubeObject,
    reference: OwnerReference,
  ): { key: string; object: KubeObject | undefined } | undefined {
    const resource = this.#api.findKind(reference.apiVersion, reference.kind);
    if (resource === undefined) return undefined;
    const namespace = resource.namespaced ? dependent.metadata.namespace : undefined;
    const object = this.#api.get(resource, namespace, reference.name);
    const key = [resource.group, resource.plural, namespace ?? '', reference.name].join('/');
    return { key, object: object?.metadata.uid === reference.uid ? object : undefined };
  }

  #ownersByReference(dependent: KubeObject, uid: string): string[] {
    const references = (dependent.metadata.ownerReferences ?? []).filter((one) => one.uid === uid);
    return references.flatMap((one) => {
      const owner = this.#owner(dependent, one);
      return owner?.object?.metadata.finalizers?.includes(FOREGROUND) ? [owner.key] : [];
    });
  }

  /** An owner of a kind that isn't served counts as there: nothing is deleted for want of knowledge. */
  #state(dependent: KubeObject, reference: OwnerReference): OwnerState {
    const owner = this.#owner(dependent, reference);
    if (owner === undefined) return 'solid';
    if (owner.object === undefined) return 'absent';
    const { deletionTimestamp, finalizers } = owner.object.metadata;
    return deletionTimestamp !== undefined && finalizers?.includes(FOREGROUND) ? 'waiting' : 'solid';
  }

  async #reconcile(key: string): Promise<undefined> {
    const { resource, namespace, name } = parseKey(key);
    if (this.#api.find(resource.group, resource.plural) === undefined) return;
    const object = this.#api.get(resource, namespace, name);
    if (object === undefined) return;
    try {
      if (object.metadata.deletionTimestamp === undefined) await this.#judge(resource, object);
      else if (object.metadata.finalizers?.includes(ORPHAN)) await this.#orphan(resource, object);
      else if (object.metadata.finalizers?.includes(FOREGROUND)) await this.#foreground(resource, object);
    } catch (error) {
      // Changed or gone meanwhile: look again.
      if (!isCode(error, 409) && !isCode(error, 404)) throw error;
      this.#queue.addAfter(key, 10);
    }
  }

  /** A live object: does anybody still own it? */
  async #judge(resource: ResourceRef, object: KubeObject): Promise<void> {
    const references = object.metadata.ownerReferences ?? [];
    if (references.length === 0) return;
    const states = references.map((one) => this.#state(object, one));
    const solid = references.filter((_, index) => states[index] === 'solid');
    if (solid.length === references.length) return;
    if (solid.length > 0) {
      await this.#api.update(resource, { ...object, metadata: { ...object.metadata, ownerReferences: solid } });
      return;
    }
    const hasDependents = (this.#dependents.get(object.metadata.uid)?.size ?? 0) > 0;
    let policy: PropagationPolicy = 'Background';
    if (states.includes('waiting') && hasDependents) policy = 'Foreground';
    else if (object.metadata.finalizers?.includes(ORPHAN)) policy = 'Orphan';
    else if (object.metadata.finalizers?.includes(FOREGROUND)) policy = 'Foreground';
    const { namespace, name, uid } = object.metadata;
    await this.#api.delete(resource, namespace, name, { propagationPolicy: policy, preconditions: { uid } });
  }

  /** The owner goes, its dependents stay: first they forget it. */
  async #orphan(resource: ResourceRef, owner: KubeObject): Promise<void> {
    const { uid } = owner.metadata;
    for (const { resource: kind, object } of this.#dependentsOf(uid)) {
      const ownerReferences = (object.metadata.ownerReferences ?? []).filter((one) => one.uid !== uid);
      await unlessGone(this.#api.update(kind, { ...object, metadata: { ...object.metadata, ownerReferences } }));
    }
    await this.#release(resource, owner, ORPHAN);
  }

  /** The owner goes after its dependents; only those that block it are waited for. */
  async #foreground(resource: ResourceRef, owner: KubeObject): Promise<void> {
    const { uid } = owner.metadata;
    const dependents = this.#dependentsOf(uid);
    for (const { resource: kind, object } of dependents) {
      if (object.metadata.deletionTimestamp === undefined) await this.#judge(kind, object);
    }
    const blocking = this.#dependentsOf(uid).filter(({ object }) =>
      object.metadata.ownerReferences?.some((one) => one.uid === uid && one.blockOwnerDeletion === true),
    );
    if (blocking.length === 0) await this.#release(resource, owner, FOREGROUND);
  }

  async #release(resource: ResourceRef, owner: KubeObject, finalizer: string): Promise<void> {
    const current = this.#api.get(resource, owner.metadata.namespace, owner.metadata.name);
    if (current?.metadata.uid !== owner.metadata.uid) return;
    const finalizers = (current.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    await unlessGone(this.#api.update(resource, withFinalizers(current, finalizers)));
  }

  #dependentsOf(uid: string): { resource: ResourceRef; object: KubeObject }[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((key) => {
      const { resource, namespace, name } = parseKey(key);
      if (this.#api.find(resource.group, resource.plural) === undefined) return [];
      const object = this.#api.get(resource, namespace, name);
      return object?.metadata.ownerReferences?.some((one) => one.uid === uid) ? [{ resource, object }] : [];
    });
  }
}
