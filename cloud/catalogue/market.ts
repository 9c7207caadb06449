// What EC2 itself says of instance types: shape from DescribeInstanceTypes, Spot prices in force from DescribeSpotPriceHistory.
// Next: refresh.ts puts them together with a price list.
import type { _InstanceType } from '@aws-sdk/client-ec2';
import type { Clients } from '../clients.ts';
import { calling } from '../errors.ts';
import type { CatalogueRow } from './catalogue.ts';

export type TypeFacts = Omit<CatalogueRow, 'onDemand' | 'spot'>;

/** Types of the families that can run on Spot, without bare metal; pages of 100. Throws CloudError. */
export async function typesOf(clients: Pick<Clients, 'ec2'>, families: readonly string[]): Promise<TypeFacts[]> {
  const { DescribeInstanceTypesCommand } = await import('@aws-sdk/client-ec2');
  const ec2 = await clients.ec2();
  const found: TypeFacts[] = [];
  let next: string | undefined;
  do {
    const page = await calling('ec2', () =>
      ec2.send(
        new DescribeInstanceTypesCommand({
          Filters: [
            { Name: 'instance-type', Values: families.map((family) => `${family}.*`) },
            { Name: 'supported-usage-class', Values: ['spot'] },
            { Name: 'bare-metal', Values: ['false'] },
          ],
          MaxResults: 100,
          NextToken: next,
        }),
      ),
    );
    for (const type of page.InstanceTypes ?? []) {
      const gpu = (type.GpuInfo?.Gpus ?? []).reduce((sum, { Count }) => sum + (Count ?? 0), 0);
      found.push({
        name: type.InstanceType ?? '',
        arch: type.ProcessorInfo?.SupportedArchitectures?.includes('arm64') ? 'arm64' : 'x86_64',
        vcpu: type.VCpuInfo?.DefaultVCpus ?? 0,
        memoryGiB: (type.MemoryInfo?.SizeInMiB ?? 0) / 1024,
        ...(gpu > 0 ? { gpu } : {}),
        ...(type.BurstablePerformanceSupported ? { burstable: true } : {}),
      });
    }
    next = page.NextToken;
  } while (next);
  return found;
}

/** Linux Spot prices in force at `at` (milliseconds), one for each zone, by type; USD per hour. Throws CloudError. */
export async function spotOf(
  clients: Pick<Clients, 'ec2'>,
  names: readonly string[],
  at: number,
): Promise<Map<string, number[]>> {
  const { DescribeSpotPriceHistoryCommand } = await import('@aws-sdk/client-ec2');
  const ec2 = await clients.ec2();
  const newest = new Map<string, { type: string; usd: number; since: number }>();
  let next: string | undefined;
  do {
    const page = await calling('ec2', () =>
      ec2.send(
        new DescribeSpotPriceHistoryCommand({
          InstanceTypes: names as _InstanceType[],
          ProductDescriptions: ['Linux/UNIX'],
          // EC2 answers a moment with the price that was in force then.
          StartTime: new Date(at),
          EndTime: new Date(at),
          MaxResults: 1000,
          NextToken: next,
        }),
      ),
    );
    for (const { InstanceType, AvailabilityZone, SpotPrice, Timestamp } of page.SpotPriceHistory ?? []) {
      const pool = `${InstanceType}/${AvailabilityZone}`;
      const since = Timestamp?.getTime() ?? 0;
      if (Number(SpotPrice) > 0 && since >= (newest.get(pool)?.since ?? -Infinity))
        newest.set(pool, { type: InstanceType ?? '', usd: Number(SpotPrice), since });
    }
    next = page.NextToken;
  } while (next);
  const byType = new Map<string, number[]>();
  for (const { type, usd } of newest.values()) byType.set(type, [...(byType.get(type) ?? []), usd]);
  return byType;
}
