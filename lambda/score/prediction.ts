// What scores mean: the label (or value) of a row and, when asked, its probabilities, as the bytes of the new cells.
// Keeps the tally that the answer's summary reports. Next: append/rows.ts puts the cells behind the rows.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { quotedCell } from '../csv/cell.ts';
import type { Delimiter } from '../csv/dialect.ts';
import { encodeText, type Encoding } from '../csv/encoding.ts';
import { PredictionFailure } from '../failure.ts';

export interface PredictionFormat {
  delimiter: Delimiter;
  encoding: Encoding;
  probabilities: boolean;
}

export interface Predictor {
  /** Most bytes that `write` adds for one row. */
  readonly mostBytes: number;
  /** Names of the new columns after the prediction's own. */
  readonly extraColumns: string[];
  /** Writes delimiter and cell(s) for the row whose scores start at `from`; returns the position after them. */
  write(scores: Float64Array, from: number, out: Buffer, at: number): number;
  summary(): Record<string, number>;
}

/** Longest text of a float64 in JavaScript is 24 characters, `-1.2345678901234567e-100`. */
const NUMBER_BYTES = 25;

export function predictor(manifest: Manifest, format: PredictionFormat): Predictor {
  return manifest.target.classes
    ? new Classes(manifest, manifest.target.classes, format)
    : new Values(manifest, format);
}

/** Class of the row at `from`: the first largest score, or class 1 from the threshold on when there are two. */
export function labelIndex(
  scores: Float64Array,
  from: number,
  classes: number,
  divisor: number,
  threshold: number | null,
): number {
  if (threshold !== null && classes === 2) return scores[from + 1]! / divisor >= threshold ? 1 : 0;
  let best = 0;
  for (let i = 1; i < classes; i++) if (scores[from + i]! > scores[from + best]!) best = i;
  return best;
}

class Classes implements Predictor {
  readonly mostBytes: number;
  readonly extraColumns: string[];
  readonly #labels: Buffer[];
  readonly #classes: readonly string[];
  readonly #tally: Float64Array;
  readonly #divisor: number;
  readonly #threshold: number | null;
  readonly #delimiter: number;
  readonly #probabilities: boolean;

  constructor(manifest: Manifest, classes: readonly string[], format: PredictionFormat) {
    this.#classes = classes;
    this.#divisor = manifest.onnx.output.divisor ?? 1;
    this.#threshold = manifest.threshold ?? null;
    this.#delimiter = format.delimiter.charCodeAt(0);
    this.#probabilities = format.probabilities;
    this.#labels = classes.map((name) =>
      bytesOf(format.delimiter + quotedCell(name, format.delimiter), format.encoding),
    );
    this.#tally = new Float64Array(classes.length);
    this.extraColumns = format.probabilities ? classes.map((name) => `probability_${name}`) : [];
    const longest = Math.max(...this.#labels.map((label) => label.length));
    this.mostBytes = longest + (format.probabilities ? classes.length * (NUMBER_BYTES + 1) : 0);
  }

  write(scores: Float64Array, from: number, out: Buffer, at: number): number {
    const count = this.#classes.length;
    const best = labelIndex(scores, from, count, this.#divisor, this.#threshold);
    this.#tally[best]!++;
    const label = this.#labels[best]!;
    for (let i = 0; i < label.length; i++) out[at++] = label[i]!;
    if (!this.#probabilities) return at;
    for (let i = 0; i < count; i++) {
      out[at++] = this.#delimiter;
      at += out.write(String(scores[from + i]! / this.#divisor), at, 'latin1');
    }
    return at;
  }

  summary(): Record<string, number> {
    return Object.fromEntries(this.#classes.map((name, i) => [name, this.#tally[i]!]));
  }
}

class Values implements Predictor {
  readonly mostBytes = NUMBER_BYTES + 1;
  readonly extraColumns: string[] = [];
  readonly #divisor: number;
  readonly #delimiter: number;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #sum = 0;
  #finite = 0;

  constructor(manifest: Manifest, format: PredictionFormat) {
    this.#divisor = manifest.onnx.output.divisor ?? 1;
    this.#delimiter = format.delimiter.charCodeAt(0);
  }

  write(scores: Float64Array, from: number, out: Buffer, at: number): number {
    const value = scores[from]! / this.#divisor;
    if (Number.isFinite(value)) {
      if (value < this.#min) this.#min = value;
      if (value > this.#max) this.#max = value;
      this.#sum += value;
      this.#finite++;
    }
    out[at++] = this.#delimiter;
    return at + out.write(String(value), at, 'latin1');
  }

  summary(): Record<string, number> {
    if (this.#finite === 0) return {};
    const mean = this.#sum / this.#finite;
    const { MAX_VALUE } = Number; // JSON has no infinity
    return { min: this.#min, max: this.#max, mean: Math.max(-MAX_VALUE, Math.min(MAX_VALUE, mean)) };
  }
}

/** Bytes of new text in the file's own encoding. */
export function bytesOf(text: string, encoding: Encoding): Buffer {
  const bytes = encodeText(text, encoding);
  if (!bytes) {
    throw new PredictionFailure(
      'InvalidData',
      `The file is in Windows-1252, which has no characters for ${JSON.stringify(text)}. Save it as UTF-8 and try again.`,
    );
  }
  return bytes;
}
