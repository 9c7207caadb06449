import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { ByteWriter, ParquetWriter, parquetWriteBuffer } from 'hyparquet-writer';
import { DataError } from '../../cloud/errors.ts';
import { type RawHead, readRawHead, strip } from '../../cloud/table.ts';
import { lookAtUnscored, type Unscored } from '../../cloud/unscored.ts';
import { readHead } from '../../lambda/chunk/head.ts';
import { Lookahead } from '../../lambda/chunk/lookahead.ts';
import { arbitraryTable, stream } from '../lambda/table.ts';

const HEAD_BYTES = 65_536;

async function look(file: string | Uint8Array, name = 'table.csv'): Promise<Unscored & { read: number }> {
  const bytes = Buffer.from(file as string);
  let read = 0;
  const counted = (part: Uint8Array) => {
    read += part.length;
    return Promise.resolve(part);
  };
  const ends = {
    first: (most: number) => counted(bytes.subarray(0, most)),
    last: (most: number) => counted(bytes.subarray(Math.max(0, bytes.length - most))),
  };
  const found = await lookAtUnscored(ends, bytes.length, name);
  return { ...found, read };
}

const refusal = (file: string | Uint8Array, name?: string): Promise<string> =>
  look(file, name).then(
    () => 'was read',
    (error: unknown) => {
      expect(error).to.be.instanceOf(DataError);
      return (error as Error).message;
    },
  );

const parquetFile = (columns: number, rows = 10): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: Array.from({ length: columns }, (_, i) => ({
        name: ` c${i} `,
        data: Array.from({ length: rows }, (_unused, row) => row),
        type: 'INT32' as const,
      })),
      rowGroupSize: 4,
    }),
  );

describe('A table to predict', () => {
  it('begins with the first line that has any text, as for the handler and the worker', async () => {
    for (const before of ['   \n', ';;\n\n \u00a0\n'])
      expect((await look(`${before}a;b\n1;x\n`)).columns, JSON.stringify(before)).to.deep.equal(['a', 'b']);
  });

  it('is looked at by its head: columns, rows, how many and how long they are', async () => {
    expect(await look('a;b\n1;x\n\n2;" y"\n', 'table.txt')).to.deep.equal({
      format: 'text',
      splittable: 'bytes',
      columns: ['a', 'b'],
      rows: [
        ['1', 'x'],
        ['2', ' y'],
      ],
      estimatedRows: 2,
      bytesPerRow: 8,
      leftOut: [],
      read: 16,
    });
  });

  it('may have one column, columns of one name, and blanks before its header', async () => {
    expect((await look('age\n1\n""\n')).rows).to.deep.equal([['1'], ['']]);
    expect((await look('\n , \na,a\n1,2\n')).columns).to.deep.equal(['a', 'a']);
  });

  it('is gzip, which cannot be split, with its size reckoned by what is inside', async () => {
    const text = `a,b\n${Array.from({ length: 50_000 }, (_, i) => `${i},${(i * 7919) % 1000}`).join('\n')}\n`;
    const packed = gzipSync(text);
    const found = await look(packed);
    expect(found).to.include({ format: 'gzip', splittable: 'no' });
    expect(found.columns).to.deep.equal(['a', 'b']);
    expect(found.estimatedRows).to.be.within(35_000, 65_000);
    expect(found.bytesPerRow * found.estimatedRows).to.be.closeTo(packed.length, 1);
    expect(found.read).to.be.at.most(HEAD_BYTES);
  });

  it('is Parquet by its bytes, seen from the end: columns, rows and row groups', async () => {
    const file = parquetFile(2);
    for (const name of ['a.parquet', 'a.csv']) {
      const { columns, estimatedRows, rowGroups, splittable, format } = await look(file, name);
      expect({ columns, estimatedRows, rowGroups, splittable, format }).to.deep.equal({
        columns: ['c0', 'c1'],
        estimatedRows: 10,
        rowGroups: [4, 4, 2],
        splittable: 'rowGroups',
        format: 'parquet',
      });
    }
    expect((await look('a,b\n1,2\n', 'wrong.parquet')).format).to.equal('text');
  });

  it('is left to the handler where a footer of Parquet is larger than what is read', async () => {
    const found = await look(parquetFile(1000), 'wide.parquet');
    expect(found).to.include({ splittable: 'no' }).and.not.to.have.property('columns');
    expect(found.read).to.equal(HEAD_BYTES);
  });

  it('is refused in plain words where there is nothing to predict', async () => {
    expect(await refusal('')).to.contain('is empty');
    expect(await refusal('a,b\n')).to.contain('no rows');
    expect(await refusal('\n\n')).to.contain('names no columns');
    expect(await refusal('PK\x03\x04', 'a.xlsx')).to.contain('Save the sheet as CSV');
    expect(await refusal('PK\x03\x04', 'a.zip')).to.contain('ZIP');
    expect(await refusal(gzipSync(gzipSync('a,b\n')))).to.contain('packed twice');
    expect(await refusal(parquetFile(2).subarray(0, -1))).to.contain('its end is missing');
    const empty = new ByteWriter();
    void new ParquetWriter({
      writer: empty,
      schema: [
        { name: 'root', num_children: 1 },
        { name: 'a', type: 'INT32' },
      ],
    }).finish();
    expect(await refusal(empty.getBytes())).to.contain('no rows');
  });

  it('never throws anything but a DataError, whatever was changed in a Parquet file (property)', async () => {
    const file = parquetFile(3);
    const changes = fc.array(fc.tuple(fc.nat(file.length - 9), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, async (changed) => {
        const bad = Buffer.from(file);
        for (const [at, byte] of changed) bad[at] = byte;
        await refusal(bad, 'a.parquet');
      }),
      { numRuns: 500 },
    );
  });
});

/** Undefined where rows further down cannot be read, of which the handler says so when it comes to them. */
function readIfWhole(file: Buffer): RawHead | undefined {
  try {
    return readRawHead(file.subarray(0, HEAD_BYTES), file.length);
  } catch (error) {
    expect(error).to.be.instanceOf(DataError);
    expect((error as Error).message).to.match(/NUL bytes|a quote is opened and never closed/);
    return undefined;
  }
}

describe('The head of a table, to operator and handler', () => {
  const agreed = async (file: Buffer): Promise<void> => {
    const handlers = await readHead(new Lookahead(stream([file]))).catch(() => undefined);
    if (!handlers) return;
    const raw = readIfWhole(file);
    if (!raw) return;
    const { encoding, delimiter, records } = raw;
    const names = records.map((record) => record.map(strip)).find((record) => record.some((name) => name !== ''));
    const { names: theirs, delimiter: cut } = handlers.header;
    expect([encoding, delimiter, names]).to.deep.equal([handlers.encoding, cut, theirs]);
  };

  it('has the same encoding, delimiter and names (property)', async () => {
    const encodings = fc.constantFrom<BufferEncoding>('utf8', 'latin1', 'utf16le');
    await fc.assert(
      fc.asyncProperty(arbitraryTable, encodings, fc.boolean(), async ({ text }, encoding, marked) => {
        await agreed(Buffer.from((marked || encoding === 'utf16le' ? '\ufeff' : '') + text, encoding));
      }),
      { numRuns: 300 },
    );
  });

  it('has them whatever the letters are (property)', async () => {
    const letters = fc.string({
      unit: fc.constantFrom('a', ',', ';', '\t', '|', '"', '\n', '\r', ' ', 'é'),
      minLength: 1,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(letters, (text) => agreed(Buffer.from(text))),
      { numRuns: 1000 },
    );
  });

  it('has them where a character is torn by the end of the head', async () => {
    for (const letter of ['é', '€', '😀'])
      for (let shift = 0; shift < 4; shift++)
        await agreed(Buffer.from(`a,b\n${'x'.repeat(shift)},${letter.repeat(40_000)}\n`));
    await agreed(Buffer.concat([Buffer.from('a,b\nx,'), Buffer.from([0xe2, 0x82])]));
  });
});
