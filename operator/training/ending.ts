// How an attempt ended: from the worker's exit code (docs/life-of-a-job.md) to reason, cause and words. Pure.
import type { Result } from '../../cloud/contract/contract.generated.ts';
import type { Attempt } from '../../crds/crds.generated.ts';
import type { Action, EndCause, EndReason } from './actions.ts';

const ENDS: Readonly<Record<number, readonly [EndReason, EndCause]>> = {
  10: ['UserError', 'user'],
  11: ['DataError', 'user'],
  12: ['OutOfMemory', 'user'],
  30: ['Interrupted', 'interruption'],
  31: ['Stopped', 'platform'],
};

/** Exit codes with which a worker says that its checkpoint is written. */
const SAVED: ReadonlySet<number> = new Set([30, 31]);

export function endOf(attempt: Attempt, result: Result): Action {
  const { error } = result;
  // An attempt lasts a day at most (notAfter); another goes on from its checkpoint, and nothing is to blame.
  const [reason, cause] =
    error?.code === 'NotAfter'
      ? (['Moved', 'move'] as const)
      : (ENDS[result.exitCode] ?? ['PlatformError', 'platform']);
  const message = error
    ? [error.message, error.hint].filter((part) => part !== '').join(' ')
    : `The worker ended with code ${result.exitCode}.`;
  const saved = SAVED.has(result.exitCode);
  return { do: 'end', attempt, reason, cause, message, saved, ...(error ? { code: error.code } : {}) };
}
