// Memory of the handler by the size of its table: the packaged program, a fresh process each time, from a storage over
// HTTP and into the parts of an upload, as a function on AWS works. Also how many rows a second that makes.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PredictionAnswer } from '../../cloud/contract/contract.generated.ts';
import { alone, type BenchmarkOptions, type Measurement } from '../measurement.ts';
import { writeCredit } from './credit.ts';
import { eventFor } from './invocation.ts';
import type { Artefact } from './model.ts';
import { bundled, packagedProgram } from './program.ts';
import { startStorage } from './storage.ts';

/** Of the rows asked for. */
const SIZES = [0.1, 1, 10];
const PART_BYTES = 8 * 1024 * 1024;
export async function memoryCurve(
  model: string,
  folder: string,
  artefact: Artefact,
  { rows, say }: BenchmarkOptions,
): Promise<Measurement[]> {
  const program = await packagedProgram(folder);
  const witness = await bundled('witness.ts', folder);
  const measured: Measurement[] = [];
  for (const size of SIZES) {
    const count = Math.max(1, Math.round(rows * size));
    const label = `${model}: ${count.toLocaleString('en-US')} rows over HTTP`;
    say(label);
    const table = join(folder, 'memory.csv');
    await writeCredit(table, count);
    const { peakMiB, ms } = await scored([witness, program], artefact, await readFile(table));
    measured.push(alone(`${label}: peak memory`, peakMiB, 'MiB'), alone(label, (count / ms) * 1000, 'rows/s'));
  }
  return measured;
}

async function scored(
  [witness, program]: readonly [string, string],
  artefact: Artefact,
  data: Buffer,
): Promise<{ peakMiB: number; ms: number }> {
  const storage = await startStorage();
  try {
    const event = eventFor(storage, { ...artefact, data });
    const parts = Array.from({ length: 2 + Math.ceil((1.2 * data.length) / PART_BYTES) }, (_, i) => ({
      number: i + 1,
      url: `${storage.url}/parts/${i + 1}`,
    }));
    const range = { start: 0, end: data.length };
    const asked = {
      ...event,
      data: { ...event.data, range },
      output: { uri: event.output.uri, parts, partBytes: PART_BYTES },
    };
    const { stdout, stderr } = await ran(['--import', witness, program], JSON.stringify(asked));
    const answer = JSON.parse(stdout) as PredictionAnswer;
    if (!answer.success) throw new Error(`the handler failed: ${answer.error}`);
    return { peakMiB: Number(/^peak (.+)$/m.exec(stderr)?.[1]), ms: answer.execution_time_ms };
  } finally {
    await storage.close();
  }
}

function ran(args: string[], input: string): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: 'pipe' });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => (said.stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (said.stderr += bytes.toString()));
    child.once('error', reject);
    child.once('close', () => resolve(said));
    child.stdin.end(input);
  });
}
