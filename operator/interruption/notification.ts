// What one message of the interruption queue says: an EventBridge event of EC2's, read and judged. Pure; consumer.ts acts on it.
import type { NoticeKind } from '../training/seen.ts';

export interface Notification {
  readonly instanceId: string;
  readonly kind: NoticeKind;
  /** Milliseconds since the epoch; 0: the event does not say. */
  readonly at: number;
  /** EventBridge's id: a message that came twice has the same. */
  readonly event: string | undefined;
}

const KINDS: Readonly<Record<string, NoticeKind>> = {
  'EC2 Spot Instance Interruption Warning': 'interruption',
  'EC2 Instance Rebalance Recommendation': 'rebalance',
  'EC2 Instance State-change Notification': 'state-change',
};

/** Reads one EventBridge event; `foreign` is readable but not for us; undefined: poison. */
export function readNotification(body: string): Notification | 'foreign' | undefined {
  let event: { id?: unknown; 'detail-type'?: unknown; time?: unknown; detail?: { 'instance-id'?: unknown } | null };
  try {
    event = JSON.parse(body) as typeof event;
  } catch {
    return undefined;
  }
  if (typeof event !== 'object' || event === null || typeof event['detail-type'] !== 'string') return undefined;
  const kind = Object.hasOwn(KINDS, event['detail-type']) ? KINDS[event['detail-type']] : undefined;
  if (!kind) return 'foreign';
  const instanceId = event.detail?.['instance-id'];
  if (typeof instanceId !== 'string') return undefined;
  const at = Date.parse(String(event.time));
  return {
    instanceId,
    kind,
    at: Number.isFinite(at) ? at : 0,
    event: typeof event.id === 'string' ? event.id : undefined,
  };
}

/** Whether it may be about an instance that is ours although nobody knows it yet; a change of state is found by the next look anyway. */
export const mayBeOurs = ({ kind, instanceId }: Notification): boolean =>
  kind !== 'state-change' && /^i-[0-9a-f]{8,17}$/.test(instanceId);
