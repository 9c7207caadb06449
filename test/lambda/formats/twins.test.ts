// One table in every format through the whole handler: the same rows must get the same predictions.
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import sinon from 'sinon';
import type { Manifest, PredictionAnswer, PredictionEvent } from '../../../cloud/contract/contract.generated.ts';
import { eventFor, OUTPUT, stored } from '../../../bench/prediction/invocation.ts';
import { startStorage, type Storage } from '../../../bench/prediction/storage.ts';
import { openParquet, rowsOf } from '../../../lambda/formats/parquet/source.ts';
import { parquetSink } from '../../../lambda/formats/parquet/sink.ts';
import { close, handler } from '../../../lambda/handler.ts';

const file = (name: string) => readFileSync(new URL(`../../golden/random_forest_binary/${name}`, import.meta.url));
const manifest = JSON.parse(file('manifest.json').toString()) as Manifest;
const onnx = file('model.onnx');
const CSV = file('input.csv');
const HEADER = CSV.indexOf('\n') + 1;
const NAMES = (parse(CSV.subarray(0, HEADER)) as string[][])[0]!;

/** The table as Parquet, all columns texts. */
async function parquet(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const layout = { names: NAMES, added: [], classes: false, delimiter: ',', encoding: 'utf-8' } as const;
  const sink = parquetSink(layout, async (bytes) => void pieces.push(bytes));
  await sink.write(CSV.subarray(HEADER));
  await sink.end();
  return Buffer.concat(pieces);
}

async function csvOf(bytes: Buffer): Promise<string[][]> {
  const slice = (start: number, end: number) => Promise.resolve(bytes.subarray(start, end));
  const pieces: Uint8Array[] = [];
  for await (const piece of rowsOf(slice, await openParquet(slice, bytes.length))) pieces.push(piece);
  return parse(Buffer.concat(pieces)) as string[][];
}

describe('A table in another format', () => {
  let storage: Storage;
  let rows: string[][];

  const predicted = (data: Buffer, rest: Partial<PredictionEvent> = {}): Promise<PredictionAnswer> =>
    handler(eventFor(storage, { manifest, onnx, data, rest: { probabilities: true, ...rest } }));

  before(async () => {
    storage = await startStorage();
  });
  beforeEach(async () => {
    sinon.stub(process.stderr, 'write').returns(true);
    rows = parse(stored(storage, await predicted(CSV))) as string[][];
  });
  afterEach(async () => {
    sinon.restore();
    await close();
  });
  after(() => storage.close());

  it('gets the predictions of its CSV: gzip', async () => {
    const answer = await predicted(gzipSync(CSV));
    expect(parse(stored(storage, answer))).to.deep.equal(rows);
    expect(answer).to.include({ success: true, num_predictions: rows.length - 1 });
  });

  it('gets the predictions of its CSV: Parquet', async () => {
    const answer = await predicted(await parquet());
    expect(parse(stored(storage, answer))).to.deep.equal(rows);
  });

  it('is written as Parquet, whether it came as that or not', async () => {
    const { output } = eventFor(storage, { manifest, onnx, data: CSV });
    for (const data of [CSV, gzipSync(CSV), await parquet()]) {
      const answer = await predicted(data, { output: { ...output, format: 'parquet' } });
      expect(answer).to.include({ success: true, num_predictions: rows.length - 1 });
      const numbers = (row: readonly string[]) =>
        row.map((cell, i) => (i > NAMES.length ? Number(cell) || cell : cell));
      expect((await csvOf(storage.objects.get(OUTPUT)!)).map(numbers)).to.deep.equal(rows.map(numbers));
    }
  });

  it('is refused in plain words when it is damaged', async () => {
    for (const [data, words] of [
      [gzipSync(CSV).subarray(0, -20), 'The gzip file is cut off'],
      [(await parquet()).subarray(0, -1), 'The Parquet file is cut off'],
    ] as const)
      expect(await predicted(data))
        .to.include({ success: false, error_type: 'InvalidData' })
        .and.satisfy((answer: { error: string }) => answer.error.startsWith(words));
  });

  it('is refused when a column is missing, whatever it is packed in', async () => {
    const less = Buffer.from(CSV.toString().replace('tiny', 'small'));
    for (const data of [less, gzipSync(less)])
      expect(await predicted(data)).to.have.property('error_type', 'MissingColumns');
  });
});
