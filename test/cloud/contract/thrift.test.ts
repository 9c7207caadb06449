import { expect } from 'chai';
import * as fc from 'fast-check';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { endOfStruct, MalformedThrift } from '../../../cloud/contract/thrift.ts';

/** The metadata of an empty Parquet file of two columns. */
function struct(): Uint8Array {
  const writer = new ByteWriter();
  const schema = [{ name: 'root', num_children: 2 }, ...['a', 'b'].map((name) => ({ name, type: 'INT64' as const }))];
  void new ParquetWriter({ writer, schema }).finish();
  return writer.getBytes().subarray(4, -8);
}

describe('A struct of Thrift', () => {
  it('ends where its bytes do', () => {
    const bytes = struct();
    expect(endOfStruct(bytes, 0)).to.equal(bytes.length);
    expect(endOfStruct(Uint8Array.from([7, 7, ...bytes, 9]), 2)).to.equal(bytes.length + 2);
  });

  it('is refused wherever it is cut off', () => {
    const bytes = struct();
    for (let length = 0; length < bytes.length; length++)
      expect(() => endOfStruct(bytes.subarray(0, length), 0), `${length}`).to.throw(MalformedThrift);
  });

  const lies: Record<string, number[]> = {
    'a list longer than the rest': [0x19, 0xfc, 0xff, 0xff, 0xff, 0x0f, 0],
    'a text longer than the rest': [0x18, 0xff, 0xff, 0x7f, 0],
    'a number that never ends': [0x15, ...Array.from({ length: 20 }, () => 0x80), 0],
    'structs in structs without end': Array.from({ length: 1000 }, () => 0x1c),
    'lists in lists without end': [0x19, ...Array.from({ length: 1000 }, () => 0x19)],
    'a map, which Parquet has not': [0x1b, 0, 0],
  };
  for (const [name, bytes] of Object.entries(lies))
    it(`is refused with ${name}`, () => {
      expect(() => endOfStruct(Uint8Array.from(bytes), 0)).to.throw(MalformedThrift);
    });

  it('ends within its bytes or is refused, whatever they are (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(endOfStruct(bytes, 0)).to.be.within(1, bytes.length);
        } catch (error) {
          expect(error).to.be.instanceOf(MalformedThrift);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
