// Checks a value against one of the contract's JSON Schemas. Only the keywords those schemas use, because a full
// validator would add more to a cold start than reading the model does; test/lambda/schema.test.ts holds it to Ajv.
// Used by event.ts (what the operator asks) and model.ts (what the worker wrote).

export interface Schema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  minItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  pattern?: string;
  $ref?: string;
  $defs?: Record<string, Schema>;
}

/** What is wrong, one sentence a place, in document order; empty when the value fits. */
export function problems(schema: Schema, value: unknown): string[] {
  const found: string[] = [];
  check(schema, value, '', schema, found);
  return found;
}

function check(schema: Schema, value: unknown, path: string, root: Schema, found: string[]): void {
  if (schema.$ref) return check(resolved(schema.$ref, root), value, path, root, found);
  const say = (text: string) => found.push(`${path || 'the value'} ${text}`);
  if (schema.type !== undefined && !hasType(value, schema.type)) {
    return void say(value === undefined ? 'is missing' : `must be ${[schema.type].flat().join(' or ')}`);
  }
  if ('const' in schema && value !== schema.const) say(`must be ${JSON.stringify(schema.const)}`);
  if (schema.enum && !schema.enum.includes(value)) say(`must be one of ${schema.enum.map(String).join(', ')}`);
  if (schema.oneOf) checkAlternatives(schema.oneOf, value, path, root, found);
  if (typeof value === 'string') checkText(schema, value, say);
  else if (typeof value === 'number') checkNumber(schema, value, say);
  else if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems) say(`needs at least ${schema.minItems} items`);
    if (schema.items) for (const [i, item] of value.entries()) check(schema.items, item, `${path}[${i}]`, root, found);
  } else if (typeof value === 'object' && value !== null) {
    checkObject(schema, value as Record<string, unknown>, path, root, found);
  }
}

function checkAlternatives(oneOf: Schema[], value: unknown, path: string, root: Schema, found: string[]): void {
  const outcomes = oneOf.map((alternative) => {
    const own: string[] = [];
    check(alternative, value, path, root, own);
    return own;
  });
  const fitting = outcomes.filter((own) => own.length === 0).length;
  if (fitting === 1) return;
  // The alternative that fits best explains most.
  const [closest] = outcomes.sort((a, b) => a.length - b.length);
  if (fitting === 0) found.push(...(closest ?? []));
  else found.push(`${path || 'the value'} fits more than one form`);
}

function checkText(schema: Schema, value: string, say: (text: string) => void): void {
  const length = schema.minLength === undefined && schema.maxLength === undefined ? 0 : Array.from(value).length;
  if (schema.minLength !== undefined && length < schema.minLength) say('must not be empty');
  if (schema.maxLength !== undefined && length > schema.maxLength) say(`is longer than ${schema.maxLength} characters`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) say(`must match ${schema.pattern}`);
}

function checkNumber(schema: Schema, value: number, say: (text: string) => void): void {
  if (schema.minimum !== undefined && value < schema.minimum) say(`must be at least ${schema.minimum}`);
  if (schema.maximum !== undefined && value > schema.maximum) say(`must be at most ${schema.maximum}`);
  if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum) {
    say(`must be above ${schema.exclusiveMinimum}`);
  }
}

function checkObject(
  schema: Schema,
  value: Record<string, unknown>,
  path: string,
  root: Schema,
  found: string[],
): void {
  const at = (name: string) => (path ? `${path}.${name}` : name);
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) found.push(`${at(name)} is missing`);
  for (const [name, item] of Object.entries(value)) {
    const known = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (known) check(known, item, at(name), root, found);
    else if (schema.additionalProperties === false) found.push(`${at(name)} is not a known field`);
    else if (typeof schema.additionalProperties === 'object') {
      check(schema.additionalProperties, item, at(name), root, found);
    }
  }
}

function resolved(reference: string, root: Schema): Schema {
  const target = root.$defs?.[reference.replace('#/$defs/', '')];
  if (!target) throw new Error(`the schema refers to ${reference}, which it does not define`);
  return target;
}

function hasType(value: unknown, type: string | string[]): boolean {
  return [type].flat().some((name) => {
    switch (name) {
      case 'integer':
        return Number.isInteger(value);
      case 'number':
        return typeof value === 'number' && Number.isFinite(value);
      case 'null':
        return value === null;
      case 'array':
        return Array.isArray(value);
      case 'object':
        return typeof value === 'object' && value !== null && !Array.isArray(value);
      default:
        return typeof value === name;
    }
  });
}
