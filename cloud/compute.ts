// EC2 as the operator uses it: a narrow interface and its real side. Instances are only ever found by this installation's tag.
import type { _InstanceType } from '@aws-sdk/client-ec2';
import type { Clients } from './clients.ts';
import { calling, type CloudError } from './errors.ts';
import { CAPACITY_CODES } from './error-codes.ts';
import { TAG } from './tags.ts';

export type Market = 'spot' | 'on-demand';

/** One pool that may serve: a type in a subnet's zone. */
export interface Offer {
  readonly instanceType: string;
  readonly zone: string;
  readonly subnetId: string;
  /** Cap on the Spot price, USD per hour. */
  readonly maxPrice?: number;
  /** Image in place of the launch template's (a type of another architecture). */
  readonly imageId?: string;
}

export interface FleetRequest {
  readonly launchTemplateId: string;
  readonly market: Market;
  readonly count: number;
  readonly offers: readonly Offer[];
  /** The same token gives the same fleet again. */
  readonly token: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface LaunchedInstance {
  readonly id: string;
  readonly instanceType: string;
  readonly zone: string;
}

export interface FleetAnswer {
  readonly instances: readonly LaunchedInstance[];
  /** Pools that gave nothing, with EC2's code. */
  readonly refusals: readonly {
    instanceType: string;
    zone: string;
    code: string;
    message: string;
    capacity: boolean;
  }[];
}

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';

export interface Instance extends LaunchedInstance {
  readonly state: InstanceState;
  /** `cluster`: no EC2 instance but a Job on the Kubernetes cluster (operator/training/cluster.ts). */
  readonly market: Market | 'cluster';
  /** Milliseconds since the epoch. */
  readonly launchedAt: number;
  /** When it was first seen down, milliseconds; EC2 does not bill what comes after. */
  readonly downSince?: number;
  /** EC2's code, e.g. Server.SpotInstanceTermination. */
  readonly stateReason: string | undefined;
  /** Id of the fleet call it came from (tag). */
  readonly batch: string | undefined;
  /** The job it was launched for (tag). */
  readonly jobUid: string | undefined;
  /** Of its other tags what is read again: the job's name. Thousands of instances are kept. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A Spot price of a pool and since when it holds. */
export interface PricePoint {
  readonly instanceType: string;
  readonly zone: string;
  /** USD per hour. */
  readonly usd: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** EC2 says that an instance is in trouble: a scheduled event, or a status check that fails. */
export interface Impairment {
  readonly id: string;
  /** EC2's word: instance-retirement, instance-stop, system-status, instance-status … */
  readonly what: string;
}

export interface Volume {
  readonly id: string;
  /** `available`: attached to nothing. */
  readonly state: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Compute {
  createFleet(request: FleetRequest): Promise<FleetAnswer>;
  /** Every instance of the installation, also those terminated in the last hour; pages of at most 1,000. */
  instances(): Promise<Instance[]>;
  /** Idempotent; ids EC2 does not know count as terminated. */
  terminate(ids: readonly string[]): Promise<void>;
  /** Adds tags to instances (or volumes) of the installation; at most 1,000 ids, all get the same. */
  tag(ids: readonly string[], tags: Readonly<Record<string, string>>): Promise<void>;
  /** Instances, also foreign ones, with a scheduled event or a failing status check (DescribeInstanceStatus). */
  impaired(): Promise<Impairment[]>;
  /** Volumes of the installation. */
  volumes(): Promise<Volume[]>;
  /** Idempotent. */
  deleteVolume(id: string): Promise<void>;
  /** Linux Spot prices of the types in every zone: the one in force at `since` (milliseconds) and each change after it. */
  spotPrices(instanceTypes: readonly string[], since: number): Promise<PricePoint[]>;
  /** `type/zone` of every pool EC2 offers in the zones (DescribeInstanceTypeOfferings). */
  offerings(zones: readonly string[]): Promise<Set<string>>;
  /** Zone of each subnet. */
  zones(subnetIds: readonly string[]): Promise<Map<string, string>>;
  /** Each names what is missing by throwing. */
  checkLaunchTemplate(id: string): Promise<void>;
  checkImage(id: string): Promise<void>;
  checkSecurityGroup(id: string): Promise<void>;
}

export function computeOf(clients: Clients, installation: string, now: () => number): Compute {
  const sdk = () => import('@aws-sdk/client-ec2');
  const ask = async <T>(
    call: (ec2: Awaited<ReturnType<Clients['ec2']>>, commands: Awaited<ReturnType<typeof sdk>>) => Promise<T>,
  ): Promise<T> => {
    const [ec2, commands] = await Promise.all([clients.ec2(), sdk()]);
    return calling('ec2', () => call(ec2, commands));
  };
  return {
    createFleet: (request) =>
      ask(async (ec2, { CreateFleetCommand }) =>
        readFleet(await ec2.send(new CreateFleetCommand(fleetInput(request)))),
      ),
    instances: async () => {
      const found: Instance[] = [];
      let next: string | undefined;
      do {
        const page = await ask((ec2, { DescribeInstancesCommand }) =>
          ec2.send(
            new DescribeInstancesCommand({
              Filters: [{ Name: `tag:${TAG.installation}`, Values: [installation] }],
              MaxResults: 1000,
              NextToken: next,
            }),
          ),
        );
        for (const { Instances } of page.Reservations ?? [])
          for (const instance of Instances ?? []) {
            const tags = tagMap(instance.Tags);
            found.push({
              id: instance.InstanceId ?? '',
              instanceType: instance.InstanceType ?? '',
              zone: instance.Placement?.AvailabilityZone ?? '',
              state: (instance.State?.Name ?? 'pending') as InstanceState,
              market: instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
              launchedAt: instance.LaunchTime?.getTime() ?? 0,
              stateReason: instance.StateReason?.Code,
              batch: tags[TAG.batch],
              jobUid: tags[TAG.jobUid],
              tags: tags[TAG.job] === undefined ? {} : { [TAG.job]: tags[TAG.job] as string },
            });
          }
        next = page.NextToken;
      } while (next);
      return found;
    },
    terminate: async (ids) => {
      // One unknown id makes EC2 refuse the whole call, so a refused batch is sent one by one.
      const send = (some: readonly string[]) =>
        ask((ec2, { TerminateInstancesCommand }) =>
          ec2.send(new TerminateInstancesCommand({ InstanceIds: [...some] })),
        );
      for (let at = 0; at < ids.length; at += 500) {
        const some = ids.slice(at, at + 500);
        try {
          await send(some);
        } catch (error) {
          if ((error as CloudError).kind !== 'notFound') throw error;
          if (some.length > 1)
            for (const id of some)
              await send([id]).catch((one: CloudError) => {
                if (one.kind !== 'notFound') throw one;
              });
        }
      }
    },
    tag: async (ids, tags) => {
      await ask((ec2, { CreateTagsCommand }) =>
        ec2.send(new CreateTagsCommand({ Resources: [...ids], Tags: tagList(tags) })),
      );
    },
    impaired: async () => {
      // Filters of one call must all hold, so each kind of trouble is a call of its own.
      const found: Impairment[] = [];
      for (const [what, filter] of TROUBLE) {
        let next: string | undefined;
        do {
          const page = await ask((ec2, { DescribeInstanceStatusCommand }) =>
            ec2.send(new DescribeInstanceStatusCommand({ Filters: [filter], MaxResults: 1000, NextToken: next })),
          );
          for (const { InstanceId, Events } of page.InstanceStatuses ?? [])
            found.push({ id: InstanceId ?? '', what: what ?? Events?.[0]?.Code ?? 'event' });
          next = page.NextToken;
        } while (next);
      }
      return found;
    },
    volumes: async () => {
      const found: Volume[] = [];
      let next: string | undefined;
      do {
        const page = await ask((ec2, { DescribeVolumesCommand }) =>
          ec2.send(
            new DescribeVolumesCommand({
              Filters: [{ Name: `tag:${TAG.installation}`, Values: [installation] }],
              MaxResults: 500,
              NextToken: next,
            }),
          ),
        );
        for (const { VolumeId, State, CreateTime, Tags } of page.Volumes ?? [])
          found.push({
            id: VolumeId ?? '',
            state: State ?? '',
            createdAt: CreateTime?.getTime() ?? 0,
            tags: tagMap(Tags),
          });
        next = page.NextToken;
      } while (next);
      return found;
    },
    deleteVolume: async (id) => {
      await ask((ec2, { DeleteVolumeCommand }) => ec2.send(new DeleteVolumeCommand({ VolumeId: id }))).catch(
        (error: CloudError) => {
          if (error.kind !== 'notFound') throw error;
        },
      );
    },
    spotPrices: async (instanceTypes, since) => {
      const found: PricePoint[] = [];
      let next: string | undefined;
      do {
        const page = await ask((ec2, { DescribeSpotPriceHistoryCommand }) =>
          ec2.send(
            new DescribeSpotPriceHistoryCommand({
              InstanceTypes: instanceTypes as _InstanceType[],
              ProductDescriptions: ['Linux/UNIX'],
              StartTime: new Date(since),
              EndTime: new Date(now()),
              MaxResults: 1000,
              NextToken: next,
            }),
          ),
        );
        for (const { InstanceType, AvailabilityZone, SpotPrice, Timestamp } of page.SpotPriceHistory ?? [])
          if (Number(SpotPrice) > 0)
            found.push({
              instanceType: InstanceType ?? '',
              zone: AvailabilityZone ?? '',
              usd: Number(SpotPrice),
              at: Timestamp?.getTime() ?? 0,
            });
        next = page.NextToken;
      } while (next);
      return found;
    },
    offerings: async (zones) => {
      const found = new Set<string>();
      let next: string | undefined;
      do {
        const page = await ask((ec2, { DescribeInstanceTypeOfferingsCommand }) =>
          ec2.send(
            new DescribeInstanceTypeOfferingsCommand({
              LocationType: 'availability-zone',
              Filters: [{ Name: 'location', Values: [...zones] }],
              MaxResults: 1000,
              NextToken: next,
            }),
          ),
        );
        for (const { InstanceType, Location } of page.InstanceTypeOfferings ?? [])
          found.add(`${InstanceType}/${Location}`);
        next = page.NextToken;
      } while (next);
      return found;
    },
    zones: async (subnetIds) => {
      const answer = await ask((ec2, { DescribeSubnetsCommand }) =>
        ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] })),
      );
      return new Map(
        (answer.Subnets ?? []).map(({ SubnetId, AvailabilityZone }) => [SubnetId ?? '', AvailabilityZone ?? '']),
      );
    },
    checkLaunchTemplate: async (id) => {
      await ask((ec2, { DescribeLaunchTemplatesCommand }) =>
        ec2.send(new DescribeLaunchTemplatesCommand({ LaunchTemplateIds: [id] })),
      );
    },
    checkImage: async (id) => {
      await ask((ec2, { DescribeImagesCommand }) => ec2.send(new DescribeImagesCommand({ ImageIds: [id] })));
    },
    checkSecurityGroup: async (id) => {
      await ask((ec2, { DescribeSecurityGroupsCommand }) =>
        ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] })),
      );
    },
  };
}

const TROUBLE: readonly (readonly [what: string | undefined, filter: { Name: string; Values: string[] }])[] = [
  [undefined, { Name: 'event.code', Values: ['instance-retirement', 'instance-stop'] }],
  ['system-status', { Name: 'system-status.status', Values: ['impaired'] }],
  ['instance-status', { Name: 'instance-status.status', Values: ['impaired'] }],
];

const tagList = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const tagMap = (tags: readonly { Key?: string; Value?: string }[] = []): Record<string, string> =>
  Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]));

/** The CreateFleet call of a request. `instant` answers at once with what it launched; price-capacity-optimized picks the pool. */
export function fleetInput(request: FleetRequest) {
  const tags = tagList(request.tags);
  const spot = request.market === 'spot';
  return {
    Type: 'instant' as const,
    ClientToken: request.token,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: request.launchTemplateId, Version: '$Default' },
        Overrides: request.offers.map(({ instanceType, subnetId, maxPrice, imageId }) => ({
          InstanceType: instanceType as _InstanceType,
          SubnetId: subnetId,
          ...(imageId === undefined ? {} : { ImageId: imageId }),
          ...(spot && maxPrice !== undefined ? { MaxPrice: String(maxPrice) } : {}),
        })),
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: request.count,
      DefaultTargetCapacityType: spot ? ('spot' as const) : ('on-demand' as const),
    },
    ...(spot
      ? {
          SpotOptions: {
            AllocationStrategy: 'price-capacity-optimized' as const,
            InstanceInterruptionBehavior: 'terminate' as const,
          },
        }
      : { OnDemandOptions: { AllocationStrategy: 'lowest-price' as const } }),
    TagSpecifications: (['fleet', 'instance', 'volume'] as const).map((ResourceType) => ({ ResourceType, Tags: tags })),
  };
}

interface FleetOutput {
  Instances?: {
    InstanceIds?: string[];
    InstanceType?: string;
    LaunchTemplateAndOverrides?: { Overrides?: { AvailabilityZone?: string } };
  }[];
  Errors?: {
    ErrorCode?: string;
    ErrorMessage?: string;
    LaunchTemplateAndOverrides?: {
      Overrides?: { InstanceType?: string; AvailabilityZone?: string; SubnetId?: string };
    };
  }[];
}

function readFleet(output: FleetOutput): FleetAnswer {
  return {
    instances: (output.Instances ?? []).flatMap((group) =>
      (group.InstanceIds ?? []).map((id) => ({
        id,
        instanceType: group.InstanceType ?? '',
        zone: group.LaunchTemplateAndOverrides?.Overrides?.AvailabilityZone ?? '',
      })),
    ),
    refusals: (output.Errors ?? []).map((error) => ({
      instanceType: error.LaunchTemplateAndOverrides?.Overrides?.InstanceType ?? '',
      zone:
        error.LaunchTemplateAndOverrides?.Overrides?.AvailabilityZone ??
        error.LaunchTemplateAndOverrides?.Overrides?.SubnetId ??
        '',
      code: error.ErrorCode ?? 'Unknown',
      message: error.ErrorMessage ?? '',
      capacity: CAPACITY_CODES.has(error.ErrorCode ?? ''),
    })),
  };
}
