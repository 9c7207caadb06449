// The stand-in of EC2 with its habits: a machine is pending, shows up in lists late, goes through shutting-down, stays listed for an
// hour; a client token belongs to one set of parameters for ever. And its truth: what was launched, when it ended and by whom.
import type { FleetRequest, Instance } from '../../../cloud/compute.ts';
import { INSTANCE_TYPES } from '../../../cloud/prices.ts';
import { TAG } from '../../../cloud/tags.ts';
import { failure, FakeCompute } from '../aws.ts';
import type { ManualClock } from '../clock.ts';
import type { Random } from './random.ts';

/** Who ended a machine: the operator, EC2 (Spot), its own worker or its dead-man switch, a fault of the hardware. */
export type EndedBy = 'operator' | 'spot' | 'itself' | 'fault';

/** The truth about one machine. Times in milliseconds. */
export interface Machine {
  readonly id: string;
  readonly launchedAt: number;
  readonly token: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly market: string;
  endedAt?: number;
  endedBy?: EndedBy;
  /** When EC2 announced that it takes it back. */
  noticeAt?: number;
  /** When EC2 recommended to leave it. */
  rebalanceAt?: number;
}

const REASONS: Record<EndedBy, string> = {
  operator: 'Client.UserInitiatedShutdown',
  spot: 'Server.SpotInstanceTermination',
  itself: 'Client.InstanceInitiatedShutdown',
  fault: 'Server.InternalError',
};
/** Of the subnets that simulation.ts configures. */
export const ZONES = ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'];
const DAY_MS = 86_400_000;
const round = (usd: number): number => Math.round(usd * 1e4) / 1e4;
const RUNNING_AFTER_MS = 3_000;
const LISTED_FOR_MS = 3_600_000;
const ENDS_WITHIN_MS = { least: 2_000, most: 40_000 };

export interface ComputeOptions {
  clock: ManualClock;
  random: Random;
  /** Longest time until a new machine shows up in lists. */
  appearsWithinMs?: number;
  onStarted?: (id: string) => void;
  onEnded?: (id: string) => void;
}

export class SimulatedCompute extends FakeCompute {
  /** Every machine there ever was. */
  readonly truth = new Map<string, Machine>();
  readonly #options: ComputeOptions;
  readonly #parameters = new Map<string, string>();
  readonly #appearsAt = new Map<string, number>();

  constructor(options: ComputeOptions) {
    super(() => options.clock.now());
    this.#options = options;
    const at = this.now() - DAY_MS;
    this.prices = INSTANCE_TYPES.flatMap(({ name, spot }) =>
      ZONES.map((zone) => ({ instanceType: name, zone, usd: round(spot * options.random.between(0.8, 1.2)), at })),
    );
  }

  /** Without a record: a simulation makes millions of calls. */
  override async run<T>(_call: string, _what: string, work: () => T): Promise<T> {
    return work();
  }

  override async createFleet(request: FleetRequest) {
    const parameters = JSON.stringify({ ...request, token: undefined });
    const before = this.#parameters.get(request.token);
    if (before !== undefined && before !== parameters) throw failure('precondition');
    this.#parameters.set(request.token, parameters);
    const answer = await super.createFleet(request);
    // The same token gives the same answer, also that there was no capacity.
    this.fleets.set(request.token, answer);
    for (const { id } of answer.instances) if (!this.truth.has(id)) this.#launched(id, request.token);
    return answer;
  }

  override async instances(): Promise<Instance[]> {
    const now = this.now();
    for (const { id, endedAt } of this.truth.values())
      if (endedAt !== undefined && now - endedAt > LISTED_FOR_MS) this.machines.delete(id);
    return [...this.machines.values()].filter(({ id }) => (this.#appearsAt.get(id) ?? 0) <= now);
  }

  override async terminate(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.end(id, 'operator');
  }

  /** EC2 takes a machine back `leadMs` after its notice. */
  takeBack(id: string, leadMs: number): void {
    const machine = this.truth.get(id);
    if (!machine || machine.endedAt !== undefined) return;
    machine.noticeAt ??= this.now();
    this.#options.clock.after(leadMs, () => this.end(id, 'spot'));
  }

  /** Ends a machine now: billing stops, the worker is dead, lists say shutting-down and later terminated. */
  end(id: string, by: EndedBy): void {
    const machine = this.truth.get(id);
    if (!machine || machine.endedAt !== undefined) return;
    machine.endedAt = this.now();
    machine.endedBy = by;
    this.set(id, { state: 'shutting-down', stateReason: REASONS[by] });
    const { clock, random, onEnded } = this.#options;
    clock.after(random.between(ENDS_WITHIN_MS.least, ENDS_WITHIN_MS.most), () => this.set(id, { state: 'terminated' }));
    onEnded?.(id);
  }

  #launched(id: string, token: string): void {
    const { clock, random, appearsWithinMs = 2_000, onStarted } = this.#options;
    const { launchedAt, instanceType, zone, market } = this.machines.get(id) as Instance;
    this.truth.set(id, { id, launchedAt, token, instanceType, zone, market });
    this.#appearsAt.set(id, launchedAt + random.between(0, appearsWithinMs));
    this.set(id, { state: 'pending' });
    clock.after(RUNNING_AFTER_MS, () => {
      if (this.truth.get(id)?.endedAt !== undefined) return;
      this.set(id, { state: 'running' });
      onStarted?.(id);
    });
  }
}

/** The job a machine was launched for, by its tags now. */
export const jobOf = (compute: FakeCompute, id: string): string | undefined =>
  compute.machines.get(id)?.tags[TAG.jobUid];
