// Does what decide.ts asked for: every call to AWS and to the API server for a TrainingJob, each repeatable.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { Control, Ticket } from '../../cloud/contract/contract.generated.ts';
import { readableKey } from '../../cloud/access.ts';
import { CloudError, DataError } from '../../cloud/errors.ts';
import { CONTROL } from '../../cloud/keys.ts';
import { WENT_ON } from '../../cloud/ledger/entries.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { FINALIZER, userOf } from '../../crds/objects.ts';
import type { Ledger } from '../accounts/ledger.ts';
import type { Trail } from '../accounts/trail.ts';
import type { Cache } from '../runtime/cache.ts';
import { failed, type Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { TRAINING_JOBS } from '../runtime/resources.ts';
import type { Action } from './actions.ts';
import { admit, type AdmissionOptions } from './admission.ts';
import type { Outcome, Verdict } from './confirm.ts';
import { datasetChange, tableBytesOf } from './dataset.ts';
import { collect } from './finishing.ts';
import { jobKey, leavingAttempt, placeOf, uidOf, type Places } from './job.ts';
import type { Answer, Ask, Batches } from './batches.ts';
import { clusterId, isClusterId, type ClusterRunner } from './cluster.ts';
import { chargeFor, chargeMonths } from './charging.ts';
import type { Observation } from './observation.ts';
import type { Planner } from './planner.ts';
import { attemptCost, type PriceSource } from './costs.ts';
import { type Checkpoint, keepCheckpoint, putTicket, renderTicket, signAgain, TICKET_URL_SECONDS } from './ticket.ts';
import type { Terminations } from './terminations.ts';

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
  ledger: Pick<Ledger, 'append'>;
  trail: Pick<Trail, 'tell'>;
  cluster: Pick<ClusterRunner, 'launch' | 'putTicket'>;
  batches: Pick<Batches, 'ask' | 'withdraw'>;
  terminations: Pick<Terminations, 'end'>;
  presign: Presign;
  observation: Pick<Observation, 'noteLaunched' | 'noteControl'>;
  planner: Planner;
  prices?: PriceSource;
  places: Places;
  metrics: Pick<Metrics, 'attemptEnded' | 'provisioned'>;
  admission: Omit<AdmissionOptions, 'select'>;
  clock: Clock;
  logger: Logger;
  logGroup: string;
  /** USD per hour of a worker's public address; 0: it has none. */
  addressPerHour: number;
  heartbeatSeconds: number;
  checkpointSeconds: number;
}

/** A refusal that time may mend is asked about again then. */
const WAIT_MS = 30_000;
/** A job in a batch is woken by the answer; should that be lost, it asks again. */
const ANSWER_MS = 5_000;

const CREATED = { kind: 'TrainingJob', what: 'Create' } as const;
const DELETED = { kind: 'TrainingJob', what: 'Delete', outcome: 'Allowed' } as const;

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
      case 'withdraw':
        return this.#withdraw(job, action.attempt);
      case 'putTicket':
        return this.#ticket(job, action);
      case 'refreshTicket':
        return this.#refresh(job, action);
      case 'control':
        return this.#control(action.instanceId, action.reason);
      case 'terminate':
        await this.#options.terminations.end(action.ids, action.reason);
        return {};
      case 'collect':
        return this.#collect(job, action);
      case 'end':
        return this.#end(job, action);
      case 'bill':
        return this.#bill(job, action.attempt);
      case 'deliver':
        return this.#deliver(job, action.attempt);
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
    const { trail, logger } = this.#options;
    await trail.tell(job, { ...DELETED, detail: job.status?.phase ?? '' }).catch((error: unknown) => {
      logger.warn({ err: error, job: jobKey(job) }, 'deletion not in the audit trail');
    });
    this.#options.admission.reservations.release(userOf(job.metadata?.namespace ?? '') ?? '', uidOf(job));
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
    // On the cluster nothing is asked of EC2, be it away or switched off.
    if (job.spec.placement !== 'Cluster') await planner.prepare();
    const verdict = await admit(job, {
      ...admission,
      select: (one, bytes) => planner.plan(one, bytes).selection,
    });
    if (verdict.is !== 'waiting') await this.#told(job, verdict);
    return { outcome: { of: 'admit', verdict }, ...(verdict.is === 'waiting' ? { pauseMs: WAIT_MS } : {}) };
  }

  /** Before anything is paid for; when the trail can't be written, nothing is. */
  #told(job: TrainingJob, verdict: Exclude<Verdict, { is: 'waiting' }>): Promise<void> {
    const { trail } = this.#options;
    return verdict.is === 'admitted'
      ? trail.tell(job, { ...CREATED, outcome: 'Allowed', detail: verdict.admission.message })
      : trail.tell(job, { ...CREATED, outcome: 'Refused', detail: `${verdict.reason}: ${verdict.message}` });
  }

  async #launch(job: TrainingJob, attempt: Attempt): Promise<Acted> {
    // While an earlier instance still runs, its end comes first; then the ticket's turn is to look.
    const changed = leavingAttempt(job.status) ? undefined : await this.#changed(job, attempt);
    if (changed) return { outcome: { of: 'refused', attempt, verdict: changed } };
    if (attempt.market === 'cluster') return this.#onCluster(job, attempt);
    await this.#options.planner.prepare();
    return this.#answered(attempt, this.#options.batches.ask(this.#ask(job, attempt)));
  }

  /** Before the first attempt admission looked. */
  async #changed(job: TrainingJob, attempt: Attempt): ReturnType<typeof datasetChange> {
    return attempt.number === 1 ? undefined : datasetChange(job, this.#options);
  }

  async #onCluster(job: TrainingJob, attempt: Attempt): Promise<Acted> {
    const { cluster, observation, clock, logGroup } = this.#options;
    const instance = await cluster.launch(job, attempt);
    observation.noteLaunched(instance, 'cluster', { jobUid: uidOf(job), batch: attempt.batch });
    return { outcome: { of: 'launch', attempt, instance, price: 0, launchedAt: clock.now(), logGroup } };
  }

  async #withdraw(job: TrainingJob, attempt: Attempt): Promise<Acted> {
    const { clock, logGroup } = this.#options;
    // A Job on the cluster has its name beforehand: whether it is there or not, its end deletes it.
    if (attempt.market === 'cluster') {
      const instance = { id: clusterId(uidOf(job), attempt.number), instanceType: 'cluster', zone: '' };
      return { outcome: { of: 'launch', attempt, instance, price: 0, launchedAt: clock.now(), logGroup } };
    }
    await this.#options.planner.prepare();
    return this.#answered(attempt, this.#options.batches.withdraw(this.#ask(job, attempt)));
  }

  #ask(job: TrainingJob, { number, batch, market }: Attempt): Ask {
    const at = market === 'on-demand' ? 'on-demand' : 'spot';
    const { offers } = this.#options.planner.selection(job, tableBytesOf(job.status), at);
    return { batch, uid: uidOf(job), attempt: number, market: at, offers };
  }

  #answered(attempt: Attempt, answer: Answer | undefined): Acted {
    const { planner, metrics, logGroup } = this.#options;
    if (!answer) return { pauseMs: ANSWER_MS };
    if (answer.got === 'nothing')
      return { outcome: { of: 'noLaunch', attempt, cause: answer.cause, message: answer.message } };
    const { instance, launchedAt } = answer;
    const price = planner.priceOf(attempt, instance.instanceType, instance.zone);
    metrics.provisioned(attempt.market, launchedAt - Date.parse(attempt.requestedAt));
    const { addressPerHour } = this.#options;
    return { outcome: { of: 'launch', attempt, instance, price, launchedAt, logGroup, addressPerHour } };
  }

  async #ticket(job: TrainingJob, { attempt, instanceId }: Extract<Action, { do: 'putTicket' }>): Promise<Acted> {
    const { bucket, places, cluster } = this.#options;
    const changed = await this.#changed(job, attempt);
    if (changed) return { outcome: { of: 'refused', attempt, verdict: changed } };
    const earlier = job.status?.attempts?.findLast((one) => one.number < attempt.number && one.instanceId);
    const checkpoint = await keepCheckpoint(bucket, places, uidOf(job), earlier?.instanceId);
    const ticket = await this.#render(job, attempt, instanceId, checkpoint);
    const resumedFromStep = checkpoint?.step;
    if (isClusterId(instanceId)) {
      await cluster.putTicket(job, instanceId, ticket);
      return { outcome: { of: 'ticket', attempt, resumedFromStep } };
    }
    if ((await putTicket(bucket, places, instanceId, ticket)) === 'mine')
      return { outcome: { of: 'ticket', attempt, resumedFromStep } };
    // Another job holds this instance: ours begins again, without touching it.
    return { outcome: { of: 'noLaunch', attempt, cause: 'none' } };
  }

  /** The worker may still be downloading when the addresses in its ticket end: the same ticket with new ones. */
  async #refresh(job: TrainingJob, { attempt, instanceId }: Extract<Action, { do: 'refreshTicket' }>): Promise<Acted> {
    const { bucket, places, cluster } = this.#options;
    const checkpoint = await keepCheckpoint(bucket, places, uidOf(job), undefined);
    const ticket = await this.#render(job, attempt, instanceId, checkpoint);
    if (isClusterId(instanceId)) await cluster.putTicket(job, instanceId, ticket);
    else await signAgain(bucket, places, instanceId, ticket);
    return { outcome: { of: 'ticketSigned', attempt } };
  }

  async #render(
    job: TrainingJob,
    attempt: Attempt,
    instanceId: string,
    checkpoint: Checkpoint | undefined,
  ): Promise<Ticket> {
    const { places, presign, clock, logGroup, heartbeatSeconds, checkpointSeconds } = this.#options;
    const dataset = readableKey(places, userOf(job.metadata?.namespace ?? '') ?? '', 'dataset', job.spec.dataset.uri);
    const resume = checkpoint && {
      url: await presign(checkpoint.key, TICKET_URL_SECONDS),
      step: checkpoint.step,
      ...(checkpoint.sha256 === undefined ? {} : { sha256: checkpoint.sha256 }),
    };
    return renderTicket({
      ...{ job, attempt, instanceId, logGroup, heartbeatSeconds, checkpointSeconds },
      datasetUrl: await presign(dataset, TICKET_URL_SECONDS),
      datasetName: dataset.slice(dataset.lastIndexOf('/') + 1),
      resume: resume ?? null,
      now: clock.now(),
    });
  }

  async #control(instanceId: string, reason: string): Promise<Acted> {
    const { bucket, places, observation } = this.#options;
    const control: Control = { generation: 1, desired: 'CheckpointAndStop', reason };
    await bucket.put(placeOf(places, instanceId) + CONTROL, JSON.stringify(control));
    observation.noteControl(instanceId);
    return {};
  }

  async #collect(job: TrainingJob, { attempt, instanceId }: Extract<Action, { do: 'collect' }>): Promise<Acted> {
    const { bucket, places } = this.#options;
    try {
      return { outcome: { of: 'collected', ...(await collect(bucket, places, job, instanceId)) } };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return this.#end(job, { do: 'end', attempt, reason: 'ResultCorrupt', cause: 'platform', message: error.message });
    }
  }

  async #end(job: TrainingJob, action: Extract<Action, { do: 'end' }>): Promise<Acted> {
    const { bucket, places, clock } = this.#options;
    const { do: _, downSince, ...end } = action;
    const { attempt } = action;
    if (!attempt.instanceId) return { outcome: { of: 'ended', ...end, endedAt: clock.now(), costUsd: 0 } };
    await this.#options.terminations.end([attempt.instanceId], action.reason);
    const checkpoint = WITHOUT_CHECKPOINT.has(action.cause)
      ? undefined
      : await keepCheckpoint(bucket, places, uidOf(job), attempt.instanceId).catch((error: unknown) => {
          // Without it the next attempt begins earlier; that is no reason not to end this one.
          if (!(error instanceof CloudError)) throw error;
          return undefined;
        });
    const charged = await this.#charge(job, attempt, action.reason, downSince ?? clock.now());
    this.#options.metrics.attemptEnded(action.reason, attempt.market);
    return { outcome: { of: 'ended', ...end, checkpoint, ...charged } };
  }

  /** When the ledger can't be written, the job goes on: its status keeps what is owed. */
  async #charge(
    job: TrainingJob,
    attempt: Attempt,
    outcome: string,
    end: number,
  ): Promise<{ endedAt: number; costUsd: number; unbilled?: true }> {
    const { ledger, prices } = this.#options;
    try {
      const { usd, at } = await chargeFor(ledger, { job, attempt, outcome, end, prices });
      return { endedAt: at, costUsd: usd };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      this.#options.logger.warn({ err: error, job: jobKey(job) }, 'ledger away; the entry is delivered later');
      return { endedAt: end, costUsd: attemptCost(attempt, end, prices), unbilled: true };
    }
  }

  async #bill(job: TrainingJob, attempt: Attempt): Promise<Acted> {
    const { ledger, prices, clock } = this.#options;
    const charge = { job, attempt, outcome: WENT_ON, end: clock.now(), prices };
    const { usd, at } = await chargeMonths(ledger, charge);
    return { outcome: { of: 'billed', attempt, usd, until: at } };
  }

  async #deliver(job: TrainingJob, attempt: Attempt): Promise<Acted> {
    const { ledger, prices } = this.#options;
    const { endedAt = '', endReason: outcome = '', costUsd } = attempt;
    const { usd } = await chargeFor(ledger, { job, attempt, outcome, end: Date.parse(endedAt), prices, usd: costUsd });
    return { outcome: { of: 'delivered', attempt, usd } };
  }
}

/** Ends after which nobody goes on from a checkpoint of this instance. */
const WITHOUT_CHECKPOINT: ReadonlySet<string> = new Set(['none', 'spare', 'deletion']);
