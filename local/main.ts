// `npm start`: brings the product up on this machine and plays the main job in it. Reads its arguments (options.ts), starts the
// stack (stack/), plays (play/), stops. `--help` shows what it takes. What only playing needs is loaded when it plays: this process
// stays up as long as the stack does.
import { existsSync, mkdirSync } from 'node:fs';
import { HELP, readOptions, UsageError, type StartOptions } from './options.ts';
import { Screen } from './play/screen.ts';
import type { MainJob } from './play/table.ts';
import type { Personal } from './personal/personal.ts';
import { StartFailure } from './stack/failure.ts';
import { bringUp, type Stack } from './stack/stack.ts';
import { openState } from './stack/state.ts';

async function main(options: StartOptions): Promise<number> {
  const screen = new Screen(process.stderr.isTTY === true, options.json);
  const plays = !options.idle && options.interruptions === undefined && options.stack === undefined;
  const job = plays ? await readJob(options) : undefined;
  if (options.kubeconfig !== undefined && !existsSync(options.kubeconfig))
    throw new StartFailure(`There is no kubeconfig ${options.kubeconfig}.`);
  const state = openState(options.state, options.fresh);
  const stopped = new AbortController();
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopped.abort();
      // Who asks three times means it: the leashes end the children.
      if (++signals >= 3) process.exit(130);
    });
  }
  // When npm, which started us, is killed, nobody is left to stop us.
  const parent = process.ppid;
  const orphaned = setInterval(() => process.ppid !== parent && stopped.abort(), 500);
  orphaned.unref();
  let stack: Stack | Personal | undefined;
  try {
    mkdirSync(state.path('artefacts'), { recursive: true });
    screen.heading('Starting');
    if (options.stack !== undefined) {
      const { bringUpPersonal } = await import('./personal/personal.ts');
      stack = await bringUpPersonal(state, options.stack, process.env, (what, where) => screen.step(what, where));
      screen.staying(options.state);
      await until(stopped.signal);
      return 0;
    }
    const played = await bringUp(state, options.kubeconfig, (what, where) => screen.step(what, where));
    stack = played;
    if (options.interruptions !== undefined && !stopped.signal.aborted) {
      screen.heading(`A training that loses its instance (interruptions: ${options.interruptions})`);
      const { exampleTraining, playStory } = await import('./play/story.ts');
      screen.json(await playStory(played, exampleTraining(), options.interruptions, screen, stopped.signal));
    } else if (job && !stopped.signal.aborted) {
      screen.heading('The main job');
      const { playMainJob } = await import('./play/play.ts');
      const summary = await playMainJob(played, job, state.path('downloads'), screen, stopped.signal);
      screen.summary(summary);
      screen.json(summary);
    }
    if (!options.once && !stopped.signal.aborted) {
      screen.invitation(played, options.state);
      await until(stopped.signal);
    }
    return 0;
  } finally {
    clearInterval(orphaned);
    await stack?.stop();
    state.release();
  }
}

/** Stays until then. */
function until(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const alive = setInterval(() => undefined, 60_000);
    signal.addEventListener('abort', () => (clearInterval(alive), resolve()), { once: true });
  });
}

async function readJob({ job }: StartOptions): Promise<MainJob> {
  const { exampleJob, jobOf } = await import('./play/table.ts');
  return job ? jobOf(job) : exampleJob();
}

try {
  const options = readOptions(process.argv.slice(2), process.stdout.isTTY === true);
  if (options === 'help') process.stdout.write(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  const known = error instanceof StartFailure || error instanceof UsageError;
  process.stderr.write(`\n${known ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
