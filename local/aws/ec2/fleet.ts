// CreateFleet of type `instant`: offers from overrides, a decision (allocation.ts), launches, and for every pool tried in
// vain an error. The answer is remembered under the client token, so a repeated call launches nothing.
import { AwsServiceError } from '../service.ts';
import { allocate, insufficientCapacity, type Lifecycle, type Market, type Offer } from './allocation.ts';
import { INSTANCE_TYPES } from './catalogue.ts';
import {
  authorize,
  endDryRun,
  requestTagConditions,
  tagSpecification,
  tagXml,
  type Action,
  type Call,
  type Core,
} from './core.ts';
import { selectPage } from './describe.ts';
import { newFleetId } from './identifiers.ts';
import { authorizeLaunch, launch, LaunchParameters, planLaunch, type LaunchPlan } from './launch.ts';
import type { Subnet } from './network.ts';
import type { Fleet, FleetAnswer, FleetAnswerEntry, WireTree } from './state.ts';
import { findTemplate, findVersion } from './templates.ts';
import { Fields, type Xml } from './wire.ts';

/** CreateFleet's own bounds: overrides over all configurations, target capacity of an instant fleet. */
const MAX_OVERRIDES = 300;
const MAX_TARGET = 10_000;

interface FleetOffer extends Offer {
  readonly subnet: Subnet;
  readonly parameters: LaunchParameters;
  readonly maxPriceText: string | undefined;
  readonly imageId: string | undefined;
  readonly specification: FleetAnswerEntry['launchTemplateAndOverrides']['launchTemplateSpecification'];
  readonly overrides: Record<string, string>;
}

interface Targets {
  readonly spot: number;
  readonly 'on-demand': number;
  readonly total: number;
}

const createFleet: Action = (core, call) => {
  const { fields } = call;
  const type = fields.text('Type') ?? 'maintain';
  if (type !== 'instant')
    throw new AwsServiceError('UnsupportedOperation', `Fleets of type ${type} are not supported here: only instant.`);
  const targets = readTargets(fields);
  const fleetTags = tagSpecification(fields.groups('TagSpecification'), 'fleet');
  authorize(core, call.principal, 'ec2:CreateFleet', core.network.arn('fleet/*'), requestTagConditions(fleetTags));
  if (Object.keys(fleetTags).length > 0)
    authorize(core, call.principal, 'ec2:CreateTags', core.network.arn('fleet/*'), {
      ...requestTagConditions(fleetTags),
      'ec2:CreateAction': 'CreateFleet',
    });
  endDryRun(call);
  const token = fields.text('ClientToken');
  const repeated = token === undefined ? undefined : repeatedFleet(core, call, token);
  if (repeated) return answerXml(repeated);
  const offers = readOffers(core, call, targets);
  core.throttle.resources('launch', targets.total);
  const fleetId = newFleetId();
  const answer = fulfil(core, call, offers, targets, fleetId);
  const fleet: Fleet = {
    kind: 'fleet',
    id: fleetId,
    createdAt: core.context.clock.now(),
    clientToken: token ?? '',
    request: fields.toTree(),
    answer,
    tags: fleetTags,
  };
  core.state.save(fleet);
  if (token !== undefined)
    core.state.rememberToken(call.action, token, {
      kind: 'token',
      fingerprint: fields.fingerprint(),
      made: fleet.id,
      at: fleet.createdAt,
    });
  return answerXml(fleet);
};

function repeatedFleet(core: Core, call: Call, token: string): Fleet | undefined {
  const used = core.state.token(call.action, token);
  if (!used) return undefined;
  if (used.fingerprint !== call.fields.fingerprint())
    throw new AwsServiceError(
      'IdempotentParameterMismatch',
      'The client token was used before with parameters that differ from those of this request.',
    );
  return core.state.fleets.get(used.made);
}

function readTargets(fields: Fields): Targets {
  const specification = fields.group('TargetCapacitySpecification');
  if (!specification)
    throw new AwsServiceError('MissingParameter', 'The request must contain the parameter TargetCapacitySpecification');
  const total = specification.integer('TotalTargetCapacity') ?? 0;
  if (total < 1 || total > MAX_TARGET)
    throw new AwsServiceError('InvalidTargetCapacitySpecification', 'TotalTargetCapacity must be between 1 and 10000.');
  const onDemandGiven = specification.integer('OnDemandTargetCapacity');
  const spotGiven = specification.integer('SpotTargetCapacity');
  if ((onDemandGiven ?? 0) + (spotGiven ?? 0) > total)
    throw new AwsServiceError(
      'InvalidTargetCapacitySpecification',
      'TotalTargetCapacity must not be less than the sum of OnDemandTargetCapacity and SpotTargetCapacity.',
    );
  const rest = total - (onDemandGiven ?? 0) - (spotGiven ?? 0);
  const restIsSpot = (specification.text('DefaultTargetCapacityType') ?? 'on-demand') === 'spot';
  return {
    total,
    spot: (spotGiven ?? 0) + (restIsSpot ? rest : 0),
    'on-demand': (onDemandGiven ?? 0) + (restIsSpot ? 0 : rest),
  };
}

function readOffers(core: Core, call: Call, targets: Targets): FleetOffer[] {
  const configs = call.fields.groups('LaunchTemplateConfigs');
  if (configs.length === 0)
    throw new AwsServiceError('MissingParameter', 'The request must contain the parameter LaunchTemplateConfigs');
  const offers = configs.flatMap((config) => offersOf(core, call, config));
  if (offers.length > MAX_OVERRIDES)
    throw new AwsServiceError(
      'InvalidFleetConfig',
      `The fleet has ${offers.length} overrides; at most ${MAX_OVERRIDES} are allowed.`,
    );
  if (targets.spot + targets['on-demand'] > 0 && offers.some((offer) => offer.typeName === ''))
    throw new AwsServiceError(
      'InvalidFleetConfig',
      'An override or the launch template must specify an instance type.',
    );
  return offers.map((offer, index) => ({ ...offer, index }));
}

function offersOf(core: Core, call: Call, config: Fields): FleetOffer[] {
  const specification = config.group('LaunchTemplateSpecification');
  if (!specification)
    throw new AwsServiceError('MissingParameter', 'The request must contain the parameter LaunchTemplateSpecification');
  const template = findTemplate(core, specification);
  const version = findVersion(template, specification.required('Version'));
  const parameters = new LaunchParameters([instanceTags(call.fields)], { template, version });
  const named = { launchTemplateId: template.id, version: String(version.number) };
  const overrides = config.groups('Overrides');
  return (overrides.length > 0 ? overrides : [new Fields({})]).flatMap((override) => {
    if (override.group('InstanceRequirements'))
      throw new AwsServiceError(
        'UnsupportedOperation',
        'InstanceRequirements are not supported here: name instance types.',
      );
    const place = {
      parameters,
      specification: named,
      typeName: override.text('InstanceType') ?? parameters.text('InstanceType') ?? '',
      priority: override.decimal('Priority') ?? Infinity,
      weight: override.decimal('WeightedCapacity') ?? 1,
      maxPriceText: override.text('MaxPrice'),
      maxPrice: override.decimal('MaxPrice'),
      imageId: override.text('ImageId'),
      overrides: overrideTexts(override),
      index: 0,
    };
    const type = INSTANCE_TYPES.get(place.typeName);
    return subnetsOf(core, override, parameters).map((subnet) => ({ ...place, type, subnet, zone: subnet.zone }));
  });
}

/** Of the request's tag specifications only the instances' are passed on; the template's own are added by layer. */
function instanceTags(fields: Fields): Fields {
  const list = fields.toTree()['TagSpecification'];
  return new Fields(typeof list === 'object' ? { TagSpecification: list } : {});
}

function overrideTexts(override: Fields): Record<string, string> {
  const names: Record<string, string> = {
    InstanceType: 'instanceType',
    MaxPrice: 'maxPrice',
    SubnetId: 'subnetId',
    AvailabilityZone: 'availabilityZone',
    WeightedCapacity: 'weightedCapacity',
    Priority: 'priority',
    ImageId: 'imageId',
  };
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, output]) => {
      const value = override.text(name);
      return value === undefined ? [] : [[output, value]];
    }),
  );
}

/** An override's subnet (or several, comma-separated), else its zone, else the template's, else the first of the VPC. */
function subnetsOf(core: Core, override: Fields, parameters: LaunchParameters): Subnet[] {
  const ids =
    override.text('SubnetId') ??
    (override.text('AvailabilityZone') === undefined
      ? (parameters.groups('NetworkInterface')[0]?.text('SubnetId') ?? undefined)
      : undefined);
  if (ids !== undefined)
    return ids.split(',').map((id) => {
      const subnet = core.network.subnet(id.trim());
      if (!subnet) throw new AwsServiceError('InvalidSubnetID.NotFound', `The subnet ID '${id.trim()}' does not exist`);
      return subnet;
    });
  const zone =
    override.text('AvailabilityZone') ??
    override.group('Placement')?.text('AvailabilityZone') ??
    parameters.group('Placement')?.text('AvailabilityZone');
  if (zone === undefined) return core.network.subnets.slice(0, 1);
  const subnet = core.network.inZone(zone);
  if (!subnet) throw new AwsServiceError('InvalidParameterValue', `The availability zone '${zone}' is not valid.`);
  return [subnet];
}

/** Decides, launches and reports, market by market. */
function fulfil(core: Core, call: Call, offers: FleetOffer[], targets: Targets, fleetId: string): FleetAnswer {
  const answer: { errorSet: FleetAnswerEntry[]; fleetInstanceSet: FleetAnswerEntry[] } = {
    errorSet: [],
    fleetInstanceSet: [],
  };
  for (const lifecycle of ['on-demand', 'spot'] as const) {
    const target = targets[lifecycle];
    if (target === 0) continue;
    const options = call.fields.group(lifecycle === 'spot' ? 'SpotOptions' : 'OnDemandOptions');
    const { ready, refused } = prepare(core, call, offers, lifecycle);
    answer.errorSet.push(...refused);
    const strategy = options?.text('AllocationStrategy') ?? 'lowest-price';
    const chosen = restrict(core, ready, options, lifecycle, strategy, target);
    const allocation = allocate(chosen, target, strategy, lifecycle, market(core));
    for (const { offer, error } of allocation.errors)
      answer.errorSet.push({ ...entry(asFleet(offer), lifecycle), errorCode: error.code, errorMessage: error.message });
    // All or nothing, when the request says so.
    if (allocation.fulfilled < (options?.integer('MinTargetCapacity') ?? 0)) continue;
    for (const { offer, count } of allocation.placed)
      answer.fleetInstanceSet.push(start(core, call, asFleet(offer), count, lifecycle, fleetId));
  }
  return answer;
}

/** Offers that can be launched at all (parameters and permissions), each with its plan; the others as errors. */
function prepare(core: Core, call: Call, offers: FleetOffer[], lifecycle: Lifecycle) {
  const ready: (FleetOffer & { plan: LaunchPlan | undefined })[] = [];
  const refused: FleetAnswerEntry[] = [];
  const asked = new Map<string, AwsServiceError | undefined>();
  for (const offer of offers) {
    try {
      // An unknown type has no plan; allocation says so in its own words.
      if (!offer.type) {
        ready.push({ ...offer, plan: undefined });
        continue;
      }
      const plan = planLaunch(core, offer.parameters, { ...offer, lifecycle, maxPrice: offer.maxPriceText });
      const question = `${plan.type.name}/${plan.subnet.id}/${plan.imageId}/${plan.template?.template.id}`;
      if (!asked.has(question))
        asked.set(
          question,
          refusal(() => authorizeLaunch(core, call.principal, plan, 'CreateFleet')),
        );
      const denied = asked.get(question);
      if (denied) throw denied;
      ready.push({ ...offer, plan });
    } catch (error) {
      if (!(error instanceof AwsServiceError)) throw error;
      const code = error.code === 'Unsupported' ? 'InvalidFleetConfiguration' : error.code;
      refused.push({ ...entry(offer, lifecycle), errorCode: code, errorMessage: error.message });
    }
  }
  return { ready, refused };
}

function refusal(ask: () => void): AwsServiceError | undefined {
  try {
    ask();
    return undefined;
  } catch (error) {
    if (error instanceof AwsServiceError) return error;
    throw error;
  }
}

type ReadyOffer = FleetOffer & { plan: LaunchPlan | undefined };
/** allocate() hands back the very objects it was given. */
const asFleet = (offer: Offer) => offer as ReadyOffer;

/** SingleInstanceType and SingleAvailabilityZone: only the pools of the type and zone that serve best. */
function restrict(
  core: Core,
  offers: ReadyOffer[],
  options: Fields | undefined,
  lifecycle: Lifecycle,
  strategy: string,
  target: number,
): ReadyOffer[] {
  const oneType = options?.flag('SingleInstanceType') ?? false;
  const oneZone = options?.flag('SingleAvailabilityZone') ?? false;
  if (!oneType && !oneZone) return offers;
  const groups = Object.values(
    Object.groupBy(offers, (offer) => `${oneType ? offer.typeName : ''}/${oneZone ? offer.zone : ''}`),
  ).map((group) => group ?? []);
  const served = groups.map((group) => ({
    group,
    fulfilled: allocate(group, target, strategy, lifecycle, market(core)).fulfilled,
  }));
  return served.sort((a, b) => b.fulfilled - a.fulfilled)[0]?.group ?? [];
}

export function market(core: Core): Market {
  const now = core.context.clock.now();
  return {
    spotPrice: (offer) => (offer.type ? core.prices.at(offer.type, offer.zone, now) : Infinity),
    depth: (offer) => core.prices.depth(offer.typeName, offer.zone),
    capacity: (offer, lifecycle) => core.faults.capacity(offer, lifecycle),
    vcpusLeft: (lifecycle) => {
      const limits = core.options.vcpuLimits;
      const limit = lifecycle === 'spot' ? limits?.spot : limits?.onDemand;
      if (limit === undefined) return Infinity;
      const used = [...core.state.instances.values()]
        .filter((each) => each.lifecycle === lifecycle && each.state !== 'terminated' && each.state !== 'stopped')
        .reduce((sum, each) => sum + (INSTANCE_TYPES.get(each.type)?.vcpus ?? 0), 0);
      return limit - used;
    },
  };
}

function start(
  core: Core,
  call: Call,
  offer: ReadyOffer,
  count: number,
  lifecycle: Lifecycle,
  fleetId: string,
): FleetAnswerEntry {
  if (!offer.plan) {
    const error = insufficientCapacity(offer.typeName, offer.zone, lifecycle);
    return { ...entry(offer, lifecycle), errorCode: error.code, errorMessage: error.message };
  }
  core.faults.took(offer, lifecycle, count);
  const clientToken = call.fields.text('ClientToken') ?? fleetId;
  const instances = launch(core, offer.plan, count, { clientToken, fleetId });
  return {
    ...entry(offer, lifecycle),
    instanceIds: instances.map((instance) => instance.id),
    instanceType: offer.typeName,
    availabilityZone: offer.zone,
    subnetId: offer.subnet.id,
  };
}

function entry(offer: FleetOffer, lifecycle: Lifecycle): FleetAnswerEntry {
  return {
    launchTemplateAndOverrides: {
      launchTemplateSpecification: offer.specification,
      overrides: { ...offer.overrides, subnetId: offer.subnet.id, availabilityZone: offer.zone },
    },
    lifecycle,
  };
}

function answerXml(fleet: Fleet): { readonly [name: string]: Xml } {
  return {
    fleetId: fleet.id,
    errorSet: fleet.answer.errorSet as unknown as Xml,
    fleetInstanceSet: fleet.answer.fleetInstanceSet as unknown as Xml,
  };
}

const describeFleets: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeFleets', '*');
  const ids = call.fields.texts('FleetId');
  for (const id of ids)
    if (!core.state.fleets.has(id))
      throw new AwsServiceError('InvalidFleetId.NotFound', `The fleet ID '${id}' does not exist`);
  // As EC2: fleets of type instant are described only when named.
  const chosen = ids.flatMap((id) => core.state.fleets.get(id) ?? []);
  const page = selectPage(call.fields, chosen, (_fleet, filter) => {
    if (filter === 'type') return ['instant'];
    return filter === 'fleet-state' ? ['active'] : undefined;
  });
  return { fleetSet: page.items.map((fleet) => fleetXml(core, fleet)), nextToken: page.nextToken };
};

function fleetXml(core: Core, fleet: Fleet): Xml {
  const specification = fleet.request['TargetCapacitySpecification'] as WireTree;
  const lower = Object.fromEntries(
    Object.entries(specification).map(([name, value]) => [
      name.charAt(0).toLowerCase() + name.slice(1),
      typeof value === 'string' ? value : '',
    ]),
  );
  const ids = fleet.answer.fleetInstanceSet.flatMap((each) => each.instanceIds ?? []);
  return {
    fleetId: fleet.id,
    createTime: new Date(fleet.createdAt),
    fleetState: 'active',
    activityStatus: 'fulfilled',
    clientToken: fleet.clientToken,
    type: 'instant',
    targetCapacitySpecification: lower,
    fulfilledCapacity: ids.filter((id) => core.state.instances.has(id)).length,
    errorSet: fleet.answer.errorSet as unknown as Xml,
    fleetInstanceSet: fleet.answer.fleetInstanceSet as unknown as Xml,
    tagSet: tagXml(fleet.tags),
  };
}

export const FLEET_ACTIONS: Record<string, Action> = { CreateFleet: createFleet, DescribeFleets: describeFleets };
