import { expect } from 'chai';
import fc from 'fast-check';
import { isOnnx } from '../../../lambda/score/onnxfile.ts';
import { Damaged, Message } from '../../../lambda/score/protobuf.ts';
import { linearModel } from '../../../bench/prediction/onnxmodel.ts';

const message = (...bytes: number[]) => new Message(Uint8Array.from(bytes));

function integers(...bytes: number[]): number[] {
  const found: number[] = [];
  for (const one = message(...bytes); one.next(); ) one.integersInto(found);
  return found;
}

describe('Protobuf', () => {
  it('is read field by field: numbers, blocks, and fields of a fixed size', () => {
    const one = message(0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4);
    expect([one.next(), one.field, one.value]).to.deep.equal([true, 1, 150]);
    expect([one.next(), one.field, one.text(), one.isVarint]).to.deep.equal([true, 2, 'hi', false]);
    expect([one.next(), one.field, one.end - one.start]).to.deep.equal([true, 3, 8]);
    expect([one.next(), one.field, one.end - one.start]).to.deep.equal([true, 4, 4]);
    expect(one.next()).to.equal(false);
  });

  it('has numbers of 64 bits with a sign, packed or alone', () => {
    expect(integers(0x08, 0x7f, 0x08, 0x80, 0x01)).to.deep.equal([127, 128]);
    expect(integers(0x0a, 0x03, 0x7f, 0x80, 0x01)).to.deep.equal([127, 128]);
    const ones = Array.from({ length: 9 }, () => 0xff);
    expect(integers(0x08, ...ones, 0x01)).to.deep.equal([-1]);
    expect(integers(0x08, ...Array.from({ length: 7 }, () => 0xff), 0x0f)).to.deep.equal([2 ** 53 - 1]);
    expect(message(0x08, ...Array.from({ length: 8 }, () => 0xff), 0x7f)).to.satisfy((one: Message) => {
      return one.next() && Number.isNaN(one.value);
    });
  });

  it('is refused where a length passes the end, a number has none, or a field is of no known kind', () => {
    for (const bytes of [
      [0x12, 0x05, 1],
      [0x08, 0x80],
      [0x08, ...Array.from({ length: 11 }, () => 0x80)],
      [0x0b],
      [0x19, 1],
    ])
      expect(() => message(...bytes).next()).to.throw(Damaged);
  });

  it('never reads beyond its bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const one = new Message(bytes);
        try {
          while (one.next()) expect(one.end).to.be.at.most(bytes.length);
        } catch (error) {
          expect(error).to.be.instanceOf(Damaged);
        }
      }),
    );
  });
});

describe('An ONNX file', () => {
  const model = linearModel([2], [0.5]);

  it('is told from a pickle, an archive, a half-written file and nothing', () => {
    expect(isOnnx(model)).to.equal(true);
    for (const bytes of [
      Buffer.from('\x80\x04\x95', 'latin1'),
      Buffer.from('PK\x03\x04'),
      Buffer.alloc(0),
      model.subarray(0, -3),
    ])
      expect(isOnnx(bytes)).to.equal(false);
  });
});
