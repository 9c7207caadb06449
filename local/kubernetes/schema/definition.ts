// Checks of a CRD's schema when the CRD itself is written: structural, and every rule readable. What passes here can be
// compiled by compile.ts. The causes are worded as the API server's; details of CEL compile errors are cel-js's.
import { type Environment, ParseError } from '@marcbachmann/cel-js';
import type { Cause } from '../api.ts';
import { forbidden, invalid, notSupported, required } from './causes.ts';
import { celEnvironment } from './cel-library.ts';
import { escapeField, withTypeAndMetadata } from './cel-values.ts';
import { compileRe2 } from './regexp.ts';
import { mentions } from './rules.ts';
import { additional, type Structural, type ValidationRule } from './structural.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** `path` is where the schema stands in the CRD, such as `spec.versions[0].schema.openAPIV3Schema`. */
export function schemaProblems(openAPIV3Schema: Readonly<Record<string, unknown>>, path: string): Cause[] {
  const environment = celEnvironment().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
  return nodeProblems(openAPIV3Schema, path, environment, true);
}

function nodeProblems(schema: Structural, path: string, environment: Environment, root = false): Cause[] {
  const causes = [...typeProblems(schema, path), ...listProblems(schema, path)];
  if (schema.pattern !== undefined) {
    try {
      compileRe2(schema.pattern);
    } catch (error) {
      const message = `must be a valid regular expression, but isn't: ${error instanceof Error ? error.message : String(error)}`;
      causes.push(invalid(`${path}.pattern`, schema.pattern, message));
    }
  }
  if (schema.uniqueItems === true) {
    causes.push(
      forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  }
  if (schema.properties !== undefined && schema.additionalProperties !== undefined) {
    causes.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  }
  const shape = root || schema['x-kubernetes-embedded-resource'] ? withTypeAndMetadata(schema) : schema;
  for (const [index, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    causes.push(...ruleProblems(rule, `${path}.x-kubernetes-validations[${index}]`, shape, environment));
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    // Fields of the root that every object has are the server's business.
    if (root && (name === 'metadata' || name === 'apiVersion' || name === 'kind')) continue;
    causes.push(...nodeProblems(inner, `${path}.properties[${name}]`, environment));
  }
  const rest = additional(schema);
  if (rest !== undefined) causes.push(...nodeProblems(rest, `${path}.additionalProperties`, environment));
  if (schema.items !== undefined) causes.push(...nodeProblems(schema.items, `${path}.items`, environment));
  return causes;
}

function typeProblems(schema: Structural, path: string): Cause[] {
  const free = schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema.type === undefined)
    return free ? [] : [required(`${path}.type`, 'must not be empty for specified object fields')];
  if (!TYPES.includes(schema.type)) return [notSupported(`${path}.type`, schema.type, TYPES)];
  if (schema.type === 'array' && schema.items === undefined) return [required(`${path}.items`, 'must be specified')];
  return [];
}

function listProblems(schema: Structural, path: string): Cause[] {
  const kind = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (kind !== 'map') return [];
  if (keys.length === 0) {
    return [required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map')];
  }
  return keys
    .filter((key) => schema.items?.properties?.[key] === undefined)
    .map((key) =>
      invalid(`${path}.x-kubernetes-list-map-keys`, [...keys], `entries must all be names of item properties: ${key}`),
    );
}

function ruleProblems(rule: ValidationRule, path: string, shape: Structural, environment: Environment): Cause[] {
  const causes: Cause[] = [];
  const text = rule.rule?.trim() ?? '';
  if (text === '') return [required(`${path}.rule`, 'rule is not specified')];
  if (rule.message !== undefined && rule.message.trim() === '') {
    causes.push(invalid(`${path}.message`, rule.message, 'must be non-empty if specified'));
  } else if (rule.message?.includes('\n')) {
    causes.push(invalid(`${path}.message`, rule.message, 'must not contain line breaks'));
  }
  if (rule.reason !== undefined && !REASONS.includes(rule.reason))
    causes.push(notSupported(`${path}.reason`, rule.reason, REASONS));
  if (rule.fieldPath !== undefined && !rule.fieldPath.startsWith('.') && !rule.fieldPath.startsWith('[')) {
    causes.push(invalid(`${path}.fieldPath`, rule.fieldPath, 'must be a valid path'));
  }
  for (const [field, expression] of Object.entries({ rule: text, messageExpression: rule.messageExpression })) {
    if (expression === undefined) continue;
    const problem = expressionProblem(expression, shape, environment);
    if (problem !== undefined)
      causes.push(invalid(`${path}.${field}`, shownRule(rule), `compilation failed: ${problem}`));
  }
  if (causes.length === 0 && rule.optionalOldSelf !== undefined && !mentions(environment.parse(text).ast, 'oldSelf')) {
    causes.push(
      invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'),
    );
  }
  return causes;
}

/** As Go prints the rule: with all its fields. */
function shownRule({
  rule,
  message,
  messageExpression,
  reason,
  fieldPath,
  optionalOldSelf,
}: ValidationRule): Record<string, unknown> {
  return {
    Rule: rule,
    Message: message ?? '',
    MessageExpression: messageExpression ?? '',
    Reason: reason ?? null,
    FieldPath: fieldPath ?? '',
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}

function expressionProblem(expression: string, shape: Structural, environment: Environment): string | undefined {
  const { valid, error } = environment.check(expression);
  if (!valid) {
    const kind = error instanceof ParseError ? 'Syntax error: ' : '';
    return `ERROR: <input>: ${kind}${error?.summary ?? 'unreadable'}`;
  }
  const unknown = undefinedField(environment.parse(expression).ast, shape);
  return unknown === undefined ? undefined : `ERROR: <input>: undefined field '${unknown}'`;
}

/** The first field of self or oldSelf in an expression that the schema doesn't have. */
function undefinedField(part: unknown, shape: Structural): string | undefined {
  if (Array.isArray(part)) {
    for (const inner of part) {
      const found = undefinedField(inner, shape);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof part !== 'object' || part === null || !('op' in part) || !('args' in part)) return undefined;
  if (part.op === '.' && Array.isArray(part.args)) {
    const [receiver, name] = part.args as [unknown, string];
    const around = schemaOf(receiver, shape);
    if (around !== undefined && isClosed(around) && fieldNamed(around, name) === undefined) return name;
  }
  return undefinedField(part.args, shape);
}

function schemaOf(part: unknown, shape: Structural): Structural | undefined {
  if (typeof part !== 'object' || part === null || !('op' in part) || !('args' in part)) return undefined;
  if (part.op === 'id') return part.args === 'self' || part.args === 'oldSelf' ? shape : undefined;
  if (part.op !== '.' || !Array.isArray(part.args)) return undefined;
  const [receiver, name] = part.args as [unknown, string];
  const around = schemaOf(receiver, shape);
  return around === undefined ? undefined : fieldNamed(around, name);
}

/** An object whose fields are all known; rules can't see the unknown ones of any other. */
function isClosed(schema: Structural): boolean {
  return schema.type === 'object' && schema.additionalProperties === undefined;
}

function fieldNamed(schema: Structural, name: string): Structural | undefined {
  for (const [field, inner] of Object.entries(schema.properties ?? {})) if (escapeField(field) === name) return inner;
  return undefined;
}
