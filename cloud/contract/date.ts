// Dates in cells, by the grammar in the manifest's schema: day, month and year in one of several orders, perhaps a time and an
// offset. Own code, because JavaScript's Date accepts and guesses more than the worker does.
import type { DateColumn } from './contract.generated.ts';

type Order = DateColumn['orders'][number];
type Part = DateColumn['parts'][number]['part'];

const DATE = /^(?:([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})|([0-9]{4})([0-9]{2})([0-9]{2}))/;
const TIME =
  /^[T ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(?: ?(?:(Z)|([+-])([0-9]{2})(?::?([0-9]{2}))?))?$/;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Milliseconds since 1970-01-01T00:00Z of a stripped cell (fractions cut off), or NaN where it is no date. */
export function readDate(text: string, orders: readonly Order[]): number {
  const found = DATE.exec(text);
  if (!found) return Number.NaN;
  const time = timeOf(text.slice(found[0].length));
  if (time !== time) return Number.NaN;
  for (const order of orders) {
    const day = dayOf(found, order);
    if (day === day) return day * DAY_MS + time;
  }
  return Number.NaN;
}

/** Days since 1970 of the date in this order, or NaN. */
function dayOf([, first, , second, third, ...compact]: RegExpExecArray, order: Order): number {
  if (first === undefined || second === undefined || third === undefined)
    return order === 'YMD' ? daysSince1970(Number(compact[0]), Number(compact[1]), Number(compact[2])) : Number.NaN;
  const [year, month, day] =
    order === 'YMD' ? [first, second, third] : order === 'DMY' ? [third, second, first] : [third, first, second];
  if (year.length !== 4 || month.length > 2 || day.length > 2) return Number.NaN;
  return daysSince1970(Number(year), Number(month), Number(day));
}

function daysSince1970(year: number, month: number, day: number): number {
  if (year < 1 || month < 1 || month > 12 || day < 1) return Number.NaN;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCDate() === day ? date.getTime() / DAY_MS : Number.NaN;
}

/** Milliseconds of the day in UTC (below 0 or above a day by the offset), or NaN. */
function timeOf(text: string): number {
  if (text === '') return 0;
  const found = TIME.exec(text);
  if (!found) return Number.NaN;
  const [, hours, minutes, seconds = '0', fraction = '0', , sign, offsetHours = '0', offsetMinutes = '0'] = found;
  const parts = [hours, minutes, seconds, offsetHours, offsetMinutes].map(Number);
  const [h, m, s, oh, om] = parts as [number, number, number, number, number];
  if (h > 23 || m > 59 || s > 59 || oh > 23 || om > 59) return Number.NaN;
  const offset = (oh * 60 + om) * (sign === '-' ? -1 : 1);
  return (h * 60 + m - offset) * MINUTE_MS + s * 1000 + Math.trunc(Number(fraction.padEnd(9, '0')) / 1e6);
}

/** A part of a time in UTC. */
export function partOf(ms: number, part: Part): number {
  const date = new Date(ms);
  switch (part) {
    case 'year':
      return date.getUTCFullYear();
    case 'month':
      return date.getUTCMonth() + 1;
    case 'day':
      return date.getUTCDate();
    case 'weekday':
      return (date.getUTCDay() + 6) % 7;
    case 'hour':
      return date.getUTCHours();
    case 'elapsed': {
      const days = Math.floor(ms / DAY_MS);
      return days + (ms - days * DAY_MS) / DAY_MS;
    }
  }
}
