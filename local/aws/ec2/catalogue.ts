// Instance types this EC2 offers: shape and list prices (us-east-1, Linux, USD an hour, dated) as data.
// Spot prices are the centre of the walk in prices.ts, so they only need to be plausible, not current.

/** Date of the list prices below. */
export const CATALOGUE_DATE = '2025-10-01';

export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly architecture: 'x86_64' | 'arm64';
  readonly onDemandUsd: number;
  readonly spotUsd: number;
  readonly burstable: boolean;
  readonly gpu?: {
    readonly name: string;
    readonly manufacturer: string;
    readonly count: number;
    readonly memoryMiB: number;
  };
}

const V100 = (count: number) => ({ name: 'V100', manufacturer: 'NVIDIA', count, memoryMiB: 16_384 });
const T4 = (count: number) => ({ name: 'T4', manufacturer: 'NVIDIA', count, memoryMiB: 16_384 });
const A10G = (count: number) => ({ name: 'A10G', manufacturer: 'NVIDIA', count, memoryMiB: 24_576 });

type Row = readonly [
  name: string,
  vcpus: number,
  gib: number,
  onDemand: number,
  spot: number,
  gpu?: InstanceType['gpu'],
];

const ROWS: readonly Row[] = [
  ['t3.small', 2, 2, 0.0208, 0.0068],
  ['t3.medium', 2, 4, 0.0416, 0.0125],
  ['t3.large', 2, 8, 0.0832, 0.027],
  ['t3.xlarge', 4, 16, 0.1664, 0.055],
  ['t3.2xlarge', 8, 32, 0.3328, 0.11],
  ['t3a.medium', 2, 4, 0.0376, 0.0128],
  ['t3a.large', 2, 8, 0.0752, 0.0255],
  ['t3a.xlarge', 4, 16, 0.1504, 0.051],
  ['t4g.medium', 2, 4, 0.0336, 0.0119],
  ['t4g.large', 2, 8, 0.0672, 0.0236],
  ['t4g.xlarge', 4, 16, 0.1344, 0.047],
  ...family('m5', 0.048, 0.015),
  ...family('m5a', 0.043, 0.0155),
  ...family('m6i', 0.048, 0.0162),
  ...family('m6a', 0.0432, 0.0158),
  ...family('m6g', 0.0385, 0.0144),
  ...family('m7i', 0.0504, 0.0178),
  ...family('m7a', 0.05796, 0.0196),
  ...family('m7g', 0.0408, 0.0152),
  ...family('c5', 0.0425, 0.0153, 2),
  ...family('c6i', 0.0425, 0.0158, 2),
  ...family('c6a', 0.03825, 0.0149, 2),
  ...family('c6g', 0.034, 0.0132, 2),
  ...family('c7i', 0.0446, 0.0171, 2),
  ...family('c7g', 0.0363, 0.0139, 2),
  ...family('r5', 0.063, 0.0196, 8),
  ...family('r6i', 0.063, 0.0204, 8),
  ...family('r6g', 0.0504, 0.0173, 8),
  ...family('r7g', 0.05355, 0.0186, 8),
  ['g4dn.xlarge', 4, 16, 0.526, 0.1942, T4(1)],
  ['g4dn.2xlarge', 8, 32, 0.752, 0.2735, T4(1)],
  ['g5.xlarge', 4, 16, 1.006, 0.4228, A10G(1)],
  ['g5.2xlarge', 8, 32, 1.212, 0.4901, A10G(1)],
  ['p3.2xlarge', 8, 61, 3.06, 0.918, V100(1)],
  ['p3.8xlarge', 32, 244, 12.24, 3.672, V100(4)],
];

/** large (2 vCPU) to 8xlarge (32): price in USD an hour for each vCPU, memory in GiB for each vCPU. */
function family(name: string, onDemandVcpu: number, spotVcpu: number, gibVcpu = 4): Row[] {
  const sizes: [string, number][] = [
    ['large', 2],
    ['xlarge', 4],
    ['2xlarge', 8],
    ['4xlarge', 16],
    ['8xlarge', 32],
  ];
  return sizes.map(([size, vcpus]) => [
    `${name}.${size}`,
    vcpus,
    vcpus * gibVcpu,
    Number((onDemandVcpu * vcpus).toFixed(5)),
    Number((spotVcpu * vcpus).toFixed(5)),
  ]);
}

export const INSTANCE_TYPES: ReadonlyMap<string, InstanceType> = new Map(
  ROWS.map(([name, vcpus, gib, onDemandUsd, spotUsd, gpu]) => [
    name,
    {
      name,
      vcpus,
      memoryMiB: gib * 1024,
      architecture: /^[a-z]+\d+g[a-z]*\./.test(name) ? 'arm64' : 'x86_64',
      onDemandUsd,
      spotUsd,
      burstable: name.startsWith('t'),
      ...(gpu ? { gpu } : {}),
    },
  ]),
);

/** Old GPU types are not in every zone: the third zone lacks p3. Gives the zones' indices that offer a type. */
export function offeredInZone(type: string, zoneIndex: number): boolean {
  return !(type.startsWith('p3.') && zoneIndex === 2);
}
