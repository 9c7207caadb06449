// The handler's pipeline in a process of its own, between two files: one JSON request a line on standard input
// ({input, output, copy?, stages?}), one answer a line. `copy`: only the bytes, the limit of what any handler can reach;
// `stages`: where the time goes, without files. Files are read and written where the work is done, as the peer does it.
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readManifest } from '../../lambda/model.ts';
import { predict } from '../../lambda/predict.ts';
import { evaluatorOf } from '../../lambda/score/choice.ts';
import { peakMiB } from './peak.ts';
import { stagesOf } from './stages.ts';

interface Request {
  input: string;
  output: string;
  copy?: boolean;
  stages?: boolean;
}

/** Read at once: a socket gives 64 KiB, a disk whatever it is asked for. */
const PIECE_BYTES = 256 * 1024;

const folder = process.argv[2]!;
const manifest = readManifest(readFileSync(join(folder, 'manifest.json')));
const classes = manifest.target.classes?.length ?? 1;
const evaluator = await evaluatorOf(readFileSync(join(folder, 'model.onnx')), manifest.onnx, classes);

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as Request;
  if (asked.stages) {
    const stages = await stagesOf(asked.input, manifest, evaluator);
    console.log(JSON.stringify({ rows: 0, ms: 0, peakMiB: 0, stages }));
    continue;
  }
  const began = performance.now();
  const rows = await (asked.copy ? copied(asked) : predicted(asked));
  const ms = performance.now() - began;
  console.log(JSON.stringify({ rows, ms, peakMiB: peakMiB() }));
}

async function predicted({ input, output }: Request): Promise<number> {
  const file = openSync(output, 'w');
  const asked = { manifest, evaluator, predictionColumn: 'prediction', probabilities: false };
  const { rows } = await predict(asked, pieces(input), async (bytes) => void writeSync(file, bytes));
  closeSync(file);
  return rows;
}

async function copied({ input, output }: Request): Promise<number> {
  const file = openSync(output, 'w');
  for await (const bytes of pieces(input)) writeSync(file, bytes);
  closeSync(file);
  return 0;
}

async function* pieces(path: string): AsyncGenerator<Buffer> {
  const file = openSync(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  try {
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}
