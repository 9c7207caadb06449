// A feature's cells of the sample beside those of training, in groups that both know: ranges between the deciles of training, or frequent
// texts. Also where the two differ most, in words. Pure; drift.ts judges the groups.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { QUANTILE_BINS, tellingColumn, textsCounted } from '../../cloud/contract/statistics.ts';
import { measured, percent } from '../../cloud/figures.ts';
import { short } from '../../cloud/labels.ts';
import type { Group } from './drift.ts';
import type { SampledCells } from './totals.ts';

type Feature = Manifest['features'][number];

export interface Grouped {
  readonly groups: readonly Group[];
  /** E.g. `62 % of them are above 60, in training 10 % were`. */
  readonly difference: string;
}

const NAME = 40;
const DAY_MS = 86_400_000;

/** Undefined where the training left nothing to compare with. */
export function grouped(manifest: Manifest, feature: Feature, cells: SampledCells): Grouped | undefined {
  const { quantiles, atMost, shares, missing } = feature.statistics ?? {};
  if (quantiles?.length === QUANTILE_BINS - 1 && cells.bins.length === QUANTILE_BINS)
    return ranges(cells.bins, quantiles, atMost, feature.type === 'date');
  const column = manifest.preprocessing.columns[tellingColumn(manifest, feature)];
  if (!shares || !column) return undefined;
  return texts(cells, textsCounted(column, shares), 1 - (missing ?? 0));
}

/** A value of training, the cells now up to it, and the share then. */
interface Cut {
  readonly value: number;
  readonly now: number;
  readonly trained: number;
}

function ranges(
  bins: readonly number[],
  quantiles: readonly number[],
  atMost: readonly number[] | undefined,
  date: boolean,
): Grouped {
  const shown = date ? day : measured;
  const rows = bins.reduce((sum, count) => sum + count, 0);
  const cuts: Cut[] = [];
  let below = bins[0]!;
  for (let at = 1; at < quantiles.length; at++) {
    below += bins[at]!;
    // Several deciles may be the same value: all cells of the kind are in the first range that ends there.
    if (quantiles[at + 1] === quantiles[at]) continue;
    cuts.push({ value: quantiles[at]!, now: below, trained: atMost?.[at] ?? likeliest(below / rows, at) });
  }
  const least = { what: `below ${shown(quantiles[0]!)}`, now: bins[0]!, trained: 0 };
  const above = { what: `above ${shown(cuts.at(-1)!.value)}`, now: bins.at(-1)!, trained: 0 };
  const between = cuts.map(({ value, now, trained }, at) => ({
    what: at === 0 ? `up to ${shown(value)}` : `above ${shown(cuts[at - 1]!.value)} up to ${shown(value)}`,
    now: now - (at === 0 ? bins[0]! : cuts[at - 1]!.now),
    trained: trained - (at === 0 ? 0 : cuts[at - 1]!.trained),
  }));
  const start = { value: quantiles[0]!, now: bins[0]!, trained: 0 };
  return { groups: [least, ...between, above], difference: moved([start, ...cuts], rows, shown, date) };
}

/** A model of before `atMost` says only that a decile's share is somewhere from its own to the next: benefit of the doubt. */
const likeliest = (now: number, decile: number): number =>
  decile === 10 ? 1 : Math.min(Math.max(now || 0, decile / 10), (decile + 1) / 10);

function moved(cuts: readonly Cut[], rows: number, shown: (value: number) => string, date: boolean): string {
  const apart = ({ now, trained }: Cut): number => now / rows - trained;
  const [most] = [...cuts].sort((a, b) => Math.abs(apart(b)) - Math.abs(apart(a)));
  const { value, now, trained } = most!;
  const [above, atMost, below] = date ? ['after', 'no later than', 'before'] : ['above', 'at most', 'below'];
  if (apart(most!) < 0)
    return `${share(1 - now / rows)} of them are ${above} ${shown(value)}, in training ${share(1 - trained)} were`;
  // In training nothing was below the least, so that is where this starts.
  const up = trained === 0 ? below : atMost;
  return `${share(now / rows)} of them are ${up} ${shown(value)}, in training ${share(trained)} were`;
}

function texts(
  { texts: found, other }: SampledCells,
  counted: ReadonlyMap<string, number>,
  present: number,
): Grouped | undefined {
  if (present <= 0) return undefined;
  const named = [...counted].map(([text, trained]) => ({
    what: `“${short(text, NAME)}”`,
    now: found.get(text) ?? 0,
    trained: trained / present,
  }));
  const rest = Math.max(0, 1 - named.reduce((sum, { trained }) => sum + trained, 0));
  const groups = [...named, { what: OTHER, now: other, trained: rest < ROUNDING ? 0 : rest }];
  const rows = groups.reduce((sum, { now }) => sum + now, 0);
  const apart = ({ now, trained }: Group): number => Math.abs(now / rows - trained);
  const [most] = [...groups].sort((a, b) => apart(b) - apart(a));
  return {
    groups,
    difference: `${share(most!.now / rows)} of them are ${most!.what}, in training ${share(most!.trained)} were`,
  };
}

const OTHER = 'none of the frequent ones';
const ROUNDING = 1e-9;

function share(value: number): string {
  if (value <= ROUNDING) return 'none';
  return value >= 1 - ROUNDING ? 'all' : percent(value);
}

/** yyyy-MM-dd of days since 1970. */
function day(days: number): string {
  const date = new Date(days * DAY_MS);
  return Number.isNaN(date.getTime()) ? measured(days) : date.toISOString().slice(0, 10);
}
