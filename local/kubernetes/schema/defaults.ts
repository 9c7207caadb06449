// Second step of a custom resource on its way in (after prune.ts, before validation): nulls that aren't allowed vanish
// or become the default, and missing fields get theirs. The same on reads of what was stored before a default existed.
import type { Json } from './causes.ts';
import { additional, isObject, property, type Structural } from './structural.ts';

export function applyDefaults(object: unknown, schema: Structural): void {
  dropNulls(object, schema);
  fill(object, schema);
}

function fieldSchema(schema: Structural | undefined, name: string): Structural | undefined {
  return schema === undefined ? undefined : (property(schema, name) ?? additional(schema));
}

function forbidsNull(schema: Structural | undefined): schema is Structural {
  return schema !== undefined && schema.nullable !== true;
}

function dropNulls(value: unknown, schema: Structural | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, schema?.items);
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) {
      const inner = fieldSchema(schema, name);
      if (value[name] === null && forbidsNull(inner) && inner.default === undefined) delete value[name];
      else dropNulls(value[name], inner);
    }
  }
}

function fill(value: unknown, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const [index, item] of (value as Json[]).entries()) {
      if (item === null && forbidsNull(schema.items)) value[index] = defaultOf(schema.items) ?? null;
      fill(value[index], schema.items);
    }
  } else if (isObject(value)) {
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      if (inner.default === undefined) continue;
      if (!Object.hasOwn(value, name) || (value[name] === null && forbidsNull(inner))) {
        value[name] = defaultOf(inner) ?? null;
      }
    }
    for (const name of Object.keys(value)) {
      const inner = fieldSchema(schema, name);
      if (value[name] === null && forbidsNull(inner) && inner.default !== undefined)
        value[name] = defaultOf(inner) ?? null;
      fill(value[name], inner);
    }
  }
}

function defaultOf(schema: Structural): Json | undefined {
  return structuredClone(schema.default);
}
