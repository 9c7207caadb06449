// How often a chunk finds out by itself whether it begins in quotes. A wrong guess costs doing the chunk again, never a
// wrong row (ranges.test.ts).
import { expect } from 'chai';
import { likeliestQuotes, SAMPLE_BYTES } from '../../../lambda/chunk/reading.ts';
import { oracleOf } from '../oracle.ts';

const FILE_BYTES = 400_000;
/** With RUNS=1000 all are read rightly, but for 149 of the last file. */
const CUTS = Number(process.env.RUNS ?? 100);

/** The same numbers each time: a rate that a test holds must not be a matter of luck. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const WORDS = [
  'the',
  'screen',
  'is',
  'fine,',
  'but',
  '"very"',
  'loud',
  'fan.',
  '5"',
  'wide;',
  'I',
  'said:',
  '"no"',
  'a,b,c',
];

/** A text of so many words, in lines. */
function prose(next: (below: number) => number, words: number): string {
  let text = '';
  for (let i = 0; i < words; i++) text += (i === 0 ? '' : next(9) === 0 ? '\n' : ' ') + WORDS[next(WORDS.length)]!;
  return text;
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

type Row = (next: (below: number) => number, i: number) => string;
const TABLES: Record<string, { row: Row; least: number }> = {
  'reviews, nine tenths of them in quotes': {
    row: (next, i) => `${i},${next(5)},${quoted(prose(next, 5 + next(120)))},${next(2) ? 'yes' : 'no'}`,
    least: 1,
  },
  'cells that are all quoted': {
    row: (next, i) => [String(i), String(next(5)), prose(next, next(20)), 'no'].map(quoted).join(','),
    least: 1,
  },
  'quotes only where there must be': {
    row: (next, i) => `${i},${next(1000)},${next(3) ? 'plain' : quoted(prose(next, 4))},`,
    least: 1,
  },
  'numbers alone': { row: (next, i) => `${i},${next(9)},${next(1e6)},${next(7)}`, least: 1 },
  'inches, which stand amid cells': {
    row: (next, i) => `${i},${next(40)}" wide,${next(2) ? quoted('a\n"b"') : 'c'},1`,
    least: 1,
  },
  'texts that are tables of as many columns': {
    row: (next, i) => `${i},1,${quoted(Array.from({ length: 3 + next(9) }, () => '1,2,3,4').join('\n'))},x`,
    least: 1,
  },
  'inches, which end cells': {
    row: (next, i) => `${i},${next(40)}${next(3) ? '' : '"'},${next(2) ? quoted('a\n"b"') : 'c'},1`,
    least: 0.75,
  },
};

describe('the reading of a chunk that nobody told it', () => {
  for (const [name, { row, least }] of Object.entries(TABLES)) {
    it(`is right in at least ${100 * least} of 100 chunks of a file of ${name}`, () => {
      const next = random(7);
      let text = 'id,n,text,label\n';
      for (let i = 0; text.length < FILE_BYTES; i++) text += `${row(next, i)}\n`;
      const bytes = Buffer.from(text);
      const oracle = oracleOf(text, ',')!;
      const header = { delimiter: ',', names: ['id', 'n', 'text', 'label'], contentEnd: 15, next: 16 } as const;
      let right = 0;
      for (let i = 0; i < CUTS; i++) {
        const start = 16 + next(text.length - 16 - SAMPLE_BYTES);
        const sample = bytes.subarray(start, start + SAMPLE_BYTES);
        const said = likeliestQuotes(sample, bytes[start - 1]!, { ...header, names: [...header.names] }, false);
        if (said === oracle.quotes(start)) right++;
      }
      expect(right / CUTS).to.be.at.least(least);
    });
  }
});
