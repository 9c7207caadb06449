// Wires the operator: caches of the three kinds, a controller each, the look at the world, the collector, the interruption queue;
// health at once, everything that acts only while this process leads.
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { bucketOf, type Bucket } from '../cloud/bucket.ts';
import { LedgerBook } from '../cloud/ledger/book.ts';
import { compactAudit } from '../cloud/ledger/trail.ts';
import { createClients, type Clients } from '../cloud/clients.ts';
import { type Clock, systemClock } from '../cloud/clock.ts';
import { computeOf, type Compute } from '../cloud/compute.ts';
import type { OperatorConfiguration } from '../cloud/configuration/configuration.ts';
import { functionsOf, type Functions } from '../cloud/functions.ts';
import { logEvents, type LogEvents } from '../cloud/logs.ts';
import { noticeQueue, type NoticeQueue } from '../cloud/notices.ts';
import { presignGet, presignPart, presignPut } from '../cloud/presign.ts';
import { isTrue } from '../crds/conditions.ts';
import type { Account, PredictionJob, TrainingJob } from '../crds/crds.generated.ts';
import { accountName, isMoved, MOVED_TO, userOf } from '../crds/objects.ts';
import { Departure } from './accounts/departure.ts';
import { Ledger } from './accounts/ledger.ts';
import { overheadOf, shareOf, type Span } from './accounts/overhead.ts';
import { AccountReconciler } from './accounts/reconciler.ts';
import { Reservations } from './accounts/reservations.ts';
import { Seals } from './accounts/seals.ts';
import { Stock } from './accounts/stock.ts';
import { Checks } from './checks.ts';
import { Collector } from './collection/collector.ts';
import { listTrainings } from './collection/listing.ts';
import { InterruptionConsumer } from './interruption/consumer.ts';
import { StatusChecks } from './interruption/status-checks.ts';
import { follow } from './kinds.ts';
import { ClusterInvoker } from './prediction/cluster.ts';
import { predictionLive } from './prediction/exposure.ts';
import { LambdaInvoker } from './prediction/function.ts';
import { PredictionReconciler } from './prediction/reconciler.ts';
import { FINAL_PHASES as FINAL_PREDICTIONS } from './prediction/transitions.ts';
import type { Connection } from './runtime/connection.ts';
import { Controller } from './runtime/controller.ts';
import { EventRecorder } from './runtime/events.ts';
import { startHealth } from './runtime/health.ts';
import { kubernetes as kubernetesClient, type Kubernetes } from './runtime/kubernetes.ts';
import { Leader, OPERATOR_LEASE } from './runtime/leader.ts';
import type { Logger } from './runtime/logging.ts';
import { createMetrics } from './runtime/metrics.ts';
import { ACCOUNTS, PREDICTION_JOBS, TRAINING_JOBS } from './runtime/resources.ts';
import { isFinal, type Places } from './training/job.ts';
import { TRAINING_INDEXES, trainingOf } from './training/training.ts';

export interface OperatorOptions {
  configuration: OperatorConfiguration;
  connection: Connection;
  logger: Logger;
  clock?: Clock;
  /** The real ones by default. */
  aws?: Partial<Aws>;
  kubernetes?: Kubernetes;
  identity?: string;
}

interface Aws {
  bucket: Bucket;
  compute: Compute;
  logs: LogEvents;
  functions: Functions;
  notices: NoticeQueue;
  presignGet: (key: string, seconds: number) => Promise<string>;
  presignPut: (key: string, seconds: number) => Promise<string>;
  presignPart: (key: string, part: { uploadId: string; number: number }, seconds: number) => Promise<string>;
}

export interface Operator {
  /** Of health and metrics. */
  readonly url: string;
  /** Resolves when this process leads and acts. */
  readonly leading: Promise<void>;
  /** Resolves when leadership was lost: end the process. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

const MOST_NEWS = 100_000;
/** So many jobs may wait for one merged call at the same time (runtime/window.ts). */
const TRAINING_WORKERS = 512;

/** Resolves when health is served and the caches are filled. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { configuration: settings, logger } = options;
  const clock = options.clock ?? systemClock();
  const clients = createClients(settings.region, { lambdaTimeoutMs: (settings.functionTimeoutSeconds + 30) * 1000 });
  const aws = realAws(settings, clients, clock, options.aws);
  const kubernetes = options.kubernetes ?? kubernetesClient(options.connection);
  const metrics = createMetrics();
  const events = new EventRecorder(kubernetes, clock, logger);
  const places: Places = settings;

  const asked = new News<string>();
  const generations = new News<number>();
  const accounts = follow<Account>(kubernetes, ACCOUNTS, clock, logger, (key, account) => {
    // Its own figures, which move all the time, are no news to it: it looks again when it is due, or when a job has some.
    if (asked.isNew(key, askedOf(account))) accountController.queue.add(key);
    wakeJobsOf(account.spec.userId, generations.isNew(key, account.metadata?.generation ?? 0));
  });
  const trainings = follow<TrainingJob>(
    kubernetes,
    TRAINING_JOBS,
    clock,
    logger,
    (key, job, gone) => {
      if (gone && acting && !isMoved(job)) training.gone(job);
      trainingChanged(key, job);
    },
    { ...TRAINING_INDEXES, user: (job) => [userOf(job.metadata?.namespace ?? '') ?? ''] },
  );
  const predictions = follow<PredictionJob>(
    kubernetes,
    PREDICTION_JOBS,
    clock,
    logger,
    (key, job, gone) => {
      if (gone && acting && !isMoved(job)) predictionReconciler.gone(job);
      predictionController.queue.add(key);
      wakeAccountOf(job.metadata?.namespace);
    },
    {
      user: (job) => [userOf(job.metadata?.namespace ?? '') ?? ''],
      model: (job) => [`${job.metadata?.namespace}/${job.spec.modelRef}`],
    },
  );

  const book = new LedgerBook(aws.bucket);
  const ledger = new Ledger(book, clock);
  const reservations = new Reservations({
    ...{ kubernetes, ledger, clock },
    cache: accounts.cache,
    writer: accounts.writer,
    live: function* (userId) {
      for (const job of trainings.cache.by('user', userId)) yield training.live(job);
      for (const job of predictions.cache.by('user', userId)) yield predictionLive(job);
    },
  });
  const monthLeftUsd = (account: Account) => reservations.leftUsd(account);
  const prefixes = settings;
  const spansNow = () => [...spans(trainings.cache.values(), predictions.cache.values())];
  // At its end the job itself is among those still at work.
  const shareUsd = (span: Span) => shareOf(settings.standingUsdPerDay, span, spansNow(), clock.now());
  const accountReconciler = new AccountReconciler({
    kubernetes,
    cache: accounts.cache,
    writer: accounts.writer,
    events,
    reservations,
    ledger,
    stock: new Stock({ bucket: aws.bucket, prefixes, clock }),
    seals: new Seals({
      ...{ book, events, clock, logger },
      audit: (period, now) => compactAudit(aws.bucket, period, now, { keep: true }),
    }),
    departure: new Departure({
      ...{ kubernetes, bucket: aws.bucket, prefixes, events, clock },
      cache: accounts.cache,
      jobs: (userId) => [
        ...trainings.cache.by('user', userId).map((job) => ({ resource: TRAINING_JOBS, job })),
        ...predictions.cache.by('user', userId).map((job) => ({ resource: PREDICTION_JOBS, job })),
      ],
    }),
    share: () => overheadOf(settings.standingUsdPerDay, spansNow(), clock.now()),
    installation: settings.installation,
    workerRoleArn: settings.workerRoleArn,
    clock,
  });

  const training = trainingOf({
    ...{ settings, kubernetes, events, reservations, ledger, monthLeftUsd, shareUsd, metrics, clock, logger },
    ...{ bucket: aws.bucket, compute: aws.compute, logs: aws.logs, presign: aws.presignGet },
    cache: trainings.cache,
    writer: trainings.writer,
    accounts: accounts.cache,
    enqueue: (key) => trainingController.queue.add(key),
  });
  const { observation } = training;
  const predictionReconciler = new PredictionReconciler({
    kubernetes,
    cache: predictions.cache,
    trainings: trainings.cache,
    accounts: accounts.cache,
    writer: predictions.writer,
    events,
    reservations,
    ledger,
    monthLeftUsd,
    shareUsd,
    bucket: aws.bucket,
    invokers: {
      Lambda: new LambdaInvoker({ ...settings, functions: aws.functions, bucket: aws.bucket, clock }),
      Cluster: new ClusterInvoker({
        ...{ kubernetes, bucket: aws.bucket, clock, logger },
        image: settings.predictionContainerImage,
        installation: settings.installation,
        memoryMib: settings.functionMemoryMib,
      }),
    },
    presignGet: aws.presignGet,
    presignPut: aws.presignPut,
    presignPart: aws.presignPart,
    enqueue: (key) => predictionController.queue.add(key),
    places,
    functionName: settings.functionName,
    functionMemoryMib: settings.functionMemoryMib,
    maxPredictionCostUsd: settings.maxPredictionCostUsd,
    splitRows: settings.splitRows,
    kms: settings.kmsKeyId !== undefined,
    metrics: metrics.prediction,
    cloudEnabled: settings.cloudEnabled,
    clock,
    logger,
  });

  const controller = (
    name: string,
    workers: number,
    reconcile: ConstructorParameters<typeof Controller>[0]['reconcile'],
  ) => new Controller({ name, clock, logger, metrics: metrics.controller(name), reconcile, workers });
  const accountController = controller('account', 2, (key) => accountReconciler.reconcile(key));
  const trainingController = controller('trainingjob', TRAINING_WORKERS, (key, signal) =>
    training.reconciler.reconcile(key, signal),
  );
  const predictionController = controller('predictionjob', 8, (key) => predictionReconciler.reconcile(key));
  metrics.jobs('TrainingJob', () => phases(trainings.cache.values()));
  metrics.jobs('PredictionJob', () => phases(predictions.cache.values()));

  const money = new News<string>();
  function trainingChanged(key: string, job: TrainingJob): void {
    trainingController.queue.add(key);
    // A heartbeat moves no money of the account; what is held back and what has ended does.
    if (money.isNew(key, moneyOf(job))) wakeAccountOf(job.metadata?.namespace);
    for (const waiting of predictions.cache.by('model', key)) predictionController.queue.add(keyOfJob(waiting));
  }
  function wakeAccountOf(namespace = ''): void {
    const userId = userOf(namespace);
    if (userId !== undefined) accountController.queue.add(accountName(userId));
  }
  /** All of them when the account's spec changed; else those that wait to be accepted. */
  function wakeJobsOf(userId: string, every: boolean): void {
    for (const job of trainings.cache.by('user', userId))
      if (!isFinal(job) && (every || !isTrue(job.status?.conditions, 'Accepted')))
        trainingController.queue.add(keyOfJob(job));
    for (const job of predictions.cache.by('user', userId))
      if (!FINAL_PREDICTIONS.has(job.status?.phase ?? '')) predictionController.queue.add(keyOfJob(job));
  }

  const collector = new Collector({
    ...{ observation, events, clock, logger },
    compute: aws.compute,
    bucket: aws.bucket,
    folders: settings,
    jobs: () => trainings.cache.values(),
    predictions: () => predictions.cache.values(),
    listJobs: () => listTrainings(kubernetes),
    self: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: OPERATOR_LEASE, namespace: settings.operatorNamespace },
    },
    synced: () => synced,
    claimed: (id) => training.batches.claimed(id),
    onCollected: (what, count) => {
      metrics.collected(what, count);
      if (what === 'instance') metrics.terminated('Orphan', count);
    },
  });
  const statusChecks = new StatusChecks({
    ...{ compute: aws.compute, observation, clock, logger },
    onTrouble: (what) => metrics.impaired(what),
  });
  const consumer = settings.interruptionQueueUrl
    ? new InterruptionConsumer({
        queue: aws.notices,
        observation,
        clock,
        logger,
        onMessage: (kind) => metrics.interrupted(kind),
        settled: async (ids) => {
          const keys = ids.flatMap((id) => trainings.cache.by('instance', id)).map(keyOfJob);
          await Promise.all(keys.map((key) => trainingController.queue.settled(key)));
        },
        onHandled: (kind, ms) => metrics.noticed(kind, ms),
      })
    : undefined;
  const checks = new Checks({
    configuration: settings,
    bucket: aws.bucket,
    compute: aws.compute,
    functions: aws.functions,
    clock,
    logger,
    metrics,
  });

  let synced = false;
  let acting = false;
  let lose = () => {};
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const leader = settings.leaderElection
    ? new Leader({
        kubernetes,
        namespace: settings.operatorNamespace,
        name: OPERATOR_LEASE,
        identity: options.identity ?? `${hostname()}_${randomUUID()}`,
        clock,
        logger,
        onLost: () => void stopActing().then(lose),
      })
    : undefined;

  const health = await startHealth({
    host: settings.listenHost,
    port: settings.operatorPort,
    alive: () => true,
    needed: () => ({ caches: { ok: synced } }),
    reported: () => ({ ...checks.found(), leader: { ok: acting } }),
    metrics,
  });
  const reflectors = [accounts.reflector, trainings.reflector, predictions.reflector];
  for (const reflector of reflectors) reflector.start();
  checks.start();

  const closing = new AbortController();
  const close = once(async () => {
    closing.abort();
    await stopActing();
    await leader?.release();
    await Promise.all([...reflectors.map((reflector) => reflector.stop()), checks.stop()]);
    await Promise.all([health.close(), events.drained()]);
    kubernetes.close();
    clients.close();
  });

  async function stopActing(): Promise<void> {
    if (!acting) return;
    acting = false;
    metrics.leader(false);
    predictionReconciler.stop();
    await Promise.all([
      ...[accountController, trainingController, predictionController].map((one) => one.stop()),
      training.stop(),
      collector.stop(),
      consumer?.stop(),
      statusChecks.stop(),
    ]);
  }

  function act(): void {
    acting = true;
    metrics.leader(true);
    for (const one of [accountController, trainingController, predictionController]) one.start();
    training.start();
    collector.start();
    consumer?.start();
    statusChecks.start();
    logger.info({}, 'operator acts');
  }

  const filled = Promise.all(reflectors.map((reflector) => reflector.synced));
  const stopped = new Promise<void>((resolve) =>
    closing.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  const leading = (async () => {
    await Promise.race([filled, stopped]);
    synced = !closing.signal.aborted;
    if (!synced || (leader && !(await leader.acquire()))) return;
    if (!closing.signal.aborted) act();
  })();
  await Promise.race([filled, stopped]);
  return { url: health.url, leading, lost, close };
}

function realAws(settings: OperatorConfiguration, clients: Clients, clock: Clock, given: Partial<Aws> = {}): Aws {
  return {
    bucket: given.bucket ?? bucketOf(clients, settings.bucket),
    compute: given.compute ?? computeOf(clients, settings.installation, () => clock.now()),
    logs: given.logs ?? logEvents(clients),
    functions: given.functions ?? functionsOf(clients),
    notices: given.notices ?? noticeQueue(clients, settings.interruptionQueueUrl ?? ''),
    presignGet: given.presignGet ?? ((key, seconds) => presignGet(clients, settings.bucket, key, seconds)),
    presignPut: given.presignPut ?? ((key, seconds) => presignPut(clients, settings.bucket, key, seconds)),
    presignPart:
      given.presignPart ?? ((key, part, seconds) => presignPart(clients, settings.bucket, key, part, seconds)),
  };
}

/** When jobs were at work. */
function* spans(trainings: Iterable<TrainingJob>, predictions: Iterable<PredictionJob>): Iterable<Span> {
  for (const jobs of [trainings, predictions])
    for (const { status } of jobs) {
      const from = Date.parse(status?.startTime ?? '');
      const to = Date.parse(status?.completionTime ?? '');
      if (Number.isFinite(from)) yield { from, to: Number.isFinite(to) ? to : undefined };
    }
}

function phases(jobs: Iterable<{ status?: { phase?: string } }>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of jobs)
    counts.set(status?.phase ?? 'Pending', (counts.get(status?.phase ?? 'Pending') ?? 0) + 1);
  return counts;
}

/** What of a job the account's figures depend on. */
const moneyOf = ({ metadata, status }: TrainingJob): string =>
  [
    metadata?.deletionTimestamp,
    status?.phase,
    status?.cost?.reservedUsd,
    status?.attempts?.findLast(({ endedAt }) => endedAt !== undefined)?.number,
  ].join('/');

/** What of an account others change. */
const askedOf = ({ metadata }: Account): string =>
  [metadata?.uid, metadata?.generation, metadata?.deletionTimestamp, metadata?.annotations?.[MOVED_TO]].join('/');

/** Remembers one value of each key, and tells when it is another. */
class News<V> {
  readonly #known = new Map<string, V>();

  isNew(key: string, value: V): boolean {
    if (this.#known.get(key) === value) return false;
    if (this.#known.size > MOST_NEWS) this.#known.clear();
    this.#known.set(key, value);
    return true;
  }
}

const keyOfJob = (job: { metadata?: { namespace?: string; name?: string } }): string =>
  `${job.metadata?.namespace}/${job.metadata?.name}`;

function once<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= run());
}
