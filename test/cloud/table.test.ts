import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { DataError } from '../../cloud/errors.ts';
import { HEAD_BYTES, readHead } from '../../cloud/table.ts';

const head = (text: string | Uint8Array, size?: number) => {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return readHead(bytes.subarray(0, HEAD_BYTES), size ?? bytes.length);
};

describe('The head of a table', () => {
  it('gives columns, rows and the number of rows', () => {
    expect(head('a,b\n1,x\n2,"y, z"\n')).to.deep.equal({
      encoding: 'utf-8',
      delimiter: ',',
      columns: ['a', 'b'],
      rows: [
        ['1', 'x'],
        ['2', 'y, z'],
      ],
      estimatedRows: 2,
    });
  });

  for (const [name, delimiter] of Object.entries({ semicolons: ';', tabs: '\t', bars: '|' }))
    it(`is read with ${name}`, () => {
      expect(head(['a', 'b,c', 'd'].join(delimiter) + `\n1${delimiter}2${delimiter}3\n`)).to.include({ delimiter });
    });

  it('is read with CRLF, a quoted newline in the header and a byte order mark', () => {
    expect(head('\uFEFF"a\nx",b\r\n1,2\r\n').columns).to.deep.equal(['a\nx', 'b']);
  });

  it('is read in UTF-16 and in Latin-1', () => {
    const utf16 = Buffer.from('\uFEFFgröße,b\n1,2\n', 'utf16le');
    expect(head(utf16)).to.deep.include({ encoding: 'utf-16le', columns: ['größe', 'b'] });
    expect(head(Buffer.from(utf16).swap16())).to.deep.include({ encoding: 'utf-16be', columns: ['größe', 'b'] });
    expect(head(Buffer.from('größe,b\n1,2\n', 'latin1'))).to.deep.include({
      encoding: 'windows-1252',
      columns: ['größe', 'b'],
    });
  });

  it('leaves out trailing columns without a name and values, and names one with values', () => {
    expect(head('a,b,,\n1,2,,\n').columns).to.deep.equal(['a', 'b']);
    expect(head('a,,c,\n1,2,3,\n').columns).to.deep.equal(['a', 'column_2', 'c']);
  });

  it('estimates the rows of a large table from its first bytes', () => {
    const text = `a,b\n${'12345,67890\n'.repeat(100_000)}`;
    expect(head(text).estimatedRows).to.be.within(95_000, 105_000);
  });

  it('survives a record larger than the head', () => {
    expect(head(`a,b\n1,"${'x'.repeat(2_000_000)}"\n`).columns).to.deep.equal(['a', 'b']);
  });

  it('refuses a header line longer than the head, whose names would be cut', () => {
    const header = Array.from({ length: 8000 }, (_, at) => `a_rather_long_name_${at}`).join(',');
    expect(() => head(`${header}\n1,2\n`)).to.throw(DataError, 'longer than 64 KB');
  });

  const unfit: Record<string, [string | Uint8Array, string]> = {
    'an empty file': ['', 'is empty'],
    'a header only': ['a,b\n', 'no rows'],
    'one column': ['a\n1\n', 'only one column'],
    'duplicate names': ['a,b,a\n1,2,3\n', '"a" stands twice in the header (columns 1 and 3)'],
    'a PNG': [Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0]), 'a PNG picture'],
    'a workbook': [Uint8Array.from([0x50, 0x4b, 3, 4, 20]), 'Excel'],
    'NUL bytes': ['a,b\n1,\u00002\n', 'NUL'],
    'a nameless header': [',,\n1,2,3\n', 'names no columns'],
    'an endless quote': ['a,b\n1,"2\n3,4\n', 'cannot be read as CSV'],
  };
  for (const [name, [text, words]] of Object.entries(unfit))
    it(`refuses ${name} in plain words`, () => {
      expect(() => head(text)).to.throw(DataError, words);
    });

  it('never throws anything but a DataError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, cut) => {
        try {
          const { columns, rows } = readHead(bytes, cut ? bytes.length + 1000 : bytes.length);
          expect(columns.length).to.be.at.least(2);
          for (const row of rows) expect(row).to.have.length(columns.length);
        } catch (error) {
          expect(error).to.be.instanceOf(DataError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads the examples', () => {
    for (const [file, columns] of [
      ['german_credit.csv', 21],
      ['housing.csv', 5],
    ] as const)
      expect(head(readFileSync(new URL(`../../examples/${file}`, import.meta.url))).columns).to.have.length(columns);
  });
});
