// The picture of a month's money, for /cost: above what was spent so far, against the limit and with the forecast; below the days. Pure, but
// for the PNG that raster.ts makes. Both plots have the same days; the amounts of one day would vanish on the scale of the limit.
import {
  bar,
  BLUE,
  curve,
  document,
  FAINT,
  GRID,
  INK,
  line,
  ORANGE,
  text,
  ticks,
  VERMILION,
} from '../../cloud/drawing/svg.ts';
import { nextPeriod, startOf } from '../../cloud/ledger/entries.ts';
import { showUsd } from '../../cloud/prices.ts';

export interface MonthFacts {
  /** yyyy-MM. */
  readonly period: string;
  readonly limitUsd: number;
  readonly spentUsd: number;
  readonly reservedUsd: number;
  /** Of the whole month. */
  readonly forecastUsd: number;
  /** USD by day, the first is the 1st; days that it lacks cost nothing. */
  readonly byDay: readonly number[];
  /** Day of the month, UTC; of a past month its last. */
  readonly today: number;
}

const WIDTH = 1200;
const HEIGHT = 800;
const MARGIN = 40;
/** A phone shows the picture at a third of its size. */
const SIZE = 26;
const LEFT = 175;
/** Right of it stands the figure of the limit, and nothing else. */
const RIGHT = 1000;
const HELD = '#A6CEE3';
const DAY_MS = 86_400_000;

interface Plot {
  readonly top: number;
  readonly base: number;
  /** USD at the top. */
  readonly most: number;
}

/** What the drawing is made from: a whole month, of amounts that can be drawn. */
interface Month extends MonthFacts {
  readonly days: number;
}

export async function monthPicture(facts: MonthFacts): Promise<Uint8Array> {
  const { pngOf } = await import('../../cloud/drawing/raster.ts');
  return pngOf(monthSvg(facts));
}

/** SVG, 1,200 by 800. */
export function monthSvg(facts: MonthFacts): string {
  const days = Math.round((startOf(nextPeriod(facts.period)) - startOf(facts.period)) / DAY_MS);
  const today = Math.min(days, Math.max(1, Math.round(facts.today)));
  const month: Month = { ...facts, days, today, byDay: facts.byDay.slice(0, today) };
  return document(WIDTH, HEIGHT, [...heading(month), ...soFar(month), ...dayByDay(month)]);
}

const hasForecast = ({ today, days }: Month): boolean => today < days;

function heading(month: Month): string[] {
  const { period, spentUsd, limitUsd } = month;
  const name = new Date(startOf(period)).toLocaleString('en-US', { month: 'long', year: 'numeric', timeZone: 'UTC' });
  const fill = spentUsd > limitUsd ? VERMILION : INK;
  const title = `${name}: ${showUsd(spentUsd)} of ${showUsd(limitUsd)}`;
  return [text(MARGIN, 74, title, { size: 40, bold: true, fill, room: WIDTH - 2 * MARGIN }), ...legend(month)];
}

/** In two columns: four of long amounts are wider than the picture. */
function legend(month: Month): string[] {
  const sign = (stroke: string, dashed = false) => {
    return (x: number, y: number): string =>
      curve(
        [
          [x, y],
          [x + 46, y],
        ],
        stroke,
        dashed,
      );
  };
  const held = (x: number, y: number): string => bar(x, y - 11, 46, 22, HELD);
  const entries: (readonly [(x: number, y: number) => string, string])[] = [
    [sign(BLUE), `Spent ${showUsd(month.spentUsd)}`],
    [sign(VERMILION), `Limit ${showUsd(month.limitUsd)}`],
    ...(hasForecast(month) ? [[sign(ORANGE, true), `Forecast ${showUsd(month.forecastUsd)}`] as const] : []),
    ...(month.reservedUsd > 0 ? [[held, `Held back ${showUsd(month.reservedUsd)}`] as const] : []),
  ];
  const column = (WIDTH - 2 * MARGIN) / 2;
  return entries.flatMap(([shape, words], at) => {
    const x = MARGIN + (at % 2) * column;
    const y = 118 + Math.floor(at / 2) * 42;
    return [shape(x, y), text(x + 60, y + 9, words, { size: SIZE, room: column - 70 })];
  });
}

/** The right edge of a day, for its amount is known at its end. */
const edge = (month: Month, day: number): number => LEFT + (day / month.days) * (RIGHT - LEFT);

const height = ({ top, base, most }: Plot, usd: number): number =>
  base - Math.min(1, Math.max(0, usd / most)) * (base - top);

function soFar(month: Month): string[] {
  const { limitUsd, spentUsd, reservedUsd, forecastUsd, today, days } = month;
  const sums = cumulative(month);
  const forecast = hasForecast(month) ? forecastUsd : 0;
  const plot = plotOf(206, 492, [limitUsd, spentUsd + reservedUsd, forecast, ...sums]);
  const point = (day: number, usd: number) => [edge(month, day), height(plot, usd)] as const;
  return [
    ...scale(plot, 6),
    ...(reservedUsd > 0 ? [heldBack(month, plot)] : []),
    line(LEFT, plot.base, RIGHT, plot.base, INK),
    ...limit(limitUsd, height(plot, limitUsd)),
    ...(hasForecast(month) ? [curve([point(today, spentUsd), point(days, forecastUsd)], ORANGE, true)] : []),
    curve([point(0, 0), ...sums.map((usd, at) => point(at + 1, usd))], BLUE),
  ];
}

/** Above what was spent by today, as wide as the day; never too low to be seen. */
function heldBack(month: Month, plot: Plot): string {
  const { today, spentUsd, reservedUsd } = month;
  const [from, to] = [edge(month, today - 1), edge(month, today)];
  const bottom = height(plot, spentUsd);
  const tall = Math.max(6, bottom - height(plot, spentUsd + reservedUsd));
  return bar(from, bottom - tall, to - from, tall, HELD);
}

function limit(usd: number, y: number): string[] {
  const ends = [LEFT, RIGHT].map((x) => [x, y] as const);
  const style = { size: SIZE, bold: true, fill: VERMILION, room: WIDTH - RIGHT - 24 };
  return [curve(ends, VERMILION), text(RIGHT + 14, y + 9, brief(usd), style)];
}

/** By the end of each day; the last is what was spent, whatever the days say. */
function cumulative({ byDay, spentUsd, today }: Month): number[] {
  let sum = 0;
  const sums = Array.from({ length: today }, (_, at) => (sum += byDay[at] ?? 0));
  return [...sums.slice(0, -1), spentUsd];
}

function dayByDay(month: Month): string[] {
  const { byDay, days, spentUsd } = month;
  const plot = plotOf(566, 726, byDay);
  const room = edge(month, 1) - edge(month, 0);
  const spent = byDay.map((usd, at) => ({ usd, day: at + 1 })).filter(({ usd }) => usd > 0);
  const nothing = spentUsd > 0 ? '' : `Nothing was spent${hasForecast(month) ? ' yet' : ''}`;
  return [
    text(MARGIN, 545, 'By day', { size: SIZE, bold: true }),
    ...(spent.length > 0
      ? scale(plot, 4)
      : [text((LEFT + RIGHT) / 2, (plot.top + plot.base) / 2, nothing, { size: SIZE, fill: FAINT, anchor: 'middle' })]),
    ...spent.map(({ usd, day }) => {
      const tall = Math.max(2, plot.base - height(plot, usd));
      return bar(edge(month, day - 1) + 3, plot.base - tall, room - 6, tall, BLUE);
    }),
    line(LEFT, plot.base, RIGHT, plot.base, INK),
    ...[1, 5, 10, 15, 20, 25, days].map((day) =>
      text(edge(month, day - 0.5), plot.base + 36, String(day), { size: SIZE, fill: FAINT, anchor: 'middle' }),
    ),
  ];
}

/** With some air above the largest of `amounts`; a dollar high when there is none. */
const plotOf = (top: number, base: number, amounts: readonly number[]): Plot => ({
  top,
  base,
  most: 1.06 * (Math.max(...amounts, 0) || 1),
});

/** Lines at round amounts, their figures on the left. */
function scale(plot: Plot, about: number): string[] {
  const at = ticks(0, plot.most, about);
  const step = at[1] ?? 1;
  return at.flatMap((usd) => [
    line(LEFT, height(plot, usd), RIGHT, height(plot, usd), GRID),
    text(LEFT - 12, height(plot, usd) + 9, tick(usd, step), {
      size: SIZE,
      fill: FAINT,
      anchor: 'end',
      room: LEFT - 20,
    }),
  ]);
}

/** `$0.50`, `$20`, `$150K`, `$2e-7`: as many decimals as tell the ticks apart. */
function tick(usd: number, step: number): string {
  if (usd >= COMPACT_USD) return compact(usd);
  if (usd === 0) return '$0';
  if (step < 1e-6) return `$${usd.toExponential()}`;
  const decimals = step >= 1 ? 0 : Math.max(2, -Math.floor(Math.log10(step)));
  return `$${usd.toFixed(decimals)}`;
}

const COMPACT_USD = 10_000;
const compact = (usd: number): string =>
  `$${usd.toLocaleString('en-US', { notation: 'compact', maximumSignificantDigits: 4 })}`;

/** Exact where there is room for it. */
const brief = (usd: number): string => (usd < 1e5 ? showUsd(usd) : compact(usd));
