// A whole installation in virtual time: API server, EC2, S3 and SQS in memory, workers on its machines, and operators that come and
// go on it. Hours of a thousand jobs take seconds; one seed gives the same story again.
import { readConfiguration, type OperatorConfiguration } from '../../../cloud/configuration/configuration.ts';
import type { Clock } from '../../../cloud/clock.ts';
import { timestamp } from '../../../crds/conditions.ts';
import type { Account, Attempt, TrainingJob } from '../../../crds/crds.generated.ts';
import { accountName, API_VERSION, namespaceOf } from '../../../crds/objects.ts';
import type { Kubernetes } from '../../../operator/runtime/kubernetes.ts';
import type { Logger } from '../../../operator/runtime/logging.ts';
import { ACCOUNTS, NAMESPACES, TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { startOperator, type Operator } from '../../../operator/start.ts';
import { FakeFunctions } from '../aws.ts';
import { ManualClock, turned } from '../clock.ts';
import type { Doom } from '../doom.ts';
import { ROLE_ID } from '../worker.ts';
import { SimulatedBucket } from './bucket.ts';
import { SimulatedCompute } from './compute.ts';
import { Fleet } from './fleet.ts';
import { MemoryKubernetes } from './kubernetes.ts';
import { SimulatedLogs } from './logs.ts';
import { SimulatedNotices } from './notices.ts';
import { Random } from './random.ts';
import { Weather } from './weather.ts';

export const CSV = 'age,sum,class\n30,1,good\n40,2,bad\n50,3,good\n';
const USER = '7';
const BUCKET_WRITES = ['put', 'copy', 'delete', 'deleteMany', 'createUpload', 'completeUpload', 'abortUpload'];
const KUBERNETES_WRITES = ['create', 'replace', 'mergePatch', 'delete'];
/** Real milliseconds given to the few things that are real I/O (the health port) before virtual time helps. */
const PATIENCE_MS = 20;
/** … to what is started in the middle of a story: on a busy machine a port takes longer to open than hours of virtual time. */
const START_PATIENCE_MS = 500;
const MOST_TRIES = 100_000;

export interface SimulationOptions {
  seed?: number;
  configuration?: Partial<OperatorConfiguration>;
  bootSeconds?: readonly [number, number];
  appearsWithinMs?: number;
}

export interface Operated {
  doom?: Doom;
  leaderElection?: boolean;
  /** Milliseconds that this process's wall clock is wrong by, now. */
  skewMs?: () => number;
  /** Started again when it has lost its leadership and ended, as a Deployment does. */
  restarts?: boolean;
}

/** What the API server's history told of one job, kept beyond its deletion. */
export interface Story {
  job: TrainingJob;
  gone: boolean;
  /** The newest picture of every attempt ever written down. */
  readonly attempts: Map<number, Attempt>;
  readonly phases: string[];
}

export class Simulation {
  readonly seed: number;
  readonly random: Random;
  readonly clock = new ManualClock(undefined, turned);
  readonly api = new MemoryKubernetes(this.clock);
  readonly user: Kubernetes = this.api.client();
  readonly bucket = new SimulatedBucket(() => this.clock.now());
  readonly notices = new SimulatedNotices(this.clock);
  readonly logs = new SimulatedLogs(this.clock);
  readonly functions = new FakeFunctions();
  readonly weather = new Weather();
  readonly fleet: Fleet;
  readonly compute: SimulatedCompute;
  readonly stories = new Map<string, Story>();
  /** Warnings and errors that operators logged. */
  readonly log: { at: number; level: string; keys: object; message: string }[] = [];
  readonly #options: SimulationOptions;
  readonly #operators = new Set<{ operator: Operator; options: Operated; lost: boolean }>();
  readonly #began = this.clock.now();
  readonly #chance = Math.random;
  #count = 0;
  /** Begun to be started and not yet given real time. */
  #fresh = 0;
  readonly #closing: Promise<void>[] = [];
  #ticks: (() => void | Promise<void>)[] = [];

  constructor(options: SimulationOptions = {}) {
    this.#options = options;
    this.seed = options.seed ?? 1;
    this.random = new Random(this.seed);
    const jitter = new Random(this.seed + 1);
    // Back-offs and spreads of the operator: chance too must be the same again.
    Math.random = () => jitter.next();
    const { clock, random, bucket, notices, logs } = this;
    this.fleet = new Fleet({ clock, random, bucket, notices, logs, bootSeconds: options.bootSeconds });
    this.compute = new SimulatedCompute({
      clock,
      random,
      appearsWithinMs: options.appearsWithinMs,
      onStarted: (id) => this.fleet.started(id),
      onEnded: (id) => this.#ended(id),
    });
    this.fleet.attach(this.compute);
    this.api.onChange((plural, { type, object }) => {
      if (plural === 'trainingjobs') this.#tell(object as TrainingJob, type === 'DELETED');
    });
  }

  get seconds(): number {
    return (this.clock.now() - this.#began) / 1000;
  }

  configuration(): OperatorConfiguration {
    const base = readConfiguration('operator', {
      AWS_REGION: 'eu-central-1',
      SPOTLEARN_AWS_ACCOUNT_ID: '000000000000',
      SPOTLEARN_BUCKET: 'bucket',
      SPOTLEARN_LAUNCH_TEMPLATE_ID: 'lt-00000000000000001',
      SPOTLEARN_SUBNET_IDS: 'subnet-00000000000000001,subnet-00000000000000002,subnet-00000000000000003',
      SPOTLEARN_SECURITY_GROUP_ID: 'sg-00000000000000001',
      SPOTLEARN_IMAGE_ID: 'ami-00000000000000001',
      SPOTLEARN_WORKER_ROLE_ID: ROLE_ID,
      SPOTLEARN_FUNCTION_NAME: 'predict:live',
      SPOTLEARN_OPERATOR_PORT: '0',
      SPOTLEARN_LEADER_ELECTION: 'false',
      SPOTLEARN_INTERRUPTION_QUEUE_URL: 'http://127.0.0.1/queue',
    });
    return { ...base, ...this.#options.configuration };
  }

  /** Starts an operator; resolves when its caches are filled (and, without an election, when it acts). */
  async operate(options: Operated = {}): Promise<Operator> {
    const operator = await this.drive(this.begin(options));
    if (!options.leaderElection) await this.drive(operator.leading);
    return operator;
  }

  /** Begins to start an operator, which may take time: from within what `each` and `when` do. */
  async begin(options: Operated = {}): Promise<Operator> {
    this.#fresh += 1;
    const operator = await this.#start(options).finally(() => (this.#fresh = Math.max(0, this.#fresh - 1)));
    const one = { operator, options, lost: false };
    this.#operators.add(one);
    void operator.lost.then(() => (one.lost = true));
    return operator;
  }

  #start(options: Operated): Promise<Operator> {
    const { doom, leaderElection = false, skewMs } = options;
    const doomed = <T extends object>(of: T, changing: readonly string[]): T => doom?.over(of, changing) ?? of;
    const { weather } = this;
    return startOperator({
      configuration: { ...this.configuration(), leaderElection },
      connection: { server: '', options: async () => ({}) },
      logger: this.#logger(),
      clock: skewed(doom?.clock(this.clock) ?? this.clock, skewMs),
      identity: `operator-${(this.#count += 1)}`,
      kubernetes: doomed(weather.over('kubernetes', this.api.client()), KUBERNETES_WRITES),
      aws: {
        bucket: doomed(weather.over('s3', this.bucket), BUCKET_WRITES),
        compute: doomed(weather.over('ec2', this.compute), ['createFleet', 'terminate', 'tag', 'deleteVolume']),
        functions: doomed(this.functions, ['invoke', 'invokeLater']),
        logs: doomed(weather.over('logs', this.logs), []),
        notices: doomed(weather.over('sqs', this.notices), ['delete', 'hide']),
        presignGet: async (key, seconds) => this.#url(key, seconds),
        presignPut: async (key, seconds) => this.#url(key, seconds),
        presignPart: async (key, { uploadId, number }, seconds) =>
          `${this.#url(key, seconds)}&upload=${uploadId}&part=${number}`,
      },
    });
  }

  /** Ends an operator gracefully, in its own time. */
  retire(operator: Operator): void {
    for (const one of this.#operators) if (one.operator === operator) this.#operators.delete(one);
    this.#closing.push(operator.close());
  }

  /** Called each virtual second. */
  each(tick: () => void | Promise<void>): void {
    this.#ticks.push(tick);
  }

  /** Does something once, in the second in which it first holds. */
  when(holds: () => boolean, act: () => void | Promise<unknown>): void {
    let done = false;
    this.each(async () => {
      if (done || !holds()) return;
      done = true;
      await act();
    });
  }

  /** Does something once, as soon as the API server has a job so. */
  whenJob(name: string, holds: (job: TrainingJob) => boolean, act: () => void | Promise<unknown>): void {
    const end = this.api.onChange((plural, { object }) => {
      const job = object as TrainingJob;
      if (plural !== 'trainingjobs' || job.metadata?.name !== name || !holds(job)) return;
      end();
      queueMicrotask(() => void act());
    });
  }
  whenPhase(name: string, phase: string, act: () => void | Promise<unknown>): void {
    this.whenJob(name, ({ status }) => status?.phase === phase, act);
  }

  /** Lets virtual time pass, second by second. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 1) {
      await this.clock.advance(1000 * Math.min(1, left));
      for (const tick of this.#ticks) await tick();
      for (const one of this.#operators)
        if (one.lost) {
          this.retire(one.operator);
          if (one.options.restarts) void this.begin(one.options);
        }
      await this.#listening();
    }
  }

  /** The port for health is real I/O: what has just been started gets real time for it. */
  async #listening(): Promise<void> {
    const end = Date.now() + START_PATIENCE_MS;
    while (this.#fresh > 0 && Date.now() < end) await turned();
    this.#fresh = 0;
  }

  /** Passes time until it is true; throws with every job's state when it does not come true in time. */
  async until(isTrue: () => boolean, limitSeconds = 3_600, what = 'it'): Promise<void> {
    const end = this.clock.now() + limitSeconds * 1000;
    while (!isTrue()) {
      if (this.clock.now() >= end && !(await this.#afterAll(isTrue)))
        throw new Error(`${what} did not come true in ${limitSeconds} s:\n${this.picture()}`);
      await this.pass(1);
    }
  }

  /** Real I/O (a picture's fonts) on a busy machine may take longer than hours of virtual time: it is given some. */
  async #afterAll(isTrue: () => boolean): Promise<boolean> {
    for (let turn = 0; turn < 20 && !isTrue(); turn += 1) {
      for (const until = Date.now() + START_PATIENCE_MS / 5; Date.now() < until; ) await turned();
      await this.pass(1);
    }
    return isTrue();
  }

  /** Waits for a promise that may need time, real or virtual; not from within what `each` and `when` do. */
  async drive<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const done = promise.finally(() => (over = true));
    done.catch(() => {});
    for (const end = Date.now() + PATIENCE_MS; !over && Date.now() < end; ) await turned();
    for (let tries = 0; !over; tries += 1) {
      if (tries > MOST_TRIES) throw new Error(`what was waited for did not come:\n${this.picture()}`);
      await this.pass(0.1);
    }
    return done;
  }

  /** An account that is Ready, as an earlier operator left it. */
  async account(userId = USER): Promise<void> {
    const namespace = namespaceOf(userId);
    await this.user.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const account = await this.user.create<Account>(ACCOUNTS, {
      apiVersion: API_VERSION,
      kind: 'Account',
      metadata: { name: accountName(userId) },
      spec: { userId, limits: { monthlyUsd: 1_000_000 } },
    } as Account);
    const now = timestamp(this.clock.now());
    const ready = {
      type: 'Ready',
      status: 'True',
      lastTransitionTime: now,
      reason: 'NamespaceReady',
      message: 'Ready.',
    };
    const status = { observedGeneration: account.metadata?.generation, namespace, conditions: [ready] };
    await this.user.mergePatch(ACCOUNTS, accountName(userId), { status }, { subresource: 'status' });
    this.bucket.set(`datasets/user_${userId}/a.csv`, CSV);
  }

  async train(name: string, spec: object = {}, userId = USER): Promise<TrainingJob> {
    return this.user.create<TrainingJob>(TRAINING_JOBS, {
      apiVersion: API_VERSION,
      kind: 'TrainingJob',
      metadata: { name, namespace: namespaceOf(userId) },
      spec: {
        dataset: { uri: `s3://bucket/datasets/user_${userId}/a.csv` },
        target: 'class',
        model: { type: 'random_forest', hyperparameters: { n_estimators: 10, max_depth: 3 } },
        ...spec,
      },
    } as unknown as TrainingJob);
  }

  /** The newest story of a name. */
  story(name: string): Story {
    const found = [...this.stories.values()].findLast(({ job }) => job.metadata?.name === name);
    if (!found) throw new Error(`there was no job ${name}`);
    return found;
  }
  phase(name: string): string {
    const { gone, job } = this.story(name);
    return gone ? 'gone' : (job.status?.phase ?? 'new');
  }
  async change(name: string, spec: object): Promise<void> {
    const { namespace } = this.story(name).job.metadata ?? {};
    await this.user.mergePatch(TRAINING_JOBS, name, { spec }, { namespace });
  }
  async remove(name: string): Promise<void> {
    const { namespace } = this.story(name).job.metadata ?? {};
    await this.user.delete(TRAINING_JOBS, name, { namespace });
  }

  get allEnded(): boolean {
    return [...this.stories.values()].every(({ gone, job }) => gone || isOver(job));
  }

  /** Every job in a line, for messages of failures. */
  picture(): string {
    const lines = [...this.stories.values()].map(({ job, gone }) => {
      const { phase = 'new', message = '' } = job.status ?? {};
      return `  ${job.metadata?.name} ${gone ? 'gone' : phase}: ${message}`;
    });
    const open = lines.filter((line) => !/ (gone|Succeeded): /.test(line));
    return [`  after ${Math.round(this.seconds)} s, seed ${this.seed}`, ...open.slice(0, 8)].join('\n');
  }

  async close(): Promise<void> {
    this.#ticks = [];
    for (const { operator, options } of [...this.#operators]) {
      options.doom?.bury();
      this.retire(operator);
    }
    await this.drive(Promise.all(this.#closing));
    Math.random = this.#chance;
  }

  #url(key: string, seconds: number): string {
    return `https://bucket/${encodeURIComponent(key)}?until=${this.clock.now() + seconds * 1000}`;
  }

  #ended(id: string): void {
    this.fleet.ended(id);
    if (this.compute.truth.get(id)?.endedBy === 'spot') this.notices.tellState(id, 'shutting-down');
  }

  #tell(job: TrainingJob, gone: boolean): void {
    const uid = job.metadata?.uid ?? '';
    const story = this.stories.get(uid) ?? { job, gone, attempts: new Map<number, Attempt>(), phases: [] };
    this.stories.set(uid, story);
    story.job = job;
    story.gone = gone;
    for (const attempt of job.status?.attempts ?? []) story.attempts.set(attempt.number, attempt);
    const { phase } = job.status ?? {};
    if (phase && story.phases.at(-1) !== phase) story.phases.push(phase);
  }

  #logger(): Logger {
    const note = (level: string) => (keys: object, message: string) =>
      void this.log.push({ at: this.seconds, level, keys, message });
    return { debug: () => {}, info: () => {}, warn: note('warn'), error: note('error') };
  }
}

export const isOver = ({ status }: TrainingJob): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

const skewed = (clock: Clock, skewMs: (() => number) | undefined): Clock =>
  skewMs ? { now: () => clock.now() + skewMs(), after: (ms, run) => clock.after(ms, run) } : clock;
