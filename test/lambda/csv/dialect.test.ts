import { expect } from 'chai';
import { readHeader, sniffDelimiter } from '../../../lambda/csv/dialect.ts';
import { decode, detectEncoding, encodeText, HEAD_BYTES } from '../../../lambda/csv/encoding.ts';

const sniffed = (text: string) => sniffDelimiter(Buffer.from(text), 0, Buffer.byteLength(text), true, 'utf-8');

describe('the delimiter', () => {
  it('is the one that cuts rows alike', () => {
    expect(sniffed('a;b\n1,5;2\n2,5;3\n')).to.equal(';');
    expect(sniffed('a\tb\tc, d\n1\t2\t3\n')).to.equal('\t');
    expect(sniffed('a|b\n1|2\n')).to.equal('|');
    expect(sniffed('"a;b;c",d\n1,2\n')).to.equal(',');
  });

  it('is found behind lines without text', () => {
    expect(sniffed('   \na;b\n1;2\n')).to.equal(';');
    expect(sniffed(';;\n\n \u00a0\na;b;c\n1;2;3\n')).to.equal(';');
  });

  it('is a comma for a single column and for unreadable text', () => {
    expect(sniffed('a\n1\n')).to.equal(',');
    expect(sniffed('"a\n1\n')).to.equal(',');
  });
});

describe('the header', () => {
  it('waits for its end', () => {
    const bytes = Buffer.from('a,"b\nc');
    expect(readHeader(bytes, 0, bytes.length, false, 'utf-8')).to.equal(undefined);
    expect(readHeader(Buffer.from('\n\n'), 0, 2, false, 'utf-8')).to.equal(undefined);
  });
});

describe('the encoding', () => {
  it('is UTF-8 when a character is torn at the end of what was looked at', () => {
    for (const shift of [0, 1, 2, 3]) {
      const bytes = Buffer.from('x'.repeat(shift) + '😀'.repeat(HEAD_BYTES / 4 + 1));
      expect(detectEncoding(bytes).encoding, `shifted by ${shift}`).to.equal('utf-8');
    }
  });

  it('is Windows-1252 when the head is no UTF-8', () => {
    expect(detectEncoding(Buffer.from('caf\xe9,x\n', 'latin1'))).to.deep.equal({
      encoding: 'windows-1252',
      bomBytes: 0,
    });
  });

  it('reads and writes all of Windows-1252', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const text = decode(all, 0, 256, 'windows-1252');
    expect(text.slice(0x80, 0x83)).to.equal('€\u0081‚');
    expect(encodeText(text, 'windows-1252')).to.deep.equal(all);
    expect(encodeText('中', 'windows-1252')).to.equal(undefined);
  });

  it('reads a cell that is no UTF-8 as Windows-1252 although the file began as UTF-8', () => {
    expect(decode(Buffer.from([0x80, 0x41]), 0, 2, 'utf-8')).to.equal('€A');
  });
});
