// The command line of `npm start`: what it may say, in one table that `--help` prints and main.ts reads.
import { parseArgs } from 'node:util';

export interface StartOptions {
  /** Play the main job, stop everything, exit. */
  readonly once: boolean;
  /** Bring everything up, play nothing, stay. */
  readonly idle: boolean;
  readonly fresh: boolean;
  readonly json: boolean;
  readonly state: string;
  /** The main job's table, its target and what to predict; undefined: the example. */
  readonly job: { readonly data: string; readonly target: string; readonly predict: string | undefined } | undefined;
  readonly kubeconfig: string | undefined;
  /** Saved outputs of a stack: run operator and bot for it. */
  readonly stack: string | undefined;
  /** Play a training that loses its instance so often, in place of the main job. */
  readonly interruptions: number | undefined;
}

/** What examples/04-interruptions.yaml survives. */
const MOST_INTERRUPTIONS = 5;

const ABOUT: readonly (readonly [string, string])[] = [
  ['--once', 'play the main job, stop everything and exit (the default without a terminal)'],
  ['--idle', 'bring everything up, play nothing, stay'],
  ['--fresh', 'forget the state of earlier runs first'],
  ['--state DIR', 'where state is kept (default .spotlearn)'],
  ['--data FILE', 'play the main job on this CSV …'],
  ['--target COLUMN', '… predicting this column'],
  ['--predict FILE', '… and predict for this CSV (default: rows of the data itself, without the target)'],
  ['--interruptions N', 'in place of the main job, a training whose instance is taken away N times (1 to 5), told'],
  ['--json', 'print the summary as one JSON object on the last line'],
  ['--kubeconfig FILE', 'use this Kubernetes cluster in place of the embedded API'],
  ['--stack FILE', 'run operator and bot for a real stack with cluster: none (docs/without-a-cluster.md)'],
  ['--help', 'show this'],
];

export const HELP = `Usage: npm start -- [options]

Brings up Spotlearn on this machine (Kubernetes API, AWS and Telegram embedded, operator and bot), then plays
the main job through the chat: upload a CSV, train a model on a local Spot instance, predict with it.

${ABOUT.map(([option, text]) => `  ${option.padEnd(19)} ${text}`).join('\n')}
`;

/** A wrong command line, in one sentence. */
export class UsageError extends Error {}

/** Reads the arguments after `npm start --`. Throws UsageError; `'help'` when help was asked for. */
export function readOptions(args: readonly string[], interactive: boolean): StartOptions | 'help' {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean', default: false },
        idle: { type: 'boolean', default: false },
        fresh: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        state: { type: 'string', default: '.spotlearn' },
        data: { type: 'string' },
        target: { type: 'string' },
        predict: { type: 'string' },
        kubeconfig: { type: 'string' },
        interruptions: { type: 'string' },
        stack: { type: 'string' },
      },
    }));
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('\n')[0]} See npm start -- --help.`);
  }
  if (values.help) return 'help';
  const plays = (['once', 'idle', 'json', 'data', 'interruptions', 'kubeconfig'] as const).find((name) => values[name]);
  if (values.stack !== undefined && plays !== undefined)
    throw new UsageError(`--stack runs an installation and plays nothing; leave out --${plays}.`);
  if (values.once && values.idle) throw new UsageError('--once and --idle contradict each other; choose one.');
  if ((values.data === undefined) !== (values.target === undefined))
    throw new UsageError('--data and --target belong together: the CSV file and the column to predict.');
  if (values.predict !== undefined && values.data === undefined)
    throw new UsageError('--predict needs --data and --target.');
  const interruptions = values.interruptions === undefined ? undefined : Number(values.interruptions);
  if (
    interruptions !== undefined &&
    !(Number.isInteger(interruptions) && interruptions >= 1 && interruptions <= MOST_INTERRUPTIONS)
  )
    throw new UsageError(`--interruptions takes a whole number from 1 to ${MOST_INTERRUPTIONS}.`);
  if (interruptions !== undefined && (values.idle || values.data !== undefined))
    throw new UsageError('--interruptions plays its own training; leave out --idle, --data, --target and --predict.');
  const job =
    values.data === undefined || values.target === undefined
      ? undefined
      : { data: values.data, target: values.target, predict: values.predict };
  return {
    once: values.once || (!values.idle && values.stack === undefined && !interactive),
    idle: values.idle,
    fresh: values.fresh,
    json: values.json,
    state: values.state,
    job,
    kubeconfig: values.kubeconfig,
    stack: values.stack,
    interruptions,
  };
}
