// Rows batch by batch from a window: where reading stops, what becomes of bad rows, and records longer than the window.
import { expect } from 'chai';
import { readHeader } from '../../lambda/csv/dialect.ts';
import { Window, WINDOW_BYTES } from '../../lambda/csv/window.ts';
import { BATCH_ROWS, type Prediction, Table } from '../../lambda/table.ts';
import { echo } from './echo.ts';

const HEADER = Buffer.from('c0,c1\n');

function tableOf(asked: Partial<Prediction> = {}) {
  const header = readHeader(HEADER, 0, HEADER.length, true, 'utf-8')!;
  return new Table({ ...echo, ...asked }, header, 'utf-8');
}

/** Predictions of all rows of the window that begin before `stop`, and where reading ended. */
async function output(table: Table, window: Window, stop?: number): Promise<{ text: string; end: number }> {
  let text = '';
  const first = window.from;
  for (;;) {
    const end = table.read(window, true, stop === undefined ? undefined : first + stop);
    if (end === window.from) return { text, end: end - first };
    text += (await table.score(window.from, end)).toString();
    window.advance(end);
  }
}

function windowOf(text: string): Window {
  const window = new Window();
  window.push(Buffer.from(text));
  return window;
}

describe('a table', () => {
  it('reads the rows that begin before where it is to stop, the last one to its end', async () => {
    const text = '1,"a\n"\n2,b\n\n3,c\n';
    const expected = new Map([
      [0, ''],
      [1, '1,"a\n",1\n'],
      [7, '1,"a\n",1\n'],
      [8, '1,"a\n",1\n2,b,2\n'],
      [12, '1,"a\n",1\n2,b,2\n\n'],
      [13, '1,"a\n",1\n2,b,2\n\n3,c,3\n'],
    ]);
    for (const [stop, wanted] of expected)
      expect((await output(tableOf(), windowOf(text), stop)).text, `stop at ${stop}`).to.equal(wanted);
  });

  it('leaves bad rows without a prediction when asked, counts them and names the first', async () => {
    const rows = Array.from({ length: 2 * BATCH_ROWS }, (_, i) => (i % 100 === 7 ? `${i}` : `${i},x`));
    const table = tableOf({ onBadRow: 'empty' });
    const { text } = await output(table, windowOf(`${rows.join('\n')}\n`));
    const wanted = rows.map((row, i) => `${row},${i % 100 === 7 ? '' : i}\n`);
    expect(text).to.equal(wanted.join(''));
    const { badRows, firstBadRow, rows: all } = table.result();
    expect({ badRows, firstBadRow, all }).to.deep.equal({
      badRows: 21,
      firstBadRow: { row: 8, problem: 'has 1 cell where the header has 2' },
      all: rows.length,
    });
  });

  it('passes records of blanks, in quotes too, which are no rows', async () => {
    const text = '1,a\n \t\n""\n" "\r\n\n2,b\n';
    expect((await output(tableOf(), windowOf(text))).text).to.equal('1,a,1\n \t\n""\n" "\r\n\n2,b,2\n');
  });

  it('takes a batch of bad rows alone', async () => {
    const { text } = await output(tableOf({ onBadRow: 'empty' }), windowOf('1\n2,3,4\n"5'));
    expect(text).to.equal('1,\n2,3,4,\n"5,');
  });

  it('reads records that make the window grow, with the rows around them', async () => {
    const window = new Window();
    const long = `"${'x'.repeat(5 * WINDOW_BYTES)}\n"`;
    const table = tableOf();
    let text = '';
    for (const piece of ['1,a\n', `2,${long}\n3,b\n`, `4,${long}${long}\n`, '5,c\n']) {
      window.push(Buffer.from(piece));
      for (let end = 0; ; ) {
        end = table.read(window, false);
        if (end === window.from) break;
        text += (await table.score(window.from, end)).toString();
        window.advance(end);
      }
    }
    expect(text).to.equal(`1,a,1\n2,${long},2\n3,b,3\n4,${long}${long},4\n5,c,5\n`);
  });

  it('has nothing to tell of no rows', () => {
    expect(tableOf().result()).to.deep.include({ rows: 0, badRows: 0, counts: {} });
  });
});
