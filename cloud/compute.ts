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
  readonly market: Market;
  /** Milliseconds since the epoch. */
  readonly launchedAt: number;
  /** EC2's code, e.g. Server.SpotInstanceTermination. */
  readonly stateReason: string | undefined;
  /** Id of the fleet call it came from (tag). */
  readonly batch: string | undefined;
  /** The job it was launched for (tag). */
  readonly jobUid: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Compute {
  createFleet(request: FleetRequest): Promise<FleetAnswer>;
  /** Every instance of the installation, also those terminated in the last hour; pages of at most 1,000. */
  instances(): Promise<Instance[]>;
  /** Idempotent; ids EC2 does not know count as terminated. */
  terminate(ids: readonly string[]): Promise<void>;
  /** USD per hour of a pool now; undefined when EC2 names none. */
  spotPrice(instanceType: string, zone: string): Promise<number | undefined>;
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
            const tags = Object.fromEntries((instance.Tags ?? []).map(({ Key, Value }) => [Key, Value])) as Record<
              string,
              string
            >;
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
              tags,
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
    spotPrice: async (instanceType, zone) => {
      const at = new Date(now());
      const answer = await ask((ec2, { DescribeSpotPriceHistoryCommand }) =>
        ec2.send(
          new DescribeSpotPriceHistoryCommand({
            InstanceTypes: [instanceType as _InstanceType],
            AvailabilityZone: zone,
            ProductDescriptions: ['Linux/UNIX'],
            StartTime: at,
            EndTime: at,
            MaxResults: 1,
          }),
        ),
      );
      const price = Number(answer.SpotPriceHistory?.[0]?.SpotPrice);
      return price > 0 ? price : undefined;
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

/** The CreateFleet call of a request. `instant` answers at once with what it launched; price-capacity-optimized picks the pool. */
export function fleetInput(request: FleetRequest) {
  const tags = Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value }));
  const spot = request.market === 'spot';
  return {
    Type: 'instant' as const,
    ClientToken: request.token,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: request.launchTemplateId, Version: '$Default' },
        Overrides: request.offers.map(({ instanceType, subnetId, maxPrice }) => ({
          InstanceType: instanceType as _InstanceType,
          SubnetId: subnetId,
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
