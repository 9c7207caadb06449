import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { inspect } from '../../bot/inspection.ts';
import type { Bucket } from '../../cloud/bucket.ts';
import { DataError } from '../../cloud/errors.ts';
import { HEAD_BYTES } from '../../cloud/table.ts';

const CSV = `id,x,class\n${Array.from({ length: 30 }, (_, at) => `${at + 1},${(at * 7) % 11},${at % 3 ? 'a' : 'b'}`).join('\n')}\n`;

const look = (body: Uint8Array | undefined, name = 'a.csv', purpose: 'train' | 'predict' = 'train') => {
  const bucket = {
    head: async () => body && { bytes: body.length, etag: 'e' },
    get: async () => body && { body: body.subarray(0, HEAD_BYTES), etag: 'e' },
  } as unknown as Pick<Bucket, 'head' | 'get'>;
  return inspect(bucket, `datasets/user_1/${name}`, { uri: `s3://b/datasets/user_1/${name}`, name, purpose });
};

const refusal = async (table: Promise<unknown>): Promise<string> => {
  const error = await table.then(
    () => expect.fail('not refused'),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(DataError);
  return (error as Error).message;
};

describe('A look at a table', () => {
  it('to learn from tells columns, classes and what the first rows look like', async () => {
    const table = await look(Buffer.from(CSV));
    expect(table).to.deep.include({ columns: ['id', 'x', 'class'], rows: 30, classes: [2], bytes: CSV.length });
    expect(table).not.to.have.property('tableBytes');
    expect(table.preview).to.deep.include({
      rows: 30,
      kinds: { id: 1, number: 1, category: 1 },
      guess: { column: 2, reason: 'by its name' },
      useless: [[0, 'id']],
    });
    expect(Object.keys(table.preview?.targets ?? {})).to.have.length(3);
  });

  it('to learn from sees into gzip, and leaves Parquet and Excel to the worker', async () => {
    const table = await look(gzipSync(CSV), 'a.csv.gz');
    expect(table).to.deep.include({ columns: ['id', 'x', 'class'], tableBytes: CSV.length });
    const parquet = await look(Buffer.from(`PAR1${'x'.repeat(96)}`), 'a.parquet');
    expect(parquet).to.deep.include({ columns: [], rows: 0, classes: [], bytes: 100, tableBytes: 400 });
  });

  it('to predict for takes text, gzip and Parquet, and says what to do with a workbook', async () => {
    const table = await look(Buffer.from(CSV), 'a.csv', 'predict');
    expect(table).to.deep.include({ columns: ['id', 'x', 'class'], classes: [] });
    expect(table).not.to.have.property('preview');
    const packed = await look(gzipSync(CSV), 'a.csv.gz', 'predict');
    expect(packed).to.deep.include({ columns: ['id', 'x', 'class'], rows: 30, tableBytes: CSV.length });
    const workbook = Buffer.from([0x50, 0x4b, 3, 4, ...Buffer.alloc(60)]);
    expect(await refusal(look(workbook, 'a.xlsx', 'predict'))).to.match(/Excel workbook.*Save As → CSV/);
  });

  it('says nothing of a few rows', async () => {
    expect(await look(Buffer.from('a,b\n1,2\n3,4\n'))).not.to.have.property('preview');
    const ten = await look(Buffer.from(`a,b\n${'1,x\n'.repeat(10)}`));
    expect(ten.preview).to.deep.include({ kinds: { constant: 2 }, useless: [] });
  });

  it('says what is wrong', async () => {
    expect(await refusal(look(undefined))).to.contain('no such file');
    expect(await refusal(look(new Uint8Array()))).to.contain('is empty');
  });

  it('of a wide table remembers little: a session has room for it', async () => {
    const names = Array.from({ length: 2000 }, (_, at) => `c${at}`).join(',');
    const row = Array.from({ length: 2000 }, (_, at) => at % 10).join(',');
    const table = await look(Buffer.from(`${names}\n${`${row}\n`.repeat(8)}`));
    expect(JSON.stringify(table.preview).length).to.be.below(2000);
  });
});
