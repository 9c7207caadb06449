// What becomes of an object that is carried over: a copy with everything but what the API server decides (uid, version, times), marked with where
// it came from. A job's status goes along, and says who the job was (identityOf), so that what runs for it stays its own. Pure.
import { isDeepStrictEqual } from 'node:util';
import { createdAt, GROUP, identityOf, MOVED_TO, type ObjectMeta } from '../../crds/objects.ts';
import type { KubeObject } from '../../operator/runtime/kubernetes.ts';

/** Any of the objects that are carried. */
export interface Movable extends KubeObject {
  spec?: Record<string, unknown>;
  status?: Status;
  data?: Record<string, string>;
}

interface Status {
  observedGeneration?: number;
  conditions?: { observedGeneration?: number }[];
  origin?: { uid: string; createdAt: string };
  [field: string]: unknown;
}

/** On a copy: uid of the object it was made from. */
export const MOVED_FROM = `${GROUP}/moved-from`;

/** The copy as it is created; its status is written afterwards. */
export function copyOf(original: Movable, { apiVersion, kind }: { apiVersion: string; kind: string }): Movable {
  const { name, namespace, labels, finalizers } = original.metadata ?? {};
  const metadata: ObjectMeta = {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(finalizers === undefined ? {} : { finalizers }),
    annotations: { ...annotationsOf(original), [MOVED_FROM]: original.metadata?.uid ?? '' },
  };
  const { spec, data } = original;
  return { apiVersion, kind, metadata, ...(spec ? { spec } : {}), ...(data ? { data } : {}) };
}

/** Whether `there` was made from it. */
export const isCopyOf = (original: Movable, there: Movable): boolean =>
  there.metadata?.annotations?.[MOVED_FROM] === original.metadata?.uid;

/**
 * The status of a copy; none for a chat. A job's generations begin anew. An account's speaks of no generation, so that the operator there makes what the
 * account owns (namespace, quota, role).
 */
export function statusOf(original: Movable, kind: string, generation = 1): Status | undefined {
  if (kind === 'ConfigMap') return undefined;
  const { status, metadata } = original;
  const { observedGeneration, conditions, ...rest } = status ?? {};
  const isCurrent = (observed: number | undefined) => observed === metadata?.generation;
  if (kind === 'Account')
    return (
      status && {
        ...rest,
        ...(conditions ? { conditions: conditions.map(({ observedGeneration: _, ...one }) => one) } : {}),
      }
    );
  return {
    ...rest,
    origin: { uid: identityOf(original), createdAt: createdAt(original) },
    ...(observedGeneration !== undefined && isCurrent(observedGeneration) ? { observedGeneration: generation } : {}),
    ...(conditions
      ? {
          conditions: conditions.map((one) => ({
            ...one,
            observedGeneration: isCurrent(one.observedGeneration) ? generation : 0,
          })),
        }
      : {}),
  };
}

/** Names the parts of the copy that are not as they should be; what the API server adds (defaults) is no difference. */
export function differences(original: Movable, there: Movable, kind: string): string[] {
  const wanted = copyOf(original, { apiVersion: '', kind });
  const { labels = {}, annotations = {}, finalizers = [] } = wanted.metadata ?? {};
  const parts: [string, unknown, unknown][] = [
    ['labels', labels, there.metadata?.labels],
    ['annotations', annotations, there.metadata?.annotations],
    ['finalizers', finalizers, there.metadata?.finalizers ?? []],
    ['spec', wanted.spec ?? {}, there.spec],
    ['data', wanted.data ?? {}, there.data],
    ['status', statusOf(original, kind, there.metadata?.generation) ?? {}, there.status],
  ];
  return parts.filter(([, mine, its]) => !contains(its ?? {}, mine)).map(([part]) => part);
}

/** Whether all that is in `part` is in `whole`. */
export function contains(whole: unknown, part: unknown): boolean {
  if (!isPlain(part) || !isPlain(whole)) return isDeepStrictEqual(whole, part);
  return Object.entries(part).every(([name, value]) => value === undefined || contains(whole[name] ?? {}, value ?? {}));
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Without marks of an earlier move. */
function annotationsOf({ metadata }: Movable): Record<string, string> {
  const { [MOVED_FROM]: _from, [MOVED_TO]: _to, ...own } = metadata?.annotations ?? {};
  return own;
}
