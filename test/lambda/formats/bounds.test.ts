// What a hostile Parquet file may claim, and what is made of it.
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { CompressionCodec } from 'hyparquet';
import { BadParquet } from '../../../cloud/contract/parquet.ts';
import { unpacked } from '../../../lambda/formats/parquet/compression.ts';
import { readRuns } from '../../../lambda/formats/parquet/levels.ts';
import { ColumnPages } from '../../../lambda/formats/parquet/pages.ts';

/** Thrift's compact way to write a whole number from 0 on. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

const zigzag = (value: number) => varint(2 * value);

describe('Runs of small numbers', () => {
  it('are read back as they were packed (property)', () => {
    const runs = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 3 }), fc.boolean()), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 31 }), runs, (width, described) => {
        const bytes: number[] = [];
        const wanted: number[] = [];
        for (const [number, length, packed] of described) {
          const value = width === 0 ? 0 : number % 2 ** width;
          wanted.push(...Array.from({ length: packed ? 8 * length : length }, () => value));
          bytes.push(...varint(packed ? 2 * length + 1 : 2 * length));
          if (packed) bytes.push(...bitsOf(value, width, 8 * length));
          else for (let i = 0; i < Math.ceil(width / 8); i++) bytes.push(Math.floor(value / 256 ** i) % 256);
        }
        const read = readRuns(Uint8Array.from(bytes), 0, bytes.length, width, wanted.length);
        expect(Array.from(read)).to.deep.equal(wanted);
      }),
    );
  });

  it('are as many as asked for, however long they say they are', () => {
    const billion = Uint8Array.from([...varint(2 * 2 ** 30), 1]);
    expect(Array.from(readRuns(billion, 0, billion.length, 1, 3))).to.deep.equal([1, 1, 1]);
  });

  it('are refused where they end too soon, are of no length or too wide', () => {
    for (const [bytes, width] of [
      [[], 1],
      [[0, 1], 1],
      [[3, 1], 8],
      [[255, 255, 255, 255, 255, 1], 1],
      [[2, 1], 33],
    ] as const)
      expect(() => readRuns(Uint8Array.from(bytes), 0, bytes.length, width, 3)).to.throw(BadParquet);
  });
});

/** The number over and over, bit by bit, the lowest first. */
function bitsOf(value: number, width: number, count: number): number[] {
  const bits = Array.from({ length: count * width }, (_, i) => Math.floor(value / 2 ** (i % width)) % 2);
  return Array.from({ length: bits.length / 8 }, (_, i) =>
    parseInt(
      bits
        .slice(8 * i, 8 * i + 8)
        .toReversed()
        .join(''),
      2,
    ),
  );
}

describe('A packed page', () => {
  const page = Buffer.alloc(20_000, 'ab');
  const codecs: [CompressionCodec, (bytes: Buffer) => Buffer][] = [
    ['GZIP', gzipSync],
    ['BROTLI', brotliCompressSync],
    ['ZSTD', zstdCompressSync],
    ['UNCOMPRESSED', (bytes) => bytes],
  ];
  for (const [codec, pack] of codecs)
    it(`is what was packed (${codec}), or refused where it holds more or less than it says`, () => {
      expect(Buffer.from(unpacked(pack(page), page.length, codec)).equals(page)).to.equal(true);
      for (const length of [1, page.length - 1, page.length + 1])
        expect(() => unpacked(pack(page), length, codec)).to.throw(BadParquet);
    });

  it('is refused at once where a damaged Snappy block announces four billion bytes', () => {
    // Length 100, then literals of 2^32 bytes: copied one by one they would take minutes.
    const block = [100, ...Array.from({ length: 50 }, () => [0xfc, 0xff, 0xff, 0xff, 0xff]).flat()];
    expect(() => unpacked(new Uint8Array(block), 100, 'SNAPPY')).to.throw(BadParquet);
    expect(unpacked(new Uint8Array([5, 0x10, 1, 2, 3, 4, 5]), 5, 'SNAPPY')).to.deep.equal(
      new Uint8Array([1, 2, 3, 4, 5]),
    );
    // A literal of two, then a copy of four from two before.
    expect(unpacked(new Uint8Array([6, 0x04, 7, 8, 0x01, 2]), 6, 'SNAPPY')).to.deep.equal(
      new Uint8Array([7, 8, 7, 8, 7, 8]),
    );
  });

  it('is never more than a refusal, whatever its bytes and its codec (property)', () => {
    const any = fc.constantFrom<CompressionCodec>('SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4', 'LZ4_RAW', 'LZO');
    fc.assert(
      fc.property(any, fc.uint8Array({ maxLength: 60 }), fc.nat(2000), (codec, bytes, length) => {
        try {
          expect(unpacked(bytes, length, codec)).to.have.length(length);
        } catch (error) {
          expect(error).to.be.instanceOf(BadParquet);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('A page of a column', () => {
  const column = {
    name: 'a',
    kind: { is: 'text' },
    element: { name: 'a', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED', converted_type: 'UTF8' },
    leaf: 0,
  } as const;

  /** A data page of `rows` in an encoding (0 plain, 7 delta byte arrays), that says how large it is. */
  const pageOf = (content: number[], rows: number, encoding: number, says = content.length): Uint8Array =>
    Uint8Array.from([
      ...[0x15, ...zigzag(0), 0x15, ...zigzag(says), 0x15, ...zigzag(content.length)],
      ...[0x2c, 0x15, ...zigzag(rows), 0x15, ...zigzag(encoding), 0x15, ...zigzag(3), 0x15, ...zigzag(3), 0, 0],
      ...content,
    ]);

  const read = (file: Uint8Array) => {
    const chunk = { start: 0, end: file.length, codec: 'UNCOMPRESSED' } as const;
    return new ColumnPages(column, chunk, async (start, end) => file.subarray(start, end), 16).next();
  };
  const refusal = (file: Uint8Array): Promise<string> =>
    read(file).then(
      () => 'was read',
      (error: unknown) => {
        expect(error).to.be.instanceOf(BadParquet);
        return (error as Error).message;
      },
    );

  it('holds its texts', async () => {
    const page = await read(pageOf([2, 0, 0, 0, 97, 98, 1, 0, 0, 0, 99], 2, 0));
    expect(Array.from(page!.values as Uint8Array[], String)).to.deep.equal(['97,98', '99']);
  });

  it('is refused where it claims gigabytes, or more rows than any writer puts into one', async () => {
    expect(await refusal(pageOf([], 1, 0, 2 ** 30))).to.contain('64 MiB');
    expect(await refusal(pageOf([], 2 ** 30, 0))).to.contain('4194304 rows');
    expect(await refusal(pageOf([1, 0, 0, 0, 97], 2 ** 21, 0))).to.contain('or has a page of more than');
    expect(await refusal(pageOf([255, 255, 255, 127], 1, 0))).to.contain('cannot be read');
  });

  it('is refused where few bytes stand for texts that grow without end', async () => {
    // 20,000 texts, each all of the one before and 5 letters: 1 GB together.
    const rows = 20_000;
    const growing = [...deltas(0, 5, rows), ...deltas(5, 0, rows), ...Array.from({ length: 5 * rows }, () => 97)];
    expect(await refusal(pageOf(growing, rows, 7))).to.contain('64 MiB');
  });

  /** Parquet's delta encoding of numbers that begin with `first` and grow by `step`: blocks of 128 in four, of no bits. */
  function deltas(first: number, step: number, count: number): number[] {
    const blocks = Math.ceil((count - 1) / 128);
    const block = [...zigzag(step), 0, 0, 0, 0];
    return [
      ...varint(128),
      4,
      ...varint(count),
      ...zigzag(first),
      ...Array.from({ length: blocks }, () => block).flat(),
    ];
  }
});
