// Numbers as people write them: a decimal comma, separators of thousands, a unit. Reads a stripped cell as `notation` of the
// manifest's schema says; the worker does the same (vectors in test/golden hold both to each other).
import type { Notation } from './contract.generated.ts';
import { exactNumber } from './number.ts';

/** Of a stripped cell: its value, NaN where it is none in this notation. */
export type NumberReader = (text: string) => number;

const SEPARATORS: Readonly<Record<Notation['thousands'], string>> = {
  '': '',
  ',': ',',
  '.': '.',
  ' ': ' \u00a0\u2009\u202f',
  "'": "'\u2019",
};
/** A cell's blanks, and those that stand between a number and its unit. */
const BLANKS = '[\\t-\\r \u00a0\ufeff\u2009\u202f]';
const AROUND = new RegExp(`^${BLANKS}+|${BLANKS}+$`, 'g');

export function numberReader({ decimal, thousands, unit }: Notation): NumberReader {
  const separators = SEPARATORS[thousands];
  const grouped = separators === '' ? '' : `[0-9]{1,3}(?:[${separators}][0-9]{3})+|`;
  const mark = decimal === '.' ? '\\.' : decimal;
  const whole = `(?:${grouped}[0-9]+)`;
  const grammar = new RegExp(`^[+-]?(?:${whole}(?:${mark}[0-9]+)?|${mark}[0-9]+)(?:[eE][+-]?[0-9]+)?$`);
  const separator = separators === '' ? undefined : new RegExp(`[${separators}]`, 'g');
  return (text) => {
    const bare = unit === '' ? text : withoutUnit(text, unit);
    if (!grammar.test(bare)) return Number.NaN;
    const together = separator ? bare.replace(separator, '') : bare;
    return exactNumber(decimal === ',' ? together.replace(',', '.') : together);
  };
}

/** Cut off behind, or else in front, where a sign before it stays. */
function withoutUnit(text: string, unit: string): string {
  if (text.endsWith(unit)) return text.slice(0, -unit.length).replace(AROUND, '');
  if (text.startsWith(unit)) return text.slice(unit.length).replace(AROUND, '');
  const sign = text.charAt(0);
  if ((sign !== '-' && sign !== '+') || !text.startsWith(unit, 1)) return text;
  return sign + text.slice(1 + unit.length).replace(AROUND, '');
}
