// What stands between operators and their world: counts every call, and lets calls fail on demand, before they take effect (nothing
// happened) or after (it happened, and the answer was lost).
import { KubernetesError } from '../../../operator/runtime/kubernetes.ts';
import { failure } from '../aws.ts';
import type { Random } from './random.ts';

export type Service = 'ec2' | 's3' | 'sqs' | 'logs' | 'kubernetes';

export interface Call {
  readonly service: Service;
  readonly name: string;
  /** Of the Kubernetes API: plural of the kind. */
  readonly plural: string | undefined;
}

export interface Trouble {
  readonly before?: Error;
  readonly after?: Error;
}

/** Undefined: this call goes well, as far as this rule is concerned. */
export type Rule = (call: Call) => Trouble | undefined;

export class Weather {
  /** Calls so far, `ec2 createFleet`. */
  readonly counts = new Map<string, number>();
  /** Calls that were made to fail. */
  failed = 0;
  readonly #rules = new Set<Rule>();

  /** Returns what ends it. */
  rule(rule: Rule): () => void {
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }

  /** Every call of a service (or those named) fails. Returns what ends it. */
  away(service: Service, error: () => Error, names?: readonly string[]): () => void {
    return this.rule((call) =>
      call.service === service && (names?.includes(call.name) ?? true) ? { before: error() } : undefined,
    );
  }

  /** Does something just before the first such call takes effect. */
  once(service: Service, name: string, act: () => void): void {
    const end = this.rule((call) => {
      if (call.service === service && call.name === name) {
        end();
        act();
      }
      return undefined;
    });
  }

  count(service: Service, name?: string): number {
    if (name !== undefined) return this.counts.get(`${service} ${name}`) ?? 0;
    let sum = 0;
    for (const [call, count] of this.counts) if (call.startsWith(`${service} `)) sum += count;
    return sum;
  }

  over<T extends object>(service: Service, target: T): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value = Reflect.get(of, name) as unknown;
        if (typeof value !== 'function' || name === 'close') return value;
        const make = value.bind(of) as (...given: unknown[]) => unknown;
        return (...given: unknown[]) => this.#call(service, String(name), () => make(...given), given);
      },
    });
  }

  async #call(service: Service, name: string, make: () => unknown, given: unknown[]): Promise<unknown> {
    const counted = `${service} ${name}`;
    this.counts.set(counted, (this.counts.get(counted) ?? 0) + 1);
    const plural = (given[0] as { plural?: string } | undefined)?.plural;
    let late: Error | undefined;
    for (const rule of this.#rules) {
      const trouble = rule({ service, name, plural });
      if (!trouble) continue;
      this.failed += 1;
      if (trouble.before) throw trouble.before;
      late ??= trouble.after;
    }
    const answer = await make();
    if (late) throw late;
    return answer;
  }
}

const WRITES: ReadonlySet<string> = new Set(['create', 'replace', 'mergePatch', 'delete']);

/** An API server that answers 409 to changes, 410 to lists and watches, and 500 before or after the effect, each at `rate`. */
export function moodyServer(random: Random, rate: number): Rule {
  return ({ service, name }) => {
    if (service !== 'kubernetes') return undefined;
    if ((name === 'mergePatch' || name === 'replace') && random.chance(rate))
      return { before: new KubernetesError('Conflict', 'the object has been modified', 409) };
    if ((name === 'list' || name === 'watch') && random.chance(rate))
      return { before: new KubernetesError('Gone', 'too old resource version', 410) };
    if (!random.chance(rate)) return undefined;
    const error = new KubernetesError('Server', 'internal error', 500);
    return WRITES.has(name) && random.chance(0.5) ? { after: error } : { before: error };
  };
}

export const throttled = (): Error => failure('throttled');
export const unreachable = (): Error => failure('unreachable');
