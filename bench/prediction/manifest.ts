// Manifests for benchmarks and tests: what the schema asks for, with the parts a test is about.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';

export type Column = Manifest['preprocessing']['columns'][number];

export const number = (column: string, rest: Partial<Extract<Column, { kind: 'number' }>> = {}): Column => ({
  column,
  kind: 'number',
  impute: 0,
  indicator: false,
  center: 0,
  scale: 1,
  ...rest,
});

export interface ManifestParts {
  columns: Manifest['preprocessing']['columns'];
  width: number;
  classes?: Manifest['target']['classes'];
  type?: 'float32' | 'float64';
  divisor?: number;
  threshold?: number | null;
  missing?: string[];
}

export function manifestOf({
  columns,
  width,
  classes = null,
  type = 'float64',
  divisor,
  threshold,
  missing = ['', 'NA', '?'],
}: ManifestParts): Manifest {
  const names = [...new Set(columns.map(({ column }) => column))];
  return {
    version: 1,
    createdAt: '2026-01-01T00:00:00Z',
    task: classes ? 'classification' : 'regression',
    target: { name: 'target', classes },
    model: { type: 'linear', estimator: 'LinearRegression', hyperparameters: {} },
    onnx: {
      file: 'model.onnx',
      input: { name: 'input', type, width },
      output: { name: 'output', kind: classes ? 'scores' : 'value', ...(divisor === undefined ? {} : { divisor }) },
    },
    ...(threshold === undefined ? {} : { threshold }),
    preprocessing: { missing, columns },
    features: names.map((name) => ({ name, type: 'number', example: '1' })) as unknown as Manifest['features'],
    data: { name: 'data.csv', bytes: 1, sha256: '', rows: 1, columns: 2, encoding: 'utf-8', delimiter: ',' },
    split: { kind: 'random', trainRows: 1, testRows: 1 },
    metrics: {},
    parity: { rows: 0, dirtiedRows: 0, labelMismatches: 0, maxDifference: 0, tolerance: 0 },
    seed: 0,
    versions: {},
    files: [],
  };
}
