// Lists of type set and map hold each item, or each key, once: checked between the values and the CEL rules. On an
// update only when the old object was in order.
import type { Cause } from '../api.ts';
import { child, duplicate, goJson, invalid, type Json } from './causes.ts';
import { additional, isObject, type JsonObject, property, type Structural } from './structural.ts';

export function validateLists(value: unknown, schema: Structural | undefined, path = ''): Cause[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const items = value as Json[];
    return [
      ...checkList(items, schema, path),
      ...items.flatMap((item, index) => validateLists(item, schema.items, `${path}[${index}]`)),
    ];
  }
  if (!isObject(value)) return [];
  const rest = additional(schema);
  return Object.entries(value).flatMap(([name, field]) => {
    const known = property(schema, name);
    if (known !== undefined) return validateLists(field, known, child(path, name));
    return validateLists(field, rest, `${path}[${name}]`);
  });
}

function checkList(items: Json[], schema: Structural, path: string): Cause[] {
  if (schema['x-kubernetes-list-type'] === 'set') {
    return secondOnes(items).map((index) => duplicate(`${path}[${index}]`, items[index]));
  }
  if (schema['x-kubernetes-list-type'] !== 'map') return [];
  const stranger = items.findIndex((item) => item !== null && !isObject(item));
  if (stranger >= 0) {
    return [invalid(`${path}[${stranger}]`, items[stranger], 'must be an object for an array of list-type map')];
  }
  const keys = items.map((item) => {
    const key: JsonObject = {};
    for (const name of schema['x-kubernetes-list-map-keys'] ?? []) {
      const part = isObject(item) ? item[name] : undefined;
      if (part !== undefined) key[name] = part;
    }
    return key;
  });
  return secondOnes(keys).map((index) => duplicate(`${path}[${index}]`, keys[index]));
}

/** Where each value appears for the second time; later appearances are not told. */
function secondOnes(values: Json[]): number[] {
  const seen = new Map<string, number>();
  const indices: number[] = [];
  for (const [index, value] of values.entries()) {
    const text = goJson(value);
    const times = seen.get(text) ?? 0;
    if (times === 1) indices.push(index);
    seen.set(text, times + 1);
  }
  return indices;
}
