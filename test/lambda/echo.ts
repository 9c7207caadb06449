// A model that gives back the first number of each row, so that a prediction shows which row it belongs to.
import { manifestOf, number } from '../../bench/prediction/manifest.ts';
import type { Evaluator } from '../../lambda/score/evaluator.ts';
import type { TableObject } from '../../lambda/source.ts';
import type { Prediction } from '../../lambda/table.ts';

const evaluator: Evaluator = {
  outputs: 1,
  score: ({ input, rows }) => Float64Array.from(input.subarray(0, rows)),
  close: async () => undefined,
};

export const manifest = manifestOf({ columns: [number('c0', { impute: -7 })], width: 1 });

export const echo: Prediction = { manifest, evaluator, predictionColumn: 'p', probabilities: false };

/** An object in memory that comes in pieces of so many bytes, and goes on in such pieces. */
export function objectOf(bytes: Buffer, piece = 5): TableObject {
  async function* stream(from = 0, to = bytes.length): AsyncGenerator<Buffer> {
    for (let at = from; at < to; at += piece) yield Buffer.from(bytes.subarray(at, Math.min(to, at + piece)));
  }
  return {
    bytes: bytes.length,
    stream,
    onward: (from) => stream(from),
    read: async (from, to) => bytes.subarray(from, to),
  };
}
