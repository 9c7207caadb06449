// One Event and one log line a transition: what of two statuses is worth telling. Pure.
import type { Condition } from '../../crds/conditions.ts';
import type { EventText } from '../runtime/events.ts';

interface Told {
  phase?: string;
  message?: string;
  conditions?: readonly Condition[];
}

const WARNINGS = new Set(['Failed', 'Queued', 'Recovering']);
/** What mends a loss is no bad news. */
const MENDING = new Set(['Launching', 'FallingBack', 'InstanceLaunched']);
/** Which condition speaks for a transition when several change. */
const ORDER = [
  'Failed',
  'Complete',
  'BudgetExhausted',
  'Suspended',
  'Interrupted',
  'Running',
  'Provisioned',
  'Accepted',
  'CheckpointStale',
];

/** Undefined when phase and conditions say the same as before. */
export function transition(old: Told | undefined, next: Told): EventText | undefined {
  const changed = (next.conditions ?? []).filter((condition) => {
    const before = old?.conditions?.find(({ type }) => type === condition.type);
    return before?.status !== condition.status || before.reason !== condition.reason;
  });
  const leading = changed.sort((a, b) => rank(a) - rank(b))[0];
  if (!leading && old?.phase === next.phase) return undefined;
  const lost = leading?.type === 'Interrupted' && leading.status === 'True';
  const reason = leading?.reason ?? next.phase ?? 'Changed';
  return {
    type: lost || (WARNINGS.has(next.phase ?? '') && !MENDING.has(reason)) ? 'Warning' : 'Normal',
    reason,
    message: leading?.message ?? next.message ?? '',
  };
}

const rank = ({ type }: Condition): number => {
  const at = ORDER.indexOf(type);
  return at < 0 ? ORDER.length : at;
};
