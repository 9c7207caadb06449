// Value validation: types, bounds, patterns, enums and the logical combinations, node by node in the order of
// k8s.io/kube-openapi's SchemaValidator, so that the causes (and the choice between anyOf branches, which goes by the
// number of checks passed) come out as the API server's. CEL rules follow in rules.ts.
import type { Cause } from '../api.ts';
import {
  goNumber,
  goQuote,
  invalid,
  type Json,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from './causes.ts';
import { matchesFormat } from './formats.ts';
import { compileRe2 } from './regexp.ts';
import {
  additional,
  type Before,
  beforeOfField,
  beforeOfItem,
  deepEqual,
  isObject,
  type JsonObject,
  property,
  type Structural,
} from './structural.ts';

/** Causes of one node, and how many checks it passed (`matches` decides which failed branch is worth showing). */
interface Result {
  causes: Cause[];
  matches: number;
}

/** `before` is the old object on an update: parts that did not change are not complained about (ratcheting). */
export function validateValues(object: unknown, schema: Structural, before: Before): Cause[] {
  return ratcheted(object as Json, schema, '', before).causes;
}

function ratcheted(value: Json, schema: Structural, path: string, before: Before): Result {
  const result = node(value, schema, path, before);
  if (result.causes.length > 0 && before.known && deepEqual(value, before.value)) return { ...result, causes: [] };
  return result;
}

/** Paths start with a dot for fields of the object itself, as in the messages about required ones. */
function show(path: string): string {
  return path.startsWith('.') ? path.slice(1) : path;
}

function node(value: Json, schema: Structural, path: string, before: Before): Result {
  const result: Result = { causes: [], matches: 0 };
  if (value === null) {
    merge(result, checkType(value, schema, path));
    merge(result, { causes: checkEnum(value, schema, path), matches: 0 });
    return result;
  }
  const checks: (Result | undefined)[] = [
    types(schema).length > 0 || schema.format !== undefined ? checkType(value, schema, path) : undefined,
    checkCombinations(value, schema, path, before),
    typeof value === 'string' ? { causes: checkString(value, schema, path), matches: 0 } : undefined,
    typeof value === 'string' ? checkFormat(value, schema, path) : undefined,
    typeof value === 'number' ? { causes: checkNumber(value, schema, path), matches: 1 } : undefined,
    Array.isArray(value) ? checkList(value, schema, path, before) : undefined,
    { causes: checkEnum(value, schema, path), matches: 0 },
    isObject(value) ? checkObject(value, schema, path, before) : undefined,
  ];
  for (const check of checks) {
    if (check === undefined) continue;
    merge(result, check);
    result.matches += 1;
  }
  result.matches += 1;
  return result;
}

function merge(into: Result, other: Result): void {
  into.causes.push(...other.causes);
  into.matches += other.matches;
}

function types(schema: Structural): readonly string[] {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string'];
  return schema.type === undefined ? [] : [schema.type];
}

export function jsonType(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function checkType(value: Json, schema: Structural, path: string): Result {
  const allowed = types(schema);
  const actual = jsonType(value);
  const fits =
    allowed.length === 0 ||
    allowed.includes(actual) ||
    (actual === 'integer' && allowed.includes('number')) ||
    (actual === 'null' && schema.nullable === true);
  if (fits) return { causes: [], matches: 1 };
  // A format that is checked lets its own check speak for strings, whatever the type.
  const numeric = allowed.includes('number') || allowed.includes('integer');
  if (typeof value === 'string' && !numeric && checkedFormat(schema) !== undefined) return { causes: [], matches: 1 };
  // With such a format, other values are told the format instead of the type, and called by Go's names.
  const format =
    Array.isArray(value) || typeof value === 'string' || value === null ? undefined : checkedFormat(schema);
  const name =
    format === undefined ? actual : typeof value === 'number' ? (actual === 'integer' ? 'int64' : 'double') : '';
  const message = `${show(path)} in body must be of type ${format ?? allowed.join(',')}: ${goQuote(name)}`;
  return { causes: [typeInvalid(show(path), name, message)], matches: 0 };
}

function checkedFormat(schema: Structural): string | undefined {
  return schema.format !== undefined && matchesFormat(schema.format, '') !== undefined ? schema.format : undefined;
}

function checkFormat(value: string, schema: Structural, path: string): Result | undefined {
  const format = checkedFormat(schema);
  if (format === undefined) return undefined;
  if (matchesFormat(format, value)) return { causes: [], matches: 0 };
  const message = `${show(path)} in body must be of type ${format}: ${goQuote(value)}`;
  return { causes: [typeInvalid(show(path), value, message)], matches: 0 };
}

function checkEnum(value: Json, schema: Structural, path: string): Cause[] {
  if (schema.enum === undefined || schema.enum.length === 0) return [];
  // Null never matches, even where the enum lists it.
  if (value !== null && schema.enum.some((allowed) => deepEqual(allowed, value))) return [];
  return [notSupported(show(path), value, schema.enum)];
}

/** The first complaint only, as there: length before pattern. */
function checkString(value: string, schema: Structural, path: string): Cause[] {
  const { maxLength, minLength, pattern } = schema;
  if (maxLength !== undefined || minLength !== undefined) {
    const length = [...value].length;
    if (maxLength !== undefined && length > maxLength) return [tooLong(show(path), maxLength)];
    if (minLength !== undefined && length < minLength) {
      return [invalid(show(path), value, `${show(path)} in body should be at least ${minLength} chars long`)];
    }
  }
  if (pattern !== undefined && pattern !== '' && !compileRe2(pattern).test(value)) {
    return [invalid(show(path), value, `${show(path)} in body should match '${pattern}'`)];
  }
  return [];
}

function checkNumber(value: number, schema: Structural, path: string): Cause[] {
  const causes: Cause[] = [];
  const complain = (what: string, bound: number | bigint) =>
    causes.push(invalid(show(path), value, `${show(path)} in body should be ${what} ${shownBound(bound)}`));
  // Whole numbers are compared with the bound cut to a whole number, as the API server does.
  const cut = (bound: number) => (Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? asInt64(bound) : bound);
  if (schema.multipleOf !== undefined) causes.push(...checkMultiple(value, cut(schema.multipleOf), path));
  if (schema.maximum !== undefined) {
    const maximum = cut(schema.maximum);
    if (schema.exclusiveMaximum && value >= maximum) complain('less than', maximum);
    else if (value > maximum) complain('less than or equal to', maximum);
  }
  if (schema.minimum !== undefined) {
    const minimum = cut(schema.minimum);
    if (schema.exclusiveMinimum && value <= minimum) complain('greater than', minimum);
    else if (value < minimum) complain('greater than or equal to', minimum);
  }
  return causes;
}

function checkMultiple(value: number, factor: number | bigint, path: string): Cause[] {
  if (factor <= 0) {
    const message = `factor MultipleOf declared for ${show(path)} must be positive: ${shownBound(factor)}`;
    return [invalid(show(path), Number(factor), message)];
  }
  const quotient = Number(factor) < 1 ? (1 / Number(factor)) * value : value / Number(factor);
  if (Math.abs(quotient - Math.round(quotient)) <= 1e-9 * Math.max(1, Math.abs(quotient))) return [];
  return [invalid(show(path), value, `${show(path)} in body should be a multiple of ${shownBound(factor)}`)];
}

/** Go's int64(float64) on amd64: what does not fit becomes the smallest number. */
function asInt64(bound: number): number | bigint {
  return Math.abs(bound) < 2 ** 63 ? Math.trunc(bound) : -(2n ** 63n);
}

function shownBound(bound: number | bigint): string {
  return typeof bound === 'bigint' ? String(bound) : goNumber(bound);
}

function checkList(value: Json[], schema: Structural, path: string, before: Before): Result {
  const result: Result = { causes: [], matches: 0 };
  const { items, minItems, maxItems } = schema;
  if (items !== undefined) {
    for (const [index, item] of value.entries()) {
      merge(result, ratcheted(item, items, `${path}[${index}]`, beforeOfItem(schema, before, item)));
    }
  }
  if (minItems !== undefined && value.length < minItems) {
    result.causes.push(
      invalid(show(path), value.length, `${show(path)} in body should have at least ${minItems} items`),
    );
  }
  if (maxItems !== undefined && value.length > maxItems)
    result.causes.push(tooMany(show(path), value.length, maxItems));
  result.matches += 1;
  return result;
}

function checkObject(value: JsonObject, schema: Structural, path: string, before: Before): Result {
  const result: Result = { causes: [], matches: 0 };
  const size = Object.keys(value).length;
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    const message = `${show(path)} in body should have at least ${schema.minProperties} properties`;
    result.causes.push(invalid(show(path), size, message));
  }
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    result.causes.push(tooMany(show(path), size, schema.maxProperties));
  }
  const rest = additional(schema);
  for (const [name, field] of Object.entries(value)) {
    const inner = property(schema, name) ?? rest;
    if (inner === undefined) continue;
    // The object's own type fields are never ratcheted: they are converted before anything sees them.
    const typeField = path === '' && (name === 'apiVersion' || name === 'kind');
    const fieldBefore = typeField ? { known: false, value: undefined } : beforeOfField(before, name);
    merge(result, ratcheted(field, inner, `${path}.${name}`, fieldBefore));
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) result.causes.push(required(show(`${path}.${name}`)));
  }
  return result;
}

function checkCombinations(value: Json, schema: Structural, path: string, before: Before): Result {
  const result: Result = { causes: [], matches: 0 };
  const complain = (what: string) => result.causes.push(invalid('', '', `${goQuote(show(path))} must ${what}`));
  const results = (schemas: readonly Structural[] | undefined) =>
    (schemas ?? []).map((branch) => node(value, branch, path, before));
  const best = (failed: Result[]) => failed.reduce((a, b) => (b.matches > a.matches ? b : a));

  const any = results(schema.anyOf);
  if (any.length > 0) {
    const success = any.find((one) => one.causes.length === 0);
    if (success === undefined) complain('validate at least one schema (anyOf)');
    merge(result, success ?? best(any));
  }
  const one = results(schema.oneOf);
  if (one.length > 0) {
    const valid = one.filter((branch) => branch.causes.length === 0);
    const [only] = valid;
    if (valid.length === 1 && only !== undefined) merge(result, only);
    else {
      const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`;
      complain(`validate one and only one schema (oneOf). ${found}`);
      if (valid.length === 0) merge(result, best(one));
    }
  }
  const all = results(schema.allOf);
  for (const branch of all) merge(result, branch);
  const validated = all.filter((branch) => branch.causes.length === 0).length;
  if (validated !== all.length)
    complain(`validate all the schemas (allOf)${validated === 0 ? '. None validated' : ''}`);
  if (schema.not !== undefined && node(value, schema.not, path, before).causes.length === 0) {
    complain('not validate the schema (not)');
  }
  result.matches += 1;
  return result;
}
