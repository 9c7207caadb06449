// `npm run logs` at work: a job's lines as `kubectl logs -f` would show a pod's, attempt after attempt. Each round reads the job, then
// the rest of the stream of the attempt it is at; it moves to the next attempt when this one is over and drained, and ends with the job.
import { isTransient } from '../../cloud/errors.ts';
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { LogEvents } from '../../cloud/logs.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { failed } from '../runtime/kubernetes.ts';
import { isFinal, jobKey, logStreamOf, uidOf } from '../training/job.ts';

export interface TailOptions {
  /** The job as it is now; undefined: there is none. */
  readJob: () => Promise<TrainingJob | undefined>;
  logs: Pick<LogEvents, 'stream'>;
  /** Where streams are when the job doesn't say. */
  group: string;
  clock: Clock;
  /** A line of the log. */
  print: (line: string) => Promise<void> | void;
  /** What goes on; never part of the log. */
  say: (text: string) => void;
  follow: boolean;
  attempt?: number;
  /** Milliseconds since the epoch; only lines from then on. */
  since?: number;
  signal?: AbortSignal;
}

/** Lines of a worker that has ended may take this long to be readable. */
export const DRAIN_MS = 5_000;
const ROUND_MS = 1_000;
const MOST_BACKOFF_MS = 15_000;

/** One attempt's stream, and how far it is read. */
interface Place {
  readonly number: number;
  readonly group: string;
  readonly stream: string;
  readonly instanceId: string;
  token?: string;
  found: boolean;
  /** When it ended, as far as is known. */
  overSince?: number;
}

/** True when all was shown; false when there is no such job or attempt, which was said. Throws what can't be mended by asking again. */
export async function tail(options: TailOptions): Promise<boolean> {
  const { clock, signal } = options;
  const reader = new Reader(options);
  let backoff = ROUND_MS;
  while (!signal?.aborted) {
    let pause = ROUND_MS;
    try {
      const ended = await reader.round();
      if (ended !== undefined) return ended;
      backoff = ROUND_MS;
    } catch (error) {
      // Before the first answer a person would rather know that the address is wrong.
      if (!reader.met || !passes(error)) throw error;
      options.say(`${(error as Error).message}; trying again`);
      pause = backoff;
      backoff = Math.min(MOST_BACKOFF_MS, backoff * 2);
    }
    await sleep(clock, pause, signal);
  }
  return true;
}

const passes = (error: unknown): boolean =>
  isTransient(error) || failed(error, 'Unreachable', 'Server', 'Throttled', 'Conflict', 'Gone');

class Reader {
  readonly #options: TailOptions;
  #job: TrainingJob | undefined;
  #gone = false;
  #place: Place | undefined;
  #said = '';

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** Whether the job was seen. */
  get met(): boolean {
    return this.#job !== undefined;
  }

  /** Undefined: there may be more later. */
  async round(): Promise<boolean | undefined> {
    const { say, follow } = this.#options;
    await this.#look();
    const job = this.#job;
    if (!job) {
      say('There is no such TrainingJob. `kubectl get tj -A` lists those there are.');
      return false;
    }
    for (;;) {
      const next = this.#next(job);
      if (typeof next === 'string') {
        say(next);
        return false;
      }
      const over = this.#gone || isFinal(job);
      if (next === undefined && this.#place === undefined) {
        const { phase = 'Pending', message } = job.status ?? {};
        const state = `${phase}${message ? `: ${message}` : ''}`;
        if (over || !follow) {
          say(`${jobKey(job)} has no log (${state}).`);
          return true;
        }
        this.#sayOnce(`${jobKey(job)} has no instance yet (${state})`);
        return undefined;
      }
      if (next !== undefined && this.#place === undefined) this.#place = next;
      const place = this.#place as Place;
      const drained = await this.#read(place, attemptOf(job, place.number), over);
      if (!drained) return undefined;
      const after = this.#next(job);
      if (after === undefined || typeof after === 'string' || !follow) return this.#end(job, place, over);
      await this.#options.print(`--- attempt ${after.number} on ${after.instanceId} ---`);
      this.#place = after;
    }
  }

  /** Reads the job; one that is gone, or is another of the same name, stays as it was last seen. */
  async #look(): Promise<void> {
    if (this.#gone) return;
    const job = await this.#options.readJob();
    if (this.#job && (!job || uidOf(job) !== uidOf(this.#job))) {
      this.#gone = true;
      this.#options.say(`${jobKey(this.#job)} was deleted.`);
    } else this.#job = job;
  }

  /** The attempt to read after the one being read: the asked for, the newest to begin with; text: why there is none. */
  #next(job: TrainingJob): Place | string | undefined {
    const { attempt: asked } = this.#options;
    const launched = (job.status?.attempts ?? []).filter(({ instanceId }) => instanceId !== undefined);
    const at = this.#place?.number;
    if (asked === undefined)
      return this.#placeOf(job, at === undefined ? launched.at(-1) : launched.find(({ number }) => number > at));
    if (at !== undefined) return undefined;
    const found = launched.find(({ number }) => number === asked);
    if (found) return this.#placeOf(job, found);
    if (job.status?.attempts?.some(({ number, endedAt }) => number === asked && endedAt === undefined))
      return undefined;
    const known = launched.map(({ number }) => number).join(', ');
    return `${jobKey(job)} has no attempt ${asked} with a log${known === '' ? '' : `; there are ${known}`}.`;
  }

  #placeOf(job: TrainingJob, attempt: Attempt | undefined): Place | undefined {
    if (attempt?.instanceId === undefined) return undefined;
    // `<group>:<stream>` of the newest instance; neither name may have a colon.
    const [group, stream] = (job.status?.logStream ?? '').split(':');
    const newest = attempt.instanceId === job.status?.instanceId;
    return {
      number: attempt.number,
      instanceId: attempt.instanceId,
      group: group || this.#options.group,
      stream: (newest && stream) || logStreamOf(attempt.instanceId),
      found: false,
    };
  }

  /** Prints what came; true when the stream has nothing more to give. */
  async #read(place: Place, attempt: Attempt | undefined, over: boolean): Promise<boolean> {
    const { logs, since, follow, clock, print } = this.#options;
    const ended = over || attempt?.endedAt !== undefined;
    if (ended) place.overSince ??= Math.min(clock.now(), Date.parse(attempt?.endedAt ?? '') || Infinity);
    for (;;) {
      const page = await logs.stream({ group: place.group, stream: place.stream, since, token: place.token });
      if (page === undefined) {
        if (follow && !ended) this.#sayOnce(`waiting for the log of ${place.instanceId}`);
        break;
      }
      place.found = true;
      for (const { message } of page.events) for (const line of linesOf(message)) await print(line);
      place.token = page.next;
      if (page.end) break;
    }
    if (!follow) return true;
    return place.overSince !== undefined && clock.now() - place.overSince >= DRAIN_MS;
  }

  /** Reached when nothing comes after the place. */
  #end(job: TrainingJob, place: Place, over: boolean): boolean | undefined {
    const { follow, attempt, say } = this.#options;
    if (follow && !over && attempt === undefined) {
      this.#sayOnce(`attempt ${place.number} is over, ${jobKey(job)} is ${job.status?.phase}`);
      return undefined;
    }
    if (!place.found) say(`Attempt ${place.number} on ${place.instanceId} has no log.`);
    return true;
  }

  #sayOnce(text: string): void {
    if (text !== this.#said) this.#options.say(text);
    this.#said = text;
  }
}

const attemptOf = (job: TrainingJob, number: number): Attempt | undefined =>
  job.status?.attempts?.find((one) => one.number === number);

/** A message as lines fit for a terminal: what would steer it, or turn the order of letters, is shown as an escape. */
export function linesOf(message: string): string[] {
  return message
    .replace(/(\r?\n)+$/, '')
    .split(/\r?\n/)
    .map((line) => line.replace(STEERING, escaped));
}

const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function escaped(letter: string): string {
  const code = letter.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}
