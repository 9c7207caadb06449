// How admission says no: refused is for good, waiting is asked again. `message` says in plain words what to change.
import type { TrainingReason } from '../../crds/reasons.ts';
import type { Verdict } from './confirm.ts';

export type Refusal = Extract<Verdict, { is: 'refused' }>;

export const refuse = (reason: TrainingReason, message: string): Refusal => ({ is: 'refused', reason, message });
export const wait = (reason: TrainingReason, message: string): Verdict => ({ is: 'waiting', reason, message });
