// How many invocations may be in flight, over all jobs: AIMD (Chiu and Jain, 1989). Each answer adds one, a throttle halves, once for all throttles
// of a burst. Jobs share what there is: the next place goes to the one with the fewest in flight. Time is passed in; calls nothing.

export interface PaceOptions {
  /** Most in flight at once; also where it begins, since a throttle costs next to nothing. */
  readonly ceiling: number;
}

/** Who waits for places. */
interface Claim {
  readonly want: number;
  readonly most: number;
}

/** A throttle says where the ceiling is. It is neared quickly, tried carefully, and soon passed if it has moved, as CUBIC does (RFC 9438). */
const CAREFUL_MS = 5_000;
const DOUBLED_MS = 15_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export class Pace {
  readonly #ceiling: number;
  #limit: number;
  /** In flight when it was throttled last. */
  #mark = Infinity;
  #markedAt = 0;
  #pauseUntil = 0;
  /** Halvings since the last answer. */
  #halvings = 0;
  #begun = 0;
  /** Throttles of invocations up to this one are of a burst that was answered for. */
  #heeded = 0;
  #total = 0;
  readonly #flights = new Map<string, number>();
  /** In the order in which they come next. */
  readonly #claims = new Map<string, Claim>();

  constructor({ ceiling }: PaceOptions) {
    this.#ceiling = Math.max(1, ceiling);
    this.#limit = this.#ceiling;
  }

  /** In flight at once, over all jobs, as of now. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /**
   * How many of `want` the job may begin now, `most` of it being in flight at once. What it wants is kept as its claim until it asks again
   * (0: none), so that others leave it its share: ask again after each outcome.
   */
  ask(job: string, want: number, most: number, now: number): number {
    if (want > 0) this.#claims.set(job, { want, most });
    else this.#claims.delete(job);
    return now < this.#pauseUntil ? 0 : (this.#shares().get(job) ?? 0);
  }

  /** An invocation is begun; what it returns goes to `ended`. */
  began(job: string): number {
    this.#total += 1;
    this.#flights.set(job, this.#of(job) + 1);
    const claim = this.#claims.get(job);
    // Behind all others, as far as the numbers in flight do not decide.
    this.#claims.delete(job);
    if (claim && claim.want > 1) this.#claims.set(job, { ...claim, want: claim.want - 1 });
    return ++this.#begun;
  }

  /** `answered`: the function ran and said something. `other`: nobody knows what became of it. */
  ended(job: string, invocation: number, how: 'answered' | 'throttled' | 'other', now: number): void {
    this.#total -= 1;
    const left = this.#of(job) - 1;
    if (left > 0) this.#flights.set(job, left);
    else this.#flights.delete(job);
    if (how === 'answered') this.#answered(now);
    if (how === 'throttled' && invocation > this.#heeded) this.#throttled(now);
  }

  /** Jobs whose claims have room now: let them ask. */
  ready(now: number): string[] {
    return now < this.#pauseUntil ? [] : [...this.#shares()].filter(([, share]) => share > 0).map(([job]) => job);
  }

  /** When, in ms, the pause after a throttle is over; undefined: there is none. */
  pausedUntil(now: number): number | undefined {
    return now < this.#pauseUntil ? this.#pauseUntil : undefined;
  }

  #of(job: string): number {
    return this.#flights.get(job) ?? 0;
  }

  #answered(now: number): void {
    this.#halvings = 0;
    const later = Math.max(0, now - this.#markedAt - CAREFUL_MS) / DOUBLED_MS;
    const most = Math.min(this.#ceiling, this.#mark * (1 + later ** 3));
    this.#limit = Math.max(this.#limit, Math.min(most, this.#limit + 1));
  }

  #throttled(now: number): void {
    this.#heeded = this.#begun;
    // What is in flight is what there was room for; a limit that nobody used says nothing.
    this.#mark = Math.max(1, this.#total);
    this.#markedAt = now;
    this.#limit = Math.max(1, Math.min(this.#limit, this.#total + 1) / 2);
    this.#pauseUntil = now + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#halvings);
    this.#halvings += 1;
  }

  /** What each claim may begin, all together no more than there is room for: the emptiest jobs are filled up to a common level. */
  #shares(): Map<string, number> {
    const free = this.limit - this.#total;
    if (free <= 0) return new Map();
    const upTo = (level: number) =>
      new Map(
        [...this.#claims].map(([job, { want, most }]): [string, number] => [
          job,
          Math.max(0, Math.min(want, Math.min(level, most) - this.#of(job))),
        ]),
      );
    const sum = (shares: Map<string, number>) => [...shares.values()].reduce((all, share) => all + share, 0);
    let [level, above] = [0, this.#ceiling + 1];
    while (above - level > 1) {
      const middle = Math.floor((level + above) / 2);
      if (sum(upTo(middle)) <= free) level = middle;
      else above = middle;
    }
    const shares = upTo(level);
    let left = free - sum(shares);
    for (const [job, share] of upTo(level + 1)) {
      if (left <= 0 || share <= shares.get(job)!) continue;
      shares.set(job, share);
      left -= 1;
    }
    return shares;
  }
}
