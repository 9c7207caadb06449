// The output of a batch against a plain joining of strings: rows and new cells of every length, rows without a prediction.
import { expect } from 'chai';
import fc from 'fast-check';
import { manifestOf, number } from '../../../bench/prediction/manifest.ts';
import { RowAppender } from '../../../lambda/append/rows.ts';
import { Read } from '../../../lambda/csv/engine.ts';
import { Window } from '../../../lambda/csv/window.ts';
import { RowEncoder } from '../../../lambda/encode/rows.ts';
import { predictor } from '../../../lambda/score/prediction.ts';

const MOST_ROWS = 40;

/** Rows of `wide` cells; others are bad and kept. Classes in turn. */
function appended(rows: readonly string[], classes: readonly [string, string], probabilities: boolean): string {
  const manifest = manifestOf({ columns: [number('c0')], width: 1, classes: [...classes] });
  const window = new Window();
  const { run } = window.engine;
  const shape = { delimiter: ',', columns: 2, places: new Map([['c0', 0]]) };
  void new RowEncoder(window.engine, manifest, shape, 'utf-8', MOST_ROWS);
  const cells = predictor(manifest, { delimiter: ',', encoding: 'utf-8', probabilities });
  const appender = new RowAppender(window.engine, cells, ',', MOST_ROWS);
  window.push(Buffer.from(rows.join('')));
  run.clear(MOST_ROWS);
  const bad: number[] = [];
  const { from, to } = window;
  for (let at = from; run.read(at, to, to, true) !== Read.done; at = run.next.value) {
    bad.push(run.ends.value);
    run.keep();
  }
  const scores = Float64Array.from({ length: 2 * run.rows.value }, (_, i) => [0.75, 0.25, 0.25, 0.75][i % 4]!);
  return appender.append(from, to, bad, scores, 2).toString();
}

const lengths = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.constantFrom(15, 16, 17, 31, 32, 33, 255, 256, 257, 272, 5000),
);
const row = fc
  .record({ length: lengths, wide: fc.boolean(), ending: fc.constantFrom('\n', '\r\n') })
  .map(({ length, wide, ending }) => ({
    content: `${'x'.repeat(length)}é,1${wide ? '' : ',2'}`,
    wide,
    ending,
  }));
const label = lengths.map((length) => `L${'a'.repeat(Math.min(length, 300))}`);

describe('the appender', () => {
  it('puts new cells at the end of each row and changes no other byte', () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: MOST_ROWS }),
        fc.tuple(label, label).map(([one, two]): [string, string] => [one, `${two}!`]),
        fc.boolean(),
        (rows, classes, probabilities) => {
          let scored = 0;
          const wanted = rows.map(({ content, wide, ending }) => {
            if (!wide) return `${content},${probabilities ? ',,' : ''}${ending}`;
            const second = scored++ % 2 === 1;
            const numbers = probabilities ? (second ? ',0.25,0.75' : ',0.75,0.25') : '';
            return `${content},${classes[second ? 1 : 0]}${numbers}${ending}`;
          });
          const texts = rows.map(({ content, ending }) => content + ending);
          expect(appended(texts, classes, probabilities)).to.equal(wanted.join(''));
        },
      ),
      { numRuns: 200 },
    );
  });
});
