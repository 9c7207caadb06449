// Causes as kube-apiserver words them: the last step of validation, used by every check in this folder. The wording is
// that of k8s.io/apimachinery/pkg/util/validation/field (ErrorBody) and Go's %v and %q.
import type { Cause } from '../api.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type CauseType =
  | 'FieldValueInvalid'
  | 'FieldValueTypeInvalid'
  | 'FieldValueRequired'
  | 'FieldValueNotSupported'
  | 'FieldValueDuplicate'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany';

/** A field.Error without its place; '' as path is the object itself, which the API server calls `<nil>`. */
function cause(type: CauseType, path: string, message: string): Cause {
  return { field: path === '' ? '<nil>' : path, reason: type, type, message };
}

function withDetail(head: string, detail: string): string {
  return detail === '' ? head : `${head}: ${detail}`;
}

export function invalid(path: string, value: unknown, detail: string): Cause {
  return cause('FieldValueInvalid', path, withDetail(`Invalid value: ${goValue(value)}`, detail));
}

export function typeInvalid(path: string, value: unknown, detail: string): Cause {
  return cause('FieldValueTypeInvalid', path, withDetail(`Invalid value: ${goValue(value)}`, detail));
}

export function required(path: string, detail = ''): Cause {
  return cause('FieldValueRequired', path, withDetail('Required value', detail));
}

export function forbidden(path: string, detail: string): Cause {
  return cause('FieldValueForbidden', path, withDetail('Forbidden', detail));
}

export function duplicate(path: string, value: unknown): Cause {
  return cause('FieldValueDuplicate', path, `Duplicate value: ${goValue(value)}`);
}

export function notSupported(path: string, value: unknown, supported: readonly unknown[]): Cause {
  const values = supported.map((one) => goQuote(typeof one === 'string' ? one : goJson(one)));
  const detail = values.length === 0 ? '' : `supported values: ${values.join(', ')}`;
  return cause('FieldValueNotSupported', path, withDetail(`Unsupported value: ${goValue(value)}`, detail));
}

/** The API server says bytes, though it counts characters. */
export function tooLong(path: string, max: number): Cause {
  return cause('FieldValueTooLong', path, `Too long: may not be more than ${max} ${max === 1 ? 'byte' : 'bytes'}`);
}

export function tooMany(path: string, actual: number, max: number): Cause {
  const items = max === 1 ? 'item' : 'items';
  return cause('FieldValueTooMany', path, `Too many: ${actual}: must have at most ${max} ${items}`);
}

/** `spec` + `items` → `spec.items`. */
export function child(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** As Go prints a bad value: numbers plainly, strings quoted, the rest as JSON. */
function goValue(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number') return goNumber(value);
  if (typeof value === 'boolean') return String(value);
  return goJson(value);
}

/** Go's %v of a float64 (an integer prints the same in Go and here). */
export function goNumber(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) {
    const [mantissa, exponent] = value.toExponential().split('e-');
    return `${mantissa}e-${exponent?.padStart(2, '0')}`;
  }
  return String(value);
}

const ESCAPES: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** Go's %q. */
export function goQuote(text: string): string {
  const escaped = text.replace(/[\p{C}\p{Z}\\"]/gu, (character) => {
    if (character === ' ') return character;
    const known = ESCAPES[character];
    if (known !== undefined) return known;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
    return `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return `"${escaped}"`;
}

/** Go's json.Marshal: sorted keys; <, > and & escaped. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
  return text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
