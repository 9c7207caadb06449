// JSON as CEL sees it: what rules.ts binds to self and oldSelf. Only fields of the schema exist, under their escaped names;
// integers are BigInt, dates and durations have their own types.
import { Environment } from '@marcbachmann/cel-js';
import type { Json } from './causes.ts';
import { isDate, isDateTime } from './formats.ts';
import { additional, isObject, property, type Structural } from './structural.ts';

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const ESCAPES: Record<string, string> = { '.': '__dot__', '-': '__dash__', '/': '__slash__' };

const STRING: Structural = { type: 'string' };
const METADATA: Structural = { type: 'object', properties: { name: STRING, generateName: STRING } };

/** `a-b` → `a__dash__b`, `namespace` → `__namespace__`; undefined when a rule can't name the field at all. */
export function escapeField(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  return name.replaceAll('__', '__underscores__').replace(/[./-]/g, (character) => ESCAPES[character] ?? character);
}

/** The schema of a resource's root: kind, apiVersion and two fields of metadata are there for rules without being declared. */
export function withTypeAndMetadata(schema: Structural): Structural {
  return { ...schema, properties: { ...schema.properties, apiVersion: STRING, kind: STRING, metadata: METADATA } };
}

export function celValue(value: Json | undefined, schema: Structural): unknown {
  if (value === null || value === undefined) return null;
  if (schema['x-kubernetes-int-or-string']) return typeof value === 'number' ? BigInt(Math.trunc(value)) : value;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? [] : value.map((item) => celValue(item, rooted(items)));
  }
  if (isObject(value)) {
    const rest = additional(schema);
    const converted: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(value)) {
      const known = property(schema, name);
      if (known !== undefined) {
        const escaped = escapeField(name);
        if (escaped !== undefined) converted[escaped] = celValue(field, rooted(known));
      } else if (rest !== undefined) {
        converted[name] = celValue(field, rooted(rest));
      }
    }
    return converted;
  }
  if (typeof value === 'number') return schema.type === 'integer' ? BigInt(Math.trunc(value)) : value;
  if (typeof value === 'string') return celString(value, schema.format);
  return value;
}

function rooted(schema: Structural): Structural {
  return schema['x-kubernetes-embedded-resource'] ? withTypeAndMetadata(schema) : schema;
}

let parseDuration: ((text: string) => unknown) | undefined;

function celString(text: string, format: string | undefined): unknown {
  switch (format) {
    case 'date':
      return isDate(text) ? new Date(`${text}T00:00:00Z`) : text;
    case 'date-time':
      return isDateTime(text) ? new Date(text) : text;
    case 'byte':
      return Buffer.from(text, 'base64');
    case 'duration': {
      parseDuration ??= durations();
      return parseDuration(text);
    }
    default:
      return text;
  }
}

function durations(): (text: string) => unknown {
  const parsed = new Environment().registerVariable('text', 'string').parse('duration(text)');
  return (text) => {
    try {
      return parsed({ text }) as unknown;
    } catch {
      return text;
    }
  };
}
