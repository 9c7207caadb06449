// The prediction function in virtual time, with real bytes: reads the table, puts its parts and its answer through the URLs it was given. What
// becomes of an invocation is fate: it may be lost, killed, doubled, or end long after everybody stopped waiting. Its work is its own:
// who hung up does not stop it.
import { FunctionFailure, type Invocation } from '../../../cloud/functions.ts';
import type { PredictionAnswer, PredictionEvent, Quotes } from '../../../cloud/contract/contract.generated.ts';
import { AwsError } from '../../../cloud/errors.ts';
import { failure } from '../aws.ts';
import type { Rows } from './rows.ts';
import type { Simulation } from './simulation.ts';

export type Fate =
  /** Nothing was begun. */
  | 'throttled'
  /** Never ran, and no answer came. */
  | 'lost'
  /** Did its work; its answer got lost on the way back. */
  | 'unheard'
  /** No answer in time; it does its work much later. */
  | 'late'
  /** Died in the middle, its first part put. */
  | 'killed'
  | 'memory'
  | 'time'
  /** Runs twice, the second time somewhat later. */
  | 'doubled'
  /** … and much later, when it may have been done again. */
  | 'haunted';

export interface Served {
  readonly name: string;
  readonly event: PredictionEvent;
  readonly at: number;
}

export interface ServingOptions {
  readonly rows: Rows;
  /** Of an invocation: `nth` of its chunk, from 1. */
  readonly fate?: (name: string, nth: number, event: PredictionEvent) => Fate | undefined;
  /** How a chunk reads its first byte when it is not told; right by default. */
  readonly reading?: (truth: Quotes, start: number) => Quotes;
  /** Rows that can't be read. */
  readonly badRow?: number;
}

const LEAST_PART = 5_242_880;
const BYTES_PER_SECOND = 1_000_000;
const LATE_MS = 400_000;
const MEMORY_MIB = 1769;

export class Serving {
  readonly #sim: Simulation;
  readonly #options: ServingOptions;
  readonly #asked = new Map<string, number>();
  readonly served: Served[] = [];
  /** Works that were begun, and those that somebody waited for to their end. */
  begun = 0;
  awaited = 0;
  /** Seconds that Lambda bills. */
  billedSeconds = 0;
  /** What a sound operator never does. */
  readonly faults: string[] = [];

  constructor(sim: Simulation, options: ServingOptions) {
    this.#sim = sim;
    this.#options = options;
    sim.functions.handler = (event, signal) => this.#serve(event as PredictionEvent, signal);
  }

  async #serve(event: PredictionEvent, signal?: AbortSignal): Promise<Invocation> {
    const name = nameOf(event);
    const nth = 1 + (this.#asked.get(name) ?? 0);
    this.#asked.set(name, nth);
    const requestId = `r-${this.served.length + 1}`;
    const fate = this.#options.fate?.(name, nth, event);
    if (fate === 'throttled') throw failure('throttled');
    this.served.push({ name, event, at: this.#sim.seconds });
    if (this.#answeredBefore(event)) this.faults.push(`${name} was invoked though its answer lay there`);
    const seconds = 1 + sizeOf(event) / BYTES_PER_SECOND;
    const wait = (ms: number) => this.#wait(ms, signal);
    switch (fate) {
      case 'lost':
        await wait(2_000);
        throw failure('unreachable');
      case 'unheard':
        void this.#later(seconds * 1000, event);
        await wait(2_000);
        throw failure('unreachable');
      case 'late':
        void this.#later(LATE_MS, event);
        await wait(330_000);
        throw failure('unreachable');
      case 'killed':
        await wait(500 * seconds);
        this.#work(event, 1);
        this.billedSeconds += seconds / 2;
        throw this.#failed('FunctionError', requestId, seconds / 2);
      case 'memory':
      case 'time':
        await wait(500 * seconds);
        this.billedSeconds += seconds / 2;
        throw this.#failed(fate === 'memory' ? 'FunctionOutOfMemory' : 'FunctionTimedOut', requestId, seconds / 2);
      case 'doubled':
      case 'haunted':
        void this.#later(seconds * (fate === 'doubled' ? 1_500 : 2_200), event);
        break;
      case undefined:
    }
    const done = this.#later(seconds * 1000, event);
    await wait(seconds * 1000);
    this.awaited += 1;
    return { requestId, answer: await done, report: reportOf(seconds) };
  }

  #answeredBefore({ answer }: PredictionEvent): boolean {
    return this.#sim.bucket.json<PredictionAnswer>(placeOf(answer?.url ?? '').key)?.success === true;
  }

  #failed(trouble: FunctionFailure['trouble'], requestId: string, seconds: number): FunctionFailure {
    return new FunctionFailure(`The prediction function failed (${trouble}).`, trouble, requestId, reportOf(seconds));
  }

  #wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(new AwsError('aborted', { kind: 'unreachable', retryable: true }));
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#sim.clock.after(ms, resolve);
    });
  }

  #later(ms: number, event: PredictionEvent): Promise<PredictionAnswer> {
    this.begun += 1;
    return new Promise((resolve) => {
      this.#sim.clock.after(ms, () => {
        this.billedSeconds += 1 + sizeOf(event) / BYTES_PER_SECOND;
        const answer = this.#work(event);
        const { key, until } = placeOf(event.answer?.url ?? '');
        if (this.#sim.clock.now() <= until) this.#sim.bucket.set(key, answer);
        resolve(answer);
      });
    });
  }

  /** `most` parts, then no more. */
  #work(event: PredictionEvent, most = Infinity): PredictionAnswer {
    const { rows, badRow, reading = (truth) => truth } = this.#options;
    const { bucket, clock } = this.#sim;
    const { start, end } = event.data.range ?? { start: 0, end: event.data.bytes };
    const place = placeOf(event.data.url);
    if (clock.now() > place.until) return refusal('ReadFailed', true);
    if (bucket.objects.get(place.key)?.etag !== event.data.etag) return refusal('DataChanged', false);
    const truth = rows.quotesAt(start);
    const quotes = {
      start: event.data.quotes ?? (start === 0 ? truth : reading(truth, start)),
      end: rows.quotesAt(end),
    };
    const right = quotes.start === truth;
    // Read wrongly, it takes other rows for its own.
    const from = rows.from(start) + (right ? 0 : 1);
    const to = Math.max(from, rows.from(end));
    if (right && badRow !== undefined && badRow >= from && badRow < to)
      return {
        ...refusal('InvalidData', false),
        row: badRow - from + 1,
        problem: 'is bad',
        quotes: { start: quotes.start },
      };
    const output = rows.predicted(from, to, start === 0);
    const parts = this.#put(event, output, most);
    if (parts === 'gone') return refusal('WriteFailed', true);
    return {
      success: true,
      predictions_s3_uri: event.output.uri,
      num_predictions: to - from,
      execution_time_ms: (1000 * (end - start)) / BYTES_PER_SECOND,
      bytes: output.length,
      counts: {},
      summary: { good: to - from },
      range: { start: start === 0 ? 0 : rows.begin(from), end: rows.begin(to) },
      quotes,
      ...(parts.length > 0 ? { parts: parts as [(typeof parts)[number]] } : {}),
    };
  }

  #put(
    event: PredictionEvent,
    output: Buffer,
    most: number,
  ): 'gone' | { number: number; etag: string; bytes: number }[] {
    const { bucket } = this.#sim;
    const { url, parts = [], partBytes = Infinity } = event.output;
    if (url !== undefined) {
      if (most === Infinity) bucket.set(placeOf(url).key, output);
      return [];
    }
    const put: { number: number; etag: string; bytes: number }[] = [];
    for (let at = 0; at < output.length && put.length < most; ) {
      const size = output.length - at > partBytes + LEAST_PART ? partBytes : output.length - at;
      const { number = 0, url: target = '' } = parts[put.length] ?? {};
      const { upload } = placeOf(target);
      if (!bucket.open.has(upload)) return 'gone';
      const body = output.subarray(at, at + size);
      put.push({ number, etag: bucket.setPart(upload, number, body), bytes: body.length });
      at += size;
    }
    return put;
  }
}

const refusal = (error_type: 'ReadFailed' | 'WriteFailed' | 'DataChanged' | 'InvalidData', retryable: boolean) => ({
  success: false as const,
  error: `It is ${error_type}.`,
  error_type,
  retryable,
});

const reportOf = (seconds: number) => ({ billedMs: Math.ceil(seconds * 1000), memoryMib: MEMORY_MIB, usedMib: 90 });

function sizeOf({ data }: PredictionEvent): number {
  const { start, end } = data.range ?? { start: 0, end: data.bytes };
  return end - start;
}

/** The chunk's name, from where its answer goes. */
const nameOf = ({ answer }: PredictionEvent): string =>
  /([^/]+)\.answer\.json$/.exec(placeOf(answer?.url ?? '').key)?.[1] ?? '';

function placeOf(url: string): { key: string; until: number; upload: string } {
  const { pathname, searchParams } = new URL(url);
  return {
    key: decodeURIComponent(pathname.slice(1)),
    until: Number(searchParams.get('until')),
    upload: searchParams.get('upload') ?? '',
  };
}
