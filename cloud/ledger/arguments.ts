// What `npm run ledger -- …` is asked for, from the command line. Pure.
import { parseArgs } from 'node:util';
import { ConfigurationError } from '../errors.ts';
import { nextPeriod, startOf } from './entries.ts';
import { type Dimension, DIMENSIONS, type Filter } from './queries.ts';

/** Days `yyyy-MM-dd`, both included. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

export type LedgerRequest =
  | { readonly command: 'export'; readonly filter: Filter & Range }
  | { readonly command: 'sum'; readonly filter: Filter & Range; readonly by: readonly Dimension[] }
  | { readonly command: 'audit'; readonly range: Range; readonly who?: string; readonly outcome?: string }
  | {
      readonly command: 'verify';
      readonly month: string | undefined;
      readonly userId: string | undefined;
      /** File with what `kubectl get acct -o json` says. */
      readonly accounts: string | undefined;
    }
  | { readonly command: 'compact'; readonly month: string | undefined; readonly userId: string | undefined };

export const USAGE = `Usage: npm run ledger -- <command>
  export   entries as CSV             --month 2026-11 or --from 2026-11-03 --to 2026-11-09 (UTC days, both included);
                                      --user 42, --operation training|prediction, --service ec2|lambda|cluster
  sum      a table of sums            as export, and --by user,month,day,operation,service (default user,operation,service)
  audit    the audit trail as CSV     --day 2026-11-03 or --month 2026-11; --who 42, --outcome Allowed|Refused|Failed
  verify   checks hashes, chain and   [--month 2026-11] [--user 42]; --accounts FILE compares with what the accounts'
           content of both            statuses say (kubectl get acct -o json); ends with 1 when anything does not fit
  compact  seals entries of past      [--month 2026-11] [--user 42]; what is sealed is removed as single objects
           days in packs
Needs what the AWS CLI needs, AWS_REGION and SPOTLEARN_BUCKET. On this machine’s stack: . .spotlearn/env`;

const OPTIONS = {
  month: { type: 'string' },
  day: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  user: { type: 'string' },
  operation: { type: 'string' },
  service: { type: 'string' },
  by: { type: 'string' },
  who: { type: 'string' },
  outcome: { type: 'string' },
  accounts: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;
type Values = ReturnType<typeof parsed>['values'];
type Option = keyof typeof OPTIONS;

const FILTERS: readonly Option[] = ['month', 'from', 'to', 'user', 'operation', 'service'];
const TAKES: Record<LedgerRequest['command'], readonly Option[]> = {
  export: FILTERS,
  sum: [...FILTERS, 'by'],
  audit: ['month', 'day', 'who', 'outcome'],
  verify: ['month', 'user', 'accounts'],
  compact: ['month', 'user'],
};
const OPERATIONS = ['training', 'prediction'];
const SERVICES = ['ec2', 'lambda', 'cluster'];
const OUTCOMES = ['Allowed', 'Refused', 'Failed'];
const DAY_MS = 86_400_000;

/** Undefined: help was asked for. Throws ConfigurationError that says what is wrong and how to ask. */
export function readRequest(argv: readonly string[]): LedgerRequest | undefined {
  const { values, positionals } = parsed(argv);
  const [command, ...more] = positionals;
  if (values.help || (command === undefined && argv.length === 0)) return undefined;
  if (command === undefined) throw wrong('Which command?');
  if (!isCommand(command)) throw wrong(`There is no command “${command}”.`);
  if (more.length > 0) throw wrong(`What is “${more.join(' ')}”?`);
  const unfit = (Object.keys(values) as Option[]).find((name) => !TAKES[command].includes(name));
  if (unfit !== undefined) throw wrong(`${command} takes no --${unfit}.`);
  return READ[command](values);
}

const isCommand = (text: string): text is LedgerRequest['command'] => Object.hasOwn(TAKES, text);

const READ: Record<LedgerRequest['command'], (values: Values) => LedgerRequest> = {
  export: (values) => ({ command: 'export', filter: filterOf(values) }),
  sum: (values) => ({ command: 'sum', filter: filterOf(values), by: dimensions(values.by) }),
  audit: (values) => ({
    command: 'audit',
    range: values.day === undefined ? rangeOf(values, '--day or --month') : dayRange(values.day, values.month),
    ...(values.who === undefined ? {} : { who: values.who }),
    ...(values.outcome === undefined ? {} : { outcome: oneOf('outcome', values.outcome, OUTCOMES) }),
  }),
  verify: (values) => ({ command: 'verify', ...placeOf(values), accounts: values.accounts }),
  compact: (values) => ({ command: 'compact', ...placeOf(values) }),
};

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw wrong(`${(error as Error).message.split('. ')[0]}.`);
  }
}

function filterOf(values: Values): Filter & Range {
  return {
    ...rangeOf(values, '--month, or --from and --to'),
    userId: values.user === undefined ? undefined : user(values.user),
    operation: values.operation === undefined ? undefined : oneOf('operation', values.operation, OPERATIONS),
    service: values.service === undefined ? undefined : oneOf('service', values.service, SERVICES),
  };
}

const placeOf = (values: Values) => ({
  month: values.month === undefined ? undefined : month(values.month),
  userId: values.user === undefined ? undefined : user(values.user),
});

function rangeOf({ month: period, from, to }: Values, asked: string): Range {
  const whole = period === undefined ? undefined : daysOf(month(period));
  const first = from === undefined ? whole?.from : day('from', from);
  const last = to === undefined ? whole?.to : day('to', to);
  if (first === undefined || last === undefined) throw wrong(`Of which days? Give ${asked}.`);
  if (first > last) throw wrong(`--from ${first} is after --to ${last}.`);
  if (whole && (first < whole.from || last > whole.to)) throw wrong(`--from and --to are to lie in --month ${period}.`);
  return { from: first, to: last };
}

function dayRange(text: string, period: string | undefined): Range {
  if (period !== undefined) throw wrong('--day or --month, not both.');
  const only = day('day', text);
  return { from: only, to: only };
}

/** First and last day of a month. */
const daysOf = (period: string): Range => ({
  from: `${period}-01`,
  to: new Date(startOf(nextPeriod(period)) - DAY_MS).toISOString().slice(0, 10),
});

function month(text: string): string {
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(text)) return text;
  throw wrong(`--month is a month such as 2026-11, not “${text}”.`);
}

function day(option: string, text: string): string {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(NaN);
  if (!Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)) return text;
  throw wrong(`--${option} is a day such as 2026-11-03, not “${text}”.`);
}

function user(text: string): string {
  if (/^[0-9]{1,20}$/.test(text)) return text;
  throw wrong(`--user is the number of a user, not “${text}”.`);
}

function oneOf(option: string, text: string, allowed: readonly string[]): string {
  if (allowed.includes(text)) return text;
  throw wrong(`--${option} is ${allowed.join(', ')}; not “${text}”.`);
}

function dimensions(text = 'user,operation,service'): Dimension[] {
  return text.split(',').map((name) => oneOf('by', name.trim(), DIMENSIONS) as Dimension);
}

const wrong = (what: string): ConfigurationError => new ConfigurationError(`${what}\n${USAGE}`);
