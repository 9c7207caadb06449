// Prometheus metrics, named after controller-runtime's, so that its dashboards fit; ours begin with `spotlearn_`.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface ControllerMetrics {
  reconciled(result: 'success' | 'requeue_after' | 'error' | 'terminal_error', ms: number): void;
  waited(ms: number): void;
  depth(read: () => number): void;
}

export interface PredictionMetrics {
  /** An invocation ended: what came of it. */
  chunk(outcome: 'done' | 'failed' | 'throttled' | 'exhausted' | 'lost' | 'abandoned', seconds: number): void;
  /** Rows of a result. */
  predicted(rows: number): void;
  /** Invocations in flight, and how many may be. */
  concurrency(read: () => { inFlight: number; limit: number }): void;
}

export interface Metrics {
  readonly prediction: PredictionMetrics;
  /** The page of /metrics. */
  text(): Promise<string>;
  readonly contentType: string;
  controller(name: string): ControllerMetrics;
  launched(market: string, outcome: 'launched' | 'capacity' | 'error', count?: number): void;
  terminated(reason: string, count?: number): void;
  /** Jobs that shared a fleet call, instances that shared a termination. */
  batched(batcher: 'fleet' | 'terminate', size: number): void;
  /** An attempt is over. */
  attemptEnded(reason: string, market: string): void;
  /** From writing an attempt down to its instance. */
  provisioned(market: string, ms: number): void;
  interrupted(kind: string): void;
  /** From EC2's notice to its handing on. */
  noticed(kind: string, ms: number): void;
  /** EC2's word for what is wrong with one of our instances. */
  impaired(what: string): void;
  collected(kind: string, count: number): void;
  ticked(part: string, ok: boolean, ms: number): void;
  leader(is: boolean): void;
  up(part: string, is: boolean): void;
  jobs(kind: string, read: () => Map<string, number>): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createMetrics(): Metrics {
  const registers = [new Registry()];
  const registry = registers[0] as Registry;
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by controller and result.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Length of a reconcile.',
    labelNames: ['controller'],
    buckets: SECONDS,
    registers,
  });
  const waiting = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long a key waits in the queue.',
    labelNames: ['name'],
    buckets: SECONDS,
    registers,
  });
  const launches = new Counter({
    name: 'spotlearn_instances_launched_total',
    help: 'Launches by market and outcome.',
    labelNames: ['market', 'outcome'],
    registers,
  });
  const terminations = new Counter({
    name: 'spotlearn_instances_terminated_total',
    help: 'Terminations by reason.',
    labelNames: ['reason'],
    registers,
  });
  const batches = new Histogram({
    name: 'spotlearn_cloudprovider_batcher_batch_size',
    help: 'Jobs in one fleet call, instances in one termination.',
    labelNames: ['batcher'],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  });
  const attempts = new Counter({
    name: 'spotlearn_attempts_ended_total',
    help: 'Ended attempts by reason and market.',
    labelNames: ['reason', 'market'],
    registers,
  });
  const launchTime = new Histogram({
    name: 'spotlearn_attempts_launch_duration_seconds',
    help: 'From writing an attempt down to its instance.',
    labelNames: ['market'],
    buckets: SECONDS,
    registers,
  });
  const interruptions = new Counter({
    name: 'spotlearn_interruption_messages_total',
    help: 'Messages from the interruption queue by kind.',
    labelNames: ['kind'],
    registers,
  });
  const notices = new Histogram({
    name: 'spotlearn_interruption_message_queue_duration_seconds',
    help: 'Time from a notice of EC2 to its handling.',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers,
  });
  const impairments = new Counter({
    name: 'spotlearn_instance_impairments_total',
    help: 'Scheduled events and failing status checks of own instances.',
    labelNames: ['what'],
    registers,
  });
  const collections = new Counter({
    name: 'spotlearn_collected_total',
    help: 'Orphans removed by kind.',
    labelNames: ['kind'],
    registers,
  });
  const ticks = new Histogram({
    name: 'spotlearn_observation_seconds',
    help: 'Length of one look at instances or heartbeats.',
    labelNames: ['part', 'ok'],
    buckets: SECONDS,
    registers,
  });
  const chunks = new Counter({
    name: 'spotlearn_prediction_chunks_total',
    help: 'Invocations of the prediction handler by outcome; throttled ones were not begun.',
    labelNames: ['outcome'],
    registers,
  });
  const chunkSeconds = new Histogram({
    name: 'spotlearn_prediction_chunk_duration_seconds',
    help: 'From an invocation to what came of it.',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers,
  });
  const rows = new Counter({ name: 'spotlearn_prediction_rows_total', help: 'Rows of results.', registers });
  let concurrency = () => ({ inFlight: 0, limit: 0 });
  new Gauge({
    name: 'spotlearn_prediction_concurrency',
    help: 'Invocations in flight, and how many may be (AIMD).',
    labelNames: ['what'],
    registers,
    collect() {
      const { inFlight, limit } = concurrency();
      this.set({ what: 'in_flight' }, inFlight);
      this.set({ what: 'limit' }, limit);
    },
  });
  const leading = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this process leads.',
    labelNames: ['name'],
    registers,
  });
  const health = new Gauge({
    name: 'spotlearn_dependency_up',
    help: '1 while a dependency answers as it should.',
    labelNames: ['dependency'],
    registers,
  });
  const depths = new Map<string, () => number>();
  new Gauge({
    name: 'workqueue_depth',
    help: 'Keys waiting.',
    labelNames: ['name'],
    registers,
    collect() {
      for (const [name, read] of depths) this.set({ name }, read());
    },
  });
  const kinds = new Map<string, () => Map<string, number>>();
  new Gauge({
    name: 'spotlearn_jobs',
    help: 'Objects by kind and phase.',
    labelNames: ['kind', 'phase'],
    registers,
    collect() {
      this.reset();
      for (const [kind, read] of kinds) for (const [phase, count] of read()) this.set({ kind, phase }, count);
    },
  });
  return {
    prediction: {
      chunk: (outcome, seconds) => {
        chunks.inc({ outcome });
        chunkSeconds.observe({ outcome }, Math.max(0, seconds));
      },
      predicted: (count) => rows.inc(count),
      concurrency: (read) => void (concurrency = read),
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    controller: (name) => ({
      reconciled: (result, ms) => {
        total.inc({ controller: name, result });
        time.observe({ controller: name }, ms / 1000);
      },
      waited: (ms) => waiting.observe({ name }, ms / 1000),
      depth: (read) => void depths.set(name, read),
    }),
    launched: (market, outcome, count = 1) => launches.inc({ market, outcome }, count),
    terminated: (reason, count = 1) => terminations.inc({ reason }, count),
    batched: (batcher, size) => batches.observe({ batcher }, size),
    attemptEnded: (reason, market) => attempts.inc({ reason, market }),
    provisioned: (market, ms) => launchTime.observe({ market }, Math.max(0, ms) / 1000),
    interrupted: (kind) => interruptions.inc({ kind }),
    noticed: (kind, ms) => notices.observe({ kind }, ms / 1000),
    impaired: (what) => impairments.inc({ what }),
    collected: (kind, count) => collections.inc({ kind }, count),
    ticked: (part, ok, ms) => ticks.observe({ part, ok: String(ok) }, ms / 1000),
    leader: (is) => leading.set({ name: 'spotlearn-operator' }, is ? 1 : 0),
    up: (part, is) => health.set({ dependency: part }, is ? 1 : 0),
    jobs: (kind, read) => void kinds.set(kind, read),
  };
}
