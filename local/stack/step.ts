// A step of bringing up, run as a process of its own that ends when it is done: the SDK's clients and the bundler take 150 MB, which
// the starter, staying up as long as the stack does, must not keep. Input is JSON on argv, output JSON on stdout.
import { spawnLeashed } from '../process/leash.ts';
import { StartFailure } from './failure.ts';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs `local/stack/<name>.ts`; rejects with StartFailure carrying what it said. */
export async function runStep<Output>(name: string, input: unknown, env: NodeJS.ProcessEnv): Promise<Output> {
  const child = spawnLeashed(process.execPath, [`local/stack/${name}.ts`, JSON.stringify(input)], {
    cwd: root,
    env,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const read = (stream: typeof child.stdout) => (stream ? text(stream) : '');
  const [said, complained, { code }] = await Promise.all([read(child.stdout), read(child.stderr), child.exited]);
  if (code !== 0) throw new StartFailure(`${name} failed: ${complained.trim() || `code ${code}`}`);
  return JSON.parse(said) as Output;
}

/** The other side: answers with what `work` makes of the input when this file is the program; a failure is its message only. */
export async function asStep<Input, Output>(meta: ImportMeta, work: (input: Input) => Promise<Output>): Promise<void> {
  if (!meta.main) return;
  try {
    process.stdout.write(JSON.stringify(await work(JSON.parse(process.argv[2] ?? 'null') as Input)));
  } catch (error) {
    process.stderr.write(error instanceof StartFailure ? error.message : String((error as Error).stack));
    process.exitCode = 1;
  }
}
