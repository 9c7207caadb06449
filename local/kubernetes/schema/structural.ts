// The structural schema of a CRD, as plain JSON: what the other files here walk. Only the keywords that
// apiextensions.k8s.io/v1 knows; anything else in a schema is ignored, as there.
import { goJson, type Json } from './causes.ts';

export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export interface Structural {
  readonly type?: string;
  readonly nullable?: boolean;
  readonly format?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly additionalProperties?: Structural | boolean;
  readonly items?: Structural;
  readonly allOf?: readonly Structural[];
  readonly anyOf?: readonly Structural[];
  readonly oneOf?: readonly Structural[];
  readonly not?: Structural;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

export type JsonObject = { [key: string]: Json };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own properties only: a field may be called `constructor`. */
export function property(schema: Structural, name: string): Structural | undefined {
  const { properties } = schema;
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The schema of values of fields that aren't listed; `additionalProperties: true` has none. */
export function additional(schema: Structural): Structural | undefined {
  const { additionalProperties } = schema;
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

export function allowsAdditional(schema: Structural): boolean {
  const { additionalProperties } = schema;
  return additionalProperties !== undefined && additionalProperties !== false;
}

export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  return goJson(a) === goJson(b);
}

/** What identifies an item of a list of type map: its key fields, as text. */
export function listMapKey(schema: Structural, item: unknown): string | undefined {
  if (!isObject(item)) return undefined;
  return (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => goJson(item[key] ?? null)).join('\u0000');
}

/**
 * The value that `value` was before an update, for a part of an object: fields and keys of maps correlate, items only
 * in lists of type map. `known: false` where nothing can be said.
 */
export interface Before {
  readonly known: boolean;
  readonly value: Json | undefined;
}

export const NOTHING_BEFORE: Before = { known: false, value: undefined };

export function beforeOfField(before: Before, name: string): Before {
  if (!before.known || !isObject(before.value) || !Object.hasOwn(before.value, name)) return NOTHING_BEFORE;
  return { known: true, value: before.value[name] };
}

export function beforeOfItem(schema: Structural, before: Before, item: unknown): Before {
  if (!before.known || schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(before.value))
    return NOTHING_BEFORE;
  const key = listMapKey(schema, item);
  if (key === undefined) return NOTHING_BEFORE;
  const found = before.value.find((candidate) => listMapKey(schema, candidate) === key);
  return found === undefined ? NOTHING_BEFORE : { known: true, value: found };
}
