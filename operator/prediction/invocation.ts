// One invocation of the handler (decision 8): presigned URLs in, an answer out, its cost from the REPORT line. Whole tables for now; a
// part of a table differs by a range and the URL of a part.
import type { Functions, Report } from '../../cloud/functions.ts';
import type { PredictionAnswer, PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import { FunctionFailure } from '../../cloud/functions.ts';
import { CloudError } from '../../cloud/errors.ts';
import { invocationCost } from '../../cloud/prices.ts';
import type { PredictionReason } from '../../crds/reasons.ts';

export interface Billed {
  readonly requestId: string | undefined;
  readonly usd: number;
  readonly seconds: number;
}

export type Invoked =
  | {
      is: 'done';
      rows: number;
      uri: string;
      summary: Record<string, number>;
      etag: string;
      bytes: number;
      billed: Billed;
    }
  /** The handler refused: trying again can't help. */
  | { is: 'refused'; reason: PredictionReason; message: string; billed: Billed }
  /** Throttled, failed, timed out, no answer: trying again may help. */
  | { is: 'retry'; reason: PredictionReason; message: string; billed: Billed };

const REFUSALS: Readonly<Record<string, PredictionReason>> = {
  InvalidEvent: 'InvalidSpec',
  ModelRefused: 'ModelRefused',
  MissingColumns: 'MissingColumns',
  InvalidData: 'InvalidData',
  DataChanged: 'DatasetChanged',
};

export async function invoke(
  functions: Functions,
  name: string,
  event: PredictionEvent,
  memoryMib: number,
  signal: AbortSignal,
): Promise<Invoked> {
  try {
    const { requestId, report, answer } = await functions.invoke(name, event, signal);
    return judge(answer as PredictionAnswer, billed(requestId, report));
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const cost = billed(error.requestId, error instanceof FunctionFailure ? error.report : undefined);
    // A function that ran out of time and said nothing more was billed; its own limit bounds it.
    if (error.errorCode === 'FunctionTimedOut')
      return { is: 'retry', reason: 'FunctionTimedOut', message: error.message, billed: cost };
    if (error.retryable) return { is: 'retry', reason: 'Retrying', message: error.message, billed: cost };
    return { is: 'refused', reason: 'FunctionFailed', message: error.message, billed: cost };
  }

  function billed(requestId: string | undefined, report: Report | undefined): Billed {
    const ms = report?.billedMs ?? 0;
    return { requestId, seconds: ms / 1000, usd: ms === 0 ? 0 : invocationCost(ms, report?.memoryMib ?? memoryMib) };
  }
}

function judge(answer: PredictionAnswer, billed: Billed): Invoked {
  if (answer.success)
    return {
      is: 'done',
      rows: answer.num_predictions,
      uri: answer.predictions_s3_uri,
      summary: answer.summary,
      etag: answer.etag,
      bytes: answer.bytes,
      billed,
    };
  const reason = REFUSALS[answer.error_type];
  if (reason && !answer.retryable) return { is: 'refused', reason, message: answer.error, billed };
  return { is: 'retry', reason: 'Retrying', message: answer.error, billed };
}
