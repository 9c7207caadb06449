// What `npm run logs -- …` is asked for, from the command line. Pure.
import { parseArgs } from 'node:util';
import { ConfigurationError } from '../../cloud/errors.ts';

export interface LogsRequest {
  readonly namespace: string;
  readonly job: string;
  /** False: print what there is, and end. */
  readonly follow: boolean;
  /** Only this attempt; undefined: the current one, and those after it. */
  readonly attempt: number | undefined;
  /** Only lines at most this old. */
  readonly sinceMs: number | undefined;
}

export const USAGE = `Usage: npm run logs -- <namespace>/<job>     or: npm run logs -- <job> -n <namespace>
  --no-follow    print what there is, and end
  --attempt N    only this attempt's log
  --since 10m    only lines at most this old (s, m, h, d; 1h30m)`;

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** RFC 1123, as Kubernetes' names. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Undefined: help was asked for. Throws ConfigurationError that says what is wrong and how to ask. */
export function readRequest(argv: readonly string[]): LogsRequest | undefined {
  const { values, positionals } = parse(argv);
  if (values.help) return undefined;
  const [place, ...more] = positionals;
  if (place === undefined) throw wrong('Which job? Name it.');
  if (more.length > 0) throw wrong(`One job at a time: what is “${more.join(' ')}”?`);
  const [job = '', within, ...deeper] = place.split('/').reverse();
  if (deeper.length > 0) throw wrong(`“${place}” is not <namespace>/<job>.`);
  if (within !== undefined && values.namespace !== undefined && within !== values.namespace)
    throw wrong(`“${place}” and -n ${values.namespace} name two namespaces.`);
  const namespace = within ?? values.namespace;
  if (namespace === undefined) throw wrong(`In which namespace is “${job}”?`);
  for (const name of [namespace, job])
    if (!NAME.test(name)) throw wrong(`“${name}” is no name of a Kubernetes object.`);
  return {
    namespace,
    job,
    follow: !values['no-follow'],
    attempt: values.attempt === undefined ? undefined : wholeNumber(values.attempt),
    sinceMs: values.since === undefined ? undefined : duration(values.since),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        namespace: { type: 'string', short: 'n' },
        'no-follow': { type: 'boolean', default: false },
        attempt: { type: 'string' },
        since: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < 1) throw wrong(`--attempt is a number from 1 on, not “${text}”.`);
  return value;
}

function duration(text: string): number {
  if (!/^(\d{1,6}[smhd])+$/.test(text)) throw wrong(`--since is a time such as 90s, 10m or 1h30m, not “${text}”.`);
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) ms += Number(count) * UNIT_MS[unit as 'm'];
  return ms;
}

const wrong = (what: string): ConfigurationError => new ConfigurationError(`${what}\n${USAGE}`);
