// Puts the parts of training together: prices and pools, the planner, batches and terminations, the look at the world, the actor and the
// reconciler. start.ts gives the borders and owns when things start and stop.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { Compute, Instance } from '../../cloud/compute.ts';
import type { OperatorConfiguration } from '../../cloud/configuration/configuration.ts';
import type { LogEvents } from '../../cloud/logs.ts';
import { INSTANCE_TYPES, PRICES } from '../../cloud/prices.ts';
import type { Account, TrainingJob } from '../../crds/crds.generated.ts';
import type { Live } from '../accounts/exposure.ts';
import type { Ledger } from '../accounts/ledger.ts';
import type { Span } from '../accounts/overhead.ts';
import type { Reservations } from '../accounts/reservations.ts';
import { LEDGER_RETRY_MS } from '../accounts/ledger.ts';
import { Trail } from '../accounts/trail.ts';
import type { Cache } from '../runtime/cache.ts';
import { Errands } from '../runtime/errands.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { StatusWriter } from '../runtime/status.ts';
import { Actor, type Presign } from './act.ts';
import { Batches } from './batches.ts';
import { trainingLive } from './exposure.ts';
import { ClusterRunner } from './cluster.ts';
import { isFinal, jobKey, leavingAttempt, openAttempts, uidOf, type Places } from './job.ts';
import { History } from './history.ts';
import { LogFollow } from './log-follow.ts';
import { Observation, STEADY_MS } from './observation.ts';
import { Planner } from './planner.ts';
import { Pools } from './pools.ts';
import { PriceBook } from './price-book.ts';
import { TrainingReconciler } from './reconciler.ts';
import { isDown } from './seen.ts';
import { Tagger } from './tagging.ts';
import { Terminations } from './terminations.ts';
import { leftSomething, settle } from './vanished.ts';

/** How the cache of TrainingJobs must be indexed. */
export const TRAINING_INDEXES = {
  uid: (job: TrainingJob) => [uidOf(job)],
  namespace: (job: TrainingJob) => [job.metadata?.namespace ?? ''],
  /** Instances that attempts under way are on. */
  instance: (job: TrainingJob) => openAttempts(job.status).flatMap(({ instanceId }) => instanceId ?? []),
  /** Fleet calls that attempts wait for. */
  batch: (job: TrainingJob) =>
    openAttempts(job.status).flatMap(({ instanceId, batch }) => (instanceId === undefined ? [batch] : [])),
};

/** Without the interruption queue nobody tells when an instance goes: EC2 is asked more often. */
const STEADY_WITHOUT_QUEUE_MS = 10_000;

export interface TrainingWiring {
  settings: OperatorConfiguration;
  kubernetes: Kubernetes;
  cache: Cache<TrainingJob>;
  writer: StatusWriter<TrainingJob>;
  accounts: Cache<Account>;
  events: EventRecorder;
  reservations: Reservations;
  ledger: Ledger;
  monthLeftUsd: (account: Account) => number | undefined;
  /** A job's share of the installation's standing costs, USD. */
  shareUsd: (span: Span) => number;
  bucket: Bucket;
  compute: Compute;
  logs: LogEvents;
  presign: Presign;
  metrics: Metrics;
  clock: Clock;
  logger: Logger;
  /** Puts a job into the queue. */
  enqueue: (key: string) => void;
}

export interface Training {
  readonly reconciler: TrainingReconciler;
  readonly observation: Observation;
  readonly batches: Batches;
  /** Its money until now. */
  live(job: TrainingJob): Live;
  /** Of a job that is gone, as it was last. */
  gone(job: TrainingJob): void;
  start(): void;
  stop(): Promise<void>;
}

export function trainingOf(wiring: TrainingWiring): Training {
  const { settings, kubernetes, cache, bucket, compute, metrics, clock, logger, enqueue } = wiring;
  const { installation, logGroup, launchTemplateId, workerRoleId } = settings;
  const places: Places = settings;
  const now = () => clock.now();
  const owner = (id: string): TrainingJob | undefined => cache.by('instance', id)[0];
  const wake = (uid: string) => cache.by('uid', uid).forEach((job) => enqueue(jobKey(job)));

  const pools = new Pools(now);
  const prices = new PriceBook({
    compute,
    types: () => INSTANCE_TYPES.map(({ name }) => name),
    needSince: () => oldestLaunch(cache.values()),
    now,
    logger,
  });
  const addressPerHour = settings.publicAddresses ? PRICES.publicAddress : 0;
  const history = new History(() => cache.values(), now);
  const planner = new Planner({
    ...{ compute, prices, pools, now, logger },
    subnetIds: settings.subnetIds,
    defaultInstanceType: settings.defaultInstanceType,
    spotMaxPriceUsd: settings.spotMaxPriceUsd,
    imageArm64: settings.imageArm64Id,
  });
  const cluster = new ClusterRunner({
    ...{ kubernetes, clock, logger, installation, workerRoleId, logGroup },
    image: settings.workerContainerImage,
    bucket: settings.bucket,
    region: settings.region,
  });
  const tagger = new Tagger({ compute, clock, logger, owner });
  const tagUntagged = (instances: readonly Instance[]) => {
    for (const instance of instances)
      if (instance.jobUid === undefined && instance.market !== 'cluster' && !isDown(instance) && owner(instance.id))
        tagger.add(instance.id);
  };
  const observation: Observation = new Observation({
    ...{ compute, cluster, bucket, workerRoleId, clock, logger },
    logs: new LogFollow({ logs: wiring.logs, group: logGroup, clock, logger }),
    intervalMs: settings.observeSeconds * 1000,
    steadyMs: settings.interruptionQueueUrl ? STEADY_MS : STEADY_WITHOUT_QUEUE_MS,
    onChange: ({ id, jobUid }) => {
      for (const job of cache.by('instance', id)) enqueue(jobKey(job));
      if (jobUid !== undefined) wake(jobUid);
    },
    onNotice: ({ market, instanceType, zone }, kind) => {
      if (market === 'spot' && kind !== 'state-change') pools.warn(market, instanceType, zone);
    },
    onTick: (part, ok, ms) => metrics.ticked(part, ok, ms),
    onLook: (instances) => {
      tagUntagged(instances);
      // What runs is paid for by the price of the moment, also while nothing is launched.
      if (instances.some((instance) => !isDown(instance))) void prices.refresh();
    },
    busy: () => [...cache.values()].some((job) => !isFinal(job)),
    expecting: () => [...cache.values()].some(waitsForEc2),
  });
  const terminations = new Terminations({
    ...{ compute, cluster, observation, clock },
    onTerminated: (reason, count) => metrics.terminated(reason, count),
    onSent: (count) => metrics.batched('terminate', count),
  });
  const batches = new Batches({
    ...{ compute, bucket, places, pools, installation, launchTemplateId, clock, logger },
    job: (uid) => cache.by('uid', uid)[0],
    waiting: (batch) => cache.by('batch', batch),
    held: (id) => owner(id) !== undefined,
    onInstance: (instance, market, tags) => {
      observation.noteLaunched(instance, market, tags);
    },
    onAnswer: wake,
    onFleet: (market, launched, refused) => {
      metrics.batched('fleet', launched + refused);
      if (launched > 0) metrics.launched(market, 'launched', launched);
      if (refused > 0) metrics.launched(market, 'capacity', refused);
    },
    surplus: (ids) => terminations.end(ids, 'Surplus'),
  });
  const actor = new Actor({
    ...{
      kubernetes,
      cache,
      bucket,
      cluster,
      batches,
      terminations,
      observation,
      planner,
      prices,
      places,
      metrics,
      clock,
      logger,
    },
    presign: wiring.presign,
    ledger: wiring.ledger,
    trail: new Trail(bucket, clock, (job) => cache.makerOf(`${job.metadata?.namespace}/${job.metadata?.name}`)),
    admission: {
      ...{ bucket, places, now },
      account: (name) => wiring.accounts.get(name),
      siblings: (job) => cache.by('namespace', job.metadata?.namespace ?? ''),
      reservations: wiring.reservations,
      past: () => history.past,
      addressPerHour,
      series: (type, zone) => prices.series(type, zone),
      maxTrainingCostUsd: settings.maxTrainingCostUsd,
      cloudEnabled: settings.cloudEnabled,
      clusterUnavailable: cluster.unavailable,
    },
    logGroup,
    addressPerHour,
    heartbeatSeconds: settings.heartbeatSeconds,
    checkpointSeconds: settings.checkpointSeconds,
  });
  const reconciler = new TrainingReconciler({
    ...{ cache, observation, planner, batches, prices, actor, clock, logger, logGroup },
    accounts: wiring.accounts,
    ledger: wiring.ledger,
    monthLeftUsd: wiring.monthLeftUsd,
    shareUsd: wiring.shareUsd,
    writer: wiring.writer,
    events: wiring.events,
    maxTrainingCostUsd: settings.maxTrainingCostUsd,
    checkpointSeconds: settings.checkpointSeconds,
    observeSeconds: settings.observeSeconds,
  });
  const errands = new Errands({ clock, logger, againMs: LEDGER_RETRY_MS });
  return {
    ...{ reconciler, observation, batches },
    gone: (job) => {
      const goneAt = now();
      if (leftSomething(job)) errands.run(`vanished ${jobKey(job)}`, () => settle(actor, job, goneAt));
    },
    live: (job) => trainingLive(job, now(), prices),
    start: () => observation.start(),
    stop: async () => {
      errands.stop();
      await Promise.all([observation.stop(), batches.stop(), tagger.stop()]);
    },
  };
}

/** Launch of the oldest attempt that still costs money, milliseconds. */
function oldestLaunch(jobs: Iterable<TrainingJob>): number | undefined {
  let oldest: number | undefined;
  for (const job of jobs)
    for (const { launchedAt } of openAttempts(job.status)) {
      const at = Date.parse(launchedAt ?? '');
      if (Number.isFinite(at) && (oldest === undefined || at < oldest)) oldest = at;
    }
  return oldest;
}

/** A deletion waits for the end of its instances, a replacement for the end of the one before. */
const waitsForEc2 = (job: TrainingJob): boolean =>
  job.metadata?.deletionTimestamp !== undefined || leavingAttempt(job.status) !== undefined;
