// Which instances to ask for (row 3.1). Pure: from the data's size, the model's family, the user's wishes, prices and the memory of
// pools without capacity to ordered offers, with the reason in words. The plan's matrix is the floor of the need.
import { INSTANCE_TYPES, instanceType, type InstanceType } from '../../cloud/prices.ts';
import type { Market, Offer } from '../../cloud/compute.ts';
import type { TrainingJobSpec } from '../../crds/crds.generated.ts';

const MB = 1e6;
const GB = 1e9;
/** Parsed and encoded, a table takes several times its bytes as CSV; the forest copies it once more. */
const MEMORY_PER_BYTE = 6;
const BASE_MEMORY_GIB = 1;
/** Types offered at once: enough pools for Spot, few enough for one call (at most 300 overrides). */
export const MOST_TYPES = 15;
/** Types dearer than this multiple of the cheapest are not offered: diversity must not cost more than it saves. */
const MOST_DEARER = 3;

export interface Need {
  readonly vcpu: number;
  readonly memoryGiB: number;
  readonly gpu: number;
}

/** The plan's matrix: linear models below 100 MB t3.medium, else m5.large; trees below 1 GB m5.large, else m5.xlarge. */
export function floorType(model: string, bytes: number, fallback: string): string {
  switch (model) {
    case 'linear':
    case 'ridge':
    case 'logistic':
    case 'lasso':
    case 'elastic_net':
      return bytes < 100 * MB ? 't3.medium' : 'm5.large';
    case 'random_forest':
    case 'gradient_boosting':
    case 'extra_trees':
    case 'auto':
      return bytes < GB ? 'm5.large' : 'm5.xlarge';
    case 'neural_network':
    case 'mlp':
      return bytes > 5 * GB ? 'g4dn.xlarge' : 'm5.xlarge';
    default:
      return fallback;
  }
}

export function needOf(spec: TrainingJobSpec, bytes: number, fallback: string): Need {
  const floor = instanceType(floorType(spec.model.type, bytes, fallback));
  const wished = spec.resources ?? {};
  const data = BASE_MEMORY_GIB + (MEMORY_PER_BYTE * bytes) / 2 ** 30;
  return {
    vcpu: wished.vcpu ?? floor?.vcpu ?? 2,
    memoryGiB: wished.memoryGiB ?? Math.max(floor?.memoryGiB ?? 4, data),
    gpu: wished.gpu ?? floor?.gpu ?? 0,
  };
}

export interface SelectionInput {
  readonly spec: TrainingJobSpec;
  readonly bytes: number;
  readonly market: Market;
  /** Subnets with their zones. */
  readonly subnets: readonly { subnetId: string; zone: string }[];
  readonly fallbackType: string;
  /** Cap of the whole installation, USD per hour. */
  readonly maxPrice?: number;
  /** Live Spot price, USD per hour, where known. */
  readonly spotPrice?: (type: string, zone: string) => number | undefined;
  /** When a pool without capacity may be asked again, milliseconds; undefined: now. */
  readonly blockedUntil?: (market: Market, type: string, zone: string) => number | undefined;
  readonly catalogue?: readonly InstanceType[];
  readonly arch?: InstanceType['arch'];
}

export interface Selection {
  /** Cheapest first. */
  readonly offers: readonly Offer[];
  /** Why these, or why none. */
  readonly reason: string;
  /** Set when every fitting pool is blocked: when the first may be asked again. */
  readonly retryAt?: number;
  /** Nothing will ever fit this spec. */
  readonly impossible?: boolean;
  /** USD per hour of the cheapest offer. */
  readonly price?: number;
}

interface Priced extends Offer {
  readonly price: number;
}

export function select(input: SelectionInput): Selection {
  const need = needOf(input.spec, input.bytes, input.fallbackType);
  const fitting = fittingTypes(input, need);
  if (fitting.length === 0)
    return none(`No instance type has ${words(need)}${wishes(input)}. Ask for less.`, { impossible: true });
  const zones = input.subnets.filter(
    ({ zone }) => !input.spec.resources?.zones || input.spec.resources.zones.includes(zone),
  );
  if (zones.length === 0) {
    const there = [...new Set(input.subnets.map(({ zone }) => zone))].join(', ');
    return none(`None of the zones asked for has a subnet of this installation; there is ${there}.`, {
      impossible: true,
    });
  }
  const pools = priced(input, fitting, zones);
  const cap = input.spec.resources?.maxPricePerHour;
  const affordable = cap === undefined ? pools : pools.filter(({ price }) => price <= cap);
  if (affordable.length === 0) {
    const cheapest = pools[0] as Priced;
    return none(
      `Every fitting instance costs more than maxPricePerHour ${cap} USD; the cheapest is ${cheapest.instanceType} in ${cheapest.zone} at ${cheapest.price} USD per hour.`,
      input.market === 'spot' ? {} : { impossible: true },
    );
  }
  const blocked = (pool: Priced) => input.blockedUntil?.(input.market, pool.instanceType, pool.zone);
  const open = affordable.filter((pool) => blocked(pool) === undefined);
  if (open.length === 0)
    return {
      offers: [],
      reason: `No ${input.market} capacity in ${affordable.length} pools (${new Set(affordable.map((pool) => pool.instanceType)).size} types).`,
      retryAt: Math.min(...affordable.map((pool) => blocked(pool) ?? Infinity)),
    };
  const cheapest = open[0] as Priced;
  return {
    offers: open.map(({ price: _, ...offer }) => offer),
    price: cheapest.price,
    reason: `${words(need)} for ${sizeOf(input.bytes)} and ${input.spec.model.type}: ${open.length} pools, cheapest ${cheapest.instanceType} in ${cheapest.zone} at ${cheapest.price} USD per hour`,
  };
}

const none = (reason: string, more: Partial<Selection>): Selection => ({ offers: [], reason, ...more });

function fittingTypes(input: SelectionInput, need: Need): InstanceType[] {
  const wished = input.spec.resources?.instanceTypes;
  const catalogue = input.catalogue ?? INSTANCE_TYPES;
  // Types named by the user are taken as they are: who names a type knows why.
  if (wished) return catalogue.filter(({ name }) => wished.includes(name));
  return catalogue.filter(
    (type) =>
      type.arch === (input.arch ?? 'x86_64') &&
      type.vcpu >= need.vcpu &&
      type.memoryGiB >= need.memoryGiB &&
      (need.gpu === 0 ? type.gpu === 0 : type.gpu >= need.gpu),
  );
}

function priced(input: SelectionInput, types: readonly InstanceType[], zones: SelectionInput['subnets']): Priced[] {
  const priceOf = (type: InstanceType, zone: string): number =>
    input.market === 'spot' ? (input.spotPrice?.(type.name, zone) ?? type.spot) : type.onDemand;
  const typePrice = (type: InstanceType) => Math.min(...zones.map(({ zone }) => priceOf(type, zone)));
  const ordered = [...types].sort((a, b) => typePrice(a) - typePrice(b) || a.name.localeCompare(b.name));
  const cheapest = typePrice(ordered[0] as InstanceType);
  const wished = input.spec.resources?.instanceTypes !== undefined;
  const offered = ordered.filter((type) => wished || typePrice(type) <= cheapest * MOST_DEARER).slice(0, MOST_TYPES);
  const cap = Math.min(input.spec.resources?.maxPricePerHour ?? Infinity, input.maxPrice ?? Infinity);
  return offered
    .flatMap((type) =>
      zones.map(({ zone, subnetId }) => ({
        instanceType: type.name,
        zone,
        subnetId,
        price: priceOf(type, zone),
        ...(Number.isFinite(cap) ? { maxPrice: cap } : {}),
      })),
    )
    .sort((a, b) => a.price - b.price || a.instanceType.localeCompare(b.instanceType) || a.zone.localeCompare(b.zone));
}

const words = ({ vcpu, memoryGiB, gpu }: Need): string =>
  `at least ${vcpu} vCPU, ${Math.round(memoryGiB * 10) / 10} GiB${gpu > 0 ? ` and ${gpu} GPU` : ''}`;

const wishes = ({ spec }: SelectionInput): string =>
  spec.resources?.instanceTypes ? ` among ${spec.resources.instanceTypes.join(', ')}` : '';

const sizeOf = (bytes: number): string =>
  bytes >= GB
    ? `${(bytes / GB).toFixed(1)} GB`
    : bytes >= MB
      ? `${(bytes / MB).toFixed(1)} MB`
      : `${Math.ceil(bytes / 1000)} kB`;
