// The peer's fitted model as the handler's artefact (export.py): the same numbers, as model.onnx and a manifest. Without a
// peer, a logistic regression with made-up weights.
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { CATEGORIES, COLUMNS, randomNumbers, TARGET } from './credit.ts';
import { manifestOf, number } from './manifest.ts';
import { logisticModel } from './onnxmodel.ts';

const root = resolve(import.meta.dirname, '../..');
export const planHandler = join(root, 'bench/peers/plan_handler.py');

/** What export.py writes beside model.onnx. */
interface FittedModel {
  classes: string[];
  categories: Record<string, string[]>;
  numbers: Record<string, [center: number, scale: number]>;
  type: 'float32' | 'float64';
  divisor: number;
}

export interface Artefact {
  manifest: Manifest;
  onnx: Buffer;
}

/** Fits the peer's pipeline of a kind and exports it; leaves all files of both sides in the folder. */
export async function fittedArtefact(
  python: string,
  kind: string,
  training: string,
  folder: string,
): Promise<Artefact> {
  await mkdir(folder, { recursive: true });
  run(python, [planHandler, 'train', kind, training, TARGET, folder]);
  run(join(root, '.venv/bin/python3'), [join(root, 'bench/prediction/export.py'), folder]);
  const fitted = JSON.parse(await readFile(join(folder, 'fitted.json'), 'utf8')) as FittedModel;
  const onnx = await readFile(join(folder, 'model.onnx'));
  return keep(folder, { manifest: manifestFor(fitted), onnx });
}

export async function madeUpArtefact(folder: string): Promise<Artefact> {
  await mkdir(folder, { recursive: true });
  const random = randomNumbers(3);
  const categories: FittedModel['categories'] = {};
  const numbers: FittedModel['numbers'] = {};
  for (const [i, name] of COLUMNS.entries()) {
    const codes = CATEGORIES[i];
    if (codes) categories[name] = codes;
    else numbers[name] = [3, 7];
  }
  const manifest = manifestFor({ classes: ['1', '2'], categories, numbers, type: 'float64', divisor: 1 });
  const weights = Array.from({ length: manifest.onnx.input.width }, () => random() - 0.5);
  return keep(folder, { manifest, onnx: logisticModel(weights, 0) });
}

async function keep(folder: string, artefact: Artefact): Promise<Artefact> {
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(artefact.manifest));
  await writeFile(join(folder, 'model.onnx'), artefact.onnx);
  return artefact;
}

function manifestFor({ classes, categories, numbers, type, divisor }: FittedModel): Manifest {
  const words = Object.entries(categories);
  const columns = [
    ...words.map(([column, kept]) => ({ column, kind: 'oneHot' as const, categories: kept, impute: null })),
    ...Object.entries(numbers).map(([column, [center, scale]]) => number(column, { center, scale })),
  ];
  const width = words.reduce((sum, [, kept]) => sum + kept.length, 0) + Object.keys(numbers).length;
  return manifestOf({ columns, width, classes, type, divisor });
}

function run(program: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${args[0]} failed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}
