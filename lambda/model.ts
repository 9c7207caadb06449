// The model of an invocation: fetched through its presigned URLs, held to its checksums, kept for the next invocation of
// a warm function. Nothing is loaded that is not the ONNX file its manifest and the event's sha256 name.
import { createHash } from 'node:crypto';
import type { Manifest, PredictionEvent } from '../cloud/contract/contract.generated.ts';
import manifestSchema from '../cloud/contract/manifest.schema.json' with { type: 'json' };
import { encodedWidth } from './encode/rows.ts';
import { PredictionFailure } from './failure.ts';
import { problems } from './schema.ts';
import { evaluatorOf } from './score/choice.ts';
import type { Evaluator } from './score/evaluator.ts';
import { isOnnx } from './score/onnxfile.ts';
import { downloadWhole } from './source.ts';

export interface Model {
  manifest: Manifest;
  evaluator: Evaluator;
}

const MIB = 1024 * 1024;
const MOST_MODEL_BYTES = 1024 * MIB;
const MOST_MANIFEST_BYTES = 32 * MIB;
/** Models a warm function keeps; the least recently used one goes. */
const KEPT = 2;

export class ModelCache {
  readonly #models = new Map<string, Promise<Model>>();

  /** The model, and whether it was there already. A failed load is not remembered. */
  async get(wanted: PredictionEvent['model']): Promise<{ model: Model; warm: boolean }> {
    const key = `${wanted.sha256} ${wanted.manifestSha256}`;
    const there = this.#models.get(key);
    const loading = there ?? load(wanted);
    this.#models.delete(key);
    this.#models.set(key, loading);
    try {
      const model = await loading;
      await this.#evict();
      return { model, warm: there !== undefined };
    } catch (error) {
      if (this.#models.get(key) === loading) this.#models.delete(key);
      throw error;
    }
  }

  async clear(): Promise<void> {
    const models = [...this.#models.values()];
    this.#models.clear();
    for (const model of await Promise.allSettled(models))
      if (model.status === 'fulfilled') await model.value.evaluator.close();
  }

  async #evict(): Promise<void> {
    const [oldest] = this.#models;
    if (!oldest || this.#models.size <= KEPT) return;
    this.#models.delete(oldest[0]);
    await (await oldest[1]).evaluator.close();
  }
}

async function load(wanted: PredictionEvent['model']): Promise<Model> {
  const [manifestBytes, onnxBytes] = await Promise.all([
    downloadWhole(wanted.manifestUrl, 'The manifest of the model', MOST_MANIFEST_BYTES),
    downloadWhole(wanted.url, 'The model', MOST_MODEL_BYTES),
  ]);
  requireSha256(manifestBytes, wanted.manifestSha256, 'manifest.json');
  requireSha256(onnxBytes, wanted.sha256, 'model.onnx');
  if (!isOnnx(onnxBytes)) {
    throw refused('model.onnx is not an ONNX file. Pickles and other formats are never loaded: train the model again.');
  }
  const manifest = readManifest(manifestBytes);
  const outputs = manifest.onnx.output.kind === 'value' ? 1 : (manifest.target.classes?.length ?? 0);
  return { manifest, evaluator: await evaluatorOf(onnxBytes, manifest.onnx, outputs) };
}

/** The manifest, checked against its schema and against itself. */
export function readManifest(bytes: Buffer): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refused('manifest.json is not JSON.');
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== 1) {
    throw refused(`manifest.json is of version ${version}; this handler reads version 1.`);
  }
  const found = problems(manifestSchema, value);
  if (found.length > 0) throw refused(`manifest.json does not fit its schema: ${found.slice(0, 5).join('; ')}.`);
  const manifest = value as Manifest;
  const { onnx, preprocessing, target, task, threshold } = manifest;
  const width = encodedWidth(preprocessing.columns);
  if (width !== onnx.input.width) {
    throw refused(`the preprocessing makes ${width} numbers a row, the model takes ${onnx.input.width}.`);
  }
  const scores = onnx.output.kind === 'scores';
  if (scores !== (task === 'classification') || scores !== (target.classes !== null)) {
    throw refused('classes, task and output of the manifest contradict each other.');
  }
  if (threshold != null && target.classes?.length !== 2) throw refused('a threshold needs exactly two classes.');
  for (const column of preprocessing.columns) {
    if (scalesOf(column).includes(0)) throw refused('a column is scaled by 0.');
    const words = wordsOf(column);
    if (new Set(words).size !== words.length) throw refused('a category is listed twice.');
  }
  return manifest;
}

type Column = Manifest['preprocessing']['columns'][number];

function scalesOf(column: Column): number[] {
  if (column.kind === 'date') return column.parts.map(({ scale }) => scale);
  return column.kind === 'number' || column.kind === 'boolean' ? [column.scale] : [];
}

function wordsOf(column: Column): string[] {
  if (column.kind === 'boolean') return [...column.yes, ...column.no];
  return column.kind === 'oneHot' || column.kind === 'ordinal' ? column.categories : [];
}

function requireSha256(bytes: Buffer, expected: string, name: string): void {
  if (createHash('sha256').update(bytes).digest('hex') !== expected) {
    throw refused(`${name} is not the file that was trained (its sha256 differs).`);
  }
}

function refused(text: string): PredictionFailure {
  return new PredictionFailure('ModelRefused', `The model is refused: ${text}`);
}
