// Instance types this EC2 offers: the installation's catalogue (cloud/catalogue.json) with what only EC2 tells, the GPUs' names.
// Spot prices are the centre of the walk in prices.ts, so they only need to be plausible, not current.
import { INSTANCE_TYPES as CATALOGUE } from '../../../cloud/prices.ts';

export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly architecture: 'x86_64' | 'arm64';
  readonly onDemandUsd: number;
  readonly spotUsd: number;
  readonly burstable: boolean;
  readonly gpu?: Gpu & { readonly count: number };
}

interface Gpu {
  readonly name: string;
  readonly manufacturer: string;
  readonly memoryMiB: number;
}

/** GPU of a family, as DescribeInstanceTypes names it. */
const GPUS: Readonly<Record<string, Gpu>> = {
  g4dn: { name: 'T4', manufacturer: 'NVIDIA', memoryMiB: 16_384 },
  g5: { name: 'A10G', manufacturer: 'NVIDIA', memoryMiB: 24_576 },
  g6: { name: 'L4', manufacturer: 'NVIDIA', memoryMiB: 22_888 },
  p3: { name: 'V100', manufacturer: 'NVIDIA', memoryMiB: 16_384 },
};
const UNKNOWN_GPU: Gpu = { name: 'GPU', manufacturer: 'NVIDIA', memoryMiB: 16_384 };

export const INSTANCE_TYPES: ReadonlyMap<string, InstanceType> = new Map(
  CATALOGUE.map((type) => [
    type.name,
    {
      name: type.name,
      vcpus: type.vcpu,
      memoryMiB: type.memoryGiB * 1024,
      architecture: type.arch,
      onDemandUsd: type.onDemand,
      spotUsd: type.spot,
      burstable: type.burstable,
      ...(type.gpu > 0 ? { gpu: { ...(GPUS[family(type.name)] ?? UNKNOWN_GPU), count: type.gpu } } : {}),
    },
  ]),
);

function family(type: string): string {
  return type.slice(0, type.indexOf('.'));
}

/** Old GPU types are not in every zone: the third zone lacks p3. Gives whether the zone of this index offers a type. */
export function offeredInZone(type: string, zoneIndex: number): boolean {
  return !(type.startsWith('p3.') && zoneIndex === 2);
}
