// From nothing to one stored prediction: the packaged program over HTTP, against the peer between files; in turns.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { alone, type BenchmarkOptions, compared, type Measurement, median } from '../measurement.ts';
import { writeCredit } from './credit.ts';
import { eventFor } from './invocation.ts';
import { type Artefact, planHandler } from './model.ts';
import { packagedProgram } from './program.ts';
import { startStorage } from './storage.ts';

/** `folder`: of the model's files; `python`: of the peer, where there is one. */
export async function coldStart(
  model: string,
  folder: string,
  artefact: Artefact,
  python: string | undefined,
  { rounds, say }: BenchmarkOptions,
): Promise<Measurement[]> {
  say(`${model}: cold starts`);
  const one = join(folder, 'one.csv');
  await writeCredit(one, 1);
  const program = await packagedProgram(folder);
  const storage = await startStorage();
  const event = JSON.stringify(eventFor(storage, { ...artefact, data: await readFile(one) }));
  const plan = [planHandler, 'once', folder, one, join(folder, 'out.csv')];
  const times = { ours: [] as number[], plan: [] as number[], boto: [] as number[] };
  const boto = python !== undefined && has(python, 'boto3');
  if (python && !boto) say('SKIPPED: the plan’s import of boto3, which this Python has not');
  try {
    for (let round = 0; round <= rounds; round++) {
      const mine = await timed(process.execPath, [program], event);
      const theirs = python ? await timed(python, plan, '') : 0;
      const withBoto = boto ? await timed(python, [...plan, 'boto3'], '') : 0;
      if (round === 0) continue; // the disk's cache is warm from here on, for both
      times.ours.push(mine);
      times.plan.push(theirs);
      times.boto.push(withBoto);
    }
  } finally {
    await storage.close();
  }
  const [name, value] = [`${model}: cold start to one prediction`, median(times.ours)];
  if (!python) return [alone(name, value, 'ms')];
  const against = (peer: string, peers: number[]) => compared(name, value, 'ms', peer, median(peers), 'less');
  return [
    against("the plan's handler", times.plan),
    ...(boto ? [against("the plan's handler with boto3", times.boto)] : []),
  ];
}

function has(python: string, name: string): boolean {
  return spawnSync(python, ['-c', `import ${name}`]).status === 0;
}

function timed(program: string, args: string[], input: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve(performance.now() - began);
      else reject(new Error(`${program} ended with ${code}`));
    });
    child.stdin.end(input);
  });
}
