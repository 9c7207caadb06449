// Why a job can't be done, in the reasons of its conditions (crds/reasons.ts).
import type { PredictionFailed } from '../../cloud/contract/contract.generated.ts';
import type { PredictionReason } from '../../crds/reasons.ts';
import type { Failure } from './chain.ts';

export interface Refusal {
  readonly reason: PredictionReason;
  readonly message: string;
}

/** Thrown where a job turns out to be impossible; `message` is for the analyst. */
export class Refused extends Error implements Refusal {
  readonly reason: PredictionReason;
  constructor({ reason, message }: Refusal) {
    super(message);
    this.name = 'Refused';
    this.reason = reason;
  }
}

const BY_ANSWER: Readonly<Partial<Record<PredictionFailed['error_type'], PredictionReason>>> = {
  InvalidEvent: 'InvalidSpec',
  ModelRefused: 'ModelRefused',
  MissingColumns: 'MissingColumns',
  InvalidData: 'InvalidData',
  DataChanged: 'DatasetChanged',
};

export function reasonOf({ why, invoked }: Failure): PredictionReason {
  switch (why) {
    case 'BadRow':
      return 'InvalidData';
    case 'Inconsistent':
      return 'ResultInconsistent';
    case 'Exhausted':
      return invoked?.is === 'exhausted' && invoked.what === 'memory' ? 'FunctionOutOfMemory' : 'FunctionTimedOut';
    case 'Refused':
      return (invoked?.is === 'failed' ? BY_ANSWER[invoked.answer.error_type] : undefined) ?? 'FunctionFailed';
    case 'OutOfParts':
      return 'ResultTooLarge';
    case 'GaveUp':
      return 'FunctionFailed';
  }
}
