// PredictionJob: wait for the model, check the table against it, pin both, invoke, confirm. The invocation runs beside the reconciler,
// so that a deletion is seen at once; what it answered is put into the bucket before the status, so a restart need not pay again.
import { readableKey } from '../../cloud/access.ts';
import { readJson, type Bucket } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import { AccessError, CloudError, DataError } from '../../cloud/errors.ts';
import type { Functions } from '../../cloud/functions.ts';
import { ledgerKey, predictionFolder, s3Uri } from '../../cloud/keys.ts';
import type { LedgerEntry } from '../../cloud/ledger.ts';
import { invocationCost, showUsd } from '../../cloud/prices.ts';
import { HEAD_BYTES, readHead } from '../../cloud/table.ts';
import type { Account, PredictionJob, PredictionJobStatus, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, FINALIZER, userOf } from '../../crds/objects.ts';
import type { Reservations } from '../accounts/reservations.ts';
import type { Cache } from '../runtime/cache.ts';
import type { Outcome } from '../runtime/controller.ts';
import type { EventRecorder } from '../runtime/events.ts';
import { failed as kubernetesFailed, type Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import { PREDICTION_JOBS } from '../runtime/resources.ts';
import type { StatusWriter } from '../runtime/status.ts';
import type { Places } from '../training/job.ts';
import { transition } from '../training/story.ts';
import { invoke, type Invoked } from './invocation.ts';
import { findModel, schemaProblem, type Model } from './model.ts';
import { accepted, charged, failed, FINAL_PHASES, retrying, succeeded, waiting, type At } from './transitions.ts';

export interface PredictionOptions {
  kubernetes: Kubernetes;
  cache: Cache<PredictionJob>;
  trainings: Cache<TrainingJob>;
  accounts: Cache<Account>;
  writer: StatusWriter<PredictionJob>;
  events: EventRecorder;
  reservations: Reservations;
  writeReservation: (account: string) => Promise<void>;
  bucket: Bucket;
  functions: Functions;
  presignGet: (key: string, seconds: number) => Promise<string>;
  presignPut: (key: string, seconds: number) => Promise<string>;
  /** Adds a key to the controller's queue. */
  enqueue: (key: string) => void;
  places: Places;
  functionName: string;
  functionMemoryMib: number;
  functionTimeoutSeconds: number;
  maxPredictionCostUsd: number;
  cloudEnabled: boolean;
  clock: Clock;
  logger: Logger;
}

const WAIT_MS = 30_000;
export const MOST_RETRIES = 5;
const FIRST_RETRY_MS = 1_000;
const URL_ROOM_SECONDS = 300;
const OUTPUT = 'predictions.csv';

interface Flight {
  readonly abort: AbortController;
  invoked?: Invoked;
  error?: unknown;
}

export class PredictionReconciler {
  readonly #options: PredictionOptions;
  readonly #flights = new Map<string, Flight>();
  readonly #retryAt = new Map<string, number>();

  constructor(options: PredictionOptions) {
    this.#options = options;
  }

  /** Abandons what is in flight; the next leader invokes again, with the same output. */
  stop(): void {
    for (const { abort } of this.#flights.values()) abort.abort();
  }

  async reconcile(key: string): Promise<Outcome> {
    const job = this.#options.cache.get(key);
    if (!job) return undefined;
    const { deletionTimestamp, finalizers, uid = '' } = job.metadata ?? {};
    if (deletionTimestamp) return this.#deleted(job, uid);
    if (FINAL_PHASES.has(job.status?.phase ?? '')) return this.#finished(job);
    if (!finalizers?.includes(FINALIZER)) {
      this.#options.cache.put(await this.#finalizers(job, [...(finalizers ?? []), FINALIZER]));
      this.#options.enqueue(key);
      return undefined;
    }
    const at: At = { job, now: this.#options.clock.now() };
    if (job.status?.phase === 'Running') return this.#run(at, uid);
    return this.#admit(at, uid);
  }

  async #admit(at: At, uid: string): Promise<Outcome> {
    const { job } = at;
    const status = job.status ?? {};
    const refusal = await this.#judge(job, uid);
    switch (refusal.is) {
      case 'refused':
        await this.#write(job, failed(at, status, refusal.reason, refusal.message));
        return undefined;
      case 'waiting':
        await this.#write(job, waiting(at, status, refusal.phase, refusal.reason, refusal.message));
        return { requeueAfterMs: WAIT_MS };
      case 'accepted': {
        const written = await this.#write(job, accepted(at, status, refusal.accepted));
        return this.#run({ job: written, now: at.now }, uid);
      }
    }
  }

  async #judge(job: PredictionJob, uid: string): Promise<Judgement> {
    const { accounts, trainings, bucket, places, cloudEnabled } = this.#options;
    const { namespace = '' } = job.metadata ?? {};
    const userId = userOf(namespace);
    if (userId === undefined)
      return refuse('UnknownNamespace', 'Prediction jobs belong into the namespace of an account, ml-user-<id>.');
    const account = accounts.get(accountName(userId));
    if (!account) return wait('Queued', 'AccountMissing', `There is no account ${accountName(userId)} yet.`);
    if (account.spec.suspend)
      return wait('Queued', 'AccountSuspended', 'The account is suspended; ask the administrator.');
    if (job.spec.placement === 'Cluster')
      return refuse('PlacementUnavailable', 'Placement Cluster is not available in this version; use Lambda.');
    if (!cloudEnabled)
      return refuse('CloudDisabled', 'This installation calls nothing on AWS (SPOTLEARN_CLOUD_ENABLED is false).');
    const training = trainings.get(`${namespace}/${job.spec.modelRef}`);
    try {
      const key = readableKey(places, userId, 'dataset', job.spec.data.uri);
      const found = await findModel(bucket, places, userId, job.spec.modelRef, training);
      if (found.is === 'waiting') return wait('Waiting', 'WaitingForModel', found.message);
      if (found.is === 'refused') return found;
      const facts = await bucket.head(key);
      if (!facts) return refuse('DatasetMissing', `There is no object ${job.spec.data.uri}. Upload the table first.`);
      const start = await bucket.get(key, { bytes: HEAD_BYTES, etag: facts.etag });
      const head = readHead(start?.body ?? new Uint8Array(), facts.bytes);
      const problem = schemaProblem(job, found.model.manifest, head.columns);
      if (problem) return refuse(problem.reason, problem.message);
      return await this.#reserve(job, uid, account, found.model, facts);
    } catch (error) {
      if (error instanceof AccessError) return refuse('AccessRefused', error.message);
      if (error instanceof DataError) return refuse('InvalidData', error.message);
      throw error;
    }
  }

  async #reserve(
    job: PredictionJob,
    uid: string,
    account: Account,
    model: Model,
    data: { bytes: number; etag: string },
  ): Promise<Judgement> {
    const { reservations, writeReservation, functionMemoryMib, functionTimeoutSeconds, maxPredictionCostUsd } =
      this.#options;
    const { limits, userId } = account.spec;
    const limit = Math.min(job.spec.budget?.maxCostUsd ?? Infinity, limits.predictionUsd, maxPredictionCostUsd);
    const worst = invocationCost(functionTimeoutSeconds * 1000, functionMemoryMib);
    if (worst > limit)
      return refuse(
        'BudgetTooSmall',
        `One invocation may cost up to ${showUsd(worst)}, more than the ${showUsd(limit)} this job may spend.`,
      );
    const month = account.status?.month;
    const answer = reservations.reserve(userId, uid, worst, month?.spentUsd ?? 0, limits.monthlyUsd);
    if (!answer.ok)
      return wait(
        'Queued',
        answer.reason,
        `This month's limit of ${showUsd(limits.monthlyUsd)} leaves no room: ${showUsd(month?.spentUsd ?? 0)} is spent, ${showUsd(answer.heldUsd)} is held back for what runs.`,
      );
    await writeReservation(accountName(userId));
    // Cold start, then about 2 MB a second: rough, and shown as an estimate.
    const estimatedUsd = invocationCost(400 + data.bytes / 2_000, functionMemoryMib);
    const { id, uri, manifest } = model;
    return {
      is: 'accepted',
      accepted: {
        model: { id, uri, task: manifest.task },
        data: { bytes: data.bytes, etag: data.etag },
        estimatedUsd,
        reservedUsd: worst,
      },
    };
  }

  async #run(at: At, uid: string): Promise<Outcome> {
    const { job, now } = at;
    const flight = this.#flights.get(uid);
    if (flight && !flight.invoked && flight.error === undefined) return { requeueAfterMs: WAIT_MS };
    if (flight?.invoked) return this.#confirm(at, uid, flight.invoked);
    this.#flights.delete(uid);
    if (flight) throw flight.error;
    const pause = (this.#retryAt.get(uid) ?? 0) - now;
    if (pause > 0) return { requeueAfterMs: pause };
    const answered = await readJson<Invoked>(this.#options.bucket, this.#recordKey(job, uid));
    if (answered) return this.#confirm(at, uid, answered);
    const event = await this.#event(job, uid);
    if ('is' in event) {
      await this.#finish(at, uid, failed(at, job.status ?? {}, event.reason, event.message));
      return undefined;
    }
    this.#fly(job, uid, event);
    return { requeueAfterMs: WAIT_MS };
  }

  /** Starts the invocation beside the reconciler. */
  #fly(job: PredictionJob, uid: string, event: PredictionEvent): void {
    const { functions, functionName, functionMemoryMib, bucket, enqueue } = this.#options;
    const flight: Flight = { abort: new AbortController() };
    this.#flights.set(uid, flight);
    const key = `${job.metadata?.namespace}/${job.metadata?.name}`;
    invoke(functions, functionName, event, functionMemoryMib, flight.abort.signal)
      .then(async (invoked) => {
        if (invoked.is === 'done') await bucket.put(this.#recordKey(job, uid), JSON.stringify(invoked));
        flight.invoked = invoked;
      })
      .catch((error: unknown) => {
        flight.error = error;
      })
      .finally(() => enqueue(key));
  }

  #recordKey(job: PredictionJob, uid: string): string {
    return `${this.#folder(job, uid)}.job/0.json`;
  }

  #folder(job: PredictionJob, uid: string): string {
    return predictionFolder(this.#options.places, userOf(job.metadata?.namespace ?? '') ?? '', uid);
  }

  async #event(job: PredictionJob, uid: string): Promise<PredictionEvent | Extract<Judgement, { is: 'refused' }>> {
    const { bucket, places, presignGet, presignPut, functionTimeoutSeconds } = this.#options;
    const { namespace = '', name = '' } = job.metadata ?? {};
    const { spec, status } = job;
    const userId = userOf(namespace) ?? '';
    const found = await findModel(bucket, places, userId, status?.model?.id ?? '', undefined);
    if (found.is !== 'found') return refuse('ModelMissing', `The model ${status?.model?.id} is no longer there.`);
    const { model } = found;
    const seconds = functionTimeoutSeconds + URL_ROOM_SECONDS;
    const dataKey = readableKey(places, userId, 'dataset', spec.data.uri);
    const output = this.#folder(job, uid) + OUTPUT;
    return {
      version: 1,
      job: { namespace, name, uid, chunk: 0 },
      model: {
        uri: model.uri,
        url: await presignGet(`${model.folder}model.onnx`, seconds),
        sha256: model.onnxSha256,
        manifestUrl: await presignGet(`${model.folder}manifest.json`, seconds),
        manifestSha256: model.manifestSha256,
      },
      data: {
        uri: spec.data.uri,
        url: await presignGet(dataKey, seconds),
        bytes: status?.data?.bytes ?? 0,
        etag: status?.data?.etag ?? '',
      },
      output: { uri: s3Uri(places.bucket, output), url: await presignPut(output, seconds) },
      prediction_column_name: spec.predictionColumn,
      ...(spec.features && spec.features.length > 0 ? { feature_columns: spec.features } : {}),
      ...(spec.probabilities ? { probabilities: true } : {}),
    };
  }

  async #confirm(at: At, uid: string, invoked: Invoked): Promise<Outcome> {
    const { job, now } = at;
    const status = charged(job.status ?? {}, invoked.billed);
    switch (invoked.is) {
      case 'done':
        await this.#summarise(job, uid, invoked);
        await this.#finish(at, uid, succeeded(at, status, invoked));
        return undefined;
      case 'refused':
        await this.#finish(at, uid, failed(at, status, invoked.reason, invoked.message));
        return undefined;
      case 'retry': {
        const retries = status.chunks?.redone ?? 0;
        if (retries >= MOST_RETRIES) {
          const reason = invoked.reason === 'FunctionTimedOut' ? 'FunctionTimedOut' : 'FunctionFailed';
          await this.#finish(
            at,
            uid,
            failed(at, status, reason, `${invoked.message} It was tried ${retries + 1} times.`),
          );
          return undefined;
        }
        const pause = FIRST_RETRY_MS * 2 ** retries;
        this.#retryAt.set(uid, now + pause);
        await this.#write(
          job,
          retrying(at, status, `${invoked.message} Trying again (${retries + 1} of ${MOST_RETRIES}).`),
        );
        this.#flights.delete(uid);
        return { requeueAfterMs: pause };
      }
    }
  }

  /** `summary.json` beside the result. */
  async #summarise(job: PredictionJob, uid: string, done: Extract<Invoked, { is: 'done' }>): Promise<void> {
    const { billed, is: _, ...result } = done;
    const summary = {
      ...result,
      job: job.metadata?.name,
      modelRef: job.spec.modelRef,
      requestId: billed.requestId,
      costUsd: billed.usd,
    };
    await this.#options.bucket.put(`${this.#folder(job, uid)}summary.json`, JSON.stringify(summary));
  }

  /** Ledger entry first, then the final status: a crash in between repeats both, and the entry's key is the same. */
  async #finish(at: At, uid: string, status: PredictionJobStatus): Promise<void> {
    const { bucket, reservations } = this.#options;
    const { namespace = '', name = '', creationTimestamp } = at.job.metadata ?? {};
    const userId = userOf(namespace) ?? '';
    const usd = status.cost?.actualUsd ?? 0;
    if (usd > 0) {
      const entry: LedgerEntry = {
        version: 1,
        userId,
        at: new Date(at.now).toISOString(),
        operation: 'prediction',
        service: 'lambda',
        job: { namespace, name, uid },
        attempt: 0,
        usd,
        onDemandUsd: usd,
        seconds: status.durationSeconds ?? 0,
        what: `${this.#options.functionName} ${this.#options.functionMemoryMib} MiB`,
        outcome: status.phase ?? '',
      };
      const key = ledgerKey(
        userId,
        new Date(status.startTime ?? creationTimestamp ?? at.now).toISOString(),
        uid,
        0,
        'prediction',
      );
      await bucket.put(key, JSON.stringify(entry), { ifAbsent: true }).catch((error: unknown) => {
        if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
      });
    }
    await this.#write(at.job, status);
    this.#flights.delete(uid);
    this.#retryAt.delete(uid);
    reservations.release(uid);
  }

  async #deleted(job: PredictionJob, uid: string): Promise<Outcome> {
    this.#flights.get(uid)?.abort.abort();
    this.#flights.delete(uid);
    this.#retryAt.delete(uid);
    this.#options.reservations.release(uid);
    if (!job.metadata?.finalizers?.includes(FINALIZER)) return undefined;
    try {
      await this.#finalizers(
        job,
        job.metadata.finalizers.filter((name) => name !== FINALIZER),
      );
    } catch (error) {
      if (!kubernetesFailed(error, 'NotFound')) throw error;
    }
    return undefined;
  }

  async #finished(job: PredictionJob): Promise<Outcome> {
    const ttl = job.spec.ttlSecondsAfterFinished;
    if (ttl === undefined) return undefined;
    const left = Date.parse(job.status?.completionTime ?? '') + ttl * 1000 - this.#options.clock.now();
    if (left > 0) return { requeueAfterMs: left };
    const { name = '', namespace, uid } = job.metadata ?? {};
    try {
      await this.#options.kubernetes.delete(PREDICTION_JOBS, name, { namespace, uid });
    } catch (error) {
      if (!kubernetesFailed(error, 'NotFound', 'Conflict')) throw error;
    }
    return undefined;
  }

  #finalizers(job: PredictionJob, finalizers: string[]): Promise<PredictionJob> {
    const { name = '', namespace, resourceVersion } = job.metadata ?? {};
    return this.#options.kubernetes.mergePatch(
      PREDICTION_JOBS,
      name,
      { metadata: { resourceVersion, finalizers } },
      { namespace },
    );
  }

  async #write(job: PredictionJob, status: PredictionJobStatus): Promise<PredictionJob> {
    const { writer, events, logger } = this.#options;
    const written = await writer.write(job, status);
    if (written === job) return job;
    const told = transition(job.status, status);
    if (told) {
      const { namespace, name } = job.metadata ?? {};
      logger.info({ kind: 'PredictionJob', namespace, name, phase: status.phase, reason: told.reason }, 'transition');
      await events.record(written, told);
    }
    return written;
  }
}

type Reason = Extract<Awaited<ReturnType<typeof findModel>>, { is: 'refused' }>['reason'];
type Judgement =
  | { is: 'refused'; reason: Reason; message: string }
  | { is: 'waiting'; phase: 'Waiting' | 'Queued'; reason: Reason; message: string }
  | { is: 'accepted'; accepted: Parameters<typeof accepted>[2] };

const refuse = (reason: Reason, message: string): Extract<Judgement, { is: 'refused' }> => ({
  is: 'refused',
  reason,
  message,
});
const wait = (phase: 'Waiting' | 'Queued', reason: Reason, message: string): Judgement => ({
  is: 'waiting',
  phase,
  reason,
  message,
});
