// The prediction Lambda: what the operator invokes, once a file. Validates the event (event.ts), gets the model (model.ts),
// streams the table through it (predict.ts) and stores the result (spool.ts). Never throws and never shows a stack: what
// went wrong is in the answer. It has no permission in AWS; the event's presigned URLs are all it can touch.
import type { PredictionAnswer, PredictionDone, PredictionEvent } from '../cloud/contract/contract.generated.ts';
import { validated } from './event.ts';
import { listed, PredictionFailure } from './failure.ts';
import { type Model, ModelCache } from './model.ts';
import { predict } from './predict.ts';
import { download } from './source.ts';
import { Spool } from './spool.ts';

const models = new ModelCache();

/** Frees what a warm function keeps; for programs that end. */
export async function close(): Promise<void> {
  await models.clear();
}

export async function handler(input: unknown): Promise<PredictionAnswer> {
  const began = performance.now();
  const notes: Record<string, unknown> = {};
  try {
    const event = validated(input);
    Object.assign(notes, {
      job: `${event.job.namespace}/${event.job.name}`,
      uid: event.job.uid,
      chunk: event.job.chunk,
    });
    const answer = await answerTo(event, began, notes);
    log('info', 'predictions stored', { ...notes, rows: answer.num_predictions, ms: answer.execution_time_ms });
    return answer;
  } catch (error) {
    const failure = translated(error, notes);
    log('error', 'prediction failed', { ...notes, type: failure.type, retryable: failure.retryable, ms: since(began) });
    return { success: false, error: failure.message, error_type: failure.type, retryable: failure.retryable };
  }
}

async function answerTo(
  event: PredictionEvent,
  began: number,
  notes: Record<string, unknown>,
): Promise<PredictionDone> {
  const { model, warm } = await models.get(event.model);
  Object.assign(notes, { model: event.model.sha256.slice(0, 12), warm, bytesIn: event.data.bytes });
  requireFeatures(event, model);
  const spool = new Spool();
  try {
    const asked = {
      ...model,
      predictionColumn: event.prediction_column_name,
      probabilities: event.probabilities ?? false,
    };
    const predicted = await predict(asked, download(event.data), (bytes) => spool.write(bytes));
    const etag = await spool.upload(event.output.url);
    Object.assign(notes, { bytesOut: spool.bytes, encoding: predicted.encoding, delimiter: predicted.delimiter });
    return {
      success: true,
      predictions_s3_uri: event.output.uri,
      num_predictions: predicted.rows,
      execution_time_ms: since(began),
      etag,
      bytes: spool.bytes,
      counts: predicted.counts,
      summary: predicted.summary,
    };
  } finally {
    await spool.discard();
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
