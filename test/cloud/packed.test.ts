import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { DataError } from '../../cloud/errors.ts';
import { readPackedHead } from '../../cloud/packed.ts';
import { HEAD_BYTES, readHead } from '../../cloud/table.ts';

const TABLE = 'a,b\n1,x\n2,y\n';
const LARGE = `a,b\n${Array.from({ length: 100_000 }, (_, at) => `${at},${(at * 7919) % 1000}`).join('\n')}\n`;
const head = (bytes: Uint8Array, name = 'a.csv') => readPackedHead(bytes.subarray(0, HEAD_BYTES), bytes.length, name);
const refusal = async (bytes: Uint8Array, name?: string): Promise<string> => {
  try {
    await head(bytes, name);
  } catch (error) {
    expect(error).to.be.instanceOf(DataError);
    return (error as Error).message;
  }
  return 'read';
};

describe('The head of a packed table', () => {
  it('is that of the text where nothing is packed', async () => {
    const bytes = Buffer.from(TABLE);
    expect(await head(bytes)).to.deep.equal({
      format: 'text',
      tableBytes: bytes.length,
      head: readHead(bytes, bytes.length),
    });
  });

  it('is that of the text inside gzip, whole or cut, with the size estimated', async () => {
    expect(await head(gzipSync(TABLE))).to.deep.equal({
      format: 'gzip',
      tableBytes: TABLE.length,
      head: readHead(Buffer.from(TABLE), TABLE.length),
    });
    const large = await head(gzipSync(LARGE));
    expect(large.tableBytes).to.be.within(LARGE.length * 0.8, LARGE.length * 1.2);
    expect(large.head?.estimatedRows).to.be.within(80_000, 125_000);
  });

  it('is not to be had of Parquet and Excel, whose size as CSV is a guess', async () => {
    for (const [magic, name, format] of [
      ['PAR1', 'a.parquet', 'parquet'],
      ['PK\x03\x04', 'A.XLSX', 'excel'],
    ] as const) {
      const found = await head(Buffer.from(`${magic}${'x'.repeat(96)}`), name);
      expect(found).to.include({ format }).and.not.to.have.property('head');
      expect(found.tableBytes).to.be.above(200);
    }
  });

  it('is refused in plain words where it is something else', async () => {
    expect(await refusal(Buffer.from('PK\x03\x04'), 'a.zip')).to.contain('a ZIP archive');
    expect(await refusal(gzipSync(gzipSync(TABLE)))).to.contain('packed twice');
    expect(await refusal(gzipSync('PAR1 and so on'))).to.contain('packed twice');
    expect(await refusal(Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))).to.contain('damaged gzip');
    expect(await refusal(new Uint8Array())).to.contain('is empty');
    expect(await refusal(gzipSync(''))).to.contain('is empty');
  });

  it('unpacks no bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 'a,b\n1,2\n'));
    const began = process.memoryUsage().arrayBuffers;
    const { head: found } = await head(bomb);
    expect(found?.columns).to.deep.equal(['a', 'b']);
    expect(process.memoryUsage().arrayBuffers - began).to.be.below(10_000_000);
  });

  it('never throws anything but a DataError, whatever is cut off or inside (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(60), fc.boolean(), async (bytes, cut, packed) => {
        const file = packed ? gzipSync(bytes) : bytes;
        const start = file.subarray(0, Math.max(0, file.length - cut));
        await readPackedHead(start, file.length, 'a.csv').catch((error: unknown) => {
          expect(error).to.be.instanceOf(DataError);
        });
      }),
      { numRuns: 300 },
    );
  });
});
