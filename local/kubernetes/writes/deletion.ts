// What a delete does to an object before it goes: the mark, the grace period, the finalizer of its propagation policy.
// Pure. The garbage collector, the namespace controller and the kubelet do the rest and remove what they hold on to.
import type { KubeObject, PropagationPolicy } from '../api.ts';
import type { Kind } from '../resources/kinds.ts';
import { isObject } from '../resources/fields.ts';

const POLICY_FINALIZERS: Record<PropagationPolicy, string | undefined> = {
  Foreground: 'foregroundDeletion',
  Orphan: 'orphan',
  Background: undefined,
};

/**
 * The object marked for deletion. Undefined when the mark is there already and nothing about it changes. A later, shorter
 * grace period shortens the first one.
 */
export function markedForDeletion(
  object: KubeObject,
  { policy, grace, now, kind }: { policy: PropagationPolicy; grace: number | undefined; now: number; kind: Kind },
): KubeObject | undefined {
  const finalizers = new Set(object.metadata.finalizers ?? []);
  if (policy !== 'Foreground') finalizers.delete('foregroundDeletion');
  if (policy !== 'Orphan') finalizers.delete('orphan');
  const own = POLICY_FINALIZERS[policy];
  if (own !== undefined) finalizers.add(own);
  const seconds = grace ?? 0;
  const marked = object.metadata.deletionTimestamp !== undefined;
  const sameFinalizers =
    finalizers.size === (object.metadata.finalizers?.length ?? 0) &&
    [...finalizers].every((one) => object.metadata.finalizers?.includes(one));
  const shorter = marked && seconds < (object.metadata.deletionGracePeriodSeconds ?? 0);
  if (marked && sameFinalizers && !shorter) return undefined;
  const metadata = { ...object.metadata };
  if (!marked || shorter) {
    metadata.deletionTimestamp = new Date(now + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    metadata.deletionGracePeriodSeconds = seconds;
    if (kind.generation && !marked) metadata.generation = (metadata.generation ?? 1) + 1;
  }
  if (finalizers.size > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
  const next: KubeObject = { ...object, metadata };
  if (holdsNamespace(object)) {
    delete metadata.deletionGracePeriodSeconds;
    next.status = { ...object.status, phase: 'Terminating' };
  }
  return next;
}

/** True when nothing holds a marked object any more: no finalizer, no grace period, no namespace content. */
export function applyDeletion(object: KubeObject): boolean {
  const { finalizers, deletionGracePeriodSeconds } = object.metadata;
  return !finalizers?.length && (deletionGracePeriodSeconds ?? 0) === 0 && !holdsNamespace(object);
}

function holdsNamespace(object: KubeObject): boolean {
  if (object.kind !== 'Namespace' || object.apiVersion !== 'v1' || !isObject(object.spec)) return false;
  const finalizers = object.spec['finalizers'];
  return Array.isArray(finalizers) && finalizers.length > 0;
}
