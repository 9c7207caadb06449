// A worker as the operator sees one: it finds its ticket, reports, and leaves a result in its instance's folder of the bucket.
import { createHash } from 'node:crypto';
import type { Control, Heartbeat, Manifest, Result, Ticket } from '../../cloud/contract/contract.generated.ts';
import { instanceFolder } from '../../cloud/keys.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { FakeBucket } from './aws.ts';

export const ROLE_ID = 'AROAEXAMPLEEXAMPLE01';
const place = (instanceId: string) => instanceFolder(ROLE_ID, instanceId);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export const ticketOf = (bucket: FakeBucket, instanceId: string): Ticket | undefined =>
  bucket.json<Ticket>(`${place(instanceId)}ticket.json`);
export const controlOf = (bucket: FakeBucket, instanceId: string): Control | undefined =>
  bucket.json<Control>(`${place(instanceId)}control.json`);

export function heartbeat(more: Partial<Heartbeat> = {}): Heartbeat {
  return {
    version: 1,
    sequence: 1,
    at: new Date().toISOString(),
    stage: 'Training',
    step: 5,
    steps: 10,
    percent: 50,
    etaSeconds: 12,
    metric: { name: 'roc_auc', value: 0.7 },
    message: '5 of 10 trees',
    checkpoint: null,
    memoryMiB: 300,
    cpuPercent: 90,
    controlGeneration: 0,
    ...more,
  };
}

export function report(bucket: FakeBucket, instanceId: string, more: Partial<Heartbeat> = {}): void {
  bucket.set(`${place(instanceId)}heartbeat.json`, heartbeat(more));
}

export function checkpoint(bucket: FakeBucket, instanceId: string, step: number): void {
  const key = `${place(instanceId)}checkpoints/${step}.joblib`;
  bucket.set(key, `state of step ${step}`);
  bucket.set(`${place(instanceId)}checkpoints/latest.json`, { key, step, at: timestamp(Date.now()), bytes: 15 });
}

export function manifestOf(files: Manifest['files'], more: Partial<Manifest> = {}): Manifest {
  return {
    version: 1,
    createdAt: '2026-11-24T10:00:00Z',
    task: 'classification',
    target: { name: 'class', classes: ['bad', 'good'] },
    model: { type: 'random_forest', estimator: 'RandomForestClassifier', hyperparameters: {} },
    onnx: {
      file: 'model.onnx',
      input: { name: 'X', type: 'float32', width: 2 },
      output: { name: 'scores', kind: 'scores' },
    },
    preprocessing: {
      missing: [''],
      columns: [{ column: 'age', kind: 'number', impute: 1, indicator: false, center: 0, scale: 1 }],
    },
    features: [
      { name: 'age', type: 'number', example: '40' },
      { name: 'sum', type: 'number', example: '1' },
    ],
    data: { name: 'a.csv', bytes: 10, sha256: sha256(''), rows: 3, columns: 3, encoding: 'utf-8', delimiter: ',' },
    split: { kind: 'random', trainRows: 2, testRows: 1 },
    metrics: { roc_auc: 0.8 },
    parity: { rows: 1, dirtiedRows: 1, labelMismatches: 0, maxDifference: 0, tolerance: 0 },
    seed: 0,
    versions: {},
    files,
    ...more,
  };
}

/** Puts model, manifest and result.json as the worker does, result.json last. */
export function succeed(
  bucket: FakeBucket,
  instanceId: string,
  more: Partial<Manifest> = {},
  told: Partial<Result> = {},
): void {
  const file = (name: string, text: string) => ({ name, size: Buffer.byteLength(text), sha256: sha256(text) });
  const model = 'onnx bytes';
  const metrics = '{"roc_auc":0.8}';
  const files = [file('model.onnx', model), file('metrics.json', metrics), file('plots/roc.png', 'png')];
  const manifest = JSON.stringify(manifestOf(files, more));
  bucket.set(`${place(instanceId)}result/model.onnx`, model);
  bucket.set(`${place(instanceId)}result/metrics.json`, metrics);
  bucket.set(`${place(instanceId)}result/plots/roc.png`, 'png');
  bucket.set(`${place(instanceId)}result/manifest.json`, manifest);
  end(bucket, instanceId, {
    outcome: 'Succeeded',
    exitCode: 0,
    files: [...files, file('manifest.json', manifest)],
    metrics: { roc_auc: 0.8 },
    ...told,
  });
}

export function end(bucket: FakeBucket, instanceId: string, result: Partial<Result>): void {
  bucket.set(`${place(instanceId)}result.json`, {
    version: 1,
    outcome: 'Failed',
    exitCode: 20,
    error: null,
    files: [],
    metrics: {},
    seconds: 3,
    ...result,
  });
}

export const failWith = (exitCode: number, message: string): Partial<Result> => ({
  outcome: 'Failed',
  exitCode,
  error: { code: 'TargetConstant', message, hint: 'Choose another target.' },
});
