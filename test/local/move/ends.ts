// Two Kubernetes APIs for moves: each with the definitions and with our namespace, as an installation has them.
import { NAMESPACES } from '../../../operator/runtime/resources.ts';
import type { Kubernetes } from '../../../operator/runtime/kubernetes.ts';
import { systemClock, type Clock } from '../../../cloud/clock.ts';
import { startCluster, type Cluster } from '../../operator/cluster.ts';

export interface Ends {
  readonly here: Cluster;
  readonly there: Cluster;
  close(): Promise<void>;
}

export async function startEnds(): Promise<Ends> {
  const [here, there] = await Promise.all([startEnd(), startEnd()]);
  return { here, there, close: async () => void (await Promise.all([here.close(), there.close()])) };
}

export async function startEnd(): Promise<Cluster> {
  const cluster = await startCluster();
  await cluster.client.create(NAMESPACES, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'spotlearn-system' },
  });
  return cluster;
}

/** Time as it is, but nobody waits. */
export const HASTY: Clock = { now: () => Date.now(), after: (_, run) => systemClock().after(0, run) };

const CHANGING = ['create', 'replace', 'mergePatch', 'delete'];

export class Killed extends Error {}

/** Counts the calls that change something at either end, and dies right after the nth took effect: no later call does anything. */
export class Mortal {
  readonly calls: string[] = [];
  readonly #at: number;

  constructor(at = Infinity) {
    this.#at = at;
  }

  over(kubernetes: Kubernetes): Kubernetes {
    return new Proxy(kubernetes, {
      get: (of, name) => {
        const call = Reflect.get(of, name) as (...given: unknown[]) => Promise<unknown>;
        return async (...given: unknown[]) => {
          if (this.calls.length >= this.#at) throw new Killed();
          const answer = await call.apply(of, given);
          if (CHANGING.includes(String(name))) this.calls.push(nameOf(String(name), given));
          if (this.calls.length >= this.#at) throw new Killed();
          return answer;
        };
      },
    });
  }
}

function nameOf(call: string, [resource, about]: unknown[]): string {
  const name = typeof about === 'string' ? about : (about as { metadata?: { name?: string } }).metadata?.name;
  return `${call} ${(resource as { plural: string }).plural}/${name}`;
}
