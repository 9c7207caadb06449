// Instances as callers see and end them: RunInstances, DescribeInstances, TerminateInstances, StopInstances, status, console.
import { AwsServiceError } from '../service.ts';
import { allocate, type Offer } from './allocation.ts';
import { INSTANCE_TYPES } from './catalogue.ts';
import { authorize, endDryRun, resourceTagConditions, tagXml, type Action, type Call, type Core } from './core.ts';
import { selectPage } from './describe.ts';
import { market } from './fleet.ts';
import { authorizeLaunch, launch, LaunchParameters, planLaunch } from './launch.ts';
import { USER_SHUTDOWN } from './lifecycle.ts';
import type { Subnet } from './network.ts';
import { STATE_CODES, type Instance, type InstanceStateName } from './state.ts';
import { findTemplate, findVersion } from './templates.ts';
import type { Xml } from './wire.ts';

/** DescribeInstances: pages of 5 to 1,000. */
const LARGEST_PAGE = 1000;

const runInstances: Action = (core, call) => {
  const { fields } = call;
  const most = fields.integer('MaxCount') ?? 0;
  const least = fields.integer('MinCount') ?? 0;
  if (least < 1 || most < least)
    throw new AwsServiceError('InvalidParameterValue', `Value (${most}) for parameter maxCount is invalid.`);
  const specification = fields.group('LaunchTemplate');
  const template = specification && findTemplate(core, specification);
  const parameters = new LaunchParameters(
    [fields],
    template && specification ? { template, version: findVersion(template, specification.text('Version')) } : undefined,
  );
  const token = fields.text('ClientToken');
  const used = token === undefined ? undefined : core.state.token(call.action, token);
  if (used && used.fingerprint !== fields.fingerprint())
    throw new AwsServiceError('IdempotentParameterMismatch', 'The client token was used with different parameters.');
  if (used) return reservationXml(core, used.made, ofReservation(core, used.made));
  const market = parameters.group('InstanceMarketOptions')?.text('MarketType') === 'spot' ? 'spot' : 'on-demand';
  const plan = planLaunch(core, parameters, {
    typeName: parameters.text('InstanceType') ?? 'm1.small',
    subnet: chooseSubnet(core, parameters),
    lifecycle: market,
  });
  authorizeLaunch(core, call.principal, plan, 'RunInstances');
  endDryRun(call);
  core.throttle.resources('launch', most);
  const count = possible(core, plan, least, most);
  const instances = launch(core, plan, count, { clientToken: token ?? '' });
  const reservationId = instances[0]?.reservationId ?? '';
  if (token !== undefined)
    core.state.rememberToken(call.action, token, {
      kind: 'token',
      fingerprint: fields.fingerprint(),
      made: reservationId,
      at: core.context.clock.now(),
    });
  return reservationXml(core, reservationId, instances);
};

function chooseSubnet(core: Core, parameters: LaunchParameters): Subnet {
  const id = parameters.text('SubnetId') ?? parameters.groups('NetworkInterface')[0]?.text('SubnetId');
  const zone = parameters.group('Placement')?.text('AvailabilityZone');
  const subnet =
    id === undefined
      ? zone === undefined
        ? core.network.subnets[0]
        : core.network.inZone(zone)
      : core.network.subnet(id);
  if (subnet) return subnet;
  throw id === undefined
    ? new AwsServiceError('InvalidParameterValue', `Invalid availability zone: [${zone}]`)
    : new AwsServiceError('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
}

/** RunInstances launches as many as it can between the two counts, or nothing and an error. */
function possible(core: Core, plan: ReturnType<typeof planLaunch>, least: number, most: number): number {
  const offer: Offer = {
    index: 0,
    type: plan.type,
    typeName: plan.type.name,
    zone: plan.subnet.zone,
    priority: 0,
    weight: 1,
    maxPrice: plan.maxPrice === undefined ? undefined : Number(plan.maxPrice),
  };
  const allocation = allocate([offer], most, 'lowest-price', plan.lifecycle, market(core));
  if (allocation.fulfilled >= least) {
    core.faults.took(offer, plan.lifecycle, allocation.fulfilled);
    return allocation.fulfilled;
  }
  const error = allocation.errors[0]?.error ?? {
    code: 'InsufficientInstanceCapacity',
    message: 'Insufficient capacity.',
  };
  throw new AwsServiceError(error.code, error.message, error.code === 'InsufficientInstanceCapacity' ? 500 : 400);
}

function ofReservation(core: Core, reservationId: string): Instance[] {
  return [...core.state.instances.values()].filter((each) => each.reservationId === reservationId);
}

function reservationXml(core: Core, reservationId: string, instances: readonly Instance[]): { [name: string]: Xml } {
  return {
    reservationId,
    ownerId: core.context.accountId,
    groupSet: [],
    instancesSet: instances.map((instance) => instanceXml(core, instance)),
  };
}

export function instanceXml(core: Core, instance: Instance): Xml {
  const type = INSTANCE_TYPES.get(instance.type);
  const gone = instance.state === 'terminated';
  const groups = instance.securityGroupIds.map((id) => ({
    groupId: id,
    groupName: core.network.group(id)?.name ?? id,
  }));
  const volume = core.state.volumes.get(instance.volumeId);
  const dns = `ip-${instance.privateIp.replaceAll('.', '-')}.ec2.internal`;
  return {
    instanceId: instance.id,
    imageId: instance.imageId,
    instanceState: stateXml(instance.state),
    privateDnsName: gone ? '' : dns,
    dnsName: '',
    reason: instance.transitionReason,
    keyName: instance.keyName,
    amiLaunchIndex: 0,
    productCodes: [],
    instanceType: instance.type,
    launchTime: new Date(instance.launchedAt),
    placement: {
      availabilityZone: instance.zone,
      availabilityZoneId: core.network.subnet(instance.subnetId)?.zoneId,
      groupName: '',
      tenancy: 'default',
    },
    monitoring: { state: 'disabled' },
    subnetId: gone ? undefined : instance.subnetId,
    vpcId: gone ? undefined : core.network.vpcId,
    privateIpAddress: gone ? undefined : instance.privateIp,
    sourceDestCheck: gone ? undefined : true,
    groupSet: gone ? [] : groups,
    stateReason: instance.stateReason,
    architecture: type?.architecture,
    rootDeviceType: 'ebs',
    rootDeviceName: volume?.device ?? '/dev/xvda',
    blockDeviceMapping: volume?.instanceId
      ? [
          {
            deviceName: volume.device,
            ebs: {
              volumeId: volume.id,
              status: 'attached',
              attachTime: new Date(volume.createdAt),
              deleteOnTermination: volume.deleteOnTermination,
            },
          },
        ]
      : [],
    virtualizationType: 'hvm',
    hypervisor: 'xen',
    clientToken: instance.clientToken,
    instanceLifecycle: instance.lifecycle === 'spot' ? 'spot' : undefined,
    spotInstanceRequestId: instance.spotRequestId,
    tagSet: tagXml(instance.tags),
    iamInstanceProfile: instance.profileArn
      ? { arn: instance.profileArn, id: `AIPA${instance.id.slice(2).toUpperCase()}` }
      : undefined,
    ebsOptimized: false,
    enaSupport: true,
    cpuOptions: type && {
      coreCount: Math.max(1, type.vcpus / 2),
      threadsPerCore: type.architecture === 'arm64' ? 1 : 2,
    },
    metadataOptions: {
      state: instance.state === 'pending' ? 'pending' : 'applied',
      httpTokens: instance.metadata.httpTokens,
      httpPutResponseHopLimit: instance.metadata.hopLimit,
      httpEndpoint: instance.metadata.httpEndpoint,
      httpProtocolIpv6: 'disabled',
      instanceMetadataTags: instance.metadata.instanceTags,
    },
    platformDetails: 'Linux/UNIX',
    usageOperation: 'RunInstances',
    usageOperationUpdateTime: new Date(instance.launchedAt),
  };
}

function stateXml(state: InstanceStateName): Xml {
  return { code: STATE_CODES[state], name: state };
}

const describeInstances: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeInstances', '*');
  checkPageSize(call);
  core.machines.forgetOld();
  const visible = visibleInstances(core);
  const page = selectInstances(core, call, namedInstances(call, visible));
  const reservations = Object.values(Object.groupBy(page.items, (each) => each.reservationId));
  return {
    reservationSet: reservations.map((members = []) => reservationXml(core, members[0]?.reservationId ?? '', members)),
    nextToken: page.nextToken,
  };
};

function checkPageSize(call: Call): void {
  const size = call.fields.integer('MaxResults');
  if (size === undefined) return;
  if (call.fields.texts('InstanceId').length > 0)
    throw new AwsServiceError(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  if (size < 5 || size > LARGEST_PAGE)
    throw new AwsServiceError(
      'InvalidParameterValue',
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value greater than 5 and less than ${LARGEST_PAGE}.`,
    );
}

/** As an eventually consistent reader sees them: without the newest, or as they were when the view was frozen. */
function visibleInstances(core: Core): Instance[] {
  const now = core.context.clock.now();
  return [...core.faults.view(core.state.instances).values()].filter((each) => each.visibleAt <= now);
}

function namedInstances(call: Call, instances: readonly Instance[]): readonly Instance[] {
  const ids = call.fields.texts('InstanceId');
  if (ids.length === 0) return instances;
  const byId = new Map(instances.map((each) => [each.id, each]));
  for (const id of ids)
    if (!/^i-[0-9a-f]{8,17}$/.test(id)) throw new AwsServiceError('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
  const missing = ids.filter((id) => !byId.has(id));
  if (missing.length > 0) throw instanceNotFound(missing);
  return ids.flatMap((id) => byId.get(id) ?? []);
}

function instanceNotFound(ids: readonly string[]): AwsServiceError {
  return new AwsServiceError(
    'InvalidInstanceID.NotFound',
    ids.length === 1
      ? `The instance ID '${ids[0]}' does not exist`
      : `The instance IDs '${ids.join(', ')}' do not exist`,
  );
}

type Filters = Record<string, (instance: Instance, core: Core) => readonly (string | undefined)[]>;

const FILTERS: Filters = {
  'instance-id': (each) => [each.id],
  'instance-state-name': (each) => [each.state],
  'instance-state-code': (each) => [String(STATE_CODES[each.state])],
  'instance-type': (each) => [each.type],
  'instance-lifecycle': (each) => [each.lifecycle === 'spot' ? 'spot' : undefined],
  'availability-zone': (each) => [each.zone],
  'subnet-id': (each) => [each.subnetId],
  'vpc-id': (_each, core) => [core.network.vpcId],
  'image-id': (each) => [each.imageId],
  'client-token': (each) => [each.clientToken],
  'reservation-id': (each) => [each.reservationId],
  'spot-instance-request-id': (each) => [each.spotRequestId],
  'iam-instance-profile.arn': (each) => [each.profileArn],
  'private-ip-address': (each) => [each.privateIp],
  'launch-time': (each) => [new Date(each.launchedAt).toISOString()],
  'instance.group-id': (each) => each.securityGroupIds,
  architecture: (each) => [INSTANCE_TYPES.get(each.type)?.architecture],
  'state-reason-code': (each) => [each.stateReason?.code],
};

function selectInstances(core: Core, call: Call, instances: readonly Instance[], filters: Filters = FILTERS) {
  const find = (name: string) => (Object.hasOwn(filters, name) ? filters[name] : undefined);
  for (const filter of call.fields.groups('Filter')) {
    const name = filter.required('Name');
    // Also when there is nothing to filter.
    if (!find(name) && !/^tag(:|-key$|-value$)/.test(name))
      throw new AwsServiceError('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
  return selectPage(call.fields, instances, (each, filter) => find(filter)?.(each, core), LARGEST_PAGE);
}

/** The instances a call names, all known and all permitted, or an error before any is touched. */
function permittedInstances(core: Core, call: Call): Instance[] {
  const ids = call.fields.texts('InstanceId');
  if (ids.length === 0)
    throw new AwsServiceError('MissingParameter', 'The request must contain the parameter InstanceId');
  const missing = ids.filter((id) => !core.state.instances.has(id));
  if (missing.length > 0) throw instanceNotFound(missing);
  const instances = ids.flatMap((id) => core.state.instances.get(id) ?? []);
  for (const instance of instances)
    authorize(core, call.principal, `ec2:${call.action}`, core.network.arn(`instance/${instance.id}`), {
      'ec2:InstanceType': instance.type,
      ...resourceTagConditions(instance.tags),
    });
  endDryRun(call);
  return instances;
}

function changeXml(instance: Instance, before: InstanceStateName): Xml {
  return { instanceId: instance.id, currentState: stateXml(instance.state), previousState: stateXml(before) };
}

const terminateInstances: Action = (core, call) => {
  const instances = permittedInstances(core, call);
  const kept = instances.find((each) => each.disableApiTermination);
  if (kept)
    throw new AwsServiceError(
      'OperationNotPermitted',
      `The instance '${kept.id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
    );
  core.throttle.resources('terminate', instances.length);
  return {
    instancesSet: instances.map((instance) => {
      const before = instance.state;
      core.machines.terminate(instance, USER_SHUTDOWN);
      return changeXml(instance, before);
    }),
  };
};

const stopInstances: Action = (core, call) => {
  const instances = permittedInstances(core, call);
  const spot = instances.find((each) => each.lifecycle === 'spot');
  if (spot)
    throw new AwsServiceError(
      'UnsupportedOperation',
      `You can't stop the Spot Instance '${spot.id}' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.`,
    );
  return {
    instancesSet: instances.map((instance) => {
      const before = instance.state;
      core.machines.stop(instance, { ...USER_SHUTDOWN, code: 'Client.UserInitiatedShutdown' });
      return changeXml(instance, before);
    }),
  };
};

const describeInstanceStatus: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeInstanceStatus', '*');
  const all = call.fields.flag('IncludeAllInstances') ?? false;
  checkPageSize(call);
  const instances = namedInstances(call, visibleInstances(core)).filter((each) => all || each.state === 'running');
  const page = selectInstances(core, call, instances, STATUS_FILTERS);
  return { instanceStatusSet: page.items.map((each) => statusXml(core, each)), nextToken: page.nextToken };
};

type Check = 'system' | 'instance';

function checkStatus({ state, impaired }: Instance, check?: Check): string {
  if (state === 'pending') return 'initializing';
  if (state !== 'running') return 'not-applicable';
  return check && impaired?.[check] ? 'impaired' : 'ok';
}

const REACHABILITY: Record<string, string> = { ok: 'passed', impaired: 'failed', initializing: 'initializing' };

const STATUS_FILTERS: Filters = {
  'instance-state-name': (each) => [each.state],
  'instance-state-code': (each) => [String(STATE_CODES[each.state])],
  'availability-zone': (each) => [each.zone],
  'event.code': (each) => [each.scheduled?.code],
  'event.description': (each) => [each.scheduled && EVENT_DESCRIPTION],
  'system-status.status': (each) => [checkStatus(each, 'system')],
  'system-status.reachability': (each) => [REACHABILITY[checkStatus(each, 'system')]],
  'instance-status.status': (each) => [checkStatus(each, 'instance')],
  'instance-status.reachability': (each) => [REACHABILITY[checkStatus(each, 'instance')]],
};

const EVENT_DESCRIPTION = 'The instance is running on degraded hardware';

function statusXml(core: Core, instance: Instance): Xml {
  const check = (which?: Check): Xml => {
    const status = checkStatus(instance, which);
    const reachability = REACHABILITY[status];
    return { status, details: reachability === undefined ? [] : [{ name: 'reachability', status: reachability }] };
  };
  return {
    instanceId: instance.id,
    availabilityZone: instance.zone,
    availabilityZoneId: core.network.subnet(instance.subnetId)?.zoneId,
    instanceState: stateXml(instance.state),
    systemStatus: check('system'),
    instanceStatus: check('instance'),
    attachedEbsStatus: check(),
    eventsSet: instance.scheduled
      ? [
          {
            instanceEventId: `instance-event-${instance.id.slice(2)}`,
            code: instance.scheduled.code,
            description: EVENT_DESCRIPTION,
            notBefore: new Date(instance.scheduled.notBefore),
          },
        ]
      : [],
  };
}

const getConsoleOutput: Action = (core, call) => {
  const id = call.fields.required('InstanceId');
  const instance = core.state.instances.get(id);
  if (!instance) throw instanceNotFound([id]);
  authorize(
    core,
    call.principal,
    'ec2:GetConsoleOutput',
    core.network.arn(`instance/${id}`),
    resourceTagConditions(instance.tags),
  );
  return {
    instanceId: id,
    timestamp: new Date(core.context.clock.now()),
    output: core.machines.console(id).toString('base64'),
  };
};

export const INSTANCE_ACTIONS: Record<string, Action> = {
  RunInstances: runInstances,
  DescribeInstances: describeInstances,
  TerminateInstances: terminateInstances,
  StopInstances: stopInstances,
  DescribeInstanceStatus: describeInstanceStatus,
  GetConsoleOutput: getConsoleOutput,
};
