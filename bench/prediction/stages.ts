// Where the time of a prediction goes: each step of the pipeline by itself, over a whole file, on bytes that are in memory.
// The scan is measured by a model that looks at no cell; encoding is what reading takes beyond it.
import { readFileSync } from 'node:fs';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { RowAppender } from '../../lambda/append/rows.ts';
import { readHeader } from '../../lambda/csv/dialect.ts';
import { Window } from '../../lambda/csv/window.ts';
import { RowEncoder } from '../../lambda/encode/rows.ts';
import type { Evaluator } from '../../lambda/score/evaluator.ts';
import { predictor } from '../../lambda/score/prediction.ts';
import { BATCH_ROWS } from '../../lambda/table.ts';

const PIECE_BYTES = 256 * 1024;
const HEAD_BYTES = 64 * 1024;

interface Passed {
  rows: number;
  window: number;
  read: number;
  score: number;
  append: number;
}

/** Nanoseconds a row: window, scan, encode, score, append. */
export async function stagesOf(
  path: string,
  manifest: Manifest,
  evaluator: Evaluator,
): Promise<Record<string, number>> {
  const file = readFileSync(path);
  const preprocessing = { ...manifest.preprocessing, columns: [] as unknown as Manifest['preprocessing']['columns'] };
  const blind = { ...manifest, preprocessing };
  let scanned: Passed | undefined;
  let whole: Passed | undefined;
  for (let warm = 0; warm < 2; warm++) {
    scanned = await passOver(file, blind, undefined);
    whole = await passOver(file, manifest, evaluator);
  }
  const { rows, window, read, score, append } = whole!;
  const perRow = (ms: number) => (ms * 1e6) / rows;
  const scan = scanned!.read;
  return {
    window: perRow(window),
    scan: perRow(scan),
    encode: perRow(read - scan),
    score: perRow(score),
    append: perRow(append),
  };
}

async function passOver(file: Buffer, manifest: Manifest, evaluator: Evaluator | undefined): Promise<Passed> {
  const { names, delimiter, next } = readHeader(file, 0, Math.min(file.length, HEAD_BYTES), false, 'utf-8')!;
  const window = new Window();
  const places = new Map(names.map((name, i) => [name, i]));
  const shape = { delimiter, columns: names.length, places };
  const encoder = new RowEncoder(window.engine, manifest, shape, 'utf-8', BATCH_ROWS);
  const cells = predictor(manifest, { delimiter, encoding: 'utf-8', probabilities: false });
  const appender = new RowAppender(window.engine, cells, delimiter, BATCH_ROWS);
  const { run } = window.engine;
  const passed: Passed = { rows: 0, window: 0, read: 0, score: 0, append: 0 };
  let last = performance.now();
  const lap = (stage: keyof Passed) => {
    const now = performance.now();
    passed[stage] += now - last;
    last = now;
  };
  for (let at = next; at < file.length || window.length > 0; ) {
    for (; window.hungry && at < file.length; at += PIECE_BYTES) window.push(file.subarray(at, at + PIECE_BYTES));
    lap('window');
    const final = at >= file.length;
    for (;;) {
      run.clear(BATCH_ROWS);
      run.read(window.from, window.to, window.to, final);
      lap('read');
      const rows = run.rows.value;
      if (rows === 0) break;
      passed.rows += rows;
      const end = run.position.value;
      if (evaluator) {
        const scores = await evaluator.score({ input: encoder.input, rows });
        lap('score');
        appender.append(window.from, end, [], scores, evaluator.outputs);
        lap('append');
      }
      window.advance(end);
    }
    if (final) break;
  }
  return passed;
}
