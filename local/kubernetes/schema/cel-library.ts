// The CEL environment of validation rules: cel-js plus the Kubernetes libraries that rules use (strings, lists, regex,
// URL, quantity, sets, IP). Built once, when the first schema with rules is compiled; rules.ts evaluates in it.
import { Environment } from '@marcbachmann/cel-js';
import { isIP } from 'node:net';
import { goQuote } from './causes.ts';
import { isCidr, isUri } from './formats.ts';
import { parseQuantity, Quantity } from './quantity.ts';
import { compileRe2 } from './regexp.ts';
import { deepEqual } from './structural.ts';

type Comparable = bigint | number | string | boolean | Date;

let environment: Environment | undefined;

/** With the libraries, without variables: clone it and add them. */
export function celEnvironment(): Environment {
  environment ??= build();
  return environment.clone();
}

function build(): Environment {
  const env = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  addStrings(env);
  addLists(env);
  addUrls(env);
  addQuantities(env);
  return env;
}

function addStrings(env: Environment): void {
  env
    .registerFunction('string.charAt(int): string', (text: string, at: bigint) => {
      if (at < 0n || at > BigInt(text.length)) throw new Error(`index out of range: ${at}`);
      return text.charAt(Number(at));
    })
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    )
    .registerFunction('string.replace(string, string, int): string', replaceSome)
    .registerFunction('string.reverse(): string', (text: string) => [...text].reverse().join(''))
    .registerFunction('string.format(list): string', (text: string, values: unknown[]) => format(text, values))
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => compileRe2(pattern).exec(text)?.[0] ?? '',
    )
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) => [
      ...(text.match(compileRe2(pattern, 'g')) ?? []),
    ])
    .registerFunction('string.findAll(string, int): list<string>', (text: string, pattern: string, limit: bigint) => {
      const all = text.match(compileRe2(pattern, 'g')) ?? [];
      return limit < 0n ? [...all] : all.slice(0, Number(limit));
    })
    .registerFunction('isIP(string): bool', (text: string) => isIP(text) !== 0)
    .registerFunction('isCIDR(string): bool', (text: string) => isCidr(text));
}

function replaceSome(text: string, from: string, to: string, limit: bigint): string {
  if (limit < 0n) return text.replaceAll(from, () => to);
  let result = text;
  let start = 0;
  for (let left = limit; left > 0n; left -= 1n) {
    const at = result.indexOf(from, start);
    if (at < 0) break;
    result = result.slice(0, at) + to + result.slice(at + from.length);
    start = at + to.length;
  }
  return result;
}

/** `%s`, `%d`, `%f` with precision, `%%`. */
function format(text: string, values: unknown[]): string {
  let next = 0;
  return text.replace(/%(%|(?:\.(\d+))?[a-zA-Z])/g, (clause: string, kind: string, precision: string | undefined) => {
    if (kind === '%') return '%';
    if (next >= values.length) throw new Error('index out of range');
    const value = values[next];
    next += 1;
    if (clause.endsWith('f')) return Number(value).toFixed(precision === undefined ? 6 : Number(precision));
    if (clause.endsWith('d')) return String(value);
    if (clause.endsWith('s')) return shown(value);
    throw new Error(`unrecognized formatting clause "${clause.slice(-1)}"`);
  });
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (value instanceof Map || (typeof value === 'object' && value?.constructor === Object)) {
    const entries = value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value);
    return `{${entries.map(([key, inner]) => `${key}: ${shown(inner)}`).join(', ')}}`;
  }
  return String(value);
}

function less(a: Comparable, b: Comparable): boolean {
  return a < b;
}

function addLists(env: Environment): void {
  const same = (a: unknown, b: unknown) => a === b || deepEqual(plain(a), plain(b));
  const contains = (list: unknown[], item: unknown) => list.some((one) => same(one, item));
  const extreme = (pick: (a: Comparable, b: Comparable) => boolean) => (list: Comparable[]) => {
    const [first, ...rest] = list;
    if (first === undefined) throw new Error('min/max called on empty list');
    return rest.reduce((best, one) => (pick(one, best) ? one : best), first);
  };
  env
    .registerFunction('list.isSorted(): bool', (list: Comparable[]) =>
      list.every((one, index) => index === 0 || !less(one, list[index - 1] as Comparable)),
    )
    .registerFunction('list.sum(): dyn', (list: (bigint | number)[]) =>
      typeof list[0] === 'number'
        ? (list as number[]).reduce((sum, one) => sum + one, 0)
        : (list as bigint[]).reduce((sum, one) => sum + one, 0n),
    )
    .registerFunction('list.min(): dyn', extreme(less))
    .registerFunction(
      'list.max(): dyn',
      extreme((a, b) => less(b, a)),
    )
    .registerFunction('list.indexOf(dyn): int', (list: unknown[], item: unknown) =>
      BigInt(list.findIndex((one) => same(one, item))),
    )
    .registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], item: unknown) =>
      BigInt(list.findLastIndex((one) => same(one, item))),
    )
    .registerType('SetsNamespace', SetsNamespace)
    .registerConstant('sets', 'SetsNamespace', new SetsNamespace())
    .registerFunction('SetsNamespace.contains(list, list): bool', (_: unknown, a: unknown[], b: unknown[]) =>
      b.every((item) => contains(a, item)),
    )
    .registerFunction('SetsNamespace.intersects(list, list): bool', (_: unknown, a: unknown[], b: unknown[]) =>
      b.some((item) => contains(a, item)),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list, list): bool',
      (_: unknown, a: unknown[], b: unknown[]) =>
        b.every((item) => contains(a, item)) && a.every((item) => contains(b, item)),
    );
}

class SetsNamespace {}

/** JSON can't hold a BigInt; as text it still compares. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value?.constructor === Object) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

function addUrls(env: Environment): void {
  const parse = (text: string): URL => {
    if (!isUri(text))
      throw new Error(`URL parse error during conversion from string: parse ${goQuote(text)}: invalid URI for request`);
    return new URL(text, 'none://none');
  };
  const part = (read: (url: URL) => string) => read;
  env
    .registerType('kubernetes.URL', URL)
    .registerFunction('isURL(string): bool', (text: string) => isUri(text))
    .registerFunction('url(string): kubernetes.URL', parse)
    .registerFunction(
      'kubernetes.URL.getScheme(): string',
      part((url) => (url.protocol === 'none:' ? '' : url.protocol.slice(0, -1))),
    )
    .registerFunction(
      'kubernetes.URL.getHost(): string',
      part((url) => (url.protocol === 'none:' ? '' : url.host)),
    )
    .registerFunction(
      'kubernetes.URL.getHostname(): string',
      part((url) => (url.protocol === 'none:' ? '' : url.hostname)),
    )
    .registerFunction(
      'kubernetes.URL.getPort(): string',
      part((url) => url.port),
    )
    .registerFunction(
      'kubernetes.URL.getEscapedPath(): string',
      part((url) => url.pathname),
    );
}

function addQuantities(env: Environment): void {
  const parse = (text: string): Quantity => {
    const parsed = parseQuantity(text);
    if (parsed === undefined) throw new Error('quantities must match the regular expression');
    return parsed;
  };
  const whole = (quantity: Quantity) => {
    if (!quantity.isInteger) throw new Error('cannot convert value to integer');
    return quantity.nanos / 1_000_000_000n;
  };
  env
    .registerType('kubernetes.Quantity', Quantity)
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction('quantity(string): kubernetes.Quantity', parse)
    .registerFunction(
      'kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool',
      (a: Quantity, b: Quantity) => a.compareTo(b) < 0,
    )
    .registerFunction(
      'kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool',
      (a: Quantity, b: Quantity) => a.compareTo(b) > 0,
    )
    .registerFunction('kubernetes.Quantity.compareTo(kubernetes.Quantity): int', (a: Quantity, b: Quantity) =>
      BigInt(a.compareTo(b)),
    )
    .registerFunction('kubernetes.Quantity.sign(): int', (a: Quantity) => BigInt(a.compareTo(new Quantity(0n))))
    .registerFunction('kubernetes.Quantity.isInteger(): bool', (a: Quantity) => a.isInteger)
    .registerFunction('kubernetes.Quantity.asInteger(): int', whole)
    .registerFunction('kubernetes.Quantity.asApproximateFloat(): double', (a: Quantity) => a.approximate)
    .registerFunction(
      'kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity',
      (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos),
    )
    .registerFunction(
      'kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity',
      (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos),
    );
}
