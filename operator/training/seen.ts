// What one look at the world says about one job: the input of decide.ts, made by observation.ts. Plain data.
import type { Instance } from '../../cloud/compute.ts';
import type { Heartbeat, Result } from '../../cloud/contract/contract.generated.ts';
import type { LogReport } from './log-follow.ts';

export type NoticeKind = 'interruption' | 'rebalance' | 'impaired' | 'state-change';

export interface Notice {
  readonly kind: NoticeKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What the worker on one instance says. */
export interface Report {
  readonly heartbeat?: Heartbeat;
  /** When `heartbeat` was first seen with this content, by our clock. */
  readonly heardAt?: number;
  /**
   * Milliseconds of looking without news of any kind since the instance is known or was last heard. Pauses in the looking do not count,
   * and a clock that jumps adds nothing: only silence that was listened to is evidence.
   */
  readonly quietMs?: number;
  readonly result?: Result;
  /** Something new of it is listed and could not be read: whatever it says, nothing may be concluded before it is known. */
  readonly unread?: boolean;
  /** A control.json lies there. */
  readonly controlled?: boolean;
  /** What its log says; figures of lines, for want of heartbeats. */
  readonly log?: LogReport;
}

/** Of the instance that serves the job now; `leaving` of the one that is being replaced. */
export interface Seen extends Report {
  /** When the last complete look (EC2, then the bucket) began; 0: none yet. Nothing may be concluded from absence before that. */
  readonly at: number;
  /** Instances of this job, also ended ones that EC2 still lists. */
  readonly instances: readonly Instance[];
  readonly notice?: Notice;
  readonly leaving?: Report;
}

export const isDown = (instance: Instance): boolean =>
  instance.state === 'shutting-down' || instance.state === 'terminated' || instance.state === 'stopped';

/** Down for good: its worker says nothing more. One that is shutting down may still write its last checkpoint and result. */
export const isGone = ({ state }: Instance): boolean => state === 'terminated' || state === 'stopped';
