// metav1.Condition as our kinds use it: set by reason, stamped only when the status changes (so that patches happen only
// on change), read by type. Reasons are listed in reasons.ts.

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  observedGeneration?: number;
  /** RFC 3339; when `status` last changed. */
  lastTransitionTime: string;
  reason: string;
  message: string;
}

export type NewCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * Returns the list with `wanted` set; the same list (same reference) when nothing changed. The transition time moves only
 * when the status does. `now` in milliseconds; written to the second, as Kubernetes does.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  wanted: NewCondition,
  generation: number | undefined,
  now: number,
): Condition[] {
  const list = conditions ?? [];
  const old = list.find((condition) => condition.type === wanted.type);
  if (
    old &&
    old.status === wanted.status &&
    old.reason === wanted.reason &&
    old.message === wanted.message &&
    old.observedGeneration === generation
  )
    return list as Condition[];
  const lastTransitionTime = old && old.status === wanted.status ? old.lastTransitionTime : timestamp(now);
  const next: Condition = { ...wanted, lastTransitionTime };
  if (generation !== undefined) next.observedGeneration = generation;
  return old ? list.map((condition) => (condition === old ? next : condition)) : [...list, next];
}

export function condition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((one) => one.type === type);
}

export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return condition(conditions, type)?.status === 'True';
}

/** RFC 3339 in UTC to the second, Kubernetes' metav1.Time. */
export function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}
