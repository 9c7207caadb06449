// The pipeline on arbitrary tables cut at arbitrary places: every output row is its input row and a prediction.
import { expect } from 'chai';
import fc from 'fast-check';
import { quotedCell, stripped } from '../../lambda/csv/cell.ts';
import { exactNumber } from '../../cloud/contract/number.ts';
import { PredictionFailure } from '../../lambda/failure.ts';
import { predict } from '../../lambda/predict.ts';
import { BATCH_ROWS, type Predicted } from '../../lambda/table.ts';
import type { Evaluator } from '../../lambda/score/evaluator.ts';
import { manifestOf, number } from '../../bench/prediction/manifest.ts';
import { arbitraryTable, pieces, stream } from './table.ts';

/** Gives back the first number of each row, so that a prediction shows which row it belongs to. */
const echo: Evaluator = {
  outputs: 1,
  score: ({ input, rows }) =>
    Float64Array.from({ length: rows }, (_, row) => input[row * (input.length / BATCH_ROWS)]!),
  close: async () => undefined,
};

const manifest = manifestOf({ columns: [number('c0', { impute: -7 })], width: 1 });

async function run(parts: readonly Buffer[]): Promise<{ output: Buffer; predicted: Predicted }> {
  const output: Buffer[] = [];
  const asked = { manifest, evaluator: echo, predictionColumn: 'p', probabilities: false };
  const predicted = await predict(asked, stream(parts), async (bytes) => void output.push(Buffer.from(bytes)));
  return { output: Buffer.concat(output), predicted };
}

/** What a row's prediction must be, by the contract's words. */
function expected(cell: string): string {
  const text = stripped(cell);
  const value = ['', 'NA', '?'].includes(text) ? Number.NaN : exactNumber(text);
  return String(Number.isNaN(value) ? -7 : Math.max(-1e50, Math.min(1e50, value)));
}

describe('the prediction pipeline', () => {
  it('writes every input row unchanged with its own prediction, wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTable, fc.array(fc.nat(), { maxLength: 8 }), async (table, cuts) => {
        const { output, predicted } = await run(pieces(Buffer.from(table.text), cuts));
        expect(predicted).to.include({ rows: table.rows.length, delimiter: table.delimiter });
        expect(output.toString()).to.equal(
          withPredictions(table.text, table.delimiter, ['p', ...table.rows.map((row) => expected(row[0]!))]),
        );
      }),
      { numRuns: 400 },
    );
  });

  it('does not depend on where UTF-16 is cut', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTable, fc.array(fc.nat(), { maxLength: 8 }), fc.boolean(), async (table, cuts, big) => {
        const wide = (text: string) =>
          big ? Buffer.from(`\ufeff${text}`, 'utf16le').swap16() : Buffer.from(`\ufeff${text}`, 'utf16le');
        const { output } = await run(pieces(wide(table.text), cuts));
        const narrow = withPredictions(table.text, table.delimiter, [
          'p',
          ...table.rows.map((row) => expected(row[0]!)),
        ]);
        expect(output.equals(wide(narrow))).to.equal(true);
      }),
      { numRuns: 100 },
    );
  });

  it('keeps rows and predictions together over many batches and windows', async () => {
    const rows = Array.from({ length: 3 * BATCH_ROWS + 17 }, (_, i) => `${i},${'x'.repeat(i % 97)},"a\n${i}"`);
    const file = Buffer.from(`c0,c1,c2\n${rows.join('\n')}`);
    const { output, predicted } = await run(
      pieces(
        file,
        Array.from({ length: 200 }, (_, i) => i * 7919),
      ),
    );
    expect(predicted.rows).to.equal(rows.length);
    const wanted = `c0,c1,c2,p\n${rows.map((row, i) => `${row},${i}`).join('\n')}`;
    expect(output.equals(Buffer.from(wanted))).to.equal(true);
  });

  it('answers any bytes with predictions or with a reason, never with a crash', async () => {
    const bits = fc.constantFrom(
      ...[
        'c0',
        '"',
        '""',
        ',',
        ';',
        '\t',
        '\n',
        '\r',
        '\r\n',
        ' ',
        '1',
        'x',
        '\xff',
        '\xe9',
        '\0',
        '\xef\xbb\xbf',
        '\xff\xfe',
        '\xfe\xff',
      ],
    );
    const bytes = fc.array(fc.oneof({ weight: 5, arbitrary: bits }, fc.string({ unit: 'binary', maxLength: 4 })), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), bytes, fc.array(fc.nat(), { maxLength: 3 }), async (headed, parts, cuts) => {
        const file = Buffer.from((headed ? 'c0,c1\n' : '') + parts.join(''), 'latin1');
        const outcome = await run(pieces(file, cuts)).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome, outcome.stack).to.be.instanceOf(PredictionFailure);
        else expect((outcome as { output: Buffer }).output.length).to.be.greaterThan(file.length);
      }),
      { numRuns: 1500 },
    );
  });

  it('names the row that is wrong, counted over all batches', async () => {
    const rows = Array.from({ length: 2 * BATCH_ROWS }, (_, i) => `${i},x`);
    rows[BATCH_ROWS + 99] = '1';
    const failure = await run([Buffer.from(`c0,c1\n${rows.join('\n')}`)]).catch((error: Error) => error);
    expect(failure).to.have.property('message', `Row ${BATCH_ROWS + 100} has 1 cell where the header has 2.`);
  });
});

/** The naive way: a state machine over characters that adds a cell before each line ending outside quotes. */
function withPredictions(text: string, delimiter: string, cells: readonly string[]): string {
  let out = '';
  let row = 0;
  let quoted = false;
  let atStart = true;
  let pending = false;
  const add = () => {
    if (pending) out += delimiter + quotedCell(cells[row++]!, delimiter);
    pending = false;
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (quoted) {
      if (character === '"' && text[i + 1] === '"') out += text[i++]!;
      else if (character === '"') quoted = false;
      out += character;
      continue;
    }
    if (character === '\r' || character === '\n') add();
    else pending = true;
    if (character === '"' && atStart) quoted = true;
    atStart = character === delimiter || character === '\r' || character === '\n';
    out += character;
  }
  add();
  return out;
}
