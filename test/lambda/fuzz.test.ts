// Malformed tables and events by the thousand: never a crash, never a wrong row. RUNS=10000 for the whole of it.
import { expect } from 'chai';
import fc from 'fast-check';
import sinon from 'sinon';
import { eventFor } from '../../bench/prediction/invocation.ts';
import { linearModel } from '../../bench/prediction/onnxmodel.ts';
import { startStorage, type Storage } from '../../bench/prediction/storage.ts';
import type { Quotes } from '../../cloud/contract/contract.generated.ts';
import { PredictionFailure } from '../../lambda/failure.ts';
import { close, handler } from '../../lambda/handler.ts';
import { predict, predictRange } from '../../lambda/predict.ts';
import type { Prediction } from '../../lambda/table.ts';
import { expectContract } from './contract.ts';
import { damaged } from './damage.ts';
import { echo, manifest, objectOf } from './echo.ts';
import { isBad, isBlank, oracleOf, predicted, withCell } from './oracle.ts';

const RUNS = Number(process.env.RUNS ?? 150);

const bits = [
  '1',
  '2',
  'x',
  ',',
  ',',
  '\n',
  '\n',
  '"',
  '"',
  '""',
  '","',
  '"\n',
  '\r',
  '\r\n',
  ' ',
  ';',
  '\t',
  '\0',
  '\xe9',
  'é',
];
const scraps = fc.array(fc.constantFrom(...bits), { maxLength: 60 }).map((parts) => parts.join(''));
const rows = fc
  .array(fc.constantFrom('1,a\n', '2,"b"\n', '3,"c\n""d"\n', '4,\n', '\n', '5\n', '6,7,8\n', '"9","\r\n"\r\n'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));
/** Good rows with bad ones among them, or anything at all, under a header. */
const malformed = fc
  .array(fc.oneof(rows, scraps), { minLength: 1, maxLength: 4 })
  .map((parts) => Buffer.from(`c0,c1\n${parts.join('')}`, 'latin1'));
const onBadRow = fc.constantFrom('fail' as const, 'empty' as const);

interface Outcome {
  output: string;
  /** Of a failure: the row it names. */
  row?: number | undefined;
  error?: string;
  badRows: number;
}

const gathered = (): { output: Buffer[]; write: (bytes: Buffer) => Promise<void> } => {
  const output: Buffer[] = [];
  return { output, write: async (bytes) => void output.push(Buffer.from(bytes)) };
};

async function whole(asked: Prediction, bytes: Buffer): Promise<Outcome> {
  const { output, write } = gathered();
  try {
    const { badRows } = await predict(asked, objectOf(bytes, 11).stream(), write);
    return { output: Buffer.concat(output).toString('latin1'), badRows };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown, rowsBefore = 0): Outcome {
  if (!(error instanceof PredictionFailure)) throw error;
  const { row, problem } = error.details;
  if (row === undefined) return { output: '', error: error.message, badRows: 0 };
  return { output: '', row: row + rowsBefore, error: `Row ${row + rowsBefore} ${problem}.`, badRows: 0 };
}

/** As the operator has it done: all chunks at once, then again those that were not read as the one before them ended. */
async function inChunks(asked: Prediction, bytes: Buffer, cuts: readonly number[]): Promise<Outcome> {
  const places = [...new Set(cuts.map((cut) => 1 + (cut % (bytes.length - 1))))].sort((a, b) => a - b);
  const object = objectOf(bytes, 7);
  let quotes: Quotes = 'outside';
  let output = '';
  let rowsBefore = 0;
  let badRows = 0;
  for (const [i, start] of [0, ...places].entries()) {
    const range = { start, end: places[i] ?? bytes.length };
    let result = await chunk(asked, object, range);
    if (!result.quotes) return failed(result.error); // however it is read
    if (result.quotes.start !== quotes) result = await chunk(asked, object, { ...range, quotes });
    expect(result.quotes?.start).to.equal(quotes);
    if ('error' in result) return failed(result.error, rowsBefore);
    output += result.output;
    rowsBefore += result.rows;
    badRows += result.badRows;
    quotes = result.quotes.end;
  }
  return { output, badRows };
}

async function chunk(
  asked: Prediction,
  object: ReturnType<typeof objectOf>,
  range: Parameters<typeof predictRange>[2],
) {
  const { output, write } = gathered();
  try {
    const answer = await predictRange(asked, object, range, write);
    return { ...answer, output: Buffer.concat(output).toString('latin1') };
  } catch (error) {
    if (!(error instanceof PredictionFailure)) throw error;
    return { error, quotes: error.details.quotes };
  }
}

describe('malformed input', () => {
  it('gives each row with its prediction, or the row that is bad', async () => {
    await fc.assert(
      fc.asyncProperty(malformed, onBadRow, async (bytes, how) => {
        const text = bytes.toString('latin1');
        const { header, records } = oracleOf(text, ',')!;
        const filled = records.filter((record) => !isBlank(record, 2));
        const bad = filled.filter((record) => isBad(record, 2));
        const outcome = await whole({ ...echo, onBadRow: how }, bytes);
        if (filled.length === 0) expect(outcome.error).to.match(/no rows/);
        else if (bad.length > 0 && how === 'fail') expect(outcome.row).to.equal(filled.indexOf(bad[0]!) + 1);
        else {
          const due = records.map((record) => withCell(text, record, predicted(record, 2), ',', 2)).join('');
          expect(outcome.output).to.equal(`${text.slice(0, header.content)},p\n${due}`);
          expect(outcome.badRows).to.equal(bad.length);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('gives in chunks what it gives as a whole, the row that is bad too', async () => {
    await fc.assert(
      fc.asyncProperty(malformed, onBadRow, fc.array(fc.nat(), { maxLength: 5 }), async (bytes, how, cuts) => {
        const asked = { ...echo, onBadRow: how };
        const one = await whole(asked, bytes);
        const many = await inChunks(asked, bytes, cuts);
        if (one.error?.includes('no rows')) expect(many.output.split('\n')[0]).to.equal('c0,c1,p');
        else expect(many).to.deep.equal(one);
      }),
      { numRuns: RUNS },
    );
  });

  it('without a header is refused or read, never a crash, in chunks as in one', async () => {
    const anything = fc.tuple(
      scraps,
      fc.constantFrom('', '\xff\xfe', '\xfe\xff', '\xef\xbb\xbf', '\x1f\x8b', 'PAR1'),
      fc.nat(),
    );
    await fc.assert(
      fc.asyncProperty(anything, async ([text, mark, cut]) => {
        const bytes = Buffer.from(`${mark}c0${text}`, 'latin1');
        const one = await whole(echo, bytes);
        const many = await inChunks(echo, bytes, [cut]);
        if (one.error === undefined) expect(many).to.deep.equal(one);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('malformed events', () => {
  let storage: Storage;
  beforeEach(async () => {
    storage = await startStorage();
    sinon.stub(process.stderr, 'write').returns(true);
  });
  afterEach(async () => {
    sinon.restore();
    await close();
    await storage.close();
  });

  it('are answered by the contract, whatever is wrong with them', async () => {
    const data = 'c0,c1\n1,a\n2,"b\n"\n3,c\n';
    const event = eventFor(storage, { manifest, onnx: linearModel([1], [0]), data });
    const full = {
      ...event,
      data: { ...event.data, range: { start: 7, end: 15 }, quotes: 'outside' },
      output: { uri: event.output.uri, parts: [{ number: 3, url: `${storage.url}/part/3` }], header: false },
      answer: { url: `${storage.url}/answer` },
      on_bad_row: 'fail',
    };
    const bent = fc.oneof(damaged(event), damaged(full), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(bent, async (value) => {
        const answer = await handler(value);
        expectContract(answer);
        expect(answer).to.not.have.property('error_type', 'Internal');
      }),
      { numRuns: RUNS },
    );
  });
});
