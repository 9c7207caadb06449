// From launch parameters (a request over a launch template) to instance records: checks them as EC2 does, asks for every
// permission RunInstances needs, and makes instance, volume and Spot request. fleet.ts and run.ts call it.
import { AwsServiceError, type Principal } from '../service.ts';
import { INSTANCE_TYPES, type InstanceType, offeredInZone } from './catalogue.ts';
import type { Lifecycle } from './allocation.ts';
import { authorize, requestTagConditions, tagSpecification, type Core, type Image } from './core.ts';
import { newInstanceId, newReservationId, newSpotRequestId, newVolumeId } from './identifiers.ts';
import type { Subnet } from './network.ts';
import type { Instance, LaunchTemplate, SpotRequest, Tags, TemplateVersion, Volume } from './state.ts';
import { Fields } from './wire.ts';

/** User data may have 16 KiB before it is encoded. */
const USER_DATA_BYTES = 16_384;

/** Launch parameters read from several places: the request first, then its launch template. */
export class LaunchParameters {
  readonly #layers: readonly Fields[];
  readonly template: { readonly template: LaunchTemplate; readonly version: TemplateVersion } | undefined;

  constructor(layers: readonly Fields[], template?: LaunchParameters['template']) {
    this.#layers = template ? [...layers, new Fields(template.version.data, 'LaunchTemplateData.')] : layers;
    this.template = template;
  }

  text(name: string): string | undefined {
    return this.#first((layer) => layer.text(name));
  }
  flag(name: string): boolean | undefined {
    return this.#first((layer) => layer.flag(name));
  }
  group(name: string): Fields | undefined {
    return this.#first((layer) => layer.group(name));
  }
  texts(name: string): string[] {
    return this.#first((layer) => nonEmpty(layer.texts(name))) ?? [];
  }
  groups(name: string): Fields[] {
    return this.#first((layer) => nonEmpty(layer.groups(name))) ?? [];
  }
  /** Tags of all layers together; the request's win. */
  tags(type: string): Tags {
    const layers = this.#layers.map((layer) => tagSpecification(layer.groups('TagSpecification'), type));
    return Object.assign({}, ...layers.toReversed()) as Tags;
  }

  #first<Value>(read: (layer: Fields) => Value | undefined): Value | undefined {
    for (const layer of this.#layers) {
      const value = read(layer);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

function nonEmpty<Item>(list: Item[]): Item[] | undefined {
  return list.length > 0 ? list : undefined;
}

/** Everything decided about an instance but its identity. */
export interface LaunchPlan {
  readonly imageId: string;
  readonly type: InstanceType;
  readonly subnet: Subnet;
  readonly securityGroupIds: readonly string[];
  readonly lifecycle: Lifecycle;
  readonly maxPrice: string | undefined;
  readonly profile: { readonly arn: string; readonly roleName: string } | undefined;
  readonly userData: string | undefined;
  readonly metadata: Instance['metadata'];
  readonly onShutdown: 'terminate' | 'stop';
  readonly disableApiTermination: boolean;
  readonly keyName: string | undefined;
  readonly volume: Omit<Volume, 'kind' | 'id' | 'zone' | 'createdAt' | 'instanceId' | 'tags'>;
  readonly tags: { readonly instance: Tags; readonly volume: Tags; readonly spotRequest: Tags };
  readonly template: LaunchParameters['template'];
  /** For the permission's context: ARN of the launch template. */
  readonly fleetId?: string;
}

export interface LaunchTarget {
  readonly typeName: string;
  readonly subnet: Subnet;
  readonly lifecycle: Lifecycle;
  readonly maxPrice?: string;
  /** Instead of the parameters' image. */
  readonly imageId?: string;
}

/** Throws AWS's error for whatever doesn't fit. */
export function planLaunch(core: Core, parameters: LaunchParameters, target: LaunchTarget): LaunchPlan {
  const type = INSTANCE_TYPES.get(target.typeName);
  if (!type) throw invalid(`Invalid value '${target.typeName}' for InstanceType.`);
  if (!offeredInZone(type.name, target.subnet.index))
    throw new AwsServiceError(
      'Unsupported',
      `Your requested instance type (${type.name}) is not supported in your requested Availability Zone (${target.subnet.zone}).`,
    );
  const imageId = target.imageId ?? parameters.text('ImageId');
  const image = requireImage(core, imageId);
  const architecture = image.architecture ?? 'x86_64';
  if (architecture !== type.architecture)
    throw invalid(
      `The architecture '${type.architecture}' of the specified instance type does not match the architecture '${architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.`,
    );
  const userData = parameters.text('UserData');
  if (userData !== undefined && Buffer.from(userData, 'base64').length > USER_DATA_BYTES)
    throw invalid('User data is limited to 16384 bytes');
  return {
    imageId: imageId ?? '',
    type,
    subnet: target.subnet,
    securityGroupIds: securityGroups(core, parameters),
    lifecycle: target.lifecycle,
    maxPrice: target.maxPrice ?? parameters.group('InstanceMarketOptions')?.group('SpotOptions')?.text('MaxPrice'),
    profile: instanceProfile(core, parameters.group('IamInstanceProfile')),
    userData,
    metadata: metadataOptions(parameters.group('MetadataOptions')),
    onShutdown: parameters.text('InstanceInitiatedShutdownBehavior') === 'terminate' ? 'terminate' : 'stop',
    disableApiTermination: parameters.flag('DisableApiTermination') ?? false,
    keyName: parameters.text('KeyName'),
    volume: rootVolume(parameters.groups('BlockDeviceMapping')),
    tags: {
      instance: parameters.tags('instance'),
      volume: parameters.tags('volume'),
      spotRequest: parameters.tags('spot-instances-request'),
    },
    template: parameters.template,
  };
}

function invalid(message: string): AwsServiceError {
  return new AwsServiceError('InvalidParameterValue', message);
}

function requireImage(core: Core, imageId: string | undefined): Image {
  if (imageId === undefined)
    throw new AwsServiceError('MissingParameter', 'The request must contain the parameter ImageId');
  if (!/^ami-[0-9a-zA-Z]+$/.test(imageId))
    throw new AwsServiceError('InvalidAMIID.Malformed', `Invalid id: "${imageId}" (expecting "ami-...")`);
  const image = core.images[imageId];
  if (!image) throw new AwsServiceError('InvalidAMIID.NotFound', `The image id '[${imageId}]' does not exist`);
  return image;
}

function securityGroups(core: Core, parameters: LaunchParameters): string[] {
  const fromInterface = parameters.groups('NetworkInterface')[0]?.texts('SecurityGroupId') ?? [];
  const named = [...parameters.texts('SecurityGroupId'), ...fromInterface, ...parameters.texts('SecurityGroup')];
  if (named.length === 0) return [core.network.group('default')?.id ?? ''];
  return named.map((name) => {
    const group = core.network.group(name);
    if (!group) throw new AwsServiceError('InvalidGroup.NotFound', `The security group '${name}' does not exist`);
    return group.id;
  });
}

function instanceProfile(core: Core, profile: Fields | undefined): LaunchPlan['profile'] {
  const name = profile?.text('Name') ?? profile?.text('Arn')?.split('/').at(-1);
  if (name === undefined) return undefined;
  const profiles = core.options.instanceProfiles;
  const roleName = profiles ? profiles[name] : name;
  if (roleName === undefined)
    throw invalid(
      `Value (${name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`,
    );
  return { arn: `arn:aws:iam::${core.context.accountId}:instance-profile/${name}`, roleName };
}

function metadataOptions(options: Fields | undefined): Instance['metadata'] {
  return {
    httpTokens: options?.text('HttpTokens') === 'optional' ? 'optional' : 'required',
    httpEndpoint: options?.text('HttpEndpoint') === 'disabled' ? 'disabled' : 'enabled',
    instanceTags: options?.text('InstanceMetadataTags') === 'enabled' ? 'enabled' : 'disabled',
    hopLimit: options?.integer('HttpPutResponseHopLimit') ?? 2,
  };
}

function rootVolume(mappings: readonly Fields[]): LaunchPlan['volume'] {
  const mapping = mappings.find((each) => each.group('Ebs'));
  const ebs = mapping?.group('Ebs');
  const type = ebs?.text('VolumeType') ?? 'gp3';
  return {
    sizeGiB: ebs?.integer('VolumeSize') ?? 8,
    type,
    iops: ebs?.integer('Iops') ?? (type === 'gp3' ? 3000 : undefined),
    throughput: ebs?.integer('Throughput') ?? (type === 'gp3' ? 125 : undefined),
    encrypted: ebs?.flag('Encrypted') ?? false,
    kmsKeyId: ebs?.text('KmsKeyId'),
    device: mapping?.text('DeviceName') ?? '/dev/xvda',
    deleteOnTermination: ebs?.flag('DeleteOnTermination') ?? true,
  };
}

/** Every permission RunInstances asks of its caller, on every kind of resource it touches. */
export function authorizeLaunch(core: Core, principal: Principal, plan: LaunchPlan, createAction: string): void {
  const { network } = core;
  const template = plan.template && network.arn(`launch-template/${plan.template.template.id}`);
  const common: Record<string, string> = { 'ec2:Region': network.region };
  if (template) Object.assign(common, { 'ec2:LaunchTemplate': template, 'ec2:IsLaunchTemplateResource': 'true' });
  const may = (resource: string, conditions: Record<string, string | string[]> = {}) =>
    authorize(core, principal, 'ec2:RunInstances', resource, { ...common, ...conditions });
  may(network.arn('instance/*'), {
    'ec2:InstanceType': plan.type.name,
    'ec2:InstanceMarketType': plan.lifecycle,
    'ec2:AvailabilityZone': plan.subnet.zone,
    'ec2:MetadataHttpTokens': plan.metadata.httpTokens,
    ...(plan.profile ? { 'ec2:InstanceProfile': plan.profile.arn } : {}),
    ...requestTagConditions(plan.tags.instance),
  });
  may(`arn:aws:ec2:${network.region}::image/${plan.imageId}`);
  may(network.arn(`subnet/${plan.subnet.id}`), { 'ec2:Vpc': network.arn(`vpc/${network.vpcId}`) });
  may(network.arn('network-interface/*'));
  for (const id of plan.securityGroupIds) may(network.arn(`security-group/${id}`));
  may(network.arn('volume/*'), {
    'ec2:VolumeType': plan.volume.type,
    'ec2:VolumeSize': String(plan.volume.sizeGiB),
    'ec2:Encrypted': String(plan.volume.encrypted),
    ...requestTagConditions(plan.tags.volume),
  });
  if (template) may(template);
  if (plan.lifecycle === 'spot')
    may(network.arn('spot-instances-request/*'), requestTagConditions(plan.tags.spotRequest));
  if (plan.keyName !== undefined) may(network.arn(`key-pair/${plan.keyName}`));
  const tagged: [string, Tags][] = [
    ['instance', plan.tags.instance],
    ['volume', plan.tags.volume],
    ['spot-instances-request', plan.tags.spotRequest],
  ];
  for (const [kind, tags] of tagged)
    if (Object.keys(tags).length > 0 && (kind !== 'spot-instances-request' || plan.lifecycle === 'spot'))
      authorize(core, principal, 'ec2:CreateTags', network.arn(`${kind}/*`), {
        ...requestTagConditions(tags),
        'ec2:CreateAction': createAction,
      });
  if (plan.profile)
    authorize(core, principal, 'iam:PassRole', `arn:aws:iam::${core.context.accountId}:role/${plan.profile.roleName}`, {
      'iam:PassedToService': 'ec2.amazonaws.com',
    });
}

/** Makes the records of one reservation and starts the machines. */
export function launch(
  core: Core,
  plan: LaunchPlan,
  count: number,
  origin: { readonly clientToken: string; readonly fleetId?: string },
): Instance[] {
  const reservationId = newReservationId();
  return Array.from({ length: count }, () => launchOne(core, plan, reservationId, origin));
}

function launchOne(
  core: Core,
  plan: LaunchPlan,
  reservationId: string,
  origin: { readonly clientToken: string; readonly fleetId?: string },
): Instance {
  const now = core.context.clock.now();
  const id = newInstanceId();
  const volume: Volume = {
    kind: 'volume',
    id: newVolumeId(),
    zone: plan.subnet.zone,
    createdAt: now,
    instanceId: id,
    tags: plan.tags.volume,
    ...plan.volume,
  };
  const request = plan.lifecycle === 'spot' ? spotRequest(plan, id, now) : undefined;
  const instance: Instance = {
    kind: 'instance',
    id,
    reservationId,
    imageId: plan.imageId,
    type: plan.type.name,
    zone: plan.subnet.zone,
    subnetId: plan.subnet.id,
    securityGroupIds: plan.securityGroupIds,
    privateIp: core.network.address(plan.subnet, id),
    keyName: plan.keyName,
    launchedAt: now,
    visibleAt: now + (core.options.visibilityDelayMs ?? 0),
    lifecycle: plan.lifecycle,
    spotRequestId: request?.id,
    fleetId: origin.fleetId,
    clientToken: origin.clientToken,
    volumeId: volume.id,
    profileArn: plan.profile?.arn,
    roleName: plan.profile?.roleName,
    onShutdown: plan.onShutdown,
    userData: plan.userData,
    metadata: plan.metadata,
    disableApiTermination: plan.disableApiTermination,
    state: 'pending',
    transitionReason: '',
    tags: { ...plan.tags.instance, ...systemTags(plan, origin.fleetId) },
  };
  core.state.save(volume);
  if (request) core.state.save(request);
  core.machines.launch(instance);
  return instance;
}

function systemTags(plan: LaunchPlan, fleetId: string | undefined): Tags {
  return {
    ...(plan.template
      ? {
          'aws:ec2launchtemplate:id': plan.template.template.id,
          'aws:ec2launchtemplate:version': String(plan.template.version.number),
        }
      : {}),
    ...(fleetId === undefined ? {} : { 'aws:ec2:fleet-id': fleetId }),
  };
}

function spotRequest(plan: LaunchPlan, instanceId: string, now: number): SpotRequest {
  return {
    kind: 'spot-request',
    id: newSpotRequestId(),
    instanceId,
    type: plan.type.name,
    imageId: plan.imageId,
    zone: plan.subnet.zone,
    createdAt: now,
    maxPrice: plan.maxPrice ?? plan.type.onDemandUsd.toFixed(6),
    state: 'active',
    statusCode: 'fulfilled',
    statusMessage: 'Your Spot request is fulfilled.',
    statusAt: now,
    tags: plan.tags.spotRequest,
  };
}
