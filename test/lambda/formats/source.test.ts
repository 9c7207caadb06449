import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { parquetSink } from '../../../lambda/formats/parquet/sink.ts';
import { openSource } from '../../../lambda/formats/source.ts';

const CSV = 'a,b\n1,x\n2,"y,z"\n';

/** An object in memory, which counts what is read of it and whether streams were let go of. */
function objectOf(file: Buffer, pieceBytes = 3) {
  const seen = { ranges: [] as [number, number][], open: 0 };
  return {
    seen,
    bytes: file.length,
    async *stream(from: number, to: number) {
      seen.ranges.push([from, to]);
      seen.open++;
      try {
        for (let at = from; at < to; at += pieceBytes) yield file.subarray(at, Math.min(to, at + pieceBytes));
      } finally {
        seen.open--;
      }
    },
    async read(from: number, to: number) {
      seen.ranges.push([from, to]);
      return file.subarray(from, to);
    },
  };
}

async function parquet(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const layout = { names: ['a'], added: ['b'], classes: true, delimiter: ',', encoding: 'utf-8' } as const;
  const sink = parquetSink(layout, async (bytes) => void pieces.push(bytes));
  await sink.write(Buffer.from(CSV.slice(4)));
  await sink.end();
  return Buffer.concat(pieces);
}

async function all(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('The source of a table', () => {
  it('is text as it stands, known by its bytes in however small pieces', async () => {
    for (const text of [CSV, 'a', '', '\x1f', 'PAR']) {
      const object = objectOf(Buffer.from(text, 'latin1'), 1);
      const { format, bytes } = await openSource(object);
      expect([format, await all(bytes)]).to.deep.equal(['text', text]);
      expect(object.seen).to.deep.equal({ ranges: [[0, text.length]], open: 0 });
    }
  });

  it('is what is inside a gzip file', async () => {
    const object = objectOf(gzipSync(CSV));
    const { format, bytes } = await openSource(object);
    expect([format, await all(bytes)]).to.deep.equal(['gzip', CSV]);
    expect(object.seen.open).to.equal(0);
  });

  it('is the rows of a Parquet file, with its columns', async () => {
    const object = objectOf(await parquet());
    const source = await openSource(object);
    expect(object.seen.open).to.equal(0);
    expect([source.format, await all(source.bytes)]).to.deep.equal(['parquet', '"a","b"\n1,x\n2,"y,z"\n']);
    expect(source.parquet?.columns.map(({ kind }) => kind.is)).to.deep.equal(['text', 'text']);
  });

  it('is only the row groups asked for, of which there must be as many', async () => {
    const file = await parquet();
    expect(await all((await openSource(objectOf(file), { start: 0, end: 1 })).bytes)).to.contain('1,x');
    const wrong = async (bytes: Buffer) => all((await openSource(objectOf(bytes), { start: 1, end: 2 })).bytes);
    for (const [bytes, type] of [
      [file, 'DataChanged'],
      [Buffer.from(CSV), 'InvalidEvent'],
    ] as const)
      expect(await wrong(bytes).catch((error: unknown) => error)).to.have.property('type', type);
  });

  it('is let go of when it is not read to its end', async () => {
    const object = objectOf(Buffer.from(CSV));
    const { bytes } = await openSource(object);
    for await (const piece of bytes) if (piece.length > 0) break;
    expect(object.seen.open).to.equal(0);
  });
});
