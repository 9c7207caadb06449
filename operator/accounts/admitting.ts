// What trainings and predictions both ask of their account before anything is paid for, and say when it has no answer.
import type { Account } from '../../crds/crds.generated.ts';

/** Let in, and not being removed. */
export const isOpen = ({ spec, metadata }: Account): boolean =>
  spec.approval === 'Approved' && metadata?.deletionTimestamp === undefined;

export const NOT_OPEN = 'No administrator has let this account in, or it is being deleted.';
export const MONTH_UNKNOWN =
  'What this month has cost cannot be read now, so nothing new is begun. It goes on as soon as the ledger answers.';
