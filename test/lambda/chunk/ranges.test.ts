// The theorem that predictions in chunks stand on: whatever the offsets a table is cut at, each chunk's output is exactly
// the rows that begin in it. Held for every range of small files in which everything stands that makes cutting hard.
import { expect } from 'chai';
import type { Quotes } from '../../../cloud/contract/contract.generated.ts';
import { predict, predictRange, type PredictedRange } from '../../../lambda/predict.ts';
import type { Prediction } from '../../../lambda/table.ts';
import { echo, objectOf } from '../echo.ts';
import { isBlank, type Oracle, oracleOf, predicted, withCell } from '../oracle.ts';

interface File {
  text: string;
  bytes: Buffer;
  delimiter: string;
  /** Bytes of the mark at the start, and of a character in the object. */
  bom: number;
  unit: 1 | 2;
  oracle: Oracle;
}

function fileOf(text: string, { delimiter = ',', bom = '', encode = (all: string) => Buffer.from(all) } = {}): File {
  const unit = encode('a').length as 1 | 2;
  // One character a unit: what is above ASCII means nothing to a splitter.
  const units = unit === 1 ? encode(text).toString('latin1') : text;
  const oracle = oracleOf(units, delimiter)!;
  return { text: units, bytes: encode(bom + text), delimiter, bom: encode(bom).length, unit, oracle };
}

const FILES: Record<string, File> = {
  'newlines and doubled quotes in quotes': fileOf('c0,c1\n1,"a\nb"\n2,"x""\n""y"\n3,z\n'),
  'quotes that open, close and double at every place': fileOf(
    'c0,c1\n1,""\n"2",""""\n3,"""a"\n4,"b"""\n"5",""\n6,"c"d"\n',
  ),
  'quotes amid cells': fileOf('c0,c1\n1,5" disk\n2,a""b\n3,"x"y"z\n4,"\n"\n5,e"\n'),
  'CRLF, and CRLF in quotes': fileOf('c0,c1\r\n1,"\r\n"\r\n\r\n2,b\r\n3,"c\r\n\r\nd"\r\n'),
  'CR alone': fileOf('c0,c1\r1,a\r\r2,"\r"\r3,b'),
  'all line endings at once': fileOf('c0,c1\n1,a\r2,b\r\n\n\r3,"\r"\n\r\n4,c'),
  'a mark, empty lines and no last newline': fileOf('\n\nc0;c1\n\n1;"a\n"\n  \n2;b', { bom: '\ufeff', delimiter: ';' }),
  'a header that is quoted over lines': fileOf('"c0","x\n""y""\nz"\n1,a\n"2","b"'),
  'lines of blanks': fileOf('\n \nc0,c1\n\n1,a\n  \n2,"b"\n\n'),
  'rows that cannot be read': fileOf('c0,c1\n1\n2,a,"\n",b\n3,\0\n\n4,"\0\n"\n5,c\n'),
  'a quote that is never closed': fileOf('c0,c1\n1,a\n2,"b\n3,""c\r\n4,d\n'),
  'one column': fileOf('c0\n1\n"2\n"\n\n3\n"4"\n'),
  'a header and nothing else': fileOf('c0,"c\n1"\n'),
  'UTF-16 LE': fileOf('c0,c1\n1,"a\n"\n😀,"é""😀"\r\n3,ß\n', {
    bom: '\ufeff',
    encode: (all) => Buffer.from(all, 'utf16le'),
  }),
  'UTF-16 BE': fileOf('c0\tc1\r1\t"\r\n""\n"\r\n😀😀\tb\r\n', {
    bom: '\ufeff',
    delimiter: '\t',
    encode: (all) => Buffer.from(all, 'utf16le').swap16(),
  }),
  'UTF-8 of several bytes': fileOf('c0,c1\n1,é\n2,"ß\nß"\n3,😀\n'),
  'Windows-1252': fileOf('c0,c1\n1,\xe9\n2,"\xdf\n\xdf"\n3,z\n', { encode: (all) => Buffer.from(all, 'latin1') }),
};

const lenient: Prediction = { ...echo, onBadRow: 'empty' };

const encodeOf = ({ unit, bytes }: File, text: string): Buffer => {
  if (unit === 1) return Buffer.from(text, 'latin1');
  const wide = Buffer.from(text, 'utf16le');
  return bytes[0] === 0xfe ? wide.swap16() : wide;
};

/** Index in the text of the first character at an offset or behind it. */
const indexOf = ({ bom, unit }: File, offset: number): number => Math.max(0, Math.ceil((offset - bom) / unit));

/** The output that is due for [start, end): the rows that begin there, and the header with the first. */
function due(file: File, start: number, end: number): Buffer {
  const { text, bytes, bom, delimiter, oracle } = file;
  const columns = oracle.header.cells.length;
  const own = oracle.records.filter(
    (record) => record.start >= indexOf(file, start) && (record.start < indexOf(file, end) || end === bytes.length),
  );
  const rows = own.map((record) => withCell(text, record, predicted(record, columns), delimiter, columns)).join('');
  const { header } = oracle;
  const head = text.slice(0, header.content) + delimiter + 'p' + text.slice(header.content, header.end);
  return Buffer.concat([
    start === 0 ? bytes.subarray(0, bom) : Buffer.alloc(0),
    encodeOf(file, start === 0 ? head : ''),
    encodeOf(file, rows),
  ]);
}

async function run(
  file: File,
  start: number,
  end: number,
  quotes?: Quotes,
): Promise<{ output: Buffer; answer: PredictedRange }> {
  const output: Buffer[] = [];
  const range = { start, end, ...(quotes ? { quotes } : {}) };
  const answer = await predictRange(
    lenient,
    objectOf(file.bytes),
    range,
    async (bytes) => void output.push(Buffer.from(bytes)),
  );
  return { output: Buffer.concat(output), answer };
}

describe('a chunk of a table', () => {
  for (const [name, file] of Object.entries(FILES)) {
    const { bytes, oracle } = file;
    const quotesAt = (offset: number) => oracle.quotes(indexOf(file, offset));

    it(`is the rows that begin in it, for every range of a file with ${name}`, async () => {
      for (let start = 0; start < bytes.length; start++) {
        for (let end = start + 1; end <= bytes.length; end++) {
          const { output, answer } = await run(file, start, end, quotesAt(start));
          const where = `bytes ${start}–${end}`;
          expect(output.toString('latin1'), where).to.equal(due(file, start, end).toString('latin1'));
          expect(answer.quotes, where).to.deep.equal({ start: quotesAt(start), end: quotesAt(end) });
        }
      }
    });

    it(`touches the next one, in a file with ${name}`, async () => {
      for (let cut = 1; cut < bytes.length; cut++) {
        const first = await run(file, 0, cut, 'outside');
        const second = await run(file, cut, bytes.length, quotesAt(cut));
        expect(first.answer.range).to.deep.equal({ start: 0, end: second.answer.range.start });
        expect(second.answer.range.end).to.equal(bytes.length);
        const rows = oracle.records.filter((record) => !isBlank(record, oracle.header.cells.length)).length;
        expect(first.answer.rows + second.answer.rows).to.equal(rows);
      }
    });

    it(`is right or says how it was read, when nobody told it, in a file with ${name}`, async () => {
      for (let cut = 1; cut < bytes.length; cut++) {
        const { output, answer } = await run(file, cut, bytes.length);
        if (answer.quotes.start !== quotesAt(cut)) continue; // the operator sees that and has it done again
        expect(output.toString('latin1'), `from byte ${cut}`).to.equal(due(file, cut, bytes.length).toString('latin1'));
      }
    });
  }

  it('is cut out of what the whole file gives', async () => {
    for (const file of Object.values(FILES)) {
      if (file.oracle.records.length === 0) continue;
      const output: Buffer[] = [];
      await predict(lenient, objectOf(file.bytes).stream(), async (bytes) => void output.push(Buffer.from(bytes)));
      expect(Buffer.concat(output).equals(due(file, 0, file.bytes.length))).to.equal(true);
    }
  });
});
