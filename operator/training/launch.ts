// Asks EC2 for what an attempt needs. The attempt and its batch id are in the status already; the client token and the tags derive from
// it, so that after a crash the same call brings the same instance, or the tag finds it.
import type { Compute, FleetAnswer, LaunchedInstance } from '../../cloud/compute.ts';
import { CloudError } from '../../cloud/errors.ts';
import { TAG } from '../../cloud/tags.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { userOf } from '../../crds/objects.ts';
import { jobKey, uidOf } from './job.ts';
import type { Pools } from './pools.ts';
import type { Selection } from './selection.ts';

/** How long an attempt whose token EC2 knows with other parameters waits for its instance to show up by tag. */
export const MISMATCH_WAIT_MS = 60_000;

export type Launch =
  | { got: 'instance'; instance: LaunchedInstance }
  | { got: 'nothing'; cause: 'capacity' | 'platform'; message: string }
  /** EC2 has seen this token: the instance will be found by its tag. */
  | { got: 'later' };

export interface LaunchOptions {
  compute: Pick<Compute, 'createFleet'>;
  pools: Pools;
  installation: string;
  launchTemplateId: string;
}

export function launchTags(job: TrainingJob, attempt: Attempt, installation: string): Record<string, string> {
  return {
    [TAG.installation]: installation,
    [TAG.user]: userOf(job.metadata?.namespace ?? '') ?? '',
    [TAG.job]: jobKey(job).slice(0, 256),
    [TAG.jobUid]: uidOf(job),
    [TAG.batch]: attempt.batch,
    [TAG.model]: job.spec.model.type,
    Name: `spotlearn ${jobKey(job)}`.slice(0, 256),
  };
}

export async function launch(
  job: TrainingJob,
  attempt: Attempt,
  selection: Selection,
  options: LaunchOptions,
): Promise<Launch> {
  const market = attempt.market === 'on-demand' ? 'on-demand' : 'spot';
  if (selection.offers.length === 0) return { got: 'nothing', cause: 'capacity', message: selection.reason };
  let answer: FleetAnswer;
  try {
    answer = await options.compute.createFleet({
      launchTemplateId: options.launchTemplateId,
      market,
      count: 1,
      offers: selection.offers,
      token: attempt.batch,
      tags: launchTags(job, attempt, options.installation),
    });
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'precondition') return { got: 'later' };
    if (!(error instanceof CloudError) || error.kind !== 'capacity') throw error;
    for (const offer of selection.offers) options.pools.block(market, offer.instanceType, offer.zone);
    return { got: 'nothing', cause: 'capacity', message: error.message };
  }
  rememberRefusals(answer, selection, market, options.pools);
  const instance = answer.instances[0];
  if (instance)
    return { got: 'instance', instance: { ...instance, zone: instance.zone || zoneOf(instance, selection) } };
  const refusal = answer.refusals.find(({ capacity }) => !capacity) ?? answer.refusals[0];
  const message = refusal ? `${refusal.code}: ${refusal.message}` : 'the fleet launched nothing';
  return {
    got: 'nothing',
    cause: answer.refusals.every(({ capacity }) => capacity) ? 'capacity' : 'platform',
    message,
  };
}

function rememberRefusals(answer: FleetAnswer, selection: Selection, market: 'spot' | 'on-demand', pools: Pools): void {
  for (const { instanceType, zone, capacity } of answer.refusals) {
    if (!capacity) continue;
    // EC2 names the pool by zone or by subnet, depending on what was asked.
    const named = selection.offers.filter(
      (offer) => offer.instanceType === instanceType && (offer.zone === zone || offer.subnetId === zone),
    );
    for (const offer of named) pools.block(market, offer.instanceType, offer.zone);
    if (named.length === 0) pools.block(market, instanceType, zone);
  }
  // An empty answer without a word about a pool must not make us ask the same again at once.
  if (answer.instances.length === 0)
    for (const offer of selection.offers) pools.block(market, offer.instanceType, offer.zone);
}

const zoneOf = (instance: LaunchedInstance, selection: Selection): string =>
  selection.offers.find(({ instanceType }) => instanceType === instance.instanceType)?.zone ?? '';
