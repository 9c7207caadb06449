import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { quotedCell, stripped } from '../../../lambda/csv/cell.ts';
import { decode } from '../../../lambda/csv/encoding.ts';
import { INCOMPLETE, MalformedRecord, RecordScanner } from '../../../lambda/csv/records.ts';
import { oracleOf } from '../oracle.ts';
import { arbitraryTable } from '../table.ts';
import { soup } from './soup.ts';

function readAll(text: string, delimiter: string): string[][] {
  const bytes = Buffer.from(text);
  const scanner = new RecordScanner(delimiter.charCodeAt(0));
  const rows: string[][] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = scanner.scan(bytes, at, bytes.length, true);
    rows.push(scanner.texts(bytes, at, scanner.contentEnd, 'utf-8'));
    at = next;
  }
  return rows;
}

describe('the record scanner', () => {
  it('reads what csv-parse reads', () => {
    fc.assert(
      fc.property(arbitraryTable, ({ text, delimiter }) => {
        const record_delimiter = ['\r\n', '\n', '\r'];
        const other = parse(text, {
          delimiter,
          record_delimiter,
          relax_quotes: true,
          relax_column_count: true,
        });
        expect(readAll(text, delimiter)).to.deep.equal(other);
      }),
      { numRuns: 500 },
    );
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(arbitraryTable, ({ text, delimiter, header, rows }) => {
        expect(readAll(text, delimiter)).to.deep.equal([header, ...rows]);
      }),
    );
  });

  it('finds records and cells where a slow reader finds them, whatever stands in the text', () => {
    fc.assert(
      fc.property(soup, fc.constantFrom(',', ';', '\t', '|'), (scraps, delimiter) => {
        const text = `c0\n${scraps}`;
        const bytes = Buffer.from(text, 'latin1');
        const scanner = new RecordScanner(delimiter.charCodeAt(0));
        for (const { start, content, end, line, cells, unclosed } of oracleOf(text, delimiter)!.records) {
          const scan = () => scanner.scan(bytes, start, bytes.length, true);
          if (unclosed || line.includes('\0')) {
            expect(scan).to.throw(MalformedRecord);
            continue;
          }
          expect(scan(), `the record at ${start}`).to.equal(end);
          expect(scanner).to.include({ contentEnd: content, count: cells.length });
          expect(scanner.texts(bytes, start, content, 'windows-1252')).to.deep.equal(
            cells.map((cell) => decode(Buffer.from(cell, 'latin1'), 0, cell.length, 'windows-1252')),
          );
        }
      }),
      { numRuns: 400 },
    );
  });

  it('takes a quote amid a cell as it stands, and text after a closing quote as part of the cell', () => {
    expect(readAll('5" disk,"a"b"c,"x""y"z"\n', ',')).to.deep.equal([['5" disk', 'ab"c', 'x"yz"']]);
  });

  it('asks for more when a record is torn, at every place', () => {
    const text = 'a,"b""\r\n",c\r\n';
    const scanner = new RecordScanner(0x2c);
    const bytes = Buffer.from(text);
    for (let to = 0; to < bytes.length; to++)
      expect(scanner.scan(bytes, 0, to, false), `cut at ${to}`).to.equal(INCOMPLETE);
    expect(scanner.scan(bytes, 0, bytes.length, false)).to.equal(bytes.length);
    expect(scanner.contentEnd).to.equal(bytes.length - 2);
  });

  it('reads records of a thousand cells', () => {
    const cells = Array.from({ length: 1000 }, (_, i) => String(i));
    expect(readAll(cells.join(';'), ';')).to.deep.equal([cells]);
  });
});

describe('a cell', () => {
  it('loses exactly the blanks of the contract', () => {
    expect(stripped('\t\n\v\f\r \u00a0\ufeff x \u2003\ufeff')).to.equal('x \u2003');
    expect(stripped(' \u00a0')).to.equal('');
  });

  it('is quoted only when it must be', () => {
    expect(['a', 'a b', 'a,b', 'a"b', 'a\nb'].map((text) => quotedCell(text, ','))).to.deep.equal([
      'a',
      'a b',
      '"a,b"',
      '"a""b"',
      '"a\nb"',
    ]);
  });
});
