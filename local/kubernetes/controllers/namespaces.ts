// The end of a namespace: a deleted one keeps its `kubernetes` finalizer until this controller has deleted everything in
// it; what finalizers hold is waited for, and named in a condition.
import type { Clock } from '../../../cloud/clock.ts';
import type { Api, ApiEvent, KubeObject } from '../api.ts';
import { isCode, storedResources, timestamp, unlessGone } from './objects.ts';
import { WorkQueue } from './queue.ts';

const NAMESPACES = { group: '', plural: 'namespaces' };
const FINALIZER = 'kubernetes';
/** Events about what is in the namespace come sooner; this is for content that changes without one. */
const LOOK_AGAIN_MS = 5000;

export class NamespaceController {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;

  constructor(api: Api, clock: Clock, onError: (key: string, error: unknown) => void) {
    this.#api = api;
    this.#clock = clock;
    this.#queue = new WorkQueue(clock, (name) => this.#reconcile(name), onError);
  }

  start(): void {
    for (const namespace of this.#api.list(NAMESPACES)) this.#see(namespace);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  observe({ type, resource, object }: ApiEvent): void {
    if (resource.group === '' && resource.plural === 'namespaces') this.#see(object);
    else if (type === 'DELETED' && object.metadata.namespace !== undefined) {
      const namespace = this.#api.get(NAMESPACES, undefined, object.metadata.namespace);
      if (namespace !== undefined) this.#see(namespace);
    }
  }

  #see(namespace: KubeObject): void {
    if (namespace.metadata.deletionTimestamp !== undefined) this.#queue.add(namespace.metadata.name);
  }

  async #reconcile(name: string): Promise<number | undefined> {
    const namespace = this.#api.get(NAMESPACES, undefined, name);
    if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
    const held: string[] = [];
    for (const resource of storedResources(this.#api)) {
      if (!resource.namespaced) continue;
      for (const object of this.#api.list(resource, name)) {
        if (object.metadata.deletionTimestamp === undefined) {
          await unlessGone(this.#api.delete(resource, name, object.metadata.name, { propagationPolicy: 'Background' }));
        }
        if (this.#api.get(resource, name, object.metadata.name) !== undefined)
          held.push(`${resource.plural}/${object.metadata.name}`);
      }
    }
    try {
      if (held.length > 0) {
        await this.#tell(name, held);
        return LOOK_AGAIN_MS;
      }
      const current = this.#api.get(NAMESPACES, undefined, name);
      if (current === undefined) return undefined;
      const finalizers = ((current.spec?.['finalizers'] ?? []) as string[]).filter((one) => one !== FINALIZER);
      await unlessGone(this.#api.finalizeNamespace({ ...current, spec: { ...current.spec, finalizers } }));
      return undefined;
    } catch (error) {
      if (isCode(error, 409)) return 10;
      throw error;
    }
  }

  async #tell(name: string, held: readonly string[]): Promise<void> {
    const current = this.#api.get(NAMESPACES, undefined, name);
    if (current === undefined) return;
    const message = `Some content in the namespace has yet to go: ${held.slice(0, 5).join(', ')}${held.length > 5 ? ', …' : ''}`;
    const old = (current.status?.['conditions'] ?? []) as { type: string; message?: string }[];
    if (old.some((one) => one.type === 'NamespaceContentRemaining' && one.message === message)) return;
    const condition = {
      type: 'NamespaceContentRemaining',
      status: 'True',
      lastTransitionTime: timestamp(this.#clock.now()),
      reason: 'SomeResourcesRemain',
      message,
    };
    const conditions = [...old.filter((one) => one.type !== condition.type), condition];
    await unlessGone(this.#api.updateStatus(NAMESPACES, { ...current, status: { ...current.status, conditions } }));
  }
}
