// What a test or a demonstration does to the cloud: take capacity away, move prices, interrupt, kill, impair, freeze, throttle, fail.
// The same as library methods and as HTTP: `POST /_spotlearn/ec2/<method>` with a JSON body, for the root only.
import { AwsServiceError, type AwsRequest, type AwsResponse } from '../service.ts';
import type { Core } from './core.ts';
import type { PoolFault } from './faults.ts';
import type { EndReason } from './lifecycle.ts';
import { SCHEDULED_EVENTS, type Instance, type ScheduledEvent } from './state.ts';

export const ADMIN_PREFIX = '/_spotlearn/ec2/';

export class Ec2Admin {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** From now on the pool (`*`: any type or zone) gives `capacity` more instances (default 0), then `error`. */
  setCapacity(fault: PoolFault): void {
    this.#core.faults.addPool(fault);
  }
  clearCapacity(): void {
    this.#core.faults.clearPools();
  }
  /** Spot price of a pool from now on, USD an hour. */
  setPrice(type: string, zone: string, price: number): void {
    this.#core.prices.set(type, zone, price, this.#core.context.clock.now());
  }
  /** Interruption notice; the instance goes after `noticeSeconds` (default 120). */
  interrupt(instanceId: string, noticeSeconds = 120): void {
    this.#core.machines.interrupt(this.#instance(instanceId), noticeSeconds * 1000);
  }
  rebalance(instanceId: string): void {
    this.#core.machines.recommendRebalance(this.#instance(instanceId));
  }
  /** The instance vanishes without a word to it. */
  kill(instanceId: string, reason?: EndReason): void {
    this.#core.machines.kill(this.#instance(instanceId), reason);
  }
  /** A status check fails from now on, or passes again; the instance itself runs on. */
  impair(instanceId: string, check: 'system' | 'instance' = 'system', on = true): void {
    const instance = this.#instance(instanceId);
    instance.impaired = { ...(instance.impaired ?? { system: false, instance: false }), [check]: on };
    this.#core.state.save(instance);
  }
  /** EC2 announces what it will do in `afterSeconds` (default two weeks); nothing happens by itself. */
  schedule(instanceId: string, code: ScheduledEvent = 'instance-retirement', afterSeconds = 1_209_600): void {
    const instance = this.#instance(instanceId);
    instance.scheduled = { code, notBefore: this.#core.context.clock.now() + afterSeconds * 1000 };
    this.#core.state.save(instance);
  }
  /** The instance's volume will outlive it, as when EC2 fails to delete one. */
  keepVolume(instanceId: string): void {
    const volume = this.#core.state.volumes.get(this.#instance(instanceId).volumeId);
    if (!volume) throw new AwsServiceError('InvalidVolume.NotFound', `The volume of '${instanceId}' does not exist.`);
    volume.deleteOnTermination = false;
    this.#core.state.save(volume);
  }
  /** DescribeInstances and DescribeInstanceStatus answer as of now until thawed. */
  freeze(): void {
    this.#core.faults.freeze(this.#core.state.instances);
  }
  thaw(): void {
    this.#core.faults.thaw();
  }
  /** Every call of `action` (default all) answers RequestLimitExceeded while `on`. */
  throttle(action = '*', on = true): void {
    if (on) this.#core.throttle.forced.add(action);
    else this.#core.throttle.forced.delete(action);
  }
  /** EC2's own request limits. */
  limits(on: boolean): void {
    this.#core.throttle.enabled = on;
  }
  /** Every call of `action` (default all) fails with 503 Unavailable while `on`. */
  outage(action = '*', on = true, error?: AwsServiceError): void {
    if (on) this.#core.faults.startOutage(action, error);
    else this.#core.faults.endOutage(action);
  }

  #instance(id: string): Instance {
    const instance = this.#core.state.instances.get(id);
    if (!instance) throw new AwsServiceError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    return instance;
  }

  /** The HTTP form; the body's fields are the method's parameters by name. */
  async handle(request: AwsRequest): Promise<AwsResponse> {
    if (request.principal.roleName !== undefined)
      throw new AwsServiceError('UnauthorizedOperation', 'Only the account root may change the cloud itself.', 403);
    const method = request.path.slice(ADMIN_PREFIX.length);
    const bytes = await request.body();
    let parameters: Record<string, unknown>;
    try {
      parameters = bytes.length === 0 ? {} : (JSON.parse(bytes.toString('utf8')) as Record<string, unknown>);
    } catch {
      throw new AwsServiceError('InvalidParameterValue', 'The body is not JSON.');
    }
    const result = this.#dispatch(method, parameters);
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(result ?? { ok: true }),
    };
  }

  #dispatch(method: string, p: Record<string, unknown>): object | undefined {
    const text = (name: string): string => {
      const value = p[name];
      if (typeof value !== 'string') throw new AwsServiceError('MissingParameter', `The body needs the text ${name}.`);
      return value;
    };
    const number = (name: string) => (typeof p[name] === 'number' ? p[name] : undefined);
    const on = p['on'] !== false;
    const action = typeof p['action'] === 'string' ? p['action'] : '*';
    switch (method) {
      case 'capacity': {
        const code = typeof p['errorCode'] === 'string' ? p['errorCode'] : undefined;
        const lifecycle = p['lifecycle'];
        this.setCapacity({
          type: typeof p['type'] === 'string' ? p['type'] : '*',
          zone: typeof p['zone'] === 'string' ? p['zone'] : '*',
          lifecycle: lifecycle === 'spot' || lifecycle === 'on-demand' ? lifecycle : undefined,
          capacity: number('capacity'),
          error: code === undefined ? undefined : { code, message: `Injected: ${code}` },
        });
        return;
      }
      case 'clear-capacity':
        return this.clearCapacity() as undefined;
      case 'price':
        return this.setPrice(text('type'), text('zone'), number('price') ?? 0) as undefined;
      case 'interrupt':
        return this.interrupt(text('instanceId'), number('noticeSeconds')) as undefined;
      case 'rebalance':
        return this.rebalance(text('instanceId')) as undefined;
      case 'kill':
        return this.kill(text('instanceId')) as undefined;
      case 'impair':
        return this.impair(text('instanceId'), p['check'] === 'instance' ? 'instance' : 'system', on) as undefined;
      case 'schedule': {
        const code = SCHEDULED_EVENTS.find((each) => each === (p['code'] ?? 'instance-retirement'));
        if (!code) throw new AwsServiceError('InvalidParameterValue', 'EC2 schedules no such event.');
        return this.schedule(text('instanceId'), code, number('afterSeconds')) as undefined;
      }
      case 'keep-volume':
        return this.keepVolume(text('instanceId')) as undefined;
      case 'freeze':
        return (on ? this.freeze() : this.thaw()) as undefined;
      case 'throttle':
        return this.throttle(action, on) as undefined;
      case 'limits':
        return this.limits(on) as undefined;
      case 'outage':
        return this.outage(action, on) as undefined;
      case 'faults':
        return { pools: this.#core.faults.pools };
      default:
        throw new AwsServiceError('InvalidAction', `There is nothing to do called ${method}.`, 404);
    }
  }
}
