// The rows of one table, batch by batch: records from the window become the model's input, its scores become new cells
// behind the same bytes. Knows nothing of where bytes come from or go to: that is predict.ts.
import type { Manifest } from '../cloud/contract/contract.generated.ts';
import { headerCells, RowAppender } from './append/rows.ts';
import { cellText, stripped } from './csv/cell.ts';
import { places, type Header } from './csv/dialect.ts';
import type { Encoding } from './csv/encoding.ts';
import { INCOMPLETE, MalformedRecord, RecordScanner } from './csv/records.ts';
import type { Window } from './csv/window.ts';
import { type CellCounts, type Numbers, RowEncoder } from './encode/rows.ts';
import { PredictionFailure } from './failure.ts';
import type { Evaluator } from './score/evaluator.ts';
import { predictor, type Predictor } from './score/prediction.ts';

/** Rows scored at once: 1,000–8,000 is flat in speed, more only costs memory. */
export const BATCH_ROWS = 4096;
/** A batch of a very wide model is shorter, so that its input stays near 8 MiB. */
const BATCH_NUMBERS = 1024 * 1024;

export interface Prediction {
  manifest: Manifest;
  evaluator: Evaluator;
  predictionColumn: string;
  probabilities: boolean;
}

export interface Predicted {
  rows: number;
  counts: Record<string, CellCounts>;
  summary: Record<string, number>;
  encoding: Encoding;
  delimiter: string;
}

/** Rows of one table: reads as many as fit a batch, then scores them. */
export class Table {
  readonly #asked: Prediction;
  readonly #header: Header;
  readonly #encoding: Encoding;
  readonly #scanner: RecordScanner;
  readonly #encoder: RowEncoder;
  readonly #predictor: Predictor;
  readonly #appender: RowAppender;
  readonly #batchRows: number;
  readonly #cuts: Int32Array;
  readonly #input: Numbers;
  #rows = 0;
  #total = 0;

  constructor(asked: Prediction, header: Header, encoding: Encoding) {
    const { manifest } = asked;
    const needed = [...new Set(manifest.preprocessing.columns.map((column) => column.column))];
    this.#asked = asked;
    this.#header = header;
    this.#encoding = encoding;
    this.#scanner = new RecordScanner(header.delimiter.charCodeAt(0));
    this.#encoder = new RowEncoder(manifest, places(header.names, needed), encoding);
    this.#predictor = predictor(manifest, {
      delimiter: header.delimiter,
      encoding,
      probabilities: asked.probabilities,
    });
    this.#appender = new RowAppender(this.#predictor);
    this.#batchRows = Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_NUMBERS / this.#encoder.width)));
    this.#cuts = new Int32Array(this.#batchRows);
    this.#input = this.#encoder.allocate(this.#batchRows);
  }

  header(content: Buffer, ending: Buffer): Buffer {
    const { names, delimiter } = this.#header;
    const added = headerCells(
      [this.#asked.predictionColumn, ...this.#predictor.extraColumns],
      names,
      delimiter,
      this.#encoding,
    );
    return Buffer.concat([content, added, ending]);
  }

  /** Encodes whole records from the window until the batch is full; returns where it stopped. */
  read(window: Window, final: boolean): number {
    const { bytes, to } = window;
    const scanner = this.#scanner;
    const columns = this.#header.names.length;
    this.#input.fill(0, 0, this.#rows * this.#encoder.width);
    this.#rows = 0;
    let at = window.from;
    while (at < to && this.#rows < this.#batchRows) {
      const next = this.#scan(bytes, at, to, final);
      if (next === INCOMPLETE) break;
      if (scanner.count !== columns || scanner.contentEnd === at) {
        if (!this.#isBlank(bytes, at)) throw this.#ragged(scanner.count, columns);
      } else {
        this.#encoder.encode(bytes, scanner, this.#input, this.#rows);
        this.#cuts[this.#rows++] = scanner.contentEnd;
      }
      at = next;
    }
    return at;
  }

  /** The bytes [from, to) that `read` went over, with predictions. */
  async score(bytes: Buffer, from: number, to: number): Promise<Buffer> {
    const { evaluator } = this.#asked;
    const rows = this.#rows;
    const scores = rows === 0 ? new Float64Array(0) : await evaluator.score({ input: this.#input, rows });
    this.#total += rows;
    return this.#appender.append(bytes, from, to, this.#cuts, rows, scores, evaluator.outputs);
  }

  result(): Predicted {
    if (this.#total === 0)
      throw new PredictionFailure('InvalidData', 'The file has a header and no rows: there is nothing to predict.');
    return {
      rows: this.#total,
      counts: this.#encoder.counts(),
      summary: this.#predictor.summary(),
      encoding: this.#encoding,
      delimiter: this.#header.delimiter,
    };
  }

  #scan(bytes: Buffer, at: number, to: number, final: boolean): number {
    try {
      return this.#scanner.scan(bytes, at, to, final);
    } catch (error) {
      if (error instanceof MalformedRecord) throw this.#badRow(error.message);
      throw error;
    }
  }

  /** An empty line, or one of blanks where rows have more cells: passed through without a prediction. */
  #isBlank(bytes: Buffer, at: number): boolean {
    const { count, contentEnd, starts, ends, forms } = this.#scanner;
    if (contentEnd === at) return true;
    return count === 1 && stripped(cellText(bytes, starts[0]!, ends[0]!, forms[0]!, this.#encoding)) === '';
  }

  #ragged(cells: number, columns: number): PredictionFailure {
    return this.#badRow(`has ${cells} ${cells === 1 ? 'cell' : 'cells'} where the header has ${columns}`);
  }

  /** Rows are counted from 1, the header and empty lines not counted. */
  #badRow(what: string): PredictionFailure {
    return new PredictionFailure('InvalidData', `Row ${this.#total + this.#rows + 1} ${what}.`);
  }
}
