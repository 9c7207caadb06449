// What a prediction can fail with, in the words of the answer's contract. Every foreign error (HTTP, the file system,
// onnxruntime) is translated into one of these at the border that meets it; handler.ts turns them into the answer.
import type { PredictionFailed } from '../cloud/contract/contract.generated.ts';

export type FailureType = PredictionFailed['error_type'];

/** What the answer says besides; `quotes` is added by predict.ts, which knows how it read the chunk. */
export type FailureDetails = Pick<PredictionFailed, 'retryable' | 'row' | 'problem' | 'quotes'>;

/** Carries a message fit for a user: no URL, no row data, no stack. */
export class PredictionFailure extends Error {
  readonly type: FailureType;
  readonly retryable: boolean;
  readonly details: FailureDetails;

  constructor(type: FailureType, message: string, details: FailureDetails = {}) {
    super(message);
    this.name = 'PredictionFailure';
    this.type = type;
    this.retryable = details.retryable ?? false;
    this.details = details;
  }
}

/** A row that cannot be read, counted from 1 within the table or chunk; `problem` goes on from “Row 7 …”. */
export function badRow(row: number, problem: string): PredictionFailure {
  return new PredictionFailure('InvalidData', `Row ${row} ${problem}.`, { row, problem });
}

/** Names for a message: the first ones, and how many more there are. */
export function listed(names: readonly string[], most = 20): string {
  const shown = names.slice(0, most).map((name) => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name));
  return names.length > most ? `${shown.join(', ')} and ${names.length - most} more` : shown.join(', ');
}
