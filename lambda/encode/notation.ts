// Numbers as people write them: a decimal comma, separators of thousands, a unit. Rewrites a stripped cell into the plain
// grammar of number.ts as the manifest's `notation` says; the worker does the same (golden vectors hold both to each other).
import type { Notation } from '../../cloud/contract/contract.generated.ts';
import { stripped } from '../csv/cell.ts';
import { exactNumber } from './number.ts';

/** Of a stripped cell: its value, NaN where it is none in this notation. */
export type NumberReader = (text: string) => number;

const SPACES = ' \u00a0\u2009\u202f';
const NONE = 'x'; // no number by the grammar

export function numberReader({ decimal, thousands, unit }: Notation): NumberReader {
  const separators = thousands === ' ' ? SPACES : thousands;
  const whole = new RegExp(`^([+-]?)([0-9]{1,3}(?:[${escape(separators)}][0-9]{3})+)(?![0-9])`);
  const separator = new RegExp(`[${escape(separators)}]`, 'g');
  return (text) => {
    let rest = unit === '' ? text : withoutUnit(text, unit);
    if (separators !== '')
      rest = rest.replace(whole, (_, sign: string, digits: string) => sign + digits.replace(separator, ''));
    if (decimal === ',') rest = rest.includes('.') ? NONE : rest.replace(',', '.');
    return exactNumber(rest);
  };
}

/** Cut off behind, or else in front, where a sign before it stays. */
function withoutUnit(text: string, unit: string): string {
  if (text.endsWith(unit)) return stripped(text.slice(0, -unit.length));
  if (text.startsWith(unit)) return stripped(text.slice(unit.length));
  const sign = text.charAt(0);
  const signed = (sign === '-' || sign === '+') && text.startsWith(unit, 1);
  return signed ? sign + stripped(text.slice(1 + unit.length)) : text;
}

const escape = (letters: string): string => letters.replaceAll('.', '\\.');
