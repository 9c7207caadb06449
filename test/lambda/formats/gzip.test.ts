import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { PredictionFailure } from '../../../lambda/failure.ts';
import { gunzipped } from '../../../lambda/formats/gzip.ts';
import { pieces, stream } from '../table.ts';

async function inside(packed: Buffer, cuts: number[] = []): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of gunzipped(stream(pieces(packed, cuts)))) found.push(piece);
  return Buffer.concat(found);
}

const refusal = (packed: Buffer): Promise<string> =>
  inside(packed).then(
    () => 'was read',
    (error: unknown) => {
      expect(error).to.be.instanceOf(PredictionFailure);
      return (error as Error).message;
    },
  );

describe('A gzip file', () => {
  it('is what was packed, in however many members and pieces it comes (property)', async () => {
    const member = fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.concat([Buffer.from('a,b\n'), bytes]));
    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(3000)),
        async (members, cuts) => {
          const packed = Buffer.concat(members.map((bytes) => gzipSync(bytes)));
          expect((await inside(packed, cuts)).equals(Buffer.concat(members))).to.equal(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('may hold less than tells a format, or nothing', async () => {
    expect((await inside(gzipSync('a\n'))).toString()).to.equal('a\n');
    expect(await inside(gzipSync(''))).to.have.length(0);
  });

  it('is refused in plain words when cut off, changed, followed by something else, or packed twice', async () => {
    const packed = gzipSync('a,b\n1,2\n'.repeat(1000));
    for (let length = 1; length < packed.length; length += 7)
      expect(await refusal(packed.subarray(0, length)), `${length} bytes`).to.contain('is cut off');
    const changed = Buffer.from(packed);
    changed[packed.length - 6]! ^= 1;
    expect(await refusal(changed)).to.contain('is damaged');
    expect(await refusal(Buffer.concat([packed, Buffer.from('and more')]))).to.contain('something else behind its end');
    expect(await refusal(gzipSync(packed))).to.contain('holds another gzip file');
    expect(await refusal(gzipSync('PAR1 and so on'))).to.contain('holds a Parquet file');
  });

  it('passes on why its bytes stopped, as it was said', async () => {
    const packed = gzipSync('a,b\n1,2\n'.repeat(1000));
    const why = new PredictionFailure('DataChanged', 'The data was changed.');
    async function* broken(): AsyncGenerator<Buffer> {
      yield packed.subarray(0, 20);
      throw why;
    }
    const found = await gunzipped(broken())
      .next()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(found).to.equal(why);
  });

  it('is held in pieces, however much it unpacks to, and lets go of its bytes when no more is wanted', async () => {
    const bomb = Buffer.concat(Array.from({ length: 8 }, () => gzipSync(Buffer.alloc(8 * 1024 * 1024, 'a,b\n1,2\n'))));
    let closed = false;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        yield bomb;
      } finally {
        closed = true;
      }
    }
    const began = process.memoryUsage().arrayBuffers;
    let [most, length, taken] = [0, 0, 0];
    for await (const piece of gunzipped(source())) {
      length += piece.length;
      most = Math.max(most, piece.length);
      if (++taken % 100 === 0) expect(process.memoryUsage().arrayBuffers - began).to.be.below(32 * 1024 * 1024);
      if (length > 40 * 1024 * 1024) break;
    }
    expect(most).to.be.at.most(128 * 1024);
    await new Promise(setImmediate);
    expect(closed).to.equal(true);
  });
});
