import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import { readFooter } from '../../../cloud/contract/parquet.ts';
import { PredictionFailure } from '../../../lambda/failure.ts';
import { type Layout, parquetSink } from '../../../lambda/formats/parquet/sink.ts';
import { openParquet, rowsOf } from '../../../lambda/formats/parquet/source.ts';
import { runProgram } from '../process.ts';

const TABLES = fileURLToPath(new URL('tables.py', import.meta.url));
const PYTHON = fileURLToPath(new URL('../../../.venv/bin/python3', import.meta.url));

async function python(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(spawn(PYTHON, [TABLES, ...args]), '');
  expect(code, stderr).to.equal(0);
  return stdout;
}

const sliceOf = (file: Uint8Array) => (start: number, end: number) => Promise.resolve(file.subarray(start, end));

async function csvOf(file: Uint8Array, groups?: { start: number; end: number }): Promise<Buffer> {
  const table = await openParquet(sliceOf(file), file.length);
  const pieces: Uint8Array[] = [];
  for await (const piece of rowsOf(sliceOf(file), table, groups)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function parquetOf(layout: Layout, rows: Uint8Array[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const sink = parquetSink(layout, async (bytes) => void pieces.push(Buffer.from(bytes)));
  for (const piece of rows) await sink.write(piece);
  await sink.end();
  return Buffer.concat(pieces);
}

/** A small file of texts and numbers, made by our own writer. */
function smallFile(): Promise<Buffer> {
  const layout = {
    names: ['word', 'other'],
    added: ['p', 'q'],
    classes: true,
    delimiter: ',',
    encoding: 'utf-8',
  } as const;
  const rows = Array.from({ length: 60 }, (_, i) => `${i % 7 === 0 ? '' : 'ab'.repeat(i % 5)},"x${i}",yes,0.${i}\n`);
  return parquetOf(layout, [Buffer.from(rows.join(''))]);
}

describe('A Parquet file', () => {
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parquet-'));
    await python('write', folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  it('is read to the letter as the worker reads it, whatever type, encoding and compression', async () => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.parquet'));
    expect(names).to.have.length(9);
    for (const name of names) {
      const csv = await csvOf(readFileSync(join(folder, name)));
      const texts = JSON.parse(readFileSync(join(folder, name.replace('.parquet', '.json')), 'utf8')) as object;
      const [header = [], ...rows] = parse(csv) as string[][];
      const read = Object.fromEntries(header.map((column, i) => [column, rows.map((row) => row[i])]));
      expect(read, name).to.deep.equal(texts);
    }
  });

  it('is cut into row groups, each with the header', async () => {
    const file = readFileSync(join(folder, 'snappy in row groups.parquet'));
    const whole = (await csvOf(file)).toString();
    const table = readFooter(file, file.length);
    expect(table.groups.map(({ rows }) => rows)).to.deep.equal([150, 150, 100]);
    const header = whole.slice(0, whole.indexOf('\n') + 1);
    const cut = await Promise.all([0, 1, 2].map((start) => csvOf(file, { start, end: start + 1 })));
    expect(cut.map((piece) => piece.toString().slice(header.length)).join('')).to.equal(whole.slice(header.length));
  });

  it('leaves out lists, records and bytes, and says which', async () => {
    const file = readFileSync(join(folder, 'lz4.parquet'));
    expect((await openParquet(sliceOf(file), file.length)).leftOut).to.deep.equal(['list', 'bytes', 'record']);
  });

  it('keeps its types when predictions are written to Parquet, and gains columns of texts and numbers', async () => {
    const source = join(folder, 'snappy in row groups.parquet');
    const file = readFileSync(source);
    const parquet = await openParquet(sliceOf(file), file.length);
    const csv = await csvOf(file);
    const start = csv.indexOf('\n') + 1;
    const rows = recordsOf(csv.subarray(start)).map((row, i) => `${row},${i % 2 ? '"a ""b"", c"' : 'no'},0.${i},1e-7`);
    const layout = {
      names: parquet.columns.map(({ name }) => name),
      added: ['prediction', 'probability_a', 'probability_b'],
      classes: true,
      delimiter: ',',
      encoding: 'utf-8',
      parquet,
    } as const;
    const result = join(folder, 'result.pq');
    writeFileSync(result, await parquetOf(layout, [Buffer.from(`${rows.join('\n')}\n`)]));
    const told = JSON.parse(await python('same', source, result)) as Record<string, unknown>;
    rmSync(result);
    expect(told).to.deep.equal({
      rows: 400,
      groups: 1,
      differ: [],
      new: {
        prediction: { type: 'string', values: ['no', 'a "b", c', 'no', 'a "b", c', 'no'] },
        probability_a: { type: 'double', values: [0, 0.1, 0.2, 0.3, 0.4] },
        probability_b: { type: 'double', values: [1e-7, 1e-7, 1e-7, 1e-7, 1e-7] },
      },
    });
  });

  it('comes back from Parquet as the CSV it was made of (property)', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.constantFrom('', '"', '\n', ',', 'x'.repeat(100)),
    );
    const rows = fc.array(fc.tuple(cell, cell, fc.double({ noNaN: true, noDefaultInfinity: true })), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom(',', ';', '\t'), async (cells, delimiter) => {
        const quoted = (text: string) => (text === '' ? '' : `"${text.replaceAll('"', '""')}"`);
        const lines = cells.map(([a, b, x]) => [quoted(a), quoted(b), String(x)].join(delimiter) + '\r\n');
        const layout = { names: ['a', 'b'], added: ['x'], classes: false, delimiter, encoding: 'utf-8' } as const;
        const csv = await csvOf(
          await parquetOf(
            layout,
            lines.map((line) => Buffer.from(line)),
          ),
        );
        const read = (parse(csv) as string[][]).slice(1);
        expect(read.map(([a, b, x]) => [a, b, Number(x)])).to.deep.equal(cells.map(([a, b, x]) => [a, b, x + 0]));
      }),
      { numRuns: 50 },
    );
  });

  it('of one column writes no row that looks like an empty line', async () => {
    const layout = { names: [], added: ['p'], classes: true, delimiter: ',', encoding: 'utf-8' } as const;
    const file = await parquetOf(layout, [Buffer.from('"a"\n""\n"b"\n')]);
    expect((await csvOf(file)).toString()).to.equal('"p"\na\n""\nb\n');
  });

  it('is refused in plain words when cut off, changed or lying, and is never more than refused (property)', async () => {
    const file = await smallFile();
    const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, fc.option(fc.nat(file.length)), async (changes, length) => {
        const bad = Buffer.from(file.subarray(0, length ?? file.length));
        for (const [at, byte] of changes) if (at < bad.length) bad[at] = byte;
        await csvOf(bad).catch((error: unknown) => {
          expect(error).to.be.instanceOf(PredictionFailure);
          expect((error as Error).message).to.match(/^The Parquet file .*\.$/);
        });
      }),
      { numRuns: 400 },
    );
  });

  it('is refused when it is no longer than its magic, or promises a footer beyond its beginning', async () => {
    for (const file of [
      Buffer.from('PAR1'),
      Buffer.from('PAR1\xff\xff\xff\x7fPAR1', 'latin1'),
      Buffer.from('PAR1PAR1PAR1'),
    ])
      await csvOf(file).then(
        () => expect.fail('was read'),
        (error: unknown) => expect(error).to.have.property('type', 'InvalidData'),
      );
  });

  it('cannot have two columns of one name', () => {
    const layout = { names: ['a', 'a'], added: ['p'], classes: true, delimiter: ',', encoding: 'utf-8' } as const;
    expect(() => parquetSink(layout, async () => undefined)).to.throw(PredictionFailure, 'named "a"');
  });
});

/** Rows of a CSV that may have line ends in quotes. */
function recordsOf(csv: Buffer): string[] {
  return csv.toString().match(/(?:"(?:[^"]|"")*"|[^"\n])+(?=\n)/g) ?? [];
}
