// The handler's pipeline in a process of its own, between two files: one JSON request a line on standard input
// ({input, output, copy?}), one answer a line. `copy`: only the bytes, the limit of what any handler can reach.
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { readManifest } from '../../lambda/model.ts';
import { predict } from '../../lambda/predict.ts';
import { onnxEvaluator } from '../../lambda/score/onnxruntime.ts';

interface Request {
  input: string;
  output: string;
  copy?: boolean;
}

const folder = process.argv[2]!;
const manifest = readManifest(readFileSync(join(folder, 'manifest.json')));
const classes = manifest.target.classes?.length ?? 1;
const evaluator = await onnxEvaluator(readFileSync(join(folder, 'model.onnx')), manifest.onnx, classes);

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as Request;
  const began = performance.now();
  const rows = await (asked.copy ? copied(asked) : predicted(asked));
  const ms = performance.now() - began;
  console.log(JSON.stringify({ rows, ms, peakMiB: process.resourceUsage().maxRSS / 1024 }));
}

async function predicted({ input, output }: Request): Promise<number> {
  const file = createWriteStream(output);
  const source = createReadStream(input) as AsyncIterable<Buffer>;
  const asked = { manifest, evaluator, predictionColumn: 'prediction', probabilities: false };
  const { rows } = await predict(asked, source, (bytes) => written(file, bytes));
  file.end();
  await once(file, 'close');
  return rows;
}

async function copied({ input, output }: Request): Promise<number> {
  const file = createWriteStream(output);
  for await (const bytes of createReadStream(input) as AsyncIterable<Buffer>) await written(file, bytes);
  file.end();
  await once(file, 'close');
  return 0;
}

function written(file: ReturnType<typeof createWriteStream>, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => file.write(bytes, (error) => (error ? reject(error) : resolve())));
}
