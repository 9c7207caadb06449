// The rows of one table, batch by batch: records from the window become the model's input, its scores become new cells
// behind the same bytes. Knows nothing of where bytes come from or go to: that is predict.ts.
import type { Manifest, Statistics } from '../cloud/contract/contract.generated.ts';
import { headerCells, RowAppender } from './append/rows.ts';
import { places, type Header } from './csv/dialect.ts';
import type { Encoding } from './csv/encoding.ts';
import { type Engine, Read } from './csv/engine.ts';
import { NUL_BYTE, UNCLOSED_QUOTE } from './csv/records.ts';
import type { Window } from './csv/window.ts';
import { type CellCounts, encodedWidth, RowEncoder } from './encode/rows.ts';
import { badRow } from './failure.ts';
import type { Evaluator } from './score/evaluator.ts';
import { predictor, type Predictor } from './score/prediction.ts';
import { StatisticsCollector } from './statistics.ts';

/** Rows scored at once: 1,000–8,000 is flat in speed, more only costs memory. */
export const BATCH_ROWS = 1024;
/** A batch of a very wide model is shorter, so that its input stays near 8 MiB. */
const BATCH_NUMBERS = 1024 * 1024;

export interface Prediction {
  manifest: Manifest;
  evaluator: Evaluator;
  predictionColumn: string;
  probabilities: boolean;
  /** A row that cannot be read ends the prediction (the default), or gets an empty one. */
  onBadRow?: 'fail' | 'empty';
}

export interface BadRow {
  /** Counted from 1 within the table or chunk, header and empty lines not counted. */
  row: number;
  /** Goes on from “Row 7 …”. */
  problem: string;
}

export interface Predicted {
  /** Those without a prediction among them. */
  rows: number;
  badRows: number;
  firstBadRow?: BadRow;
  counts: Record<string, CellCounts>;
  summary: Record<string, number>;
  statistics?: Statistics;
  encoding: Encoding;
  delimiter: string;
}

/** Rows of one table: reads as many as fit a batch, then scores them. All of them come from one window. */
export class Table {
  readonly #asked: Prediction;
  readonly #header: Header;
  readonly #encoding: Encoding;
  readonly #places: ReadonlyMap<string, number>;
  readonly #predictor: Predictor;
  readonly #statistics: StatisticsCollector;
  readonly #batchRows: number;
  #parts: { engine: Engine; encoder: RowEncoder; appender: RowAppender } | undefined;
  #rows = 0;
  #badRows = 0;
  #firstBadRow: BadRow | undefined;
  /** Of the batch. */
  #bad: number[] = [];

  constructor(asked: Prediction, header: Header, encoding: Encoding) {
    const { manifest, probabilities } = asked;
    const { columns } = manifest.preprocessing;
    this.#asked = asked;
    this.#header = header;
    this.#encoding = encoding;
    this.#places = places(header.names, [...new Set(columns.map(({ column }) => column))]);
    this.#predictor = predictor(manifest, { delimiter: header.delimiter, encoding, probabilities });
    this.#statistics = new StatisticsCollector(manifest, () => this.#parts?.encoder.counts() ?? {});
    this.#batchRows = Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_NUMBERS / encodedWidth(columns))));
  }

  /** Names of the new columns. */
  get added(): string[] {
    return [this.#asked.predictionColumn, ...this.#predictor.extraColumns];
  }

  header(content: Buffer, ending: Buffer): Buffer {
    const { names, delimiter } = this.#header;
    const added = headerCells(this.added, names, delimiter, this.#encoding);
    return Buffer.concat([content, added, ending]);
  }

  /**
   * Encodes whole records from the window until the batch is full; returns where it stopped. `final`: no byte follows the
   * window's. Rows that begin at `stop` (a place in the window's bytes) or later are not read.
   */
  read({ engine, from, to }: Window, final: boolean, stop = Number.POSITIVE_INFINITY): number {
    this.#parts ??= this.#layOut(engine);
    const { run } = engine;
    const end = Math.min(to, stop);
    this.#bad = [];
    run.clear(this.#statistics.limit(this.#batchRows));
    for (let at = from; ; at = run.next.value) {
      const outcome = run.read(at, to, end, final);
      if (outcome === Read.done) return run.position.value;
      this.#meet(engine, outcome);
    }
  }

  /** The bytes [from, to) of the window that `read` went over, with predictions; valid until the next call. */
  async score(from: number, to: number): Promise<Buffer> {
    const { engine, encoder, appender } = this.#parts!;
    const { evaluator } = this.#asked;
    const rows = engine.run.rows.value;
    const { input } = encoder;
    const scores = rows === 0 ? new Float64Array(0) : await evaluator.score({ input, rows });
    this.#statistics.observe(input, rows, scores);
    this.#rows += engine.run.ends.value;
    return appender.append(from, to, this.#bad, scores, evaluator.outputs);
  }

  result(): Predicted {
    return {
      rows: this.#rows,
      badRows: this.#badRows,
      ...(this.#firstBadRow && { firstBadRow: this.#firstBadRow }),
      counts: this.#parts?.encoder.counts() ?? {},
      summary: this.#predictor.summary(),
      statistics: this.#statistics.result(),
      encoding: this.#encoding,
      delimiter: this.#header.delimiter,
    };
  }

  #layOut(engine: Engine) {
    const { delimiter, names } = this.#header;
    const shape = { delimiter, columns: names.length, places: this.#places };
    const encoder = new RowEncoder(engine, this.#asked.manifest, shape, this.#encoding, this.#batchRows);
    return { engine, encoder, appender: new RowAppender(engine, this.#predictor, delimiter, this.#batchRows) };
  }

  /** A record that is not as wide as the header, or worse. One of blanks alone passes, anything else as the job asks. */
  #meet({ run }: Engine, outcome: number): void {
    if (outcome === Read.ragged && run.count.value === 1 && this.#parts!.encoder.firstCell() === '') return;
    const row = this.#rows + run.ends.value + 1;
    const problem = this.#problem(outcome, run.count.value);
    if (this.#asked.onBadRow !== 'empty') throw badRow(row, problem);
    this.#bad.push(run.ends.value);
    this.#badRows++;
    this.#firstBadRow ??= { row, problem };
    run.keep();
  }

  #problem(outcome: number, cells: number): string {
    if (outcome === Read.nulByte) return NUL_BYTE;
    if (outcome === Read.unclosed) return UNCLOSED_QUOTE;
    return `has ${cells} ${cells === 1 ? 'cell' : 'cells'} where the header has ${this.#header.names.length}`;
  }
}
