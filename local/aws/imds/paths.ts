// What an instance can read about itself: the metadata tree as EC2 lays it out, made fresh for every request.
import type { Instance } from '../ec2/state.ts';
import { seconds } from '../ec2/events.ts';
import type { Branch } from './server.ts';

export interface MetadataSource {
  readonly instance: Instance;
  readonly region: string;
  readonly accountId: string;
  readonly zoneId: string;
  readonly architecture: string;
  readonly vpcId: string;
  readonly securityGroups: readonly string[];
  /** The document under iam/security-credentials/<role>. */
  credentials(): Promise<string | undefined>;
}

export function metadataTree(source: MetadataSource): Branch {
  const { instance } = source;
  return {
    dynamic: { 'instance-identity': { document: identityDocument(source) } },
    'meta-data': {
      'ami-id': instance.imageId,
      'ami-launch-index': '0',
      events: {
        recommendations: {
          rebalance:
            instance.rebalanceAt === undefined
              ? undefined
              : JSON.stringify({ noticeTime: seconds(instance.rebalanceAt) }),
        },
      },
      hostname: hostname(source),
      iam: iamBranch(source),
      'instance-action': 'none',
      'instance-id': instance.id,
      'instance-life-cycle': instance.lifecycle,
      'instance-type': instance.type,
      'local-hostname': hostname(source),
      'local-ipv4': instance.privateIp,
      placement: {
        'availability-zone': instance.zone,
        'availability-zone-id': source.zoneId,
        region: source.region,
      },
      'reservation-id': instance.reservationId,
      'security-groups': source.securityGroups.join('\n'),
      services: { domain: 'amazonaws.com', partition: 'aws' },
      spot: spotBranch(instance),
      tags: instance.metadata.instanceTags === 'enabled' ? { instance: { ...instance.tags } } : undefined,
    },
    'user-data':
      instance.userData === undefined ? undefined : Buffer.from(instance.userData, 'base64').toString('utf8'),
  };
}

function hostname(source: MetadataSource): string {
  return `ip-${source.instance.privateIp.replaceAll('.', '-')}.${source.region === 'us-east-1' ? 'ec2' : `${source.region}.compute`}.internal`;
}

function iamBranch(source: MetadataSource): Branch | undefined {
  const { profileArn, roleName, launchedAt, id } = source.instance;
  if (profileArn === undefined || roleName === undefined) return undefined;
  const info = {
    Code: 'Success',
    LastUpdated: seconds(launchedAt),
    InstanceProfileArn: profileArn,
    InstanceProfileId: `AIPA${id.slice(2).toUpperCase()}`,
  };
  return {
    info: JSON.stringify(info, null, 2),
    'security-credentials': { [roleName]: () => source.credentials() },
  };
}

function spotBranch(instance: Instance): Branch | undefined {
  if (instance.interruptionAt === undefined) return undefined;
  const time = seconds(instance.interruptionAt);
  return { 'instance-action': JSON.stringify({ action: 'terminate', time }), 'termination-time': time };
}

function identityDocument(source: MetadataSource): string {
  const { instance } = source;
  return JSON.stringify(
    {
      accountId: source.accountId,
      architecture: source.architecture,
      availabilityZone: instance.zone,
      billingProducts: null,
      devpayProductCodes: null,
      marketplaceProductCodes: null,
      imageId: instance.imageId,
      instanceId: instance.id,
      instanceType: instance.type,
      kernelId: null,
      pendingTime: seconds(instance.launchedAt),
      privateIp: instance.privateIp,
      ramdiskId: null,
      region: source.region,
      version: '2017-09-30',
    },
    null,
    2,
  );
}
