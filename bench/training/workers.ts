// Workers as the operator sees them, without a training: each finds its ticket in its instance's folder, reports, and leaves a result
// there, result.json last (docs/life-of-a-job.md). What a worker computes, and how long, is not simulated.
import { createHash } from 'node:crypto';
import type { Bucket } from '../../cloud/bucket.ts';
import type { Heartbeat, Manifest, Result, Ticket } from '../../cloud/contract/contract.generated.ts';
import {
  CHECKPOINT_FOLDER,
  HEARTBEAT,
  instanceFolder,
  instanceOf,
  INSTANCES,
  RESULT,
  RESULT_FOLDER,
  TICKET,
} from '../../cloud/keys.ts';
import { pause } from './clock.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const file = (name: string, text: string) => ({ name, size: Buffer.byteLength(text), sha256: sha256(text) });

export const MODEL = 'onnx bytes';
const METRICS = '{"roc_auc":0.8}';
const FILES = [file('model.onnx', MODEL), file('metrics.json', METRICS)];
export const MANIFEST = JSON.stringify({
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
  features: [{ name: 'age', type: 'number', example: '40' }],
  data: { name: 'a.csv', bytes: 10, sha256: sha256(''), rows: 3, columns: 2, encoding: 'utf-8', delimiter: ',' },
  split: { kind: 'random', trainRows: 2, testRows: 1 },
  metrics: { roc_auc: 0.8 },
  parity: { rows: 1, dirtiedRows: 1, labelMismatches: 0, maxDifference: 0, tolerance: 0 },
  seed: 0,
  versions: {},
  files: FILES,
} satisfies Manifest);

/** What the workers need of a bucket: over HTTP or in memory. */
export type WorkersBucket = Pick<Bucket, 'list' | 'put'>;

export class Workers {
  readonly #bucket: WorkersBucket;
  readonly #roleId: string;
  readonly #known = new Map<string, { sequence: number }>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(bucket: WorkersBucket, roleId: string) {
    this.#bucket = bucket;
    this.#roleId = roleId;
  }

  /** Instances that found a ticket and reported. */
  get reporting(): number {
    return this.#known.size;
  }

  /** From now on new tickets are looked for every `everyMs`, and each begins with a heartbeat. */
  start(everyMs: number): void {
    this.#running = (async () => {
      while (!this.#stopped) {
        await this.look();
        await pause(everyMs);
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Every instance with a ticket reports, once. */
  async look(): Promise<void> {
    const found: string[] = [];
    for (const { key } of await this.#bucket.list(INSTANCES)) {
      const place = instanceOf(key, this.#roleId);
      if (place?.file === TICKET && !this.#known.has(place.instanceId)) found.push(place.instanceId);
    }
    await inParallel(found, (id) => this.beat(id));
  }

  async beat(instanceId: string): Promise<void> {
    const known = this.#known.get(instanceId) ?? { sequence: 0 };
    known.sequence += 1;
    this.#known.set(instanceId, known);
    await this.#put(instanceId, HEARTBEAT, heartbeat(known.sequence));
  }

  /** The outputs of a training that succeeded, all but result.json. */
  async prepare(instanceId: string): Promise<void> {
    const outputs = { 'model.onnx': MODEL, 'metrics.json': METRICS, 'manifest.json': MANIFEST };
    for (const [name, text] of Object.entries(outputs)) await this.#put(instanceId, RESULT_FOLDER + name, text);
  }

  /** After prepare(). */
  async succeed(instanceId: string): Promise<void> {
    await this.#end(instanceId, {
      outcome: 'Succeeded',
      exitCode: 0,
      files: [...FILES, file('manifest.json', MANIFEST)],
      metrics: { roc_auc: 0.8 },
    });
  }

  /** What a worker does that was told of its instance's end: a checkpoint, then the result. */
  async leave(instanceId: string): Promise<void> {
    const folder = instanceFolder(this.#roleId, instanceId);
    const key = `${folder}${CHECKPOINT_FOLDER}5.joblib`;
    await this.#bucket.put(key, 'state of step 5');
    const latest = { key, step: 5, at: new Date().toISOString(), bytes: 15 };
    await this.#put(instanceId, `${CHECKPOINT_FOLDER}latest.json`, latest);
    await this.#end(instanceId, { outcome: 'Interrupted', exitCode: 30 });
  }

  #end(instanceId: string, result: Pick<Result, 'outcome' | 'exitCode'> & Partial<Result>): Promise<void> {
    return this.#put(instanceId, RESULT, {
      version: 1,
      error: null,
      files: [],
      metrics: {},
      seconds: 3,
      ...result,
    } satisfies Result);
  }

  async #put(instanceId: string, name: string, body: object | string): Promise<void> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    await this.#bucket.put(instanceFolder(this.#roleId, instanceId) + name, text);
  }
}

function heartbeat(sequence: number): Heartbeat {
  return {
    version: 1,
    sequence,
    at: new Date().toISOString(),
    stage: 'Training',
    step: sequence,
    steps: 1000,
    percent: sequence / 10,
    etaSeconds: 1200,
    metric: { name: 'roc_auc', value: 0.7 },
    message: `${sequence} of 1000 trees`,
    checkpoint: null,
    memoryMiB: 300,
    cpuPercent: 90,
    controlGeneration: 0,
  };
}

/** The ticket of a job copied by seed.ts: only who it belongs to matters. */
export const ticketFor = (ticket: Ticket, uid: string, namespace: string, name: string): Ticket => ({
  ...ticket,
  job: { ...ticket.job, uid, namespace, name },
});

const AT_ONCE = 24;
/** Runs `work` for each, 24 at once. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
