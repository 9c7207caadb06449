// The encoder by itself, on bytes that are all there: what table.ts does with it, without scores and output.
import type { Manifest } from '../../../cloud/contract/contract.generated.ts';
import { Read } from '../../../lambda/csv/engine.ts';
import { Window } from '../../../lambda/csv/window.ts';
import { RowEncoder } from '../../../lambda/encode/rows.ts';

const MOST_ROWS = 256;

export class Batches {
  readonly encoder: RowEncoder;
  readonly #window = new Window();

  /** `rows`: records only, as wide as there are names. */
  constructor(manifest: Manifest, names: readonly string[], delimiter: string, rows: Buffer) {
    const shape = { delimiter, columns: names.length, places: new Map(names.map((name, i) => [name, i])) };
    this.encoder = new RowEncoder(this.#window.engine, manifest, shape, 'utf-8', MOST_ROWS);
    this.#window.push(rows);
  }

  /** Rows in the next batch, whose numbers stand in `encoder.input`; 0: there are no more. */
  next(most = MOST_ROWS): number {
    const { engine, from, to } = this.#window;
    engine.run.clear(Math.min(most, MOST_ROWS));
    if (engine.run.read(from, to, to, true) !== Read.done) throw new Error('a record is not as wide as the header');
    this.#window.advance(engine.run.position.value);
    return engine.run.rows.value;
  }

  /** Numbers of all rows, row by row. */
  all(): number[][] {
    const { width } = this.encoder;
    const found: number[][] = [];
    for (let rows = this.next(); rows > 0; rows = this.next())
      for (let row = 0; row < rows; row++) found.push([...this.encoder.input.subarray(row * width, (row + 1) * width)]);
    return found;
  }
}
