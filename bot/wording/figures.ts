// Numbers as people read them: sizes, durations, counts, metrics, progress.
import { count, measured, percent } from '../../cloud/figures.ts';
import { showUsd } from '../../cloud/prices.ts';

export { count, measured, percent };

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

export const figure = (value: number): string =>
  Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(4)));

/** yyyy-MM-dd HH:mm, UTC. */
export const when = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

const BAR = 12;
export function bar(percent: number): string {
  const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * BAR);
  return `${'▰'.repeat(filled)}${'▱'.repeat(BAR - filled)} ${Math.round(percent)} %`;
}
