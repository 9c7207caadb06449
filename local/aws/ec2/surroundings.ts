// What instances live in and carry: zones, network, images, volumes, tags.
import { AwsServiceError } from '../service.ts';
import {
  authorize,
  endDryRun,
  readTags,
  requestTagConditions,
  resourceTagConditions,
  tagXml,
  type Action,
  type Core,
} from './core.ts';
import { selectPage } from './describe.ts';
import { resourceType } from './identifiers.ts';
import type { Resource, Volume } from './state.ts';
import type { Xml } from './wire.ts';

const describeAvailabilityZones: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeAvailabilityZones', '*');
  return { availabilityZoneInfo: core.network.zonesXml() };
};

const describeVpcs: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeVpcs', '*');
  return { vpcSet: core.network.vpcXml() };
};

const describeSubnets: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeSubnets', '*');
  const ids = call.fields.texts('SubnetId');
  for (const id of ids)
    if (!core.network.subnet(id))
      throw new AwsServiceError('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
  const chosen = core.network.subnets.filter((each) => ids.length === 0 || ids.includes(each.id));
  const page = selectPage(
    call.fields,
    chosen,
    (subnet, filter) =>
      ({
        'subnet-id': [subnet.id],
        'vpc-id': [core.network.vpcId],
        'availability-zone': [subnet.zone],
        'availability-zone-id': [subnet.zoneId],
        'default-for-az': ['true'],
        state: ['available'],
      })[filter],
  );
  return { subnetSet: page.items.map((subnet) => core.network.subnetXml(subnet)), nextToken: page.nextToken };
};

const describeSecurityGroups: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeSecurityGroups', '*');
  const wanted = [...call.fields.texts('GroupId'), ...call.fields.texts('GroupName')];
  for (const name of wanted)
    if (!core.network.group(name))
      throw new AwsServiceError('InvalidGroup.NotFound', `The security group '${name}' does not exist`);
  const chosen = core.network.groups.filter(
    (each) => wanted.length === 0 || wanted.includes(each.id) || wanted.includes(each.name),
  );
  const page = selectPage(
    call.fields,
    chosen,
    (group, filter) => ({ 'group-id': [group.id], 'group-name': [group.name], 'vpc-id': [core.network.vpcId] })[filter],
  );
  return { securityGroupInfo: page.items.map((group) => core.network.groupXml(group)), nextToken: page.nextToken };
};

const describeImages: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeImages', '*');
  const ids = call.fields.texts('ImageId');
  for (const id of ids)
    if (!core.images[id]) throw new AwsServiceError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
  const images = Object.entries(core.images).map(([id, image]) => ({ id, image }));
  const chosen = images.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const page = selectPage(
    call.fields,
    chosen,
    ({ id, image }, filter) =>
      ({
        'image-id': [id],
        name: [image.name ?? id],
        state: ['available'],
        architecture: [image.architecture ?? 'x86_64'],
      })[filter],
  );
  return {
    imagesSet: page.items.map(({ id, image }) => ({
      imageId: id,
      imageLocation: `${core.context.accountId}/${image.name ?? id}`,
      imageState: 'available',
      imageOwnerId: core.context.accountId,
      isPublic: false,
      architecture: image.architecture ?? 'x86_64',
      imageType: 'machine',
      name: image.name ?? id,
      rootDeviceType: 'ebs',
      rootDeviceName: '/dev/xvda',
      blockDeviceMapping: [
        {
          deviceName: '/dev/xvda',
          ebs: { volumeSize: 8, volumeType: 'gp3', deleteOnTermination: true, encrypted: false },
        },
      ],
      virtualizationType: 'hvm',
      hypervisor: 'xen',
      enaSupport: true,
      imdsSupport: 'v2.0',
      platformDetails: 'Linux/UNIX',
      usageOperation: 'RunInstances',
    })),
    nextToken: page.nextToken,
  };
};

const describeVolumes: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeVolumes', '*');
  const ids = call.fields.texts('VolumeId');
  for (const id of ids) findVolume(core, id);
  const chosen = [...core.state.volumes.values()].filter((each) => ids.length === 0 || ids.includes(each.id));
  const page = selectPage(
    call.fields,
    chosen,
    (volume, filter) =>
      ({
        'volume-id': [volume.id],
        status: [volumeState(volume)],
        'availability-zone': [volume.zone],
        'attachment.instance-id': [volume.instanceId],
        'volume-type': [volume.type],
        size: [String(volume.sizeGiB)],
        encrypted: [String(volume.encrypted)],
      })[filter],
    500,
  );
  return { volumeSet: page.items.map(volumeXml), nextToken: page.nextToken };
};

const volumeState = (volume: Volume) => (volume.instanceId === undefined ? 'available' : 'in-use');

function volumeXml(volume: Volume): Xml {
  return {
    volumeId: volume.id,
    size: volume.sizeGiB,
    availabilityZone: volume.zone,
    status: volumeState(volume),
    createTime: new Date(volume.createdAt),
    attachmentSet:
      volume.instanceId === undefined
        ? []
        : [
            {
              volumeId: volume.id,
              instanceId: volume.instanceId,
              device: volume.device,
              status: 'attached',
              attachTime: new Date(volume.createdAt),
              deleteOnTermination: volume.deleteOnTermination,
            },
          ],
    volumeType: volume.type,
    iops: volume.iops,
    throughput: volume.throughput,
    encrypted: volume.encrypted,
    kmsKeyId: volume.kmsKeyId,
    multiAttachEnabled: false,
    tagSet: tagXml(volume.tags),
  };
}

function findVolume(core: Core, id: string): Volume {
  const volume = core.state.volumes.get(id);
  if (!volume) throw new AwsServiceError('InvalidVolume.NotFound', `The volume '${id}' does not exist.`);
  return volume;
}

const deleteVolume: Action = (core, call) => {
  const volume = findVolume(core, call.fields.required('VolumeId'));
  authorize(
    core,
    call.principal,
    'ec2:DeleteVolume',
    core.network.arn(`volume/${volume.id}`),
    resourceTagConditions(volume.tags),
  );
  endDryRun(call);
  if (volume.instanceId !== undefined)
    throw new AwsServiceError('VolumeInUse', `Volume ${volume.id} is currently attached to ${volume.instanceId}`);
  core.state.remove(volume.id);
  return { return: true };
};

function findResource(core: Core, id: string): Resource {
  const resource = core.state.resource(id);
  if (resource) return resource;
  const kind = resourceType(id);
  if (kind === undefined) throw new AwsServiceError('InvalidID', `The ID '${id}' is not valid`);
  const code: Record<string, string> = {
    instance: 'InvalidInstanceID.NotFound',
    volume: 'InvalidVolume.NotFound',
    'launch-template': 'InvalidLaunchTemplateId.NotFound',
    'spot-instances-request': 'InvalidSpotInstanceRequestID.NotFound',
    fleet: 'InvalidFleetId.NotFound',
  };
  throw new AwsServiceError(code[kind] ?? 'InvalidID', `The ${kind} ID '${id}' does not exist`);
}

const createTags: Action = (core, call) => {
  const tags = readTags(call.fields.groups('Tag'));
  const resources = call.fields.texts('ResourceId').map((id) => findResource(core, id));
  for (const resource of resources)
    authorize(core, call.principal, 'ec2:CreateTags', core.network.arn(`${resourceType(resource.id)}/${resource.id}`), {
      ...requestTagConditions(tags),
      ...resourceTagConditions(resource.tags),
    });
  endDryRun(call);
  for (const resource of resources)
    if (Object.keys({ ...resource.tags, ...tags }).filter((key) => !key.startsWith('aws:')).length > 50)
      throw new AwsServiceError('TagLimitExceeded', 'The maximum number of Tags for a resource has been reached.');
  for (const resource of resources) {
    resource.tags = { ...resource.tags, ...tags };
    core.state.save(resource);
  }
  return { return: true };
};

const deleteTags: Action = (core, call) => {
  const resources = call.fields.texts('ResourceId').map((id) => findResource(core, id));
  const listed = call.fields.groups('Tag').map((tag) => ({ key: tag.required('Key'), value: tag.text('Value') }));
  for (const resource of resources)
    authorize(core, call.principal, 'ec2:DeleteTags', core.network.arn(`${resourceType(resource.id)}/${resource.id}`), {
      'aws:TagKeys': listed.map((each) => each.key),
      ...resourceTagConditions(resource.tags),
    });
  endDryRun(call);
  for (const resource of resources) {
    // Without a list all go but AWS's own; with a value only a tag of that value goes.
    const goes = (key: string, value: string) =>
      !key.startsWith('aws:') &&
      (listed.length === 0 ||
        listed.some((each) => each.key === key && (each.value === undefined || each.value === value)));
    resource.tags = Object.fromEntries(Object.entries(resource.tags).filter(([key, value]) => !goes(key, value)));
    core.state.save(resource);
  }
  return { return: true };
};

const describeTags: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeTags', '*');
  const all = core.state.resources().flatMap((resource) =>
    Object.entries(resource.tags).map(([key, value]) => ({
      resourceId: resource.id,
      resourceType: resourceType(resource.id) ?? '',
      key,
      value,
    })),
  );
  const page = selectPage(
    call.fields,
    all,
    (tag, filter) =>
      ({
        key: [tag.key],
        value: [tag.value],
        'resource-id': [tag.resourceId],
        'resource-type': [tag.resourceType],
      })[filter],
    1000,
  );
  return { tagSet: page.items, nextToken: page.nextToken };
};

export const SURROUNDINGS_ACTIONS: Record<string, Action> = {
  DescribeAvailabilityZones: describeAvailabilityZones,
  DescribeVpcs: describeVpcs,
  DescribeSubnets: describeSubnets,
  DescribeSecurityGroups: describeSecurityGroups,
  DescribeImages: describeImages,
  DescribeVolumes: describeVolumes,
  DeleteVolume: deleteVolume,
  CreateTags: createTags,
  DeleteTags: deleteTags,
  DescribeTags: describeTags,
};
