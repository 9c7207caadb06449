// What decide.ts and its neighbours know besides the job itself. Made by the reconciler for one decision.
import type { Attempt } from '../../crds/crds.generated.ts';
import type { Offer } from '../../cloud/compute.ts';
import type { PriceSource } from './costs.ts';
import type { Seen } from './seen.ts';
import type { Selection } from './selection.ts';
import type { Choice } from './timing.ts';

export type Place = Attempt['market'];

/** Where the job would go now. */
export interface LaunchPlan {
  readonly market: Place;
  readonly selection: Selection;
  /** Why not the first choice of market. */
  readonly marketReason?: string;
  /** USD per hour above the cheapest fitting Spot pool. */
  readonly extraPerHour?: number;
}

export interface Context {
  readonly now: number;
  readonly seen: Seen;
  /** What could be launched now; asked only when a launch is due. */
  readonly plan: () => LaunchPlan;
  /** Id of the fleet call that a new attempt is to share. */
  readonly batchFor: (market: Place, offers: readonly Offer[]) => string;
  /** USD per hour to write down for an instance. */
  readonly priceOf: (attempt: Pick<Attempt, 'market'>, instanceType: string, zone: string) => number;
  readonly prices?: PriceSource;
  /** What the Uniform Progress rule says; undefined without spec.deadline. */
  readonly choice?: Choice;
  readonly budgetUsd: number;
  readonly accountSuspended: boolean;
  /** USD left of the account's month beyond what runs and its stop; undefined: unknown. */
  readonly monthLeftUsd?: number | undefined;
  /** The ledger can't be written now. */
  readonly ledgerAway: boolean;
  readonly checkpointSeconds: number;
  readonly logGroup: string;
}
