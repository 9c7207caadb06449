// One PredictionJob after the other, each from its creation to its end, by an operator and functions that were never used before; then its
// result is held against its table.
import { createReadStream } from 'node:fs';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { s3Uri } from '../../cloud/keys.ts';
import type { PredictionJobStatus } from '../../crds/crds.generated.ts';
import { GROUP, KINDS } from '../../crds/objects.ts';
import { BUCKET } from '../stack/cloud.ts';
import { createdUntil } from '../stack/cluster.ts';
import type { Installation } from './installation.ts';
import { Peaks } from './peak.ts';
import { rowsAlike } from './side-by-side.ts';

const JOBS = { group: GROUP, plural: KINDS.PredictionJob.plural };
const COLUMN = 'prediction';
const JOB_MS = 600_000;
const READ_BYTES = 1024 * 1024;

export interface JobRun {
  readonly seconds: number;
  readonly operatorMiB: number;
  /** Of the process that had most. */
  readonly handlerMiB: number;
  /** Of the table, by the operator itself. */
  readonly readBytes: number;
  readonly invocations: number;
  readonly usd: number;
  /** In the result, each its row of the table and a prediction. */
  readonly rows: number;
}

export interface Table {
  readonly path: string;
  readonly key: string;
}

export class Jobs {
  readonly #installation: Installation;
  readonly #of: { readonly user: string; readonly model: string; readonly manifest: Manifest };
  #namespace: string | undefined;
  #made = 0;

  constructor(installation: Installation, of: { user: string; model: string; manifest: Manifest }) {
    this.#installation = installation;
    this.#of = of;
  }

  async run(table: Table, parallel: number): Promise<JobRun> {
    const installation = this.#installation;
    await installation.cool();
    const earlier = new Set(installation.functionPids);
    const operator = await installation.operate();
    const heard = hear(installation, table.key);
    const [program, handlers] = [
      new Peaks(() => [operator.pid() ?? 0]),
      new Peaks(() => installation.functionPids.filter((pid) => !earlier.has(pid))),
    ];
    try {
      this.#namespace ??= await installation.account(this.#of.user);
      const began = performance.now();
      const status = await this.#finished(table.key, parallel, this.#namespace);
      const seconds = (performance.now() - began) / 1000;
      const [operatorMiB, handlerMiB] = [program.stop(), handlers.stop()];
      const { readBytes, invocations } = heard.stop();
      const usd = status.cost?.actualUsd ?? NaN;
      const rows = await this.#rows(table, status);
      return { seconds, operatorMiB, handlerMiB, readBytes, invocations, usd, rows };
    } finally {
      program.stop();
      handlers.stop();
      await operator.stop();
    }
  }

  async #finished(key: string, maxParallel: number, namespace: string): Promise<PredictionJobStatus> {
    this.#made += 1;
    const job = {
      metadata: { name: `job-${this.#made}`, namespace },
      spec: { modelRef: this.#of.model, data: { uri: s3Uri(BUCKET, key) }, predictionColumn: COLUMN, maxParallel },
    };
    const over = (object: { status?: PredictionJobStatus }) =>
      object.status?.phase === 'Succeeded' || object.status?.phase === 'Failed';
    const { status } = await createdUntil<PredictionJobStatus>(this.#installation.api, JOBS, job, over, JOB_MS);
    if (status?.phase !== 'Succeeded') throw new Error(`the job failed: ${status?.message}`);
    return status;
  }

  /** The result is deleted. */
  async #rows({ path }: Table, { outputUri = '' }: PredictionJobStatus): Promise<number> {
    const key = outputUri.slice(s3Uri(BUCKET, '').length);
    const predictions = new Set((this.#of.manifest.target.classes ?? []).map(String));
    const result = await this.#installation.download(key);
    const rows = await rowsAlike(createReadStream(path, { highWaterMark: READ_BYTES }), result, COLUMN, predictions);
    await this.#installation.bucket.delete(key);
    return rows;
  }
}

interface Counts {
  readBytes: number;
  invocations: number;
}

/** Handlers read by presigned links, the operator as itself. */
function hear(installation: Installation, key: string): { stop(): Counts } {
  const counts: Counts = { readBytes: 0, invocations: 0 };
  installation.heard = ({ service, method, path, presigned }, { headers }) => {
    if (service === 'lambda' && path.endsWith('/invocations')) counts.invocations += 1;
    if (service === 's3' && method === 'GET' && !presigned && path.endsWith(key))
      counts.readBytes += Number(headers?.['content-length']);
  };
  return {
    stop: () => {
      installation.heard = () => undefined;
      return counts;
    },
  };
}
