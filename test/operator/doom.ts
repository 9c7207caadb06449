// A process killed at its nth call that changes the world: before it is sent, or after it took effect and before its answer came.
// From then on none of its calls does anything or returns, as after SIGKILL, until it is buried.
import { AwsError } from '../../cloud/errors.ts';

export class Doom {
  /** The calls that changed the world, in order. */
  readonly calls: string[] = [];
  readonly #at: number;
  readonly #side: 'before' | 'after';
  #dead = false;
  readonly #hanging: ((error: Error) => void)[] = [];
  #strike = () => {};
  /** Resolves when it is dead. */
  readonly struck = new Promise<void>((resolve) => {
    this.#strike = resolve;
  });

  constructor(at = Infinity, side: 'before' | 'after' = 'before') {
    this.#at = at;
    this.#side = side;
  }

  over<T extends object>(target: T, changing: readonly string[]): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value = Reflect.get(of, name) as unknown;
        if (typeof value !== 'function') return value;
        const call = value.bind(of) as (...given: unknown[]) => unknown;
        if (name === 'close' || name === 'calls') return call;
        return (...given: unknown[]) =>
          this.#run(String(name), changing.includes(String(name)), () => call(...given), given);
      },
    });
  }

  /** Lets the hanging calls fail, so that what waits for them can end. */
  bury(): void {
    this.#dead = true;
    for (const reject of this.#hanging.splice(0)) reject(lost());
    this.#hanging.push = () => 0;
  }

  async #run(name: string, changing: boolean, call: () => unknown, given: unknown[]): Promise<unknown> {
    if (this.#dead) return this.#hang();
    if (!changing) {
      const answer = await call();
      return this.#dead ? this.#hang() : answer;
    }
    const last = given.find((one) => typeof one === 'string');
    const number = this.calls.push(typeof last === 'string' ? `${name} ${last}` : name);
    if (number !== this.#at) {
      const answer = await call();
      return this.#dead ? this.#hang() : answer;
    }
    this.#dead = true;
    // What the server refuses, it refused.
    if (this.#side === 'after') await Promise.resolve(call()).catch(() => undefined);
    this.#strike();
    return this.#hang();
  }

  #hang(): Promise<never> {
    return new Promise((_, reject) => {
      if (this.#hanging.push(reject) === 0) reject(lost());
    });
  }
}

const lost = (): Error => new AwsError('killed', { kind: 'unreachable', retryable: true });
