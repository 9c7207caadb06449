// What the API server core calls for custom resources: compileSchema(openAPIV3Schema) once for each version of a CRD, then
// prune → applyDefaults → validate for each object on its way in. CRDs themselves are checked in definition.ts.
import type { Cause, CompiledSchema } from '../api.ts';
import { invalid, type Json, required } from './causes.ts';
import { applyDefaults } from './defaults.ts';
import { validateLists } from './lists.ts';
import { prune } from './prune.ts';
import { compileRules } from './rules.ts';
import { additional, type Before, isObject, NOTHING_BEFORE, property, type Structural } from './structural.ts';
import { validateValues } from './values.ts';

/** While one of these stands, CEL rules aren't run: they could fail for want of a field or a type. */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

export function compileSchema(openAPIV3Schema: Readonly<Record<string, unknown>>): CompiledSchema {
  const schema = openAPIV3Schema as Structural;
  const rules = compileRules(schema);
  return {
    prune: (object) => prune(object, schema),
    applyDefaults: (object) => applyDefaults(object, schema),
    validate(object, old) {
      const before: Before = old === undefined ? NOTHING_BEFORE : { known: true, value: old as Json };
      const causes = validateValues(object, schema, before);
      causes.push(...validateEmbedded(object, schema, ''));
      if (old === undefined || validateLists(old, schema).length === 0) causes.push(...validateLists(object, schema));
      if (rules === undefined) return causes;
      if (causes.some((one) => BLOCKING.has(one.reason))) {
        const message =
          'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
        return [...causes, invalid('', null, message)];
      }
      return [...causes, ...rules(object as Json, before)];
    },
  };
}

/** An embedded resource names its type. */
function validateEmbedded(value: unknown, schema: Structural | undefined, path: string): Cause[] {
  if (schema === undefined) return [];
  if (Array.isArray(value))
    return value.flatMap((item, index) => validateEmbedded(item, schema.items, `${path}[${index}]`));
  if (!isObject(value)) return [];
  const causes: Cause[] = [];
  if (schema['x-kubernetes-embedded-resource']) {
    for (const name of ['apiVersion', 'kind']) {
      if (!Object.hasOwn(value, name)) causes.push(required(`${path}.${name}`));
      else if (typeof value[name] !== 'string')
        causes.push(invalid(`${path}.${name}`, value[name], 'must be a string'));
      else if (value[name] === '') causes.push(invalid(`${path}.${name}`, '', 'must not be empty'));
    }
  }
  for (const [name, field] of Object.entries(value)) {
    const known = property(schema, name);
    const inner = known === undefined ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    causes.push(...validateEmbedded(field, known ?? additional(schema), inner));
  }
  return causes;
}
