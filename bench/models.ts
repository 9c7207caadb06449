// `npm run bench -- models [quality|exactness|speed|families …]`: the worker's models (issue 5), measured by the worker's
// own Python; sections in models/*.py. What they print goes to standard error as it comes; their last line is JSON and becomes rows.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { alone, compared, type Benchmark, type Measurement } from './measurement.ts';

const ROOT = join(import.meta.dirname, '..');
const PYTHON = join(ROOT, '.venv', 'bin', 'python3');
const SECTIONS = ['quality', 'exactness', 'speed'];
const HIGHER_IS_BETTER = /^(?:roc_auc|r2)/;

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export const benchmark: Benchmark = {
  description: 'quality, exactness and speed of every model of the worker; `models quality` runs one section',
  async run({ say, more = [] }) {
    const measured: Measurement[] = [];
    for (const section of more.length > 0 ? more : SECTIONS) {
      say(`— ${section}`);
      measured.push(...rowsOf(section, JSON.parse(await lastLine(section, say)) as Json));
    }
    return measured;
  },
};

/** Of what a section prints; the lines before are said. */
async function lastLine(section: string, say: (text: string) => void): Promise<string> {
  if (!/^[a-z]+$/.test(section) || !existsSync(join(ROOT, 'bench', 'models', `${section}.py`)))
    throw new Error(`there is no section “${section}” in bench/models`);
  const child = spawn(PYTHON, ['-m', `bench.models.${section}`], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    if (last) say(last);
    last = line;
  }
  const code = await ended;
  if (code !== 0) say(`${section} ended with exit code ${code}`);
  if (!last.startsWith('{') && !last.startsWith('[')) throw new Error(`${section} printed no figures`);
  return last;
}

/** A row for each number; its name is made of the words beside it. A `figure` beside a `value` is what is asked for. */
export function rowsOf(name: string, found: Json): Measurement[] {
  if (Array.isArray(found)) return found.flatMap((one) => rowsOf(name, one));
  if (found === null || typeof found !== 'object') return typeof found === 'number' ? [alone(name, found, '')] : [];
  const label = [name, ...Object.values(found).filter((value) => typeof value === 'string')].join(' ');
  const { value, figure, metric } = found;
  if (typeof value === 'number' && typeof figure === 'number') {
    const better = typeof metric === 'string' && HIGHER_IS_BETTER.test(metric) ? 'more' : 'less';
    return [compared(label, value, '', 'figure asked for', figure, better)];
  }
  return Object.entries(found).flatMap(([key, one]) => rowsOf(key === 'value' ? label : `${label} ${key}`, one));
}
