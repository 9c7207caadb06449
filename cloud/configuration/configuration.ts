// First step of operator and bot: the environment becomes one typed, validated configuration, or one error that names
// every wrong or missing variable at once. The table of fields is fields.ts.
import { ConfigurationError } from '../errors.ts';
import { FIELDS, type Field, type FieldName } from './fields.ts';

type Value<F extends Field> = F['kind'] extends 'integer' | 'usd' | 'percent'
  ? number
  : F['kind'] extends 'boolean'
    ? boolean
    : F['kind'] extends 'list'
      ? string[]
      : string;

type Fields = typeof FIELDS;
type Optional<N extends FieldName> = Fields[N] extends { optional: true } ? true : false;
type Needs<N extends FieldName, P extends Program> = P extends Fields[N]['for'][number] ? true : false;

export type Program = 'operator' | 'bot';

/** Settings of one program. A list is empty when absent; another optional setting is undefined. */
export type Configuration<P extends Program = Program> = {
  readonly [N in FieldName as Needs<N, P> extends true ? N : never]: Optional<N> extends true
    ? Fields[N]['kind'] extends 'list'
      ? string[]
      : Value<Fields[N]> | undefined
    : Value<Fields[N]>;
};
export type OperatorConfiguration = Configuration<'operator'>;
export type BotConfiguration = Configuration<'bot'>;

/**
 * Reads the settings of `program` from `environment`; an empty variable counts as absent.
 * Throws ConfigurationError whose message has one line per wrong or missing variable, never a secret's value.
 */
export function readConfiguration<P extends Program>(
  program: P,
  environment: Readonly<Record<string, string | undefined>>,
): Configuration<P> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(FIELDS) as [FieldName, Field][]) {
    if (!field.for.includes(program)) continue;
    const text = environment[field.env]?.trim() || field.default;
    if (text === undefined) {
      if (!field.optional)
        problems.push(`${field.env} is missing: ${field.about} Example: ${field.example || '(secret)'}`);
      values[name] = field.kind === 'list' ? [] : undefined;
      continue;
    }
    const read = readField(field, text);
    if ('problem' in read) problems.push(`${field.env} ${read.problem}`);
    else values[name] = read.value;
  }
  if (problems.length > 0)
    throw new ConfigurationError(
      `${problems.length === 1 ? 'One setting is' : `${problems.length} settings are`} wrong:\n  ${problems.join('\n  ')}\n.env.example describes every setting.`,
    );
  return values as Configuration<P>;
}

export type Read = { value: unknown } | { problem: string };

/** What reading a text needs to know. */
export type Reading = Pick<Field, 'kind' | 'pattern' | 'allowed' | 'min' | 'max'>;

/** The value of a text that is not empty, or what is wrong with it; a secret's value is never part of that. */
export function readField(field: Reading, text: string): Read {
  const shown = field.kind === 'secret' ? 'its value' : JSON.stringify(text);
  switch (field.kind) {
    case 'boolean':
      return text === 'true' || text === 'false'
        ? { value: text === 'true' }
        : { problem: `is ${shown}; allowed: true or false` };
    case 'integer':
    case 'usd':
    case 'percent': {
      const number = Number(text);
      const whole = field.kind === 'integer' ? 'a whole number' : 'a number';
      const fits = Number.isFinite(number) && (field.kind !== 'integer' || Number.isInteger(number));
      const inside = number >= (field.min ?? -Infinity) && number <= (field.max ?? Infinity);
      return fits && inside
        ? { value: number }
        : { problem: `is ${shown}; allowed: ${whole} from ${field.min} to ${field.max}` };
    }
    case 'list': {
      const items = text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
      const wrong = items.find((item) => field.pattern && !field.pattern.test(item));
      return wrong === undefined
        ? { value: items }
        : { problem: `has ${JSON.stringify(wrong)}; allowed: ${field.allowed}` };
    }
    case 'text':
    case 'secret':
      return !field.pattern || field.pattern.test(text)
        ? { value: text }
        : { problem: `is ${shown}; allowed: ${field.allowed}` };
  }
}
