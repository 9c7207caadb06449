// Nobody acts while objects are carried: the operators' Lease is taken at both ends, for ever, and given back at the destination alone when all is
// there. Leaders stop by their own rules (operator/runtime/leader.ts), also ones that start later, and a move that is killed leaves both ends
// still. Bots have no Lease; where they run as Deployments these are scaled to nothing.
import { type Clock, sleep } from '../../cloud/clock.ts';
import { GROUP } from '../../crds/objects.ts';
import {
  failed,
  type Kubernetes,
  type KubeObject,
  type Page,
  type Resource,
} from '../../operator/runtime/kubernetes.ts';
import { LEASE_SECONDS, microTime, OPERATOR_LEASE, type Lease } from '../../operator/runtime/leader.ts';
import { LEASES, PODS } from '../../operator/runtime/resources.ts';
import { StartFailure } from '../stack/failure.ts';
import { OUR_NAMESPACE } from './inventory.ts';

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', namespaced: true };

/** 68 years: no other holder waits that out. */
const FOREVER_SECONDS = 2_147_483_647;
const HOLDER = 'spotlearn-move';
/** On the source's Lease, once the copies count. */
const MOVED_AT = `${GROUP}/moved-at`;
/** On a Deployment scaled to nothing: what it had. */
const REPLICAS = `${GROUP}/replicas-before-move`;
const TRIES = 5;
const PODS_GONE_MS = 120_000;
const LOOK_MS = 1_000;

export const holderOf = (from: string, to: string): string => `${HOLDER} from ${from} to ${to}`;

export interface Held {
  readonly holder: string;
  /** When the move ended, RFC 3339. */
  readonly movedAt: string | undefined;
}

export async function heldIn(kubernetes: Kubernetes): Promise<Held> {
  const lease = await leaseIn(kubernetes);
  return { holder: lease?.spec?.holderIdentity ?? '', movedAt: lease?.metadata?.annotations?.[MOVED_AT] };
}

export const isMove = (holder: string): boolean => holder.startsWith(HOLDER);

/** Takes the Lease. Resolves with the time from which on nobody else acts. */
export async function take(kubernetes: Kubernetes, holder: string, clock: Clock): Promise<number> {
  for (let tried = 1; ; tried += 1) {
    const lease = await leaseIn(kubernetes);
    const { holderIdentity = '', acquireTime, leaseTransitions = 0 } = lease?.spec ?? {};
    const quiet = (since: number) => since + LEASE_SECONDS * 1000;
    if (holderIdentity === holder) return quiet(Date.parse(acquireTime ?? '') || clock.now());
    if (isMove(holderIdentity))
      throw new StartFailure(`Another move is under way (${holderIdentity}); end it or take it back first (--undo).`);
    const now = microTime(clock.now());
    const taken = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...lease?.metadata, name: OPERATOR_LEASE, namespace: OUR_NAMESPACE },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: FOREVER_SECONDS,
        acquireTime: now,
        renewTime: now,
        leaseTransitions: leaseTransitions + 1,
      },
    };
    try {
      await (lease ? kubernetes.replace<Lease>(LEASES, taken) : kubernetes.create<Lease>(LEASES, taken));
      return holderIdentity === '' ? clock.now() : quiet(clock.now());
    } catch (error) {
      // A leader renewed it in between.
      if (!failed(error, 'Conflict', 'AlreadyExists') || tried >= TRIES) throw error;
    }
  }
}

/** Gives the Lease back to whoever wants it; nothing when it is not this move's. */
export async function giveBack(kubernetes: Kubernetes, holder: string): Promise<void> {
  const lease = await leaseIn(kubernetes);
  if (lease?.spec?.holderIdentity !== holder) return;
  await kubernetes.replace<Lease>(LEASES, {
    ...lease,
    spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 },
  });
}

/** From here on the copies count. */
export async function markMoved(kubernetes: Kubernetes, clock: Clock): Promise<void> {
  const annotations = { [MOVED_AT]: new Date(clock.now()).toISOString() };
  await kubernetes.mergePatch(LEASES, OPERATOR_LEASE, { metadata: { annotations } }, { namespace: OUR_NAMESPACE });
}

async function leaseIn(kubernetes: Kubernetes): Promise<Lease | undefined> {
  try {
    return await kubernetes.get<Lease>(LEASES, OPERATOR_LEASE, OUR_NAMESPACE);
  } catch (error) {
    if (failed(error, 'NotFound')) return undefined;
    throw error;
  }
}

interface Deployment extends KubeObject {
  spec?: { replicas?: number; selector?: { matchLabels?: Record<string, string> } };
}

export type ProgramName = 'operator' | 'bot';

/** Scales the programs' Deployments to nothing, where there are any, and waits until their pods are gone. */
export async function pause(kubernetes: Kubernetes, programs: readonly ProgramName[], clock: Clock): Promise<void> {
  for (const program of programs) {
    const found = await deploymentIn(kubernetes, program);
    if (!found) continue;
    const { replicas = 1, selector } = found.spec ?? {};
    if (found.metadata?.annotations?.[REPLICAS] === undefined)
      await scale(kubernetes, program, 0, { [REPLICAS]: String(replicas) });
    const labelSelector = Object.entries(selector?.matchLabels ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join(',');
    const until = clock.now() + PODS_GONE_MS;
    for (;;) {
      const { items }: Page<KubeObject> = await kubernetes.list(PODS, { labelSelector, limit: 1 }, OUR_NAMESPACE);
      if (items.length === 0) break;
      if (clock.now() > until)
        throw new StartFailure(`The ${program}'s pods do not end; look at them and run this again.`);
      await sleep(clock, LOOK_MS);
    }
  }
}

/** The other way round: as many as there were. */
export async function resume(kubernetes: Kubernetes, programs: readonly ProgramName[]): Promise<void> {
  for (const program of programs) {
    const before = (await deploymentIn(kubernetes, program))?.metadata?.annotations?.[REPLICAS];
    if (before !== undefined) await scale(kubernetes, program, Number(before), { [REPLICAS]: null });
  }
}

async function deploymentIn(kubernetes: Kubernetes, program: ProgramName): Promise<Deployment | undefined> {
  try {
    return await kubernetes.get<Deployment>(DEPLOYMENTS, `spotlearn-${program}`, OUR_NAMESPACE);
  } catch (error) {
    if (failed(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function scale(
  kubernetes: Kubernetes,
  program: ProgramName,
  replicas: number,
  annotations: Record<string, string | null>,
): Promise<void> {
  const patch = { metadata: { annotations }, spec: { replicas } };
  await kubernetes.mergePatch(DEPLOYMENTS, `spotlearn-${program}`, patch, { namespace: OUR_NAMESPACE });
}
