// The command line of `npm run kubeconfig`: what it may say, and its help.
import { parseArgs } from 'node:util';
import { userOf } from '../../crds/objects.ts';
import { UsageError } from '../options.ts';

export interface AccessRequest {
  /** Digits only. */
  readonly userId: string;
  /** How long the token should be valid. */
  readonly seconds: number;
  /** Of an administrator; undefined: what kubectl would use. */
  readonly kubeconfig: string | undefined;
  /** Undefined: the current one. */
  readonly context: string | undefined;
  /** File to write; undefined: stdout. */
  readonly out: string | undefined;
  /** Write over a file that is there. */
  readonly force: boolean;
}

const DEFAULT_HOURS = '24';
/** No API server gives less. */
const LEAST_SECONDS = 600;
const MOST_HOURS = 8_760;

const ABOUT: readonly (readonly [string, string])[] = [
  ['--hours N', `how long it should be valid (default ${DEFAULT_HOURS}); the API server may give less`],
  ['--out FILE', 'write it there, for the owner only, and not to stdout'],
  ['--force', 'write over FILE'],
  ['--kubeconfig FILE', 'of an administrator (default: KUBECONFIG, else ~/.kube/config)'],
  ['--context NAME', 'another than the current context of that file'],
  ['--help', 'show this'],
];

export const HELP = `Usage: npm run kubeconfig -- USER [options]

Prints a kubeconfig that sees the namespace of one user and nothing else. USER is the id in the chat, 1001, or
user-1001, or ml-user-1001. To take it back before it expires, delete ServiceAccount spotlearn-user of that namespace.

${ABOUT.map(([option, text]) => `  ${option.padEnd(18)} ${text}`).join('\n')}
`;

/** Reads the arguments after `npm run kubeconfig --`. Throws UsageError; `'help'` when help was asked for. */
export function readAccess(args: readonly string[]): AccessRequest | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  const [user, ...more] = positionals;
  if (user === undefined) throw wrong('For whom? Name a user, such as 1001.');
  if (more.length > 0) throw wrong(`One user at a time: what is “${more.join(' ')}”?`);
  if (values.force && values.out === undefined) throw wrong('--force is about the file of --out, which is missing.');
  for (const option of ['out', 'kubeconfig', 'context'] as const)
    if (values[option] === '') throw wrong(`--${option} is empty.`);
  const { kubeconfig, context, out, force } = values;
  return { userId: userIdOf(user), seconds: secondsOf(values.hours), kubeconfig, context, out, force };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        hours: { type: 'string', default: DEFAULT_HOURS },
        out: { type: 'string' },
        force: { type: 'boolean', default: false },
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw wrong((error as Error).message.split('\n')[0] ?? '');
  }
}

function userIdOf(user: string): string {
  const id = userOf(`ml-user-${user.replace(/^(ml-)?user-/, '')}`);
  if (id === undefined) throw wrong(`“${user}” is no user; it is an id such as 1001, or user-1001, or ml-user-1001.`);
  return id;
}

function secondsOf(hours: string): number {
  const seconds = /^\d{1,5}(\.\d{1,4})?$/.test(hours) ? Math.round(Number(hours) * 3_600) : NaN;
  if (!(seconds >= LEAST_SECONDS && seconds <= MOST_HOURS * 3_600))
    throw wrong(`--hours is a number from 0.1667 (ten minutes) to ${MOST_HOURS} (a year), not “${hours}”.`);
  return seconds;
}

const wrong = (what: string): UsageError => new UsageError(`${what} See npm run kubeconfig -- --help.`);
