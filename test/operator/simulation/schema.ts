// What the API server does with our kinds before it stores them, from crds/*.yaml: defaults are filled in, and a field that the
// schema does not know, or a value of a wrong type, is told to whoever asks (a real server prunes the first and refuses the second).
import { readdirSync, readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

export interface Schema {
  type?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
  required?: string[];
  maxItems?: number;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
}

interface Definition {
  kind?: string;
  spec: {
    names: { plural: string };
    versions: { subresources?: { status?: object }; schema: { openAPIV3Schema: Schema } }[];
  };
}

let read: Map<string, Schema> | undefined;
/** Schemas of our kinds by their plural names; read once. */
export const schemas = (): ReadonlyMap<string, Schema> => (read ??= readSchemas());

function readSchemas(): Map<string, Schema> {
  const folder = new URL('../../../crds/', import.meta.url);
  const found = new Map<string, Schema>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml')))
    for (const document of parseAllDocuments(readFileSync(new URL(file, folder), 'utf8'))) {
      const definition = document.toJS() as Definition | null;
      const version = definition?.kind === 'CustomResourceDefinition' ? definition.spec.versions[0] : undefined;
      if (definition && version) found.set(definition.spec.names.plural, version.schema.openAPIV3Schema);
    }
  return found;
}

/** The value with the schema's defaults where nothing was said; itself when nothing was missing. */
export function withDefaults(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => withDefaults(items, item)) : value;
  }
  if (!isObject(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const given = filled[name] ?? structuredClone(inner.default);
    if (given !== undefined) filled[name] = withDefaults(inner, given);
  }
  return filled;
}

/** What a real API server would prune or refuse, in words with its path. */
export function faultsOf(schema: Schema, value: unknown, path = ''): string[] {
  if (schema['x-kubernetes-preserve-unknown-fields']) return [];
  if (!isOfType(schema.type, value)) return [`${path} is no ${schema.type ?? 'value'}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${path} is ${JSON.stringify(value)}`];
  if (Array.isArray(value)) {
    const { items, maxItems = Infinity } = schema;
    const tooMany = value.length > maxItems ? [`${path} has more than ${maxItems} items`] : [];
    return items ? [...tooMany, ...value.flatMap((item, at) => faultsOf(items, item, `${path}[${at}]`))] : tooMany;
  }
  if (!isObject(value)) return [];
  const missing = (schema.required ?? []).filter((name) => value[name] === undefined);
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, inner]) => {
      const known = schema.properties?.[name] ?? schema.additionalProperties;
      if (known) return faultsOf(known, inner, `${path}.${name}`);
      return schema.properties ? [`${path}.${name} is unknown`] : [];
    }),
  ];
}

function isOfType(type: string | undefined, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
    default:
      return true;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
