// `npm run move`: carries one person's installation over to a cluster. Reads its arguments, opens both ends, and does or says what move.ts would.
import { resolve } from 'node:path';
import { KubernetesError } from '../../operator/runtime/kubernetes.ts';
import { UsageError } from '../options.ts';
import { forgetMoved, noteMoved } from '../personal/moved.ts';
import { StartFailure } from '../stack/failure.ts';
import { HELP, readMove, type MoveOptions } from './arguments.ts';
import { clusterOf, sourceOf, type End } from './ends.ts';
import { move, rehearse, undo } from './move.ts';

const tell = (sentence: string) => void process.stdout.write(`${sentence}\n`);

async function main(options: MoveOptions): Promise<void> {
  const to = await clusterOf(options.to);
  let from: End | undefined;
  try {
    from = await sourceOf(options.from);
    const facts = { from: from.kubernetes, to: to.kubernetes, tell };
    const there = resolve(options.to);
    if (options.undo) {
      await undo(facts);
      if (from.state) forgetMoved(from.state);
      return;
    }
    await rehearse(facts);
    if (!options.yes) return tell('Nothing was done. The same command with --yes does it.');
    const note = (ended: boolean) => from?.state && noteMoved(from.state, { to: there, ended });
    await move({ ...facts, begun: () => note(false) });
    note(true);
  } finally {
    await from?.close();
    await to.close();
  }
}

try {
  const options = readMove(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else await main(options);
} catch (error) {
  const known = error instanceof StartFailure || error instanceof UsageError || error instanceof KubernetesError;
  process.stderr.write(`${known ? (error as Error).message : String((error as Error).stack)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
