// A process that meets its doom at its nth call that changes the world. Killed: before the call is sent, or after it took effect
// and before its answer came; from then on none of its calls does anything or returns, as after SIGKILL, until it is buried. Cut
// off or paused: the call is held, another replica takes over and works, then the call takes effect late and the process goes on.
import type { Cancel, Clock } from '../../cloud/clock.ts';
import { AwsError } from '../../cloud/errors.ts';

/**
 * `before` and `after`: SIGKILL on either side of the call. `moved`: the network holds every call of the process while its time goes
 * on. `paused`: its time stands still too (SIGSTOP), so that it goes on believing that it leads.
 */
export type Side = 'before' | 'after' | 'moved' | 'paused';
export const SIDES: readonly Side[] = ['before', 'after', 'moved', 'paused'];

interface Hanging {
  readonly go: () => void;
  readonly fail: (error: Error) => void;
}

export class Doom {
  /** The calls that changed the world, in order. */
  readonly calls: string[] = [];
  readonly side: Side;
  readonly at: number;
  #state: 'alive' | 'struck' | 'released' | 'buried' = 'alive';
  readonly #hanging: Hanging[] = [];
  readonly #held: (() => void)[] = [];
  #strike = () => {};
  /** Resolves when it is struck. */
  readonly struck = new Promise<void>((resolve) => {
    this.#strike = resolve;
  });

  constructor(at = Infinity, side: Side = 'before') {
    this.at = at;
    this.side = side;
  }

  get isStruck(): boolean {
    return this.#state !== 'alive';
  }

  over<T extends object>(target: T, changing: readonly string[]): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value = Reflect.get(of, name) as unknown;
        if (typeof value !== 'function') return value;
        const call = value.bind(of) as (...given: unknown[]) => unknown;
        if (name === 'close' || name === 'calls') return call;
        return (...given: unknown[]) => {
          const told = given.map((one) => (typeof one === 'function' ? this.#told(one as Told) : one));
          return this.#run(String(name), changing.includes(String(name)), () => call(...told), given);
        };
      },
    });
  }

  /** The process's clock: stands still while it is paused; what came due meanwhile runs when it goes on. */
  clock(base: Clock): Clock {
    if (this.side !== 'paused') return base;
    return {
      now: () => base.now(),
      after: (delayMs, run): Cancel => {
        let cancelled = false;
        const cancel = base.after(delayMs, () => this.#whenAwake(() => cancelled || run()));
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  /** Lets a cut-off or paused process go on: the held call takes effect now, then the others. */
  release(): void {
    if (this.#state !== 'struck') return;
    this.#state = 'released';
    for (const { go } of this.#hanging.splice(0)) go();
    for (const run of this.#held.splice(0)) run();
  }

  /** Lets the hanging calls fail, so that what waits for them can end. */
  bury(): void {
    this.#state = 'buried';
    for (const { fail } of this.#hanging.splice(0)) fail(lost());
    for (const run of this.#held.splice(0)) run();
  }

  async #run(name: string, changing: boolean, call: () => unknown, given: unknown[]): Promise<unknown> {
    if (this.#state === 'struck' || this.#state === 'buried') return this.#hang(call);
    const number = changing && !isLease(given) ? this.calls.push(nameOf(name, given)) : 0;
    if (number !== this.at || this.#state !== 'alive') return this.#answer(await call());
    this.#state = 'struck';
    // What the server refuses, it refused.
    if (this.side === 'after') await Promise.resolve(call()).catch(() => undefined);
    this.#strike();
    return this.#hang(call);
  }

  /** An answer that comes while the process is away waits for it. */
  async #answer(answer: unknown): Promise<unknown> {
    return this.#state === 'struck' || this.#state === 'buried' ? this.#hang(() => answer) : answer;
  }

  /** The call is made, if ever, when the process is released. */
  #hang(call: () => unknown): Promise<unknown> {
    if (this.#state === 'buried') return Promise.reject(lost());
    return new Promise((resolve, reject) => {
      this.#hanging.push({
        go: () => {
          Promise.resolve(call()).then(resolve, reject);
        },
        fail: reject,
      });
    });
  }

  #told(listener: Told): Told {
    return (...news) => void this.#whenAwake(() => listener(...news));
  }

  #whenAwake(run: () => unknown): void {
    if (this.#state === 'struck') this.#held.push(run);
    else run();
  }
}

type Told = (...news: unknown[]) => unknown;

interface Address {
  plural?: string;
  metadata?: { name?: string };
}

/** Leases are taken and renewed for ever: they are not part of a job's story. */
const isLease = (given: unknown[]): boolean => (given[0] as Address | undefined)?.plural === 'leases';

/** `mergePatch trainingjobs/job`, `put ledger/…`, `terminate i-…`. */
function nameOf(name: string, given: unknown[]): string {
  const plural = (given[0] as Address | undefined)?.plural;
  const about = plural === undefined ? given[0] : given[1];
  const words = Array.isArray(about) ? about.join(' ') : ((about as Address | undefined)?.metadata?.name ?? about);
  const rest = typeof words === 'string' ? `${plural === undefined ? '' : `${plural}/`}${words}` : '';
  return `${name} ${rest}`.trim();
}

const lost = (): Error => new AwsError('killed', { kind: 'unreachable', retryable: true });
