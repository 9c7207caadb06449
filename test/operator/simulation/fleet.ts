// Every machine of the simulated EC2 gets a worker after its boot; injuries happen to machines here, so that what an operator says
// about an attempt can be held against what happened to it.
import type { ManualClock } from '../clock.ts';
import type { SimulatedBucket } from './bucket.ts';
import type { Machine, SimulatedCompute } from './compute.ts';
import type { SimulatedLogs } from './logs.ts';
import type { SimulatedNotices } from './notices.ts';
import type { Random } from './random.ts';
import { type Deed, Worker } from './worker.ts';

export interface FleetOptions {
  clock: ManualClock;
  random: Random;
  bucket: SimulatedBucket;
  notices: SimulatedNotices;
  logs: SimulatedLogs;
  /** Seconds from running to the worker's first look for its ticket. */
  bootSeconds?: readonly [least: number, most: number];
}

export class Fleet {
  readonly deeds: Deed[] = [];
  /** Machines that something happened to which is no fault of the operator. */
  readonly injured = new Map<
    string,
    { kind: 'interruption' | 'fault' | 'mute' | 'rebalance'; at: number; leadMs: number }
  >();
  /** The store does not answer workers. */
  storeAway = false;
  readonly #options: FleetOptions;
  readonly #workers = new Map<string, Worker>();
  #compute: SimulatedCompute | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  attach(compute: SimulatedCompute): void {
    this.#compute = compute;
  }

  /** A machine runs: its worker starts after the boot. */
  started(id: string): void {
    const { clock, random, bucket, logs, bootSeconds = [5, 20] } = this.#options;
    const compute = this.#compute as SimulatedCompute;
    const machine = compute.truth.get(id) as Machine;
    const worker = new Worker({
      machine,
      clock,
      bucket,
      log: (line) => logs.write(id, line),
      storeAway: () => this.storeAway,
      onDeed: (deed) => this.deeds.push(deed),
      onOver: () => compute.end(id, 'itself'),
    });
    this.#workers.set(id, worker);
    clock.after(random.between(...bootSeconds) * 1000, () => {
      if (machine.endedAt === undefined && this.injured.get(id)?.kind !== 'mute') worker.start();
    });
  }

  ended(id: string): void {
    this.#workers.get(id)?.kill();
    this.#workers.delete(id);
  }

  /** EC2 announces that it takes a machine back, and does so `leadMs` later; `told`: the queue hears of it too. */
  interrupt(id: string, leadMs: number, told = true): void {
    const { clock, notices } = this.#options;
    if (this.#compute?.truth.get(id)?.endedAt !== undefined || this.injured.has(id)) return;
    this.injured.set(id, { kind: 'interruption', at: clock.now(), leadMs });
    this.#compute?.takeBack(id, leadMs);
    if (told) notices.tell('Spot Instance Interruption Warning', id);
  }

  /** EC2 recommends to leave a machine, and does nothing more. */
  recommend(id: string): void {
    const { clock, notices } = this.#options;
    const machine = this.#compute?.truth.get(id);
    if (!machine || machine.endedAt !== undefined) return;
    machine.rebalanceAt = clock.now();
    this.injured.set(id, { kind: 'rebalance', at: clock.now(), leadMs: 0 });
    notices.tell('Instance Rebalance Recommendation', id);
  }

  /** The hardware dies without a word. */
  fault(id: string): void {
    this.injured.set(id, { kind: 'fault', at: this.#options.clock.now(), leadMs: 0 });
    this.#compute?.end(id, 'fault');
  }

  /** The machine goes on, and its worker is never heard again. */
  mute(id: string): void {
    this.injured.set(id, { kind: 'mute', at: this.#options.clock.now(), leadMs: 0 });
    this.#workers.get(id)?.kill();
  }

  /** Machines that work on a job now. */
  at(uid: string): Deed[] {
    return this.deeds.filter(
      (deed) =>
        deed.uid === uid &&
        deed.exitCode === undefined &&
        this.#compute?.truth.get(deed.machine)?.endedAt === undefined,
    );
  }
}
