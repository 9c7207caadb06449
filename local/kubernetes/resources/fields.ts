// Decodes objects of built-in kinds as the API server's typed decoder would: unknown fields are dropped and named, wrong
// types refused. The field tables are generated (generate.ts). Custom resources go through schema/ instead.
import { CORE_ROOTS, CORE_TYPES } from './core-fields.generated.ts';

const QUANTITIES = new Set(['limits', 'requests', 'hard', 'used', 'capacity', 'allocatable', 'overhead']);

/** Six digits, no more, no less. */
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

export class WrongType extends Error {}

/** Drops what the type doesn't have, in place; returns the paths. Throws WrongType, worded as Go's JSON decoder. */
export function decodeBuiltin(apiVersion: string, kind: string, object: Record<string, unknown>): string[] {
  const unknown: string[] = [];
  const root = CORE_ROOTS[`${apiVersion}/${kind}`];
  if (root !== undefined) decodeStruct(root, object, '', '', unknown);
  return unknown;
}

/** Metadata alone, of any kind. */
export function decodeMetadata(metadata: Record<string, unknown>): string[] {
  const unknown: string[] = [];
  decodeStruct('V1ObjectMeta', metadata, 'metadata', 'metadata', unknown);
  return unknown;
}

function decodeStruct(
  type: string,
  value: Record<string, unknown>,
  path: string,
  goPath: string,
  unknown: string[],
): void {
  const fields = CORE_TYPES[type] ?? {};
  for (const [name, inner] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const fieldType = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (fieldType === undefined) {
      unknown.push(at);
      delete value[name];
    } else if (inner === null) delete value[name];
    else {
      const go = goPath === '' ? name : `${goPath}.${name}`;
      value[name] = decodeValue(fieldType, inner, { at, go, struct: type, field: name }, unknown);
    }
  }
}

interface Place {
  readonly at: string;
  readonly go: string;
  readonly struct: string;
  readonly field: string;
}

function decodeValue(type: string, value: unknown, place: Place, unknown: string[]): unknown {
  const element = /^Array<(.*)>$/.exec(type)?.[1];
  if (element !== undefined) {
    if (!Array.isArray(value)) throw wrong(value, place, `[]${goType(element)}`);
    return value.map((one, index) => decodeValue(element, one, { ...place, at: `${place.at}[${index}]` }, unknown));
  }
  const mapped = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (mapped !== undefined) {
    if (!isObject(value)) throw wrong(value, place, `map[string]${goType(mapped)}`);
    for (const [key, one] of Object.entries(value)) {
      const quantity = QUANTITIES.has(place.field) && typeof one === 'number';
      if (one === null && mapped === 'string') value[key] = '';
      else
        value[key] = decodeValue(mapped, quantity ? String(one) : one, { ...place, at: `${place.at}.${key}` }, unknown);
    }
    return value;
  }
  if (CORE_TYPES[type] !== undefined) {
    if (!isObject(value)) throw wrong(value, place, goType(type));
    decodeStruct(type, value, place.at, CORE_TYPES[type] === undefined ? place.go : place.go, unknown);
    return value;
  }
  if (type === 'string' && typeof value !== 'string' && place.field !== 'sizeLimit')
    throw wrong(value, place, 'string');
  if (type === 'number' && typeof value !== 'number') throw wrong(value, place, 'int32');
  if (type === 'boolean' && typeof value !== 'boolean') throw wrong(value, place, 'bool');
  if (type === 'V1MicroTime' && !(typeof value === 'string' && MICRO_TIME.test(value))) {
    const layout = '2006-01-02T15:04:05.000000Z07:00';
    throw new WrongType(`parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: cannot parse`);
  }
  if (type === 'Date' && (typeof value !== 'string' || Number.isNaN(Date.parse(value)))) {
    throw new WrongType(`parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse`);
  }
  return value;
}

function wrong(value: unknown, place: Place, wanted: string): WrongType {
  const is = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const struct = place.struct.replace(/^(Core|Events|Rbac)?V\d(alpha\d|beta\d)?/, '');
  const text = `json: cannot unmarshal ${is} into Go struct field ${struct}.${place.go} of type ${wanted}`;
  return new WrongType(text);
}

function goType(type: string): string {
  if (type === 'number') return 'int32';
  if (type === 'boolean') return 'bool';
  return type === 'string' ? 'string' : `v1.${type.replace(/^(Core|Events|Rbac)?V\d/, '')}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
