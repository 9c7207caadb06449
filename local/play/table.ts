// The table the main job is played on: the example, or one's own CSV from the command line. What to predict for, when it is not given,
// is the table itself without its target.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { DataError } from '../../cloud/errors.ts';
import { HEAD_BYTES, readHead } from '../../cloud/table.ts';
import { StartFailure } from '../stack/failure.ts';

export interface MainJob {
  readonly data: string;
  readonly target: string;
  readonly predict: string | undefined;
}

export const exampleJob = (): MainJob => ({
  data: fileURLToPath(new URL('../../examples/german_credit.csv', import.meta.url)),
  target: 'class',
  predict: undefined,
});

/** Checks files and target before anything is started. Throws StartFailure in one sentence. */
export function jobOf(job: MainJob): MainJob {
  for (const file of [job.data, ...(job.predict === undefined ? [] : [job.predict])])
    if (!existsSync(file) || !statSync(file).isFile()) throw new StartFailure(`There is no file ${file}.`);
  const { columns } = headOf(job.data);
  if (!columns.includes(job.target))
    throw new StartFailure(
      `${basename(job.data)} has no column ${JSON.stringify(job.target)}; it has ${columns.slice(0, 30).join(', ')}.`,
    );
  return job;
}

function headOf(file: string) {
  const bytes = readFileSync(file);
  try {
    return readHead(bytes.subarray(0, HEAD_BYTES), bytes.length);
  } catch (error) {
    if (error instanceof DataError) throw new StartFailure(`${basename(file)}: ${error.message}`);
    throw error;
  }
}

/** The file to predict for: its name and bytes. */
export function predictionInput(job: MainJob): { name: string; data: Buffer } {
  if (job.predict !== undefined) return { name: basename(job.predict), data: readFileSync(job.predict) };
  const { encoding, delimiter } = headOf(job.data);
  const text = new TextDecoder(encoding).decode(readFileSync(job.data)).replace(/^\uFEFF/, '');
  const records = parse(text, { delimiter, relax_quotes: true, relax_column_count: true, skip_empty_lines: true });
  const at = (records[0] ?? []).findIndex((name) => name.trim() === job.target);
  const lines = records.map((record) =>
    record
      .filter((_, column) => column !== at)
      .map((cell) => (/[",;\t|\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
      .join(delimiter),
  );
  return {
    name: `${basename(job.data).replace(/\.[^.]*$/, '')}_without_${job.target.replace(/\W+/g, '_')}.csv`,
    data: Buffer.from(`${lines.join('\n')}\n`),
  };
}
