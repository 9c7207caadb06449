// x-kubernetes-validations: the last check of a custom resource. compileRules finds the rules in a schema once; the result
// walks an object beside its old version and evaluates each rule with self and oldSelf, as the API server does.
import { type Environment, EvaluationError, Optional, type ParseResult } from '@marcbachmann/cel-js';
import type { Cause } from '../api.ts';
import { child, duplicate, forbidden, invalid, type Json, required } from './causes.ts';
import { celEnvironment } from './cel-library.ts';
import { celValue, withTypeAndMetadata } from './cel-values.ts';
import {
  additional,
  type Before,
  beforeOfField,
  beforeOfItem,
  deepEqual,
  isObject,
  property,
  type Structural,
  type ValidationRule,
} from './structural.ts';

/** The API server's bound on an evaluated messageExpression, in bytes. */
const MAX_MESSAGE_BYTES = 5120;

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly evaluate: ParseResult | Error;
  readonly message: ParseResult | undefined;
  readonly usesOldSelf: boolean;
}

interface RuleNode {
  /** What self looks like here. */
  readonly schema: Structural;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly additional: RuleNode | undefined;
  readonly items: RuleNode | undefined;
  readonly allOf: readonly RuleNode[];
}

export type Rules = (object: Json, before: Before) => Cause[];

/** Undefined when the schema holds no rule at all (then cel-js isn't even set up). */
export function compileRules(schema: Structural): Rules | undefined {
  if (!hasRules(schema)) return undefined;
  const environment = celEnvironment().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
  const root = compileNode(schema, withTypeAndMetadata(schema), environment);
  if (root === undefined) return undefined;
  return (object, before) => checkNode(root, object, '', before, before);
}

export function hasRules(schema: Structural | undefined): boolean {
  if (schema === undefined) return false;
  return (
    (schema['x-kubernetes-validations']?.length ?? 0) > 0 ||
    hasRules(schema.items) ||
    hasRules(additional(schema)) ||
    Object.values(schema.properties ?? {}).some(hasRules) ||
    (schema.allOf ?? []).some(hasRules)
  );
}

/** `schema` holds the rules, `shape` says what self is: they differ within allOf. */
function compileNode(schema: Structural, shape: Structural, environment: Environment): RuleNode | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule) => compileRule(rule, environment));
  const properties = new Map<string, RuleNode>();
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const innerShape = property(shape, name);
    const node = innerShape === undefined ? undefined : compileNode(inner, embedded(innerShape), environment);
    if (node !== undefined) properties.set(name, node);
  }
  const within = (inner: Structural | undefined, innerShape: Structural | undefined) =>
    inner === undefined || innerShape === undefined ? undefined : compileNode(inner, embedded(innerShape), environment);
  const node: RuleNode = {
    schema: shape,
    rules,
    properties,
    additional: within(additional(schema), additional(shape)),
    items: within(schema.items, shape.items),
    allOf: (schema.allOf ?? []).flatMap((branch) => compileNode(branch, shape, environment) ?? []),
  };
  const empty =
    rules.length === 0 &&
    properties.size === 0 &&
    node.additional === undefined &&
    node.items === undefined &&
    node.allOf.length === 0;
  return empty ? undefined : node;
}

function embedded(schema: Structural): Structural {
  return schema['x-kubernetes-embedded-resource'] ? withTypeAndMetadata(schema) : schema;
}

function compileRule(rule: ValidationRule, environment: Environment): CompiledRule {
  let evaluate: ParseResult | Error;
  let message: ParseResult | undefined;
  try {
    evaluate = environment.parse(rule.rule);
    message = rule.messageExpression === undefined ? undefined : environment.parse(rule.messageExpression);
  } catch (error) {
    evaluate = error as Error;
  }
  return { rule, evaluate, message, usesOldSelf: !(evaluate instanceof Error) && mentions(evaluate.ast, 'oldSelf') };
}

/** Whether an identifier occurs in an expression. */
export function mentions(part: unknown, identifier: string): boolean {
  if (Array.isArray(part)) return part.some((inner) => mentions(inner, identifier));
  if (typeof part !== 'object' || part === null || !('op' in part) || !('args' in part)) return false;
  return part.op === 'id' ? part.args === identifier : mentions(part.args, identifier);
}

/** `parent` is the nearest part around that correlates: unchanged parts are not complained about (ratcheting). */
function checkNode(
  node: RuleNode,
  value: Json,
  path: string,
  before: Before,
  parent: Before,
  parentValue: Json = value,
): Cause[] {
  if (value === null) return [];
  const unchanged = before.known
    ? deepEqual(value, before.value)
    : parent.known && deepEqual(parentValue, parent.value);
  const causes = checkRules(node, value, path, before, unchanged);
  // The API server doesn't ratchet the rules of allOf by the node itself.
  for (const branch of node.allOf) causes.push(...checkNode(branch, value, path, before, parent, parentValue));
  const nearest: [Before, Json] = before.known ? [before, value] : [parent, parentValue];
  if (Array.isArray(value)) {
    if (node.items === undefined) return causes;
    for (const [index, item] of value.entries()) {
      causes.push(
        ...checkNode(node.items, item, `${path}[${index}]`, beforeOfItem(node.schema, before, item), ...nearest),
      );
    }
  } else if (isObject(value)) {
    for (const [name, field] of Object.entries(value)) {
      const known = node.properties.get(name);
      const old = beforeOfField(before, name);
      if (known !== undefined) causes.push(...checkNode(known, field, child(path, name), old, ...nearest));
      else if (node.additional !== undefined && property(node.schema, name) === undefined) {
        causes.push(...checkNode(node.additional, field, `${path}[${name}]`, old, ...nearest));
      }
    }
  }
  return causes;
}

function checkRules(node: RuleNode, value: Json, path: string, before: Before, unchanged: boolean): Cause[] {
  if (node.rules.length === 0) return [];
  const hasOld = before.known && before.value !== null && before.value !== undefined;
  const self = celValue(value, node.schema);
  const oldSelf = hasOld ? celValue(before.value, node.schema) : undefined;
  const type = node.schema.type ?? '';
  const causes: Cause[] = [];
  for (const compiled of node.rules) {
    const { rule, evaluate } = compiled;
    if (compiled.usesOldSelf && !hasOld && rule.optionalOldSelf !== true) continue;
    if (evaluate instanceof Error) {
      causes.push(invalid(path, type, `rule compile error: ${evaluate.message}`));
      continue;
    }
    const optionalOld = hasOld ? Optional.of(oldSelf) : Optional.none();
    const variables = { self, oldSelf: rule.optionalOldSelf === true ? optionalOld : (oldSelf ?? null) };
    try {
      if (evaluate(variables) === true) continue;
    } catch (error) {
      causes.push(invalid(path, type, evaluationMessage(error, rule)));
      continue;
    }
    if (unchanged && !compiled.usesOldSelf) continue;
    causes.push(failure(compiled, path, type, variables));
  }
  return causes;
}

function failure(compiled: CompiledRule, path: string, type: string, variables: Record<string, unknown>): Cause {
  const { rule } = compiled;
  const place = rule.fieldPath === undefined ? path : joined(path, rule.fieldPath);
  const message = evaluatedMessage(compiled, variables) ?? rule.message?.trim() ?? `failed rule: ${rule.rule.trim()}`;
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbidden(place, message);
    case 'FieldValueRequired':
      return required(place, message);
    case 'FieldValueDuplicate':
      return duplicate(place, type);
    case undefined:
    default:
      return invalid(place, type, message);
  }
}

/** `.spec.a['b.c']` below `path`, normalised. */
function joined(path: string, fieldPath: string): string {
  const normal = fieldPath.replace(/\['((?:[^'\\]|\\.)*)'\]/g, (_, name: string) => {
    const plain = name.replace(/\\(.)/g, '$1');
    return `.${plain}`;
  });
  return path === '' ? normal.replace(/^\./, '') : `${path}${normal}`;
}

/** Undefined: fall back on the fixed message, as the API server does when the expression fails or yields nothing fit. */
function evaluatedMessage(compiled: CompiledRule, variables: Record<string, unknown>): string | undefined {
  if (compiled.message === undefined) return undefined;
  try {
    const text: unknown = compiled.message(variables);
    if (typeof text !== 'string') return undefined;
    const trimmed = text.trim();
    const fit = trimmed !== '' && !trimmed.includes('\n') && Buffer.byteLength(trimmed) <= MAX_MESSAGE_BYTES;
    return fit ? trimmed : undefined;
  } catch {
    return undefined;
  }
}

function evaluationMessage(error: unknown, rule: ValidationRule): string {
  const name = rule.message?.trim() || rule.rule.trim();
  const code = error instanceof EvaluationError ? error.code : '';
  if (code === 'no_such_overload' || code === 'no_matching_overload') {
    return `'no such overload': call arguments did not match a supported operator, function or macro signature for rule: ${name}`;
  }
  return `${goWording(error)} evaluating rule: ${name}`;
}

/** cel-js's words for what went wrong, in cel-go's. */
function goWording(error: unknown): string {
  if (!(error instanceof EvaluationError)) return error instanceof Error ? error.message : String(error);
  switch (error.code) {
    case 'no_such_key':
      return error.summary.replace('No such key', 'no such key');
    case 'index_out_of_bounds': {
      const index = /index (-?\d+)/.exec(error.summary)?.[1] ?? '';
      return `index out of bounds: ${index}`;
    }
    case 'modulo_by_zero':
      return 'modulus by zero';
    default:
      return error.summary;
  }
}
