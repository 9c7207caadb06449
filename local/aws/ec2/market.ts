// What can be bought and at which price: instance types, where they are offered, Spot price history, Spot requests.
import { AwsServiceError } from '../service.ts';
import { INSTANCE_TYPES, offeredInZone, type InstanceType } from './catalogue.ts';
import { authorize, tagXml, type Action } from './core.ts';
import { selectPage } from './describe.ts';
import type { Xml } from './wire.ts';

/** EC2 keeps 90 days of Spot prices and answers pages of at most 1,000. */
const HISTORY_MS = 90 * 86_400_000;
const LARGEST_PAGE = 1000;

const describeSpotPriceHistory: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeSpotPriceHistory', '*');
  const { fields } = call;
  const now = core.context.clock.now();
  const end = Math.min(now, fields.instant('EndTime') ?? now);
  const start = Math.max(now - HISTORY_MS, fields.instant('StartTime') ?? now - HISTORY_MS);
  const products = fields.texts('ProductDescription');
  const product = 'Linux/UNIX';
  const typeFilter = fields.groups('Filter').find((each) => each.text('Name') === 'instance-type');
  const types = [...fields.texts('InstanceType'), ...(typeFilter?.texts('Value') ?? [])];
  const named = types.some((name) => /[*?]/.test(name)) ? [] : types;
  const zone = fields.text('AvailabilityZone');
  const offered = products.length === 0 || products.some((each) => each.startsWith(product));
  const pools = core.network.subnets
    .filter((subnet) => zone === undefined || subnet.zone === zone)
    .flatMap((subnet) => [...INSTANCE_TYPES.values()].map((type) => ({ type, subnet })))
    .filter(
      ({ type, subnet }) => offeredInZone(type.name, subnet.index) && (named.length === 0 || named.includes(type.name)),
    );
  const points = (offered && start <= end ? pools : [])
    .flatMap(({ type, subnet }) =>
      core.prices.history(type, subnet.zone, start, end).map((point) => ({ type, subnet, ...point })),
    )
    .sort((a, b) => b.at - a.at);
  const page = selectPage(
    fields,
    points,
    (point, filter) =>
      ({
        'instance-type': [point.type.name],
        'availability-zone': [point.subnet.zone],
        'product-description': [product],
        'spot-price': [point.price.toFixed(6)],
        timestamp: [new Date(point.at).toISOString()],
      })[filter],
    LARGEST_PAGE,
  );
  return {
    spotPriceHistorySet: page.items.map((point) => ({
      instanceType: point.type.name,
      productDescription: product,
      spotPrice: point.price.toFixed(6),
      timestamp: new Date(Math.floor(point.at / 1000) * 1000),
      availabilityZone: point.subnet.zone,
      availabilityZoneId: point.subnet.zoneId,
    })),
    nextToken: page.nextToken ?? '',
  };
};

const describeSpotInstanceRequests: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeSpotInstanceRequests', '*');
  const ids = call.fields.texts('SpotInstanceRequestId');
  for (const id of ids)
    if (!core.state.spotRequests.has(id))
      throw new AwsServiceError(
        'InvalidSpotInstanceRequestID.NotFound',
        `The spot instance request ID '${id}' does not exist`,
      );
  const chosen = [...core.state.spotRequests.values()].filter((each) => ids.length === 0 || ids.includes(each.id));
  const page = selectPage(call.fields, chosen, (request, filter) => {
    if (filter === 'state') return [request.state];
    if (filter === 'status-code') return [request.statusCode];
    if (filter === 'instance-id') return [request.instanceId];
    return filter === 'spot-instance-request-id' ? [request.id] : undefined;
  });
  return {
    spotInstanceRequestSet: page.items.map((request) => ({
      spotInstanceRequestId: request.id,
      spotPrice: request.maxPrice,
      type: 'one-time',
      state: request.state,
      status: { code: request.statusCode, updateTime: new Date(request.statusAt), message: request.statusMessage },
      launchSpecification: { imageId: request.imageId, instanceType: request.type },
      instanceId: request.instanceId,
      createTime: new Date(request.createdAt),
      productDescription: 'Linux/UNIX',
      tagSet: tagXml(request.tags),
      launchedAvailabilityZone: request.zone,
      instanceInterruptionBehavior: 'terminate',
    })),
    nextToken: page.nextToken,
  };
};

const describeInstanceTypes: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeInstanceTypes', '*');
  const names = call.fields.texts('InstanceType');
  const unknown = names.filter((name) => !INSTANCE_TYPES.has(name));
  if (unknown.length > 0)
    throw new AwsServiceError(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
    );
  const chosen = [...INSTANCE_TYPES.values()].filter((each) => names.length === 0 || names.includes(each.name));
  const page = selectPage(
    call.fields,
    chosen,
    (type, filter) =>
      ({
        'instance-type': [type.name],
        'current-generation': [String(!type.name.startsWith('p3.'))],
        'processor-info.supported-architecture': [type.architecture],
        'vcpu-info.default-vcpus': [String(type.vcpus)],
        'memory-info.size-in-mib': [String(type.memoryMiB)],
        'burstable-performance-supported': [String(type.burstable)],
        'supported-usage-class': ['on-demand', 'spot'],
        'bare-metal': ['false'],
        hypervisor: ['nitro'],
      })[filter],
    100,
  );
  return { instanceTypeSet: page.items.map(typeXml), nextToken: page.nextToken };
};

function typeXml(type: InstanceType): Xml {
  const threads = type.architecture === 'arm64' ? 1 : 2;
  return {
    instanceType: type.name,
    currentGeneration: !type.name.startsWith('p3.'),
    freeTierEligible: false,
    supportedUsageClasses: ['on-demand', 'spot'],
    supportedRootDeviceTypes: ['ebs'],
    supportedVirtualizationTypes: ['hvm'],
    bareMetal: false,
    hypervisor: 'nitro',
    processorInfo: { supportedArchitectures: [type.architecture] },
    vCpuInfo: {
      defaultVCpus: type.vcpus,
      defaultCores: Math.max(1, type.vcpus / threads),
      defaultThreadsPerCore: threads,
    },
    memoryInfo: { sizeInMiB: type.memoryMiB },
    instanceStorageSupported: false,
    ebsInfo: { ebsOptimizedSupport: 'default', encryptionSupport: 'supported', nvmeSupport: 'required' },
    gpuInfo: type.gpu && {
      gpus: [
        {
          name: type.gpu.name,
          manufacturer: type.gpu.manufacturer,
          count: type.gpu.count,
          memoryInfo: { sizeInMiB: type.gpu.memoryMiB },
        },
      ],
      totalGpuMemoryInMiB: type.gpu.count * type.gpu.memoryMiB,
    },
    placementGroupInfo: { supportedStrategies: ['cluster', 'partition', 'spread'] },
    hibernationSupported: false,
    burstablePerformanceSupported: type.burstable,
    dedicatedHostsSupported: false,
    autoRecoverySupported: true,
  };
}

const describeInstanceTypeOfferings: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeInstanceTypeOfferings', '*');
  const kind = call.fields.text('LocationType') ?? 'region';
  const names = [...INSTANCE_TYPES.keys()];
  const offerings =
    kind === 'region'
      ? names.map((type) => ({ type, location: core.network.region }))
      : core.network.subnets.flatMap((subnet) =>
          names
            .filter((type) => offeredInZone(type, subnet.index))
            .map((type) => ({ type, location: kind === 'availability-zone-id' ? subnet.zoneId : subnet.zone })),
        );
  const page = selectPage(
    call.fields,
    offerings,
    (offering, filter) => ({ 'instance-type': [offering.type], location: [offering.location] })[filter],
    LARGEST_PAGE,
  );
  return {
    instanceTypeOfferingSet: page.items.map(({ type, location }) => ({
      instanceType: type,
      locationType: kind,
      location,
    })),
    nextToken: page.nextToken,
  };
};

export const MARKET_ACTIONS: Record<string, Action> = {
  DescribeSpotPriceHistory: describeSpotPriceHistory,
  DescribeSpotInstanceRequests: describeSpotInstanceRequests,
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeInstanceTypeOfferings: describeInstanceTypeOfferings,
};
