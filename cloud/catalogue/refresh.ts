// A new catalogue from the old one and what AWS says. Pure: which types belong in, what each costs, and what to tell about the rest.
import { familyOf, type Catalogue, type CatalogueRow } from './catalogue.ts';
import type { TypeFacts } from './market.ts';
import type { PriceList } from './offers.ts';

/** Smaller or larger types than these train nothing here; with GPUs the largest may be larger. */
const SIZES = { vcpu: 2, memoryGiB: 4, mostVcpu: 72 } as const;

export interface RefreshInput {
  readonly old: Catalogue;
  readonly families: readonly string[];
  readonly types: readonly TypeFacts[];
  /** Spot prices in force, one for each zone. */
  readonly spot: ReadonlyMap<string, readonly number[]>;
  /** Absent: on-demand prices stay as they are. */
  readonly prices?: PriceList;
  /** yyyy-mm-dd. */
  readonly date: string;
}

export interface Refreshed {
  readonly catalogue: Catalogue;
  /** What was left out or kept as it was, and why; a sentence each. */
  readonly remarks: readonly string[];
}

/** Families of the catalogue, and those to be added. */
export function familiesOf(catalogue: Catalogue, added: readonly string[]): string[] {
  return [...new Set([...catalogue.types.map(({ name }) => familyOf(name)), ...added])].sort();
}

export const belongs = ({ vcpu, memoryGiB, gpu = 0 }: TypeFacts): boolean =>
  vcpu >= SIZES.vcpu && memoryGiB >= SIZES.memoryGiB && (gpu > 0 || vcpu <= SIZES.mostVcpu);

export function refresh({ old, families, types, spot, prices, date }: RefreshInput): Refreshed {
  const before = new Map(old.types.map((row) => [row.name, row]));
  const rows: CatalogueRow[] = [];
  const remarks: string[] = [];
  for (const facts of types) {
    if (!families.includes(familyOf(facts.name)) || !belongs(facts)) continue;
    const known = before.get(facts.name);
    const listed = prices?.onDemand.get(facts.name);
    const zones = spot.get(facts.name) ?? [];
    const onDemand = listed ?? known?.onDemand;
    const typical = zones.length > 0 ? rounded(median(zones), 4) : known?.spot;
    if (onDemand === undefined || typical === undefined) {
      const lacking = onDemand === undefined ? 'on-demand price' : 'Spot price';
      remarks.push(`${facts.name} is left out: there is no ${lacking} of it`);
      continue;
    }
    if (prices && listed === undefined)
      remarks.push(`${facts.name} is not in the price list; its on-demand price stays ${onDemand}`);
    if (zones.length === 0) remarks.push(`${facts.name} has no Spot price now; ${typical} stays`);
    rows.push({ ...facts, onDemand: rounded(onDemand, 6), spot: typical });
  }
  const sources = {
    types: `EC2 DescribeInstanceTypes, ${date}`,
    onDemand: prices ? `the price list of AmazonEC2 published ${prices.published}` : old.sources.onDemand,
    spot: `EC2 DescribeSpotPriceHistory, median over the zones of the prices in force on ${date}`,
  };
  return { catalogue: { date, region: old.region, sources, types: rows }, remarks };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
