// The command line of `npm run move`: what it may say, and its help.
import { parseArgs } from 'node:util';
import { UsageError } from '../options.ts';

export interface MoveOptions {
  /** Kubeconfig of the cluster that everything goes to. */
  readonly to: string;
  /** A state folder, or a kubeconfig. */
  readonly from: string;
  /** Do it; otherwise only say what would be done. */
  readonly yes: boolean;
  /** Take a move back that has not ended. */
  readonly undo: boolean;
}

const ABOUT: readonly (readonly [string, string])[] = [
  ['--to KUBECONFIG', 'the cluster that accounts, jobs and chats go to; Spotlearn is installed there (pulumi up)'],
  ['--from PLACE', 'where they are: a state folder (default .spotlearn) or a kubeconfig'],
  ['--yes', 'do it; without, it only says what it would do'],
  ['--undo', 'take back a move that was broken off'],
  ['--help', 'show this'],
];

export const HELP = `Usage: npm run move -- --to KUBECONFIG [options]

Carries accounts, jobs and chats of one person's installation over to a cluster. Trainings that run go on meanwhile
on their instances. Broken off, it goes on where it stopped when it is run again (docs/without-a-cluster.md).

${ABOUT.map(([option, text]) => `  ${option.padEnd(17)} ${text}`).join('\n')}
`;

/** Reads the arguments after `npm run move --`. Throws UsageError; `'help'` when help was asked for. */
export function readMove(args: readonly string[]): MoveOptions | 'help' {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        from: { type: 'string', default: '.spotlearn' },
        yes: { type: 'boolean', default: false },
        undo: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('\n')[0]} See npm run move -- --help.`);
  }
  if (values.help) return 'help';
  const { to, from, yes, undo } = values;
  if (!to) throw new UsageError('--to KUBECONFIG is missing: the cluster to go to. See npm run move -- --help.');
  if (yes && undo) throw new UsageError('--yes does a move and --undo takes one back; choose one.');
  return { to, from, yes, undo };
}
