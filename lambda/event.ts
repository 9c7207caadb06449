// First step of an invocation: is what was asked well formed? Next: model.ts fetches the model it names.
import schema from '../cloud/contract/handler.schema.json' with { type: 'json' };
import type { PredictionEvent } from '../cloud/contract/contract.generated.ts';
import { PredictionFailure } from './failure.ts';
import { problems } from './schema.ts';

const MOST_PROBLEMS = 8;

/** The event, typed; throws InvalidEvent naming what is wrong with it. Values are never part of the message. */
export function validated(event: unknown): PredictionEvent {
  const found = problems(schema, event);
  if (found.length === 0) found.push(...contradictions(event as PredictionEvent));
  if (found.length > 0) {
    const text = found.slice(0, MOST_PROBLEMS).join('; ');
    throw new PredictionFailure('InvalidEvent', `The request is not a valid prediction event: ${text}.`);
  }
  return event as PredictionEvent;
}

/** Where the answer is to be put, of an event that may be wrong in any other way. */
export function answerUrl(event: unknown): string | undefined {
  const url = (event as { answer?: { url?: unknown } | null } | null | undefined)?.answer?.url;
  return isHttp(url) ? url : undefined;
}

/** What a schema can't say. */
function contradictions(event: PredictionEvent): string[] {
  return [...ofUrls(event), ...ofData(event.data), ...ofOutput(event.output, event.data)];
}

function ofUrls({ model, data, output, answer }: PredictionEvent): string[] {
  const urls: [string, string | undefined][] = [
    ['model.url', model.url],
    ['model.manifestUrl', model.manifestUrl],
    ['data.url', data.url],
    ['output.url', output.url],
    ['answer.url', answer?.url],
    ...(output.parts ?? []).map(({ url }, i): [string, string] => [`output.parts[${i}].url`, url]),
  ];
  return urls.filter(([, url]) => url !== undefined && !isHttp(url)).map(([name]) => `${name} must be an http(s) URL`);
}

function ofData({ bytes, range, quotes, rowGroups }: PredictionEvent['data']): string[] {
  const found: string[] = [];
  if (range && range.start >= range.end) found.push('data.range must end after its start');
  if (range && range.end > bytes) found.push('data.range must end within data.bytes');
  if (quotes && !range) found.push('data.quotes needs a data.range');
  if (quotes && quotes !== 'outside' && range?.start === 0) found.push('data.quotes must be outside at the start');
  if (rowGroups && range) found.push('data.range and data.rowGroups exclude each other');
  if (rowGroups && rowGroups.start >= rowGroups.end) found.push('data.rowGroups must end after their start');
  return found;
}

function ofOutput(
  { url, parts, partBytes, format }: PredictionEvent['output'],
  data: PredictionEvent['data'],
): string[] {
  const found: string[] = [];
  if ((url === undefined) === (parts === undefined)) found.push('output needs either url or parts');
  if (partBytes !== undefined && !parts) found.push('output.partBytes needs output.parts');
  if (parts?.some(({ number }, i) => i > 0 && number <= parts[i - 1]!.number)) {
    found.push('output.parts must be in the order of their numbers');
  }
  const partial = data.range && (data.range.start > 0 || data.range.end < data.bytes);
  if (format === 'parquet' && partial) found.push('output.format parquet needs the whole table, not a range');
  return found;
}

function isHttp(url: unknown): url is string {
  return typeof url === 'string' && /^https?:$/.test(URL.parse(url)?.protocol ?? '');
}
