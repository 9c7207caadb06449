// The states of an instance and what each change carries with it: the machine, the volume, the Spot request, the event.
// pending → running → shutting-down → terminated (or stopping → stopped); every reason in EC2's own words.
import type { Clock } from '../../../cloud/clock.ts';
import type { ServiceLogger } from '../service.ts';
import { type Ec2Event, interruptionWarning, rebalanceRecommendation, stateChange } from './events.ts';
import type { Ec2State, Instance, InstanceStateName } from './state.ts';

/** Terminated instances are still described for about an hour. */
export const TERMINATED_VISIBLE_MS = 3_600_000;
/** A Spot instance is told two minutes before it goes. */
export const INTERRUPTION_NOTICE_MS = 120_000;

/** The machine behind an instance; absent in simulations. */
export interface MachineHost {
  boot(instance: Instance): Promise<void>;
  halt(instanceId: string): Promise<void>;
  kill(instanceId: string): Promise<void>;
  console(instanceId: string): Buffer;
  forget(instanceId: string): void;
  close(): Promise<void>;
}

export interface EndReason {
  readonly code: string;
  readonly message: string;
  /** StateTransitionReason; `(2025-01-02 03:04:05 GMT)` is added. */
  readonly transition: string;
  /** What becomes of the Spot request. */
  readonly spot: { readonly code: string; readonly message: string };
}

const BY_USER = {
  code: 'instance-terminated-by-user',
  message: 'Your Spot Instance was terminated, and thus your request has been closed.',
};
export const USER_SHUTDOWN: EndReason = {
  code: 'Client.UserInitiatedShutdown',
  message: 'Client.UserInitiatedShutdown: User initiated shutdown',
  transition: 'User initiated',
  spot: BY_USER,
};
export const INSTANCE_SHUTDOWN: EndReason = {
  code: 'Client.InstanceInitiatedShutdown',
  message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
  transition: '',
  spot: BY_USER,
};
export const SPOT_INTERRUPTION: EndReason = {
  code: 'Server.SpotInstanceTermination',
  message: 'Server.SpotInstanceTermination: Spot instance termination',
  transition: 'Service initiated',
  spot: {
    code: 'instance-terminated-no-capacity',
    message: 'Your Spot instance was terminated because there is no capacity available.',
  },
};
export const HOST_FAILURE: EndReason = {
  code: 'Server.InternalError',
  message: 'Server.InternalError: Internal error: the host of the instance failed',
  transition: 'Service initiated',
  spot: { code: 'instance-terminated-by-service', message: 'Your Spot Instance was terminated by the service.' },
};

export interface MachinesOptions {
  readonly clock: Clock;
  readonly state: Ec2State;
  readonly host: MachineHost | undefined;
  readonly bootMs: number;
  readonly region: string;
  readonly accountId: string;
  readonly logger: ServiceLogger;
  readonly onEvent?: (event: Ec2Event) => void;
}

export class Machines {
  readonly #options: MachinesOptions;
  readonly #work = new Set<Promise<void>>();
  #closed = false;

  constructor(options: MachinesOptions) {
    this.#options = options;
    // Whatever ran before this process did has died with it.
    for (const instance of options.state.instances.values())
      if (instance.state !== 'terminated' && instance.state !== 'stopped') {
        void options.host?.halt(instance.id);
        this.#ended(instance, HOST_FAILURE);
      }
  }

  launch(instance: Instance): void {
    this.#options.state.save(instance);
    this.#announce(instance);
    this.#options.clock.after(this.#options.bootMs, () => this.#track(this.#start(instance)));
  }

  async #start(instance: Instance): Promise<void> {
    if (this.#closed || instance.state !== 'pending') return;
    try {
      await this.#options.host?.boot(instance);
    } catch (error) {
      this.#options.logger.warn({ instanceId: instance.id, err: error }, 'instance did not boot');
      this.#end(instance, HOST_FAILURE, 'halt');
      return;
    }
    // Terminated while it booted: what was just started goes again.
    if (instance.state !== ('pending' as InstanceStateName) || this.#closed)
      return this.#options.host?.halt(instance.id);
    this.#change(instance, 'running');
  }

  /** Idempotent; the instance is `shutting-down` on return and `terminated` when its processes have ended. */
  terminate(instance: Instance, reason: EndReason): void {
    this.#end(instance, reason, 'halt');
  }

  /** The host vanishes under the instance: no signal, no grace. */
  kill(instance: Instance, reason: EndReason = HOST_FAILURE): void {
    this.#end(instance, reason, 'kill');
  }

  /** `shutdown` was called inside. */
  poweredOff(instance: Instance): void {
    if (instance.onShutdown === 'terminate') return this.#end(instance, INSTANCE_SHUTDOWN, 'halt');
    this.stop(instance, INSTANCE_SHUTDOWN);
  }

  stop(instance: Instance, reason: EndReason): void {
    if (instance.state !== 'running' && instance.state !== 'pending') return;
    instance.stateReason = { code: reason.code, message: reason.message };
    instance.transitionReason = this.#transition(reason);
    this.#change(instance, 'stopping');
    this.#track(
      (async () => {
        await this.#options.host?.halt(instance.id);
        this.#change(instance, 'stopped');
      })(),
    );
  }

  /** The two-minute warning: metadata, event, and the end when the time is up. */
  interrupt(instance: Instance, noticeMs = INTERRUPTION_NOTICE_MS): void {
    if (instance.state !== 'running' && instance.state !== 'pending') return;
    const { clock, state } = this.#options;
    instance.interruptionAt = clock.now() + noticeMs;
    state.save(instance);
    this.#emit(interruptionWarning(this.#place(instance)));
    clock.after(noticeMs, () => {
      if (!this.#closed) this.#end(instance, SPOT_INTERRUPTION, 'halt');
    });
  }

  recommendRebalance(instance: Instance): void {
    instance.rebalanceAt = this.#options.clock.now();
    this.#options.state.save(instance);
    this.#emit(rebalanceRecommendation(this.#place(instance)));
  }

  console(instanceId: string): Buffer {
    return this.#options.host?.console(instanceId) ?? Buffer.alloc(0);
  }

  /** Drops instances terminated long ago from every answer. */
  forgetOld(): void {
    const before = this.#options.clock.now() - TERMINATED_VISIBLE_MS;
    for (const instance of this.#options.state.instances.values())
      if (instance.terminatedAt !== undefined && instance.terminatedAt < before) {
        this.#options.state.remove(instance.id);
        if (instance.spotRequestId !== undefined) this.#options.state.remove(instance.spotRequestId);
        this.#options.host?.forget(instance.id);
      }
  }

  /** Resolves when no boot or shutdown is under way. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.settled();
    await this.#options.host?.close();
  }

  #end(instance: Instance, reason: EndReason, how: 'halt' | 'kill'): void {
    if (instance.state === 'terminated' || instance.state === 'shutting-down') return;
    instance.stateReason = { code: reason.code, message: reason.message };
    instance.transitionReason = this.#transition(reason);
    this.#change(instance, 'shutting-down');
    this.#track(
      (async () => {
        await this.#options.host?.[how](instance.id);
        this.#ended(instance, reason);
      })(),
    );
  }

  #ended(instance: Instance, reason: EndReason): void {
    const { state, clock } = this.#options;
    instance.stateReason ??= { code: reason.code, message: reason.message };
    if (instance.transitionReason === '') instance.transitionReason = this.#transition(reason);
    instance.terminatedAt = clock.now();
    const volume = state.volumes.get(instance.volumeId);
    if (volume?.deleteOnTermination) state.remove(volume.id);
    else if (volume) {
      volume.instanceId = undefined;
      state.save(volume);
    }
    const request = instance.spotRequestId === undefined ? undefined : state.spotRequests.get(instance.spotRequestId);
    if (request) {
      request.state = 'closed';
      request.statusCode = reason.spot.code;
      request.statusMessage = reason.spot.message;
      request.statusAt = clock.now();
      state.save(request);
    }
    this.#change(instance, 'terminated');
  }

  #transition(reason: EndReason): string {
    if (reason.transition === '') return '';
    const time = new Date(this.#options.clock.now()).toISOString().slice(0, 19).replace('T', ' ');
    return `${reason.transition} (${time} GMT)`;
  }

  #change(instance: Instance, to: InstanceStateName): void {
    instance.state = to;
    this.#options.state.save(instance);
    this.#options.logger.info(
      { instanceId: instance.id, state: to, reason: instance.stateReason?.code },
      'instance state',
    );
    this.#announce(instance);
  }

  #announce(instance: Instance): void {
    this.#emit(stateChange(this.#place(instance), instance.state));
  }

  #place(instance: Instance) {
    const { region, accountId, clock } = this.#options;
    return { region, accountId, instanceId: instance.id, zone: instance.zone, at: clock.now() };
  }

  #emit(event: Ec2Event): void {
    this.#options.onEvent?.(event);
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work
      .catch((error: unknown) => this.#options.logger.error({ err: error }, 'instance change failed'))
      .finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}
