// Numbers as people read them: sizes, durations, counts, metrics, progress.
import { showUsd } from '../../cloud/prices.ts';

/** `<$0.0001` would open a tag. */
export const usd = (value: number): string => showUsd(value).replace('<', 'under ');

export function bytes(count: number): string {
  if (count < 1000) return `${count} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[at]}`;
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

export const figure = (value: number): string =>
  Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(4)));

/** Of so large a figure only the first digits tell something. */
const LARGE = 1e6;
const LONG_WORDS = { notation: 'compact', compactDisplay: 'long', maximumSignificantDigits: 3 } as const;
/** Something measured, which is not exact anyway: `0.784`, `9,413`, `1.23 million`. */
export function measured(value: number): string {
  if (Math.abs(value) >= LARGE) return value.toLocaleString('en-US', LONG_WORDS);
  return Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(3)));
}

/** Of a share: `7.5 %`. */
export const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

/** yyyy-MM-dd HH:mm, UTC. */
export const when = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

const BAR = 12;
export function bar(percent: number): string {
  const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * BAR);
  return `${'▰'.repeat(filled)}${'▱'.repeat(BAR - filled)} ${Math.round(percent)} %`;
}
