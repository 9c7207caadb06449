// What decide.ts may ask for. One at a time; each is idempotent, because after a crash it is asked for again.
import type { Attempt, TrainingJobStatus } from '../../crds/crds.generated.ts';

export type EndReason =
  | 'Succeeded'
  | 'Interrupted'
  | 'Rebalanced'
  | 'Impaired'
  | 'Moved'
  | 'InstanceLost'
  | 'HeartbeatLost'
  | 'BootTimeout'
  | 'UserError'
  | 'DataError'
  | 'OutOfMemory'
  | 'PlatformError'
  | 'ResultCorrupt'
  | 'Stopped'
  | 'Superseded'
  | 'Deleted';

/** What an ended attempt counts as. `move`: replaced by our own wish, counted nowhere; `spare`: its replacement was not needed. */
export type EndCause = 'none' | 'interruption' | 'platform' | 'user' | 'stop' | 'move' | 'spare' | 'deletion';

/** Why an attempt is being replaced while it still runs. */
export type LeavingReason = 'Interruption' | 'Lost' | 'Rebalance' | 'Impaired' | 'SpotAgain';

export type Action =
  | { do: 'addFinalizer' }
  | { do: 'removeFinalizer' }
  | { do: 'deleteJob' }
  | { do: 'admit' }
  /** Asks for the instance of an attempt that is written down; the answer may take a while. */
  | { do: 'launch'; attempt: Attempt }
  /** The attempt is no longer wanted: takes it out of its batch, or learns which instance it got all the same. */
  | { do: 'withdraw'; attempt: Attempt }
  | { do: 'putTicket'; attempt: Attempt; instanceId: string }
  /** Signs the addresses in the ticket anew. */
  | { do: 'refreshTicket'; attempt: Attempt; instanceId: string }
  | { do: 'control'; instanceId: string; reason: string }
  | { do: 'terminate'; ids: readonly string[]; reason: string }
  | { do: 'collect'; attempt: Attempt; instanceId: string }
  /** Terminate, keep the checkpoint, write the ledger entry: the end of an attempt in one idempotent step. */
  | {
      do: 'end';
      attempt: Attempt;
      reason: EndReason;
      cause: EndCause;
      message: string;
      code?: string;
      /** The worker says that it saved its work before it ended. */
      saved?: boolean;
      /** When its instance went down, milliseconds; absent: it is ended now. */
      downSince?: number;
    }
  /** Puts the months that an attempt has left behind into the ledger. */
  | { do: 'bill'; attempt: Attempt }
  /** Puts the end of an attempt into the ledger that could not be written when it ended. */
  | { do: 'deliver'; attempt: Attempt }
  | { do: 'complete' };

export interface Decision {
  readonly status: TrainingJobStatus;
  readonly action?: Action;
  readonly requeueAfterMs?: number;
}
