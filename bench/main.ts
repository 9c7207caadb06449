// `npm run bench -- NAME [--json] [--rounds N] [--rows N]`: runs one benchmark and prints a table, or with --json one
// object a line. Without a name: what there is. Progress goes to standard error.
import { readdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Benchmark, table } from './measurement.ts';

const NOT_BENCHMARKS = new Set(['main.ts', 'measurement.ts', 'target.ts']);

async function names(): Promise<string[]> {
  const files = await readdir(import.meta.dirname);
  return files
    .filter((file) => file.endsWith('.ts') && !NOT_BENCHMARKS.has(file))
    .map((file) => file.slice(0, -3))
    .sort();
}

async function load(name: string): Promise<Benchmark> {
  return ((await import(`./${name}.ts`)) as { benchmark: Benchmark }).benchmark;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      rows: { type: 'string', default: '1000000' },
    },
  });
  const known = await names();
  const [name, ...more] = positionals;
  if (!name || !known.includes(name)) {
    if (name) console.error(`There is no benchmark “${name}”.`);
    for (const one of known) console.error(`  ${one.padEnd(14)} ${(await load(one)).description}`);
    return name ? 64 : 0;
  }
  const rounds = wholeNumber('--rounds', values.rounds);
  const rows = wholeNumber('--rows', values.rows);
  const benchmark = await load(name);
  const measured = await benchmark.run({ rounds, rows, more, say: (text) => process.stderr.write(`${text}\n`) });
  if (values.json) for (const measurement of measured) console.log(JSON.stringify(measurement));
  else console.log(table(measured));
  return 0;
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${option} must be a whole number above 0, not ${text}`);
  return value;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
