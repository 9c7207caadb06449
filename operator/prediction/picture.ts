// summary.png: what was predicted, how sure the model was, which columns drifted; as wide as a phone shows. Draws SVG with our own few
// shapes (cloud/drawing/svg.ts); raster.ts there makes the PNG.
import {
  bar,
  BLUE,
  document,
  FAINT,
  GRID,
  haloed,
  INK,
  line,
  ORANGE,
  text,
  ticks,
  VERMILION,
} from '../../cloud/drawing/svg.ts';
import { count, measured, percent } from '../../cloud/figures.ts';
import { MAJOR_PSI, MODERATE_PSI } from './drift.ts';
import type { FeatureSummary, Predictions, Summary } from './summary.ts';

const WIDTH = 1080;
const MARGIN = 40;
const ROOM = WIDTH - 2 * MARGIN;
const MOST_CLASSES = 12;
const MOST_FEATURES = 15;
const ROW = 42;
const BAR = 26;
const LABELS = 330;
const FIGURES = 240;
/** Of the bars behind the labels. */
const LEFT = MARGIN + LABELS + 16;
const LENGTH = WIDTH - MARGIN - FIGURES - LEFT;
const HISTOGRAM = 220;
const COLUMNS = 40;

/** Shapes from y = 0 on, and how high they are. */
interface Panel {
  readonly shapes: (top: number) => string[];
  readonly height: number;
}

/** SVG, 1,080 wide. */
export function pictureOf(summary: Summary): string {
  const { predictions } = summary;
  const panels = [
    heading(summary),
    ...(predictions.is === 'classes' ? [classes(predictions), confidence(predictions)] : [values(predictions)]),
    drift(summary),
  ].filter((panel) => panel !== undefined);
  let top = MARGIN;
  const shapes: string[] = [];
  for (const panel of panels) {
    shapes.push(...panel.shapes(top));
    top += panel.height + MARGIN;
  }
  return document(WIDTH, top, shapes);
}

function heading({ model, rows, badRows }: Summary): Panel {
  const bad = badRows > 0 ? `, ${count(badRows)} without a prediction` : '';
  return {
    height: 66,
    shapes: (top) => [
      text(MARGIN, top + 28, `Predictions of “${model.target}”`, { size: 34, bold: true, room: ROOM }),
      text(MARGIN, top + 62, `${count(rows)} ${rows === 1 ? 'row' : 'rows'}${bad}. Model ${model.id}`, {
        fill: FAINT,
        room: ROOM,
      }),
    ],
  };
}

/** A title, a line of what to make of it, and `inner` below. */
function titled(title: string, beneath: string, height: number, inner: (top: number) => string[]): Panel {
  const head = 78;
  return {
    height: head + height,
    shapes: (top) => [
      text(MARGIN, top + 24, title, { size: 26, bold: true, room: ROOM }),
      text(MARGIN, top + 56, beneath, { size: 20, fill: FAINT, room: ROOM }),
      ...inner(top + head),
    ],
  };
}

type Classes = Extract<Predictions, { is: 'classes' }>;
type Values = Extract<Predictions, { is: 'values' }>;

function classes({ classes: all }: Classes): Panel {
  const sorted = all.filter(({ rows }) => rows > 0).sort((a, b) => b.rows - a.rows);
  const kept = sorted.length > MOST_CLASSES ? sorted.slice(0, MOST_CLASSES - 1) : sorted;
  const others = sorted.slice(kept.length);
  const rest = { rows: sum(others.map(({ rows }) => rows)), share: sum(others.map(({ share }) => share)) };
  const shown = [
    ...kept.map((one) => ({ ...one, fill: BLUE })),
    ...(others.length > 0 ? [{ class: `${others.length} other classes`, ...rest, fill: FAINT }] : []),
  ];
  const never = all.length - sorted.length;
  const beneath = `Share of the rows by predicted class${never > 0 ? `; ${count(never)} of ${count(all.length)} classes never` : ''}`;
  const most = Math.max(...shown.map(({ share }) => share), Number.MIN_VALUE);
  return titled('What was predicted', beneath, shown.length * ROW, (top) =>
    shown.flatMap(({ class: name, share, rows, fill }, at) => [
      ...labelled(top + at * ROW, name),
      bar(LEFT, top + at * ROW, (share / most) * LENGTH, BAR, fill),
      text(LEFT + (share / most) * LENGTH + 12, top + at * ROW + 21, `${percent(share)} (${many(rows)})`),
    ]),
  );
}

/** To the row where there is room for it. */
const many = (rows: number): string => (rows < 1e7 ? count(rows) : measured(rows));

const labelled = (top: number, name: string): string[] => [
  text(MARGIN + LABELS, top + 21, name || '(blank)', { anchor: 'end', room: LABELS }),
];

function confidence({ confidence: bins }: Classes): Panel | undefined {
  const all = sum(bins);
  if (all === 0) return undefined;
  const sure = sum(bins.slice(Math.round(bins.length * SURE))) / all;
  const bars = bins.map((rows, at) => ({ from: at / bins.length, to: (at + 1) / bins.length, share: rows / all }));
  const beneath = `Probability of the predicted class; ${percent(sure)} of the rows have ${percent(SURE)} or more`;
  return titled('How sure the model is', beneath, HISTOGRAM + 40, (top) =>
    histogram(top, bars, [0, 0.25, 0.5, 0.75, 1], percent),
  );
}

const SURE = 0.9;

function values(predictions: Values): Panel {
  const { min, max, mean, quantiles } = predictions;
  if (min === undefined || max === undefined || mean === undefined)
    return titled('What was predicted', 'No row has a finite prediction.', 0, () => []);
  if (min === max) return titled('What was predicted', `The same for all rows: ${measured(min)}`, 0, () => []);
  const median = quantiles ? `, median ${measured(quantiles.p50)}` : '';
  const { bars, outside } = barsOf(predictions.buckets, min, max);
  const cut = outside > 0.0005 ? `; ${percent(outside)} are not drawn` : '';
  const beneath = `From ${measured(min)} to ${measured(max)}, mean ${measured(mean)}${median}${cut}`;
  if (bars.length === 0) return titled('What was predicted', beneath, 0, () => []);
  return titled('What was predicted', beneath, HISTOGRAM + 40, (top) =>
    histogram(top, bars, ticks(bars[0]!.from, bars.at(-1)!.to), exact),
  );
}

interface Bar {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

/** Beyond, the width of the picture would overflow. */
const MOST_DRAWN = 1e300;

/** The middle 99 % in columns of equal width; a bucket wider than a column is spread over all that it covers. */
function barsOf(buckets: Values['buckets'], min: number, max: number): { bars: Bar[]; outside: number } {
  const all = sum(buckets.map(({ rows }) => rows));
  if (all === 0) return { bars: [], outside: 0 };
  const low = Math.max(min, buckets[firstAbove(buckets, 0.005 * all)]!.from);
  const high = Math.min(max, buckets[firstAbove(buckets, 0.995 * all)]!.to);
  if (!(Math.max(Math.abs(low), Math.abs(high)) <= MOST_DRAWN)) return { bars: [], outside: 0 };
  const room = high - low > Math.abs(low) * 1e-9 ? high - low : Math.abs(low) || 1;
  const start = high - low === room ? low : low - room / 2;
  const bars = Array.from({ length: COLUMNS }, (_, at) => {
    const from = start + (at / COLUMNS) * room;
    const to = start + ((at + 1) / COLUMNS) * room;
    return { from, to, share: sum(buckets.map((bucket) => bucket.rows * covered(bucket, from, to))) / all };
  });
  return { bars, outside: Math.max(0, 1 - sum(bars.map(({ share }) => share))) };
}

function firstAbove(buckets: Values['buckets'], rows: number): number {
  let rest = rows;
  const found = buckets.findIndex((bucket) => (rest -= bucket.rows) < 0);
  return found < 0 ? buckets.length - 1 : found;
}

/** Share of a bucket that lies in [from, to). */
function covered(bucket: { from: number; to: number }, from: number, to: number): number {
  if (bucket.to === bucket.from) return bucket.from >= from && bucket.from < to ? 1 : 0;
  return Math.max(0, Math.min(bucket.to, to) - Math.max(bucket.from, from)) / (bucket.to - bucket.from);
}

/** Bars of all of the width, figures below at `at`, lines at round shares behind. */
function histogram(
  top: number,
  bars: readonly Bar[],
  at: readonly number[],
  figure: (value: number) => string,
): string[] {
  const left = MARGIN + 80;
  const width = WIDTH - MARGIN - left;
  const [low, high] = [bars[0]!.from, bars.at(-1)!.to];
  const x = (value: number): number => left + ((value - low) / (high - low)) * width;
  const most = Math.max(...bars.map(({ share }) => share), Number.MIN_VALUE);
  const y = (share: number): number => top + HISTOGRAM * (1 - share / most);
  const base = top + HISTOGRAM;
  return [
    ...ticks(0, most, 3).flatMap((share) => [
      line(left, y(share), left + width, y(share), GRID),
      text(left - 10, y(share) + 7, percent(share), { size: 18, fill: FAINT, anchor: 'end' }),
    ]),
    ...bars.map(({ from, to, share }) => bar(x(from) + 1, y(share), x(to) - x(from) - 2, base - y(share), BLUE)),
    line(left, base, left + width, base, INK),
    ...at.map((value) =>
      text(x(value), base + 30, figure(value), {
        size: 18,
        fill: FAINT,
        anchor: x(value) > WIDTH - MARGIN - 40 ? 'end' : 'middle',
      }),
    ),
  ];
}

/** Ticks are round, and must be told apart however close they are. */
function exact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return value.toLocaleString('en-US', { notation: 'compact', maximumSignificantDigits: 6 });
  return size > 0 && size < 1e-4
    ? value.toExponential()
    : value.toLocaleString('en-US', { maximumSignificantDigits: 12 });
}

const LOOKS = {
  none: { fill: BLUE, words: '' },
  moderate: { fill: ORANGE, words: 'differs' },
  major: { fill: VERMILION, words: 'differs much' },
} as const;

type Drifted = FeatureSummary & { readonly drift: NonNullable<FeatureSummary['drift']> };

function drift({ features }: Summary): Panel {
  const known = features.filter((feature): feature is Drifted => feature.drift !== undefined);
  const title = 'Are the columns like those of the training?';
  if (known.length === 0) return titled(title, 'Not known: there is nothing to compare with.', 0, () => []);
  const order = { major: 2, moderate: 1, none: 0 };
  const worst = [...known]
    .sort(
      (a, b) =>
        order[b.drift.level] - order[a.drift.level] ||
        Number(b.missing.changed) - Number(a.missing.changed) ||
        b.drift.psi - a.drift.psi,
    )
    .slice(0, MOST_FEATURES);
  const many = known.filter(({ drift: { level }, missing: { changed } }) => level !== 'none' || changed).length;
  const found =
    many === 0
      ? `Yes, all ${count(known.length)}`
      : `${count(many)} of ${count(known.length)} ${many === 1 ? 'differs' : 'differ'}`;
  const shown = worst.length < known.length ? ` (the ${worst.length} most different are shown)` : '';
  const scale = LENGTH / Math.min(1, Math.max(2 * MODERATE_PSI + MAJOR_PSI, ...worst.map(({ drift: { psi } }) => psi)));
  return titled(title, `${found}${shown}. Population stability index (PSI):`, 34 + worst.length * ROW, (top) => [
    ...[MODERATE_PSI, MAJOR_PSI].flatMap((limit) => [
      line(LEFT + limit * scale, top + 24, LEFT + limit * scale, top + 26 + worst.length * ROW, FAINT, true),
      text(LEFT + limit * scale, top + 16, String(limit), { size: 18, fill: FAINT, anchor: 'middle' }),
    ]),
    ...worst.flatMap((feature, at) => driftBar(top + 34 + at * ROW, feature, scale)),
  ]);
}

function driftBar(top: number, { name, drift: { psi, level }, missing }: Drifted, scale: number): string[] {
  const { fill, words } = LOOKS[level];
  const length = Math.min(LENGTH, psi * scale);
  const end = LEFT + length + 12;
  const beside = level !== 'none' ? ` ${words}` : gapsOf(missing) || (psi >= MODERATE_PSI ? ' may be chance' : '');
  return [
    ...labelled(top, name),
    bar(LEFT, top, Math.max(2, length), BAR, fill),
    haloed(text(end, top + 21, `${psi.toFixed(2)}${beside}`, { room: WIDTH - end })),
  ];
}

const gapsOf = ({ now, trained = 0, changed }: Drifted['missing']): string =>
  changed ? `, ${percent(now)} missing, in training ${trained === 0 ? 'none' : percent(trained)}` : '';

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
