// What decide.ts may ask for. One at a time; each is idempotent, because after a crash it is asked for again.
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';

export type EndReason =
  | 'Succeeded'
  | 'Interrupted'
  | 'InstanceLost'
  | 'HeartbeatLost'
  | 'BootTimeout'
  | 'UserError'
  | 'DataError'
  | 'OutOfMemory'
  | 'PlatformError'
  | 'ResultCorrupt'
  | 'Stopped'
  | 'Deleted';

/** What an ended attempt counts as. */
export type EndCause = 'none' | 'interruption' | 'platform' | 'user' | 'stop' | 'deletion';

export type Action =
  | { do: 'addFinalizer' }
  | { do: 'removeFinalizer' }
  | { do: 'deleteJob' }
  | { do: 'admit' }
  | { do: 'launch'; attempt: Attempt }
  | { do: 'putTicket'; attempt: Attempt; instanceId: string }
  | { do: 'control'; instanceId: string; reason: string }
  | { do: 'terminate'; ids: readonly string[]; reason: string }
  | { do: 'collect'; attempt: Attempt; instanceId: string }
  /** Terminate, keep the checkpoint, write the ledger entry: the end of an attempt in one idempotent step. */
  | { do: 'end'; attempt: Attempt; reason: EndReason; cause: EndCause; message: string; code?: string }
  | { do: 'complete' };

export interface Decision {
  readonly status: TrainingJobStatus;
  readonly action?: Action;
  readonly requeueAfterMs?: number;
}
