// From the text of a cell back to the value it was in the Parquet file that it came from: texts.ts backwards. A column of a CSV has no
// type, and stays text.
import type { SchemaElement } from 'hyparquet';
import type { CellKind, ParquetColumn, Unit } from '../../../cloud/contract/parquet.ts';

/** As hyparquet-writer takes it for the column; of a text that is not empty. */
export type ToValue = (text: string) => unknown;

export interface OutColumn {
  readonly element: SchemaElement;
  readonly toValue: ToValue;
}

const asText: ToValue = (text) => text;

export function textColumn(name: string): OutColumn {
  return {
    element: { name, type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL', converted_type: 'UTF8' },
    toValue: asText,
  };
}

export function numberColumn(name: string): OutColumn {
  return { element: { name, type: 'DOUBLE', repetition_type: 'OPTIONAL' }, toValue: numberOf };
}

/** A column as it was in the source: its type, or text where that has no writer. */
export function sameColumn(name: string, { kind, element }: ParquetColumn): OutColumn {
  const same: SchemaElement = { ...element, name, repetition_type: 'OPTIONAL' };
  switch (kind.is) {
    case 'integer':
      return { element: integerElement(same), toValue: element.type === 'INT64' ? BigInt : Number };
    case 'float':
      return { element: same, toValue: numberOf };
    case 'boolean':
      return { element: same, toValue: (text) => text === 'true' };
    case 'date':
      return { element: { ...same, converted_type: 'DATE' }, toValue: (text) => Number(daysOf(text)) };
    case 'time':
      return { element: same, toValue: timeReader(kind.unit, element.type === 'INT64') };
    case 'timestamp':
      return { element: timestampElement(name, kind), toValue: timestampReader(kind) };
    case 'decimal':
      return decimalColumn(name, kind.scale, element);
    case 'text':
    case 'nothing':
      return textColumn(name);
  }
}

/** By the older of the two ways to say it: the writer's newer one is not read by Arrow. */
function integerElement({ logical_type: logical, ...element }: SchemaElement): SchemaElement {
  if (logical?.type !== 'INTEGER') return element;
  const converted = `${logical.isSigned ? 'INT' : 'UINT'}_${logical.bitWidth as 8 | 16 | 32 | 64}` as const;
  return { ...element, converted_type: converted };
}

const NANOS: Readonly<Record<Unit, bigint>> = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n };
const DAY_MS = 86_400_000;

function numberOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text);
}

/** Days since 1970; a number where the day is beyond JavaScript's dates, and then it stands as it was. */
function daysOf(text: string): bigint {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) ? BigInt(text) : BigInt(ms / DAY_MS);
}

function clockNanos(clock: string): bigint {
  const [hours, minutes, seconds = '0'] = clock.split(':');
  const [whole, fraction = ''] = seconds.split('.');
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(whole);
  return BigInt(total) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function timeReader(unit: Unit, wide: boolean): ToValue {
  return (text) => {
    const value = clockNanos(text) / NANOS[unit];
    return wide ? value : Number(value);
  };
}

type Timestamp = Extract<CellKind, { is: 'timestamp' }>;

/** INT96 is outdated, and written as what replaced it. */
const unitOf = ({ unit }: Timestamp): Unit => (unit === 'INT96' ? 'NANOS' : unit);

function timestampElement(name: string, kind: Timestamp): SchemaElement {
  return {
    name,
    type: 'INT64',
    repetition_type: 'OPTIONAL',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: kind.utc, unit: unitOf(kind) },
  };
}

function timestampReader(kind: Timestamp): ToValue {
  const unit = NANOS[unitOf(kind)];
  return (text) => {
    if (/^-?[0-9]+$/.test(text)) return BigInt(text);
    const [day = '', clock] = text.replace('Z', '').split('T');
    const nanos = daysOf(day) * 86_400_000_000_000n + (clock === undefined ? 0n : clockNanos(clock));
    return nanos / unit;
  };
}

function decimalColumn(name: string, scale: number, element: SchemaElement): OutColumn {
  const logical = element.logical_type;
  const precision = logical?.type === 'DECIMAL' ? logical.precision : element.precision;
  if (!precision || element.type === 'BYTE_ARRAY') return textColumn(name);
  return {
    element: { ...element, name, repetition_type: 'OPTIONAL', converted_type: 'DECIMAL', scale, precision },
    toValue: (text) => unscaledOf(text, scale),
  };
}

function unscaledOf(text: string, scale: number): bigint {
  const [digits = '', exponent = '0'] = text.split('E');
  const [whole = '', fraction = ''] = digits.split('.');
  return BigInt(whole + fraction) * 10n ** BigInt(scale + Number(exponent) - fraction.length);
}
