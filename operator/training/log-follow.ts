// The log part of the batched look at the world (decision 4): one paged FilterLogEvents a tick for all workers together, from the newest
// time heard minus an overlap, since lines come late and out of order. What it yields is figures by instance; nothing is decided by
// logs (docs/decisions/0001): a line shows that a worker lives and how far it says it is.
import type { Clock } from '../../cloud/clock.ts';
import { type LineFigures, readFigures, saysNothing } from '../../cloud/log-lines.ts';
import type { LogEvent, LogEvents } from '../../cloud/logs.ts';
import type { Logger } from '../runtime/logging.ts';
import { logStreamOf } from './job.ts';

/** Newest figures of an instance; each the newest of its kind, perhaps of different lines. */
export interface LogReport extends LineFigures {
  /** When its newest line was written, milliseconds, never later than now. */
  readonly at: number;
}

export interface LogFollowOptions {
  logs: Pick<LogEvents, 'follow'>;
  group: string;
  clock: Clock;
  logger: Logger;
}

const STREAM_PREFIX = logStreamOf('');
/** Lines reach the group up to this much later than younger ones of other streams. */
export const OVERLAP_MS = 20_000;
/** How far back the first tick looks, and any other after silence: an operator that takes over hears what was said meanwhile. */
export const FIRST_LOOK_MS = 120_000;
/** Pages of a tick; a page holds up to 10,000 events. What is left is read from where it stopped by the next tick. */
const MOST_PAGES = 20;
/** Ids remembered to tell a line read again; a line forgotten too early only repeats its figures. */
const MOST_IDS = 20_000;
/** A replica serves 10,000 jobs; a worker that makes streams up pushes out the longest silent. */
const MOST_INSTANCES = 20_000;

type Kind = keyof LineFigures;

interface Known {
  report: LogReport;
  /** When the line of each figure was written. */
  readonly since: Partial<Record<Kind, number>>;
}

export class LogFollow {
  readonly #options: LogFollowOptions;
  readonly #known = new Map<string, Known>();
  /** Instances heard since the last tick that answered. */
  readonly #heard = new Set<string>();
  /** Id of a line within the overlap → when it was written. */
  readonly #ids = new Map<string, number>();
  #newest: number;
  /** Where a tick with too many pages stopped. */
  #rest: { since: number; token: string } | undefined;

  constructor(options: LogFollowOptions) {
    this.#options = options;
    this.#newest = options.clock.now() - FIRST_LOOK_MS + OVERLAP_MS;
  }

  /**
   * Figures of the instances that said anything new. Throws CloudError when a page did not come; then nothing is lost: what was read
   * is part of the next tick's answer.
   */
  async tick(): Promise<Map<string, LogReport>> {
    const since = this.#rest?.since ?? this.#newest - OVERLAP_MS;
    let token = this.#rest?.token;
    // A token may have expired, or the failure may be its own: the next tick begins anew.
    this.#rest = undefined;
    // Long silence must not make the search long: nothing comes later than the first look reaches back.
    let newest = Math.max(this.#newest, this.#options.clock.now() - FIRST_LOOK_MS);
    for (let page = 0; ; page += 1) {
      const { events, next } = await this.#options.logs.follow({
        group: this.#options.group,
        streamPrefix: STREAM_PREFIX,
        since,
        token,
      });
      for (const event of events) newest = Math.max(newest, this.#take(event));
      if (next === undefined || next === token) break;
      token = next;
      if (page + 1 >= MOST_PAGES) {
        this.#rest = { since, token };
        this.#options.logger.warn({ pages: MOST_PAGES }, 'more log lines than a tick reads');
        break;
      }
    }
    this.#newest = newest;
    if (this.#rest === undefined) this.#dropIds(newest - OVERLAP_MS);
    return this.#told();
  }

  /** Drops what is known of instances that are gone. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) {
      this.#known.delete(id);
      this.#heard.delete(id);
    }
  }

  /** How much is remembered, for whoever watches memory. */
  get size(): { instances: number; lines: number } {
    return { instances: this.#known.size, lines: this.#ids.size };
  }

  /** Takes a line in, unless it was before; gives its time. A clock that runs ahead must not hide the lines of all others. */
  #take({ stream, at: said, id, message }: LogEvent): number {
    const at = Math.min(said, this.#options.clock.now());
    if (!stream.startsWith(STREAM_PREFIX) || stream === STREAM_PREFIX || this.#ids.has(id)) return at;
    // By what it says itself: as long as it is asked for again.
    this.#ids.set(id, said);
    const instanceId = stream.slice(STREAM_PREFIX.length);
    const known = this.#known.get(instanceId) ?? { report: { at }, since: {} };
    this.#update(known, at, message);
    if (!this.#heard.has(instanceId)) {
      // Set anew, so that the order of the map is that of last being heard.
      this.#known.delete(instanceId);
      this.#known.set(instanceId, known);
      this.#heard.add(instanceId);
    }
    dropOldest(this.#known, MOST_INSTANCES, (oldest) => this.#heard.delete(oldest));
    dropOldest(this.#ids, MOST_IDS);
    return at;
  }

  #update(known: Known, at: number, message: string): void {
    const figures = readFigures(message);
    known.report = { ...known.report, at: Math.max(known.report.at, at) };
    if (saysNothing(figures)) return;
    for (const kind of Object.keys(figures) as Kind[]) {
      if (at < (known.since[kind] ?? -Infinity)) continue;
      known.since[kind] = at;
      known.report = { ...known.report, [kind]: figures[kind] };
    }
  }

  #told(): Map<string, LogReport> {
    const told = new Map<string, LogReport>();
    for (const id of this.#heard) {
      const known = this.#known.get(id);
      if (known) told.set(id, known.report);
    }
    this.#heard.clear();
    return told;
  }

  /** Lines before `start` are not asked for again. */
  #dropIds(start: number): void {
    for (const [id, at] of this.#ids) if (at < start) this.#ids.delete(id);
  }
}

/** Many at once, since finding a map's oldest key again and again passes all that were deleted before it. */
function dropOldest<K>(map: Map<K, unknown>, most: number, dropped?: (key: K) => void): void {
  if (map.size <= most * 1.1) return;
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
    dropped?.(key);
  }
}
