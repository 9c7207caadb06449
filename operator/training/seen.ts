// What one look at the world says about one job: the input of decide.ts, made by observation.ts. Plain data.
import type { Instance } from '../../cloud/compute.ts';
import type { Heartbeat, Result } from '../../cloud/contract/contract.generated.ts';

export type NoticeKind = 'interruption' | 'rebalance' | 'state-change';

export interface Notice {
  readonly kind: NoticeKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Seen {
  /** When the last complete look (EC2, then the bucket) began; 0: none yet. Nothing may be concluded from absence before that. */
  readonly at: number;
  /** Instances tagged with this job, also ended ones that EC2 still lists. */
  readonly instances: readonly Instance[];
  /** Of the current attempt's instance, when `heard` first seen with this content. */
  readonly heartbeat?: Heartbeat;
  readonly heardAt?: number;
  readonly result?: Result;
  /** A control.json lies there. */
  readonly controlled?: boolean;
  readonly notice?: Notice;
}

export const NOTHING_SEEN: Seen = { at: 0, instances: [] };

export const isDown = (instance: Instance): boolean =>
  instance.state === 'shutting-down' || instance.state === 'terminated' || instance.state === 'stopped';
