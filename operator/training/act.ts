// Does what decide.ts asked for: every call to AWS and to the API server for a TrainingJob, each repeatable.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { Compute } from '../../cloud/compute.ts';
import type { Control } from '../../cloud/contract/contract.generated.ts';
import { readableKey } from '../../cloud/access.ts';
import { CloudError, DataError } from '../../cloud/errors.ts';
import { CONTROL } from '../../cloud/keys.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { FINALIZER, userOf } from '../../crds/objects.ts';
import type { Cache } from '../runtime/cache.ts';
import { failed, type Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { TRAINING_JOBS } from '../runtime/resources.ts';
import type { Action } from './actions.ts';
import { admit, type AdmissionOptions } from './admission.ts';
import type { Outcome } from './confirm.ts';
import { collect } from './finishing.ts';
import { jobKey, placeOf, uidOf, type Places } from './job.ts';
import { launch, MISMATCH_WAIT_MS } from './launch.ts';
import { chargeFor } from './charging.ts';
import type { Observation } from './observation.ts';
import type { Planner } from './planner.ts';
import type { Pools } from './pools.ts';
import { keepCheckpoint, putTicket, renderTicket, TICKET_URL_SECONDS } from './ticket.ts';

export interface Acted {
  readonly outcome?: Outcome;
  /** The job as it is after a change of its metadata. */
  readonly job?: TrainingJob;
  /** It no longer exists for us. */
  readonly gone?: boolean;
  /** Nothing more to do before this time has passed. */
  readonly pauseMs?: number;
}

export interface Presign {
  (key: string, seconds: number): Promise<string>;
}

export interface ActorOptions {
  kubernetes: Kubernetes;
  cache: Cache<TrainingJob>;
  bucket: Bucket;
  compute: Compute;
  presign: Presign;
  observation: Pick<Observation, 'noteLaunched' | 'noteEnding' | 'noteControl'>;
  planner: Planner;
  pools: Pools;
  places: Places;
  admission: Omit<AdmissionOptions, 'select'>;
  metrics: Pick<Metrics, 'launched' | 'terminated'>;
  clock: Clock;
  logger: Logger;
  installation: string;
  launchTemplateId: string;
  logGroup: string;
  heartbeatSeconds: number;
  checkpointSeconds: number;
}

/** A refusal that time may mend is asked about again then. */
const WAIT_MS = 30_000;
const LATER_MS = 2_000;

export class Actor {
  readonly #options: ActorOptions;

  constructor(options: ActorOptions) {
    this.#options = options;
  }

  async act(job: TrainingJob, action: Action): Promise<Acted> {
    switch (action.do) {
      case 'addFinalizer':
        return { job: await this.#finalizers(job, [...(job.metadata?.finalizers ?? []), FINALIZER]) };
      case 'removeFinalizer':
        return this.#letGo(job);
      case 'deleteJob':
        return this.#delete(job);
      case 'admit':
        return this.#admit(job);
      case 'launch':
        return this.#launch(job, action.attempt);
      case 'putTicket':
        return this.#ticket(job, action);
      case 'control':
        return this.#control(action.instanceId, action.reason);
      case 'terminate':
        await this.#terminate(action.ids, action.reason);
        return {};
      case 'collect':
        return this.#collect(job, action);
      case 'end':
        return this.#end(job, action);
      case 'complete':
        return { outcome: { of: 'complete' } };
    }
  }

  async #finalizers(job: TrainingJob, finalizers: string[]): Promise<TrainingJob> {
    const { kubernetes, cache } = this.#options;
    const { name = '', namespace, resourceVersion } = job.metadata ?? {};
    const patch = { metadata: { resourceVersion, finalizers } };
    const written = await kubernetes.mergePatch<TrainingJob>(TRAINING_JOBS, name, patch, { namespace });
    // The answer to dropping the last finalizer of a deleted object is the object's last version: it is gone.
    if (finalizers.length > 0) cache.put(written);
    return written;
  }

  async #letGo(job: TrainingJob): Promise<Acted> {
    this.#options.admission.reservations.release(uidOf(job));
    try {
      await this.#finalizers(
        job,
        (job.metadata?.finalizers ?? []).filter((name) => name !== FINALIZER),
      );
    } catch (error) {
      if (!failed(error, 'NotFound')) throw error;
    }
    return { gone: true };
  }

  async #delete(job: TrainingJob): Promise<Acted> {
    const { name = '', namespace, uid } = job.metadata ?? {};
    try {
      await this.#options.kubernetes.delete(TRAINING_JOBS, name, { namespace, uid });
    } catch (error) {
      if (!failed(error, 'NotFound', 'Conflict')) throw error;
    }
    return { gone: true };
  }

  async #admit(job: TrainingJob): Promise<Acted> {
    const { admission, planner } = this.#options;
    await planner.prepare();
    const verdict = await admit(job, {
      ...admission,
      select: (one, bytes) => planner.plan(one, bytes).selection,
    });
    return { outcome: { of: 'admit', verdict }, ...(verdict.is === 'waiting' ? { pauseMs: WAIT_MS } : {}) };
  }

  async #launch(job: TrainingJob, attempt: Extract<Action, { do: 'launch' }>['attempt']): Promise<Acted> {
    const { planner, observation, metrics, clock, logger, logGroup } = this.#options;
    await planner.prepare();
    const market = attempt.market === 'on-demand' ? 'on-demand' : 'spot';
    const selection = planner.selection(job, job.status?.dataset?.bytes ?? 0, market);
    const answer = await launch(job, attempt, selection, this.#options);
    if (answer.got === 'later') {
      if (clock.now() - Date.parse(attempt.requestedAt) < MISMATCH_WAIT_MS) return { pauseMs: LATER_MS };
      return { outcome: { of: 'noLaunch', attempt, cause: 'platform' } };
    }
    if (answer.got === 'nothing') {
      metrics.launched(market, answer.cause === 'capacity' ? 'capacity' : 'error');
      logger.warn(
        { job: jobKey(job), batch: attempt.batch, market, refusal: answer.message },
        'fleet launched nothing',
      );
      return { outcome: { of: 'noLaunch', attempt, cause: answer.cause } };
    }
    const { instance } = answer;
    metrics.launched(market, 'launched');
    observation.noteLaunched(instance, market, { jobUid: uidOf(job), batch: attempt.batch });
    if (market === 'spot') await planner.learnPrice(instance.instanceType, instance.zone);
    const price = planner.priceOf(attempt, instance.instanceType, instance.zone);
    return { outcome: { of: 'launch', attempt, instance, price, launchedAt: clock.now(), logGroup } };
  }

  async #ticket(job: TrainingJob, { attempt, instanceId }: Extract<Action, { do: 'putTicket' }>): Promise<Acted> {
    const { bucket, places, presign, clock, logGroup, heartbeatSeconds, checkpointSeconds } = this.#options;
    const dataset = readableKey(places, userOf(job.metadata?.namespace ?? '') ?? '', 'dataset', job.spec.dataset.uri);
    const earlier = job.status?.attempts?.findLast((one) => one.number < attempt.number && one.instanceId);
    const checkpoint = await keepCheckpoint(bucket, places, uidOf(job), earlier?.instanceId);
    const ticket = renderTicket({
      job,
      attempt,
      instanceId,
      datasetUrl: await presign(dataset, TICKET_URL_SECONDS),
      datasetName: dataset.slice(dataset.lastIndexOf('/') + 1),
      resume: checkpoint ? { url: await presign(checkpoint.key, TICKET_URL_SECONDS), step: checkpoint.step } : null,
      logGroup,
      heartbeatSeconds,
      checkpointSeconds,
      now: clock.now(),
    });
    if ((await putTicket(bucket, places, instanceId, ticket)) === 'mine')
      return { outcome: { of: 'ticket', attempt, resumedFromStep: checkpoint?.step } };
    // Another job holds this instance: ours begins again, without touching it.
    return { outcome: { of: 'noLaunch', attempt, cause: 'platform' } };
  }

  async #control(instanceId: string, reason: string): Promise<Acted> {
    const { bucket, places, observation } = this.#options;
    const control: Control = { generation: 1, desired: 'CheckpointAndStop', reason };
    await bucket.put(placeOf(places, instanceId) + CONTROL, JSON.stringify(control));
    observation.noteControl(instanceId);
    return {};
  }

  async #terminate(ids: readonly string[], reason: string): Promise<void> {
    const { compute, observation, metrics } = this.#options;
    await compute.terminate(ids);
    observation.noteEnding(ids);
    metrics.terminated(reason, ids.length);
  }

  async #collect(job: TrainingJob, { attempt, instanceId }: Extract<Action, { do: 'collect' }>): Promise<Acted> {
    const { bucket, places } = this.#options;
    try {
      const { model, metrics } = await collect(bucket, places, job, instanceId);
      return { outcome: { of: 'collected', model, metrics } };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return this.#end(job, { do: 'end', attempt, reason: 'ResultCorrupt', cause: 'platform', message: error.message });
    }
  }

  async #end(job: TrainingJob, action: Extract<Action, { do: 'end' }>): Promise<Acted> {
    const { bucket, places, clock } = this.#options;
    const { do: _, ...end } = action;
    const { attempt } = action;
    if (!attempt.instanceId) return { outcome: { of: 'ended', ...end, endedAt: clock.now(), costUsd: 0 } };
    await this.#terminate([attempt.instanceId], action.reason);
    if (action.cause !== 'none' && action.cause !== 'deletion')
      await keepCheckpoint(bucket, places, uidOf(job), attempt.instanceId).catch((error: unknown) => {
        // Without it the next attempt begins earlier; that is no reason not to end this one.
        if (!(error instanceof CloudError)) throw error;
      });
    const { usd, at } = await chargeFor(bucket, job, attempt, action.reason, clock.now());
    return { outcome: { of: 'ended', ...end, endedAt: at, costUsd: usd } };
  }
}

/** Presigned GETs of one bucket. */
export function presigner(clients: Clients, bucket: string): Presign {
  return async (key, seconds) => (await import('../../cloud/presign.ts')).presignGet(clients, bucket, key, seconds);
}
