// First step of an invocation: is what was asked well formed? Next: model.ts fetches the model it names.
import schema from '../cloud/contract/handler.schema.json' with { type: 'json' };
import type { PredictionEvent } from '../cloud/contract/contract.generated.ts';
import { PredictionFailure } from './failure.ts';
import { problems } from './schema.ts';

const MOST_PROBLEMS = 8;

/** The event, typed; throws InvalidEvent naming what is wrong with it. Values are never part of the message. */
export function validated(event: unknown): PredictionEvent {
  const found = problems(schema, event);
  if (found.length > 0) throw invalid(found.slice(0, MOST_PROBLEMS).join('; '));
  const asked = event as PredictionEvent;
  const urls = {
    'model.url': asked.model.url,
    'model.manifestUrl': asked.model.manifestUrl,
    'data.url': asked.data.url,
    'output.url': asked.output.url,
  };
  for (const [name, url] of Object.entries(urls)) {
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw invalid(`${name} must be an http(s) URL`);
  }
  const { range, bytes } = asked.data;
  if (range && (range.start !== 0 || range.end !== bytes)) {
    throw invalid('data.range must cover the whole object: this handler scores a file in one piece');
  }
  return asked;
}

function invalid(text: string): PredictionFailure {
  return new PredictionFailure('InvalidEvent', `The request is not a valid prediction event: ${text}.`);
}
