// From nothing to one stored prediction: the packaged program against the peer, both over HTTP as on AWS (ours by presigned URLs, the
// plan's by boto3), and against the peer between files; in turns. The clock stops when a program says that it has stored.
import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { alone, type BenchmarkOptions, compared, type Measurement, median } from '../measurement.ts';
import { writeCredit } from './credit.ts';
import { eventFor } from './invocation.ts';
import { type Artefact, planHandler } from './model.ts';
import { packagedProgram } from './program.ts';
import { startStorage } from './storage.ts';

/** What boto3 wants to find; the storage believes anybody. */
const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'any',
  AWS_SECRET_ACCESS_KEY: 'any',
  AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
};

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
  const data = await readFile(one);
  const event = JSON.stringify(eventFor(storage, { ...artefact, data }));
  const boto = python !== undefined && has(python, 'boto3');
  if (boto) {
    storage.put('/bucket/model.joblib', await readFile(join(folder, 'model.joblib')));
    storage.put('/bucket/data.csv', data);
  } else if (python) say('SKIPPED: the peer over HTTP, whose Python has no boto3');
  const times = { ours: [] as number[], files: [] as number[], http: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const ours = await timed(process.execPath, [program], event);
      const files = python ? await timed(python, [planHandler, 'once', folder]) : 0;
      const http = boto ? await timed(python, [planHandler, 'cold', storage.url]) : 0;
      if (round === 0) continue; // the disk's cache is warm from here on, for both
      times.ours.push(ours);
      times.files.push(files);
      times.http.push(http);
    }
  } finally {
    await storage.close();
  }
  const [name, value] = [`${model}: cold start to one prediction`, median(times.ours)];
  if (!python) return [alone(name, value, 'ms')];
  const against = (peer: string, peers: number[]) => compared(name, value, 'ms', peer, median(peers), 'less');
  return [
    ...(boto ? [against("the plan's handler", times.http)] : []),
    against("the plan's handler between files", times.files),
  ];
}

function has(python: string, name: string): boolean {
  return spawnSync(python, ['-c', `import ${name}`]).status === 0;
}

/** Milliseconds until the program says its first word. */
function timed(program: string, args: string[], input = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let ended: number | undefined;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...CREDENTIALS } });
    child.stdout.once('data', () => (ended = performance.now()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 && ended !== undefined) resolve(ended - began);
      else reject(new Error(`${program} ended with ${code}`));
    });
    child.stdin.end(input);
  });
}
