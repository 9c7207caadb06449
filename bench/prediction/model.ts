// The peer's fitted model as the handler's artefact: the same numbers, as model.onnx and a manifest.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { manifestOf, number } from './manifest.ts';
import { forestModel, logisticModel, type TreeNode } from './onnxmodel.ts';

/** What plan_handler.py train writes. */
export interface FittedModel {
  classes: string[];
  categories: Record<string, string[]>;
  numbers: Record<string, [center: number, scale: number]>;
  logistic?: { weights: number[]; bias: number };
  trees?: TreeNode[][];
}

export interface Artefact {
  manifest: Manifest;
  onnx: Buffer;
}

export function artefactOf({ classes, categories, numbers, logistic, trees = [] }: FittedModel): Artefact {
  const words = Object.entries(categories);
  const columns = [
    ...words.map(([column, kept]) => ({ column, kind: 'oneHot' as const, categories: kept, impute: null })),
    ...Object.entries(numbers).map(([column, [center, scale]]) => number(column, { center, scale })),
  ];
  const width = words.reduce((sum, [, kept]) => sum + kept.length, 0) + Object.keys(numbers).length;
  return logistic
    ? { manifest: manifestOf({ columns, width, classes }), onnx: logisticModel(logistic.weights, logistic.bias) }
    : {
        manifest: manifestOf({ columns, width, classes, type: 'float32', divisor: trees.length }),
        onnx: forestModel(trees, width, classes.length),
      };
}
