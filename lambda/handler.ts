// The prediction Lambda: what the operator invokes, once a file or a chunk of one. Validates the event (event.ts), gets the
// model (model.ts), streams the table through it (predict.ts) and stores the result (spool.ts, parts.ts). Never throws and
// never shows a stack: what went wrong is in the answer. It has no permission in AWS; the event's presigned URLs are all it
// can touch. Invoked twice with the same event it stores the same bytes twice.
import type { PredictionAnswer, PredictionDone, PredictionEvent } from '../cloud/contract/contract.generated.ts';
import { answerUrl, validated } from './event.ts';
import { listed, PredictionFailure } from './failure.ts';
import { openSource } from './formats/source.ts';
import { prepareHeap } from './heap.ts';
import { type Model, ModelCache } from './model.ts';
import { Parts } from './parts.ts';
import { predict, type PredictedRange, predictRange } from './predict.ts';
import type { Sink } from './sink.ts';
import { DataObject } from './source.ts';
import { Spool } from './spool.ts';
import type { Predicted, Prediction } from './table.ts';
import { upload } from './upload.ts';

const models = new ModelCache();

/** Frees what a warm function keeps; for programs that end. */
export async function close(): Promise<void> {
  await models.clear();
}

export async function handler(input: unknown): Promise<PredictionAnswer> {
  const began = performance.now();
  const notes: Record<string, unknown> = {};
  const answer = await answerTo(input, began, notes);
  await putAnswer(input, answer, notes);
  if (answer.success)
    log('info', 'predictions stored', { ...notes, rows: answer.num_predictions, ms: answer.execution_time_ms });
  else {
    const { error_type: type, retryable } = answer;
    log('error', 'prediction failed', { ...notes, type, retryable, ms: since(began) });
  }
  return answer;
}

async function answerTo(input: unknown, began: number, notes: Record<string, unknown>): Promise<PredictionAnswer> {
  try {
    const event = validated(input);
    Object.assign(notes, {
      job: `${event.job.namespace}/${event.job.name}`,
      uid: event.job.uid,
      chunk: event.job.chunk,
    });
    return await done(event, began, notes);
  } catch (error) {
    const { message, type, retryable, details } = translated(error, notes);
    return { success: false, error: message, error_type: type, ...details, retryable };
  }
}

async function done(event: PredictionEvent, began: number, notes: Record<string, unknown>): Promise<PredictionDone> {
  const { model, warm } = await models.get(event.model);
  Object.assign(notes, { model: event.model.sha256.slice(0, 12), warm, bytesIn: event.data.bytes });
  requireFeatures(event, model);
  const sink = sinkOf(event.output);
  try {
    const predicted = await predictInto(sink, event, model);
    const stored = await sink.end();
    const { rows, badRows, firstBadRow, counts, summary, encoding, delimiter, statistics, range, quotes } = predicted;
    Object.assign(notes, { bytesOut: stored.bytes, encoding, delimiter });
    return {
      success: true,
      predictions_s3_uri: event.output.uri,
      num_predictions: rows,
      execution_time_ms: since(began),
      ...stored,
      counts,
      summary,
      ...(badRows > 0 && { bad_rows: badRows, first_bad_row: firstBadRow }),
      ...(range && { range, quotes }),
      encoding,
      delimiter,
      ...(statistics && { statistics }),
    };
  } finally {
    await sink.discard();
  }
}

function sinkOf({ url, parts, partBytes }: PredictionEvent['output']): Sink {
  if (parts) return new Parts(parts, partBytes);
  if (url !== undefined) return new Spool(url);
  throw new Error('an event without output was let through');
}

/** The rows asked for, with predictions: a chunk of a CSV, or the whole of a table in any format. */
async function predictInto(
  sink: Sink,
  event: PredictionEvent,
  model: Model,
): Promise<Predicted & Partial<Pick<PredictedRange, 'range' | 'quotes'>>> {
  const { range, quotes, bytes, rowGroups } = event.data;
  const { header = true, format = 'csv' } = event.output;
  prepareHeap(bytes);
  const asked: Prediction = {
    ...model,
    predictionColumn: event.prediction_column_name,
    probabilities: event.probabilities ?? false,
    onBadRow: event.on_bad_row ?? 'fail',
  };
  const object = new DataObject(event.data);
  const write = (piece: Buffer) => sink.write(piece);
  if (range && (range.start > 0 || range.end < bytes)) {
    return predictRange(asked, object, { ...range, ...(quotes && { quotes }) }, write, { header, format });
  }
  const source = await openSource(object, rowGroups);
  const { parquet } = source;
  const predicted = await predict(asked, source.bytes, write, { header, format, ...(parquet && { parquet }) });
  return { ...predicted, ...(range && { range, quotes: { start: 'outside', end: 'outside' } }) };
}

/** Where whoever asked finds the answer, should nobody be waiting for it any more. */
async function putAnswer(input: unknown, answer: PredictionAnswer, notes: Record<string, unknown>): Promise<void> {
  const url = answerUrl(input);
  if (url === undefined) return;
  const body = Buffer.from(JSON.stringify(answer));
  try {
    await upload({ url, what: 'The answer', bytes: body.length, body: () => [body] });
  } catch (error) {
    notes.answer = error instanceof PredictionFailure ? error.message : 'The answer could not be stored.';
  }
}

/** `feature_columns` may name more than the model uses, in any order, but must not leave one out. */
function requireFeatures(event: PredictionEvent, { manifest }: Model): void {
  if (!event.feature_columns) return;
  const named = new Set(event.feature_columns);
  const left = manifest.features.map(({ name }) => name).filter((name) => !named.has(name));
  if (left.length > 0) {
    throw new PredictionFailure(
      'MissingColumns',
      `The features asked for leave out what the model needs: ${listed(left)}.`,
    );
  }
}

function translated(error: unknown, notes: Record<string, unknown>): PredictionFailure {
  if (error instanceof PredictionFailure) return error;
  const name = error instanceof Error ? error.name : 'Error';
  // Where, but not the message: it may quote a cell or a URL.
  if (error instanceof Error)
    notes.at = error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 5);
  return new PredictionFailure(
    'Internal',
    `The handler failed (${name}). This is a fault of the program, not of the data.`,
    {
      retryable: true,
    },
  );
}

function since(began: number): number {
  return Math.round((performance.now() - began) * 10) / 10;
}

/** One JSON line an invocation, in pino's shape; pino itself would cost a tenth of the cold start. */
function log(level: 'info' | 'error', msg: string, keys: Record<string, unknown>): void {
  const memoryMiB = Math.round(process.memoryUsage.rss() / 1024 / 1024);
  process.stderr.write(
    `${JSON.stringify({ level: level === 'info' ? 30 : 50, time: Date.now(), msg, ...keys, memoryMiB })}\n`,
  );
}
