// EC2 behind the front: one form-encoded request in, one XML answer out. Order of every call: injected outages, request
// limits, then the action, which asks for permission itself. Actions live beside: templates, fleet, instances, market …
import { join } from 'node:path';
import {
  AwsServiceError,
  type AwsRequest,
  type AwsResponse,
  type AwsService,
  type ServiceContext,
} from '../service.ts';
import { ADMIN_PREFIX, Ec2Admin } from './admin.ts';
import type { Action, Core, Ec2Options } from './core.ts';
import { Faults } from './faults.ts';
import { FLEET_ACTIONS } from './fleet.ts';
import { Hypervisor } from './hypervisor.ts';
import { INSTANCE_ACTIONS } from './instances.ts';
import { Machines } from './lifecycle.ts';
import { MARKET_ACTIONS } from './market.ts';
import { Network } from './network.ts';
import { SpotPrices } from './prices.ts';
import { Ec2State } from './state.ts';
import { SURROUNDINGS_ACTIONS } from './surroundings.ts';
import { TEMPLATE_ACTIONS } from './templates.ts';
import { Throttle } from './throttle.ts';
import { errorXml, Fields, responseXml } from './wire.ts';

export type { Ec2Options, Image } from './core.ts';
export type { Ec2Event } from './events.ts';

const ACTIONS: Record<string, Action> = {
  ...TEMPLATE_ACTIONS,
  ...FLEET_ACTIONS,
  ...INSTANCE_ACTIONS,
  ...MARKET_ACTIONS,
  ...SURROUNDINGS_ACTIONS,
};

/** From launch to running, unless the options say otherwise. */
const BOOT_MS = 200;
const SHUTDOWN_GRACE_MS = 2_000;
/** Client tokens and fleets are kept for two days. */
const TOKEN_MEMORY_MS = 48 * 3_600_000;

export interface Ec2Service extends AwsService {
  readonly admin: Ec2Admin;
  /** Calls answered so far, by action: for tests and benchmarks. */
  readonly calls: ReadonlyMap<string, number>;
  /** Where an instance's metadata service listens; undefined when it doesn't run. */
  imdsUrl(instanceId: string): string | undefined;
  /** Resolves when no boot or shutdown is under way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export function ec2Service(context: ServiceContext, options: Ec2Options = {}): Ec2Service {
  const images = options.images ?? {};
  const state = new Ec2State(join(context.stateDir, 'ec2'));
  state.forget(context.clock.now() - TOKEN_MEMORY_MS);
  const network = new Network(context.region, context.accountId, options.securityGroup);
  const host =
    options.machines === false
      ? undefined
      : new Hypervisor({
          context,
          network,
          images,
          shutdownGraceMs: options.shutdownGraceMs ?? SHUTDOWN_GRACE_MS,
          onPowerOff: (id) => {
            const instance = state.instances.get(id);
            if (instance) machines.poweredOff(instance);
          },
        });
  const machines = new Machines({
    clock: context.clock,
    state,
    host,
    bootMs: options.bootMs ?? BOOT_MS,
    region: context.region,
    accountId: context.accountId,
    logger: context.logger,
    onEvent: options.onEvent,
  });
  const core: Core = {
    context,
    images,
    options,
    state,
    network,
    prices: new SpotPrices(options.priceSeed),
    throttle: new Throttle(context.clock, options.throttling ?? true),
    faults: new Faults(),
    machines,
  };
  const admin = new Ec2Admin(core);
  const calls = new Map<string, number>();
  return {
    name: 'ec2',
    admin,
    calls,
    imdsUrl: (id) => host?.imdsUrl(id),
    settled: () => machines.settled(),
    async handle(request: AwsRequest): Promise<AwsResponse> {
      if (request.path.startsWith(ADMIN_PREFIX)) return admin.handle(request);
      const text = (await request.body()).toString('utf8');
      const fields = Fields.parse(text === '' ? request.query.toString() : text);
      const action = fields.text('Action') ?? '';
      const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
      if (!run) throw new AwsServiceError('InvalidAction', `The action ${action} is not valid for this web service.`);
      calls.set(action, (calls.get(action) ?? 0) + 1);
      core.faults.check(action);
      core.throttle.request(action, isUnfiltered(fields));
      const body = run(core, { action, fields: parameters(fields), principal: request.principal });
      return {
        status: 200,
        headers: { 'content-type': 'text/xml;charset=UTF-8' },
        body: responseXml(action, request.requestId, body),
      };
    },
    error(error, request): AwsResponse {
      // EC2's own name for a signature that fits no permission.
      const code = error.code === 'AccessDenied' ? 'UnauthorizedOperation' : error.code;
      const named = code === error.code ? error : new AwsServiceError(code, error.message, error.status);
      return {
        status: error.status,
        headers: { 'content-type': 'text/xml;charset=UTF-8' },
        body: errorXml(named, request.requestId),
      };
    },
    async close() {
      await machines.close();
      state.close();
    },
  };
}

/** The request's own parameters, so that tokens compare what was asked and not how. */
function parameters(fields: Fields): Fields {
  const tree = fields.toTree();
  delete tree['Action'];
  delete tree['Version'];
  return new Fields(tree);
}

function isUnfiltered(fields: Fields): boolean {
  const narrows = (name: string) => /^(Filter|MaxResults|NextToken|.+Id|.+Name|.+s)$/.test(name) && name !== 'Version';
  return !fields.names.some(narrows);
}
