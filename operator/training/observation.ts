// The batched look at the world (decision 4): one DescribeInstances of the installation when it is due, then one ListObjectsV2 over
// instances/, one follow of the logs, and a GET of each heartbeat or result that changed. EC2 first: what is down in EC2 and has no result
// in the later listing has none at all. Reconcilers read the newest look through `seen`; owners of instances with news are woken.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Compute, Instance, LaunchedInstance } from '../../cloud/compute.ts';
import { readJson } from '../../cloud/bucket.ts';
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { Heartbeat, Result } from '../../cloud/contract/contract.generated.ts';
import { CONTROL, HEARTBEAT, INSTANCES, instanceOf, RESULT } from '../../cloud/keys.ts';
import type { Logger } from '../runtime/logging.ts';
import type { LogFollow, LogReport } from './log-follow.ts';
import { isDown, type Notice, type NoticeKind, type Seen } from './seen.ts';

/** A launched instance is believed in for this long although EC2 does not list it yet. */
const APPEARS_MS = 60_000;
/** How often EC2 is asked when nothing is expected of it: once a minute for all instances together. */
export const STEADY_MS = 60_000;
/** A look out of turn comes no sooner after the last. */
const FORCED_GAP_MS = 1_000;
const READS_AT_ONCE = 16;
/** Without anything that may run, EC2 is asked only every tenth time. */
const IDLE_TICKS = 10;
/** A pause between two looks counts as silence listened to for so long at most. */
const LISTENED_MOST_MS = 60_000;

export interface ObservationOptions {
  compute: Pick<Compute, 'instances'>;
  /** Jobs on the cluster itself, as instances. */
  cluster?: { instances(): Promise<Instance[]> };
  bucket: Pick<Bucket, 'list' | 'get'>;
  logs?: Pick<LogFollow, 'tick' | 'forget'>;
  workerRoleId: string;
  clock: Clock;
  logger: Logger;
  intervalMs: number;
  /** Between two looks at EC2 when nothing is expected; default STEADY_MS. */
  steadyMs?: number;
  /** Something is new about an instance. */
  onChange: (instance: Instance) => void;
  onNotice?: (instance: Instance, kind: NoticeKind) => void;
  onTick?: (part: 'instances' | 'bucket' | 'logs', ok: boolean, ms: number) => void;
  /** After a complete look at EC2. */
  onLook?: (instances: readonly Instance[]) => void;
  /** Whether anything may be running. */
  busy?: () => boolean;
  /** Whether somebody waits for news that only EC2 has (an end, a launch whose answer was lost). */
  expecting?: () => boolean;
}

/** Instances that a job's status names: the one that serves it, the one being replaced, and all of its attempts. */
export interface InstancesOf {
  readonly current?: string;
  readonly leaving?: string;
  readonly all?: readonly string[];
}

interface Known {
  heartbeat?: Heartbeat;
  heardAt?: number;
  quietMs: number;
  result?: Result;
  unread?: boolean;
  controlled?: boolean;
  log?: LogReport;
  etags: Record<string, string>;
}

export class Observation {
  readonly #options: ObservationOptions;
  readonly #stop = new AbortController();
  #instances = new Map<string, Instance>();
  readonly #byJob = new Map<string, Set<string>>();
  readonly #launched = new Map<string, Instance>();
  readonly #ended = new Map<string, number>();
  readonly #reports = new Map<string, Known>();
  readonly #notices = new Map<string, Notice>();
  #at = 0;
  #askedAt = -Infinity;
  #listenedAt: number | undefined;
  #forced = true;
  #idle = 0;
  #running: Promise<void> = Promise.resolve();
  #wake = () => {};

  constructor(options: ObservationOptions) {
    this.#options = options;
  }

  /** When the last complete look began; 0: none. */
  get at(): number {
    return this.#at;
  }

  /** All instances known, in their newest state. */
  instances(): Instance[] {
    return [...this.#instances.values()];
  }

  /** Of a job: its own instances by tag, and those its status names. */
  seen(jobUid: string, { current, leaving, all = [] }: InstancesOf): Seen {
    const ids = new Set([...(this.#byJob.get(jobUid) ?? []), ...all]);
    for (const id of [current, leaving]) if (id !== undefined) ids.add(id);
    return {
      ...(current === undefined ? {} : this.#reports.get(current)),
      at: this.#at,
      instances: [...ids].flatMap((id) => this.#instances.get(id) ?? []),
      notice: current === undefined ? undefined : this.#notices.get(current),
      ...(leaving === undefined ? {} : { leaving: this.#reports.get(leaving) ?? {} }),
    };
  }

  /** A fleet answered: known before EC2 lists it. */
  noteLaunched(
    instance: LaunchedInstance,
    market: Instance['market'],
    { jobUid, batch }: { jobUid: string | undefined; batch: string },
  ): void {
    const known: Instance = {
      ...instance,
      ...{ jobUid, batch, market, state: 'pending', launchedAt: this.#options.clock.now() },
      ...{ stateReason: undefined, tags: {} },
    };
    this.#launched.set(instance.id, known);
    if (!this.#instances.has(instance.id)) this.#put(known);
  }

  /** EC2 accepted their termination. */
  noteEnding(ids: readonly string[]): void {
    for (const id of ids) {
      this.#ended.set(id, this.#options.clock.now());
      const instance = this.#instances.get(id);
      if (instance && !isDown(instance))
        this.#put({ ...instance, state: 'shutting-down', downSince: this.#options.clock.now() });
    }
  }

  /** Whether it is down, by EC2's word or because EC2 accepted its termination. */
  isDown(instanceId: string): boolean {
    const instance = this.#instances.get(instanceId);
    return instance !== undefined && isDown(instance);
  }

  noteControl(instanceId: string): void {
    this.#report(instanceId).controlled = true;
  }

  /** A notice from the interruption queue or the status checks; false when the instance is not known (yet). */
  notice(instanceId: string, kind: NoticeKind, at: number): boolean {
    const instance = this.#instances.get(instanceId);
    if (!instance) return false;
    const old = this.#notices.get(instanceId);
    if (kind === 'state-change') this.look();
    else if (old?.kind !== 'interruption') this.#notices.set(instanceId, { kind, at });
    this.#options.onNotice?.(instance, kind);
    this.#options.onChange(instance);
    return true;
  }

  /** Asks EC2 soon and not only when it is due; many wishes at once are one look. */
  look(): void {
    this.#forced = true;
    if (this.#options.clock.now() - this.#askedAt >= FORCED_GAP_MS) this.#wake();
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, intervalMs, busy, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#idle = (busy?.() ?? true) || this.#forced ? 0 : this.#idle + 1;
      const began = clock.now();
      const cut = new AbortController();
      this.#wake = () => cut.abort();
      if (this.#idle % IDLE_TICKS === 0 || this.#at === 0)
        await this.tick().catch((error: unknown) => logger.warn({ err: error }, 'look at the world failed'));
      // A look that takes long (many pages) is followed by as long a pause.
      await sleep(clock, Math.max(intervalMs, clock.now() - began), AbortSignal.any([cut.signal, this.#stop.signal]));
    }
  }

  /**
   * One look. Throws when EC2 or the bucket did not answer; then what was known before stays. What EC2 says is not published before the
   * bucket was read: an instance seen down without the result it left behind would pass for a lost one.
   */
  async tick(): Promise<void> {
    const began = this.#options.clock.now();
    const asks = this.#due(began);
    if (asks) {
      this.#forced = false;
      this.#askedAt = began;
    }
    const news = new Map<string, Instance>();
    let fresh: Map<string, Instance> | undefined;
    let missed: Error | undefined;
    if (asks)
      await this.#timed('instances', async () => {
        fresh = await this.#lookAtInstances();
      }).catch((error: unknown) => {
        missed = error as Error;
      });
    try {
      await this.#timed('bucket', () => this.#lookAtBucket(fresh ?? this.#instances, news));
    } catch (error) {
      this.#forced ||= asks;
      throw error;
    }
    await this.#lookAtLogs(news);
    if (fresh) {
      this.#publish(fresh, began, news);
      this.#at = began;
      this.#options.onLook?.(this.instances());
    }
    this.#listen(began, news);
    for (const instance of news.values()) this.#options.onChange(instance);
    if (missed === undefined) return;
    // What was to be seen was not: asked again at the next tick. Workers were heard all the same.
    this.#forced = true;
    throw missed;
  }

  #due(now: number): boolean {
    const { steadyMs = STEADY_MS, expecting } = this.#options;
    const passed = now - this.#askedAt;
    return this.#forced || this.#at === 0 || passed >= steadyMs || passed < 0 || (expecting?.() ?? true);
  }

  async #timed<T>(part: 'instances' | 'bucket' | 'logs', look: () => Promise<T>): Promise<T> {
    const { clock, onTick } = this.#options;
    const began = clock.now();
    try {
      const found = await look();
      onTick?.(part, true, clock.now() - began);
      return found;
    } catch (error) {
      onTick?.(part, false, clock.now() - began);
      throw error;
    }
  }

  async #lookAtInstances(): Promise<Map<string, Instance>> {
    const { compute, cluster, logger } = this.#options;
    const [machines, pods = []] = await Promise.all([
      compute.instances(),
      // Without an answer of the API server its pods are as they were; EC2 is looked at all the same.
      cluster?.instances().catch((error: unknown) => {
        logger.warn({ err: error }, 'jobs on the cluster not listed');
        return this.instances().filter(({ market }) => market === 'cluster');
      }),
    ]);
    return new Map([...machines, ...pods].map((instance) => [instance.id, instance]));
  }

  /** `listed` becomes what is known, with what was launched or ended since the look began. */
  #publish(listed: Map<string, Instance>, began: number, news: Map<string, Instance>): void {
    for (const [id, instance] of this.#launched) {
      if (listed.has(id) || began - instance.launchedAt > APPEARS_MS) this.#launched.delete(id);
      else listed.set(id, this.#instances.get(id) ?? instance);
    }
    for (const [id, endedAt] of this.#ended) {
      const instance = listed.get(id);
      // The answer may be older than our termination; a later one is the truth.
      if (instance && !isDown(instance) && began < endedAt) listed.set(id, { ...instance, state: 'shutting-down' });
      else if (began >= endedAt) this.#ended.delete(id);
    }
    for (const [id, instance] of listed) if (this.#instances.get(id)?.state !== instance.state) news.set(id, instance);
    for (const [id, old] of this.#instances) if (!listed.has(id)) news.set(id, old);
    const before = this.#instances;
    this.#instances = new Map();
    this.#byJob.clear();
    for (const instance of listed.values())
      this.#put(isDown(instance) ? { ...instance, downSince: before.get(instance.id)?.downSince ?? began } : instance);
    for (const kept of [this.#reports, this.#notices])
      for (const id of [...kept.keys()]) if (!listed.has(id)) kept.delete(id);
    this.#options.logs?.forget([...this.#instances.values()].filter(isDown).map(({ id }) => id));
  }

  #put(instance: Instance): void {
    this.#instances.set(instance.id, instance);
    if (!instance.jobUid) return;
    const ids = this.#byJob.get(instance.jobUid) ?? new Set();
    this.#byJob.set(instance.jobUid, ids.add(instance.id));
  }

  async #lookAtBucket(listed: ReadonlyMap<string, Instance>, news: Map<string, Instance>): Promise<void> {
    const { bucket, workerRoleId, logger } = this.#options;
    if (listed.size === 0 && this.#launched.size === 0) return;
    const reads: (() => Promise<void>)[] = [];
    const missed = new Set<string>();
    for (const { key, etag } of await bucket.list(INSTANCES)) {
      const place = instanceOf(key, workerRoleId);
      if (!place || !READ.has(place.file)) continue;
      const instance = listed.get(place.instanceId) ?? this.#launched.get(place.instanceId);
      if (!instance) continue;
      const report = this.#report(place.instanceId);
      if (report.etags[place.file] === etag) continue;
      reads.push(async () => {
        try {
          await this.#read(key, place.file, report);
          report.etags[place.file] = etag;
          news.set(place.instanceId, instance);
        } catch (error) {
          missed.add(place.instanceId);
          logger.warn({ key, err: error }, 'report of a worker not read');
        }
      });
    }
    for (let at = 0; at < reads.length; at += READS_AT_ONCE)
      await Promise.all(reads.slice(at, at + READS_AT_ONCE).map((read) => read()));
    for (const [id, report] of this.#reports) report.unread = missed.has(id);
  }

  async #read(key: string, file: string, report: Known): Promise<void> {
    const { bucket, clock } = this.#options;
    if (file === CONTROL) report.controlled = true;
    else if (file === RESULT) report.result = await readJson<Result>(bucket, key);
    else {
      report.heartbeat = await readJson<Heartbeat>(bucket, key);
      // Our clock, not the instance's: silence is measured here.
      report.heardAt = clock.now();
      report.quietMs = 0;
    }
  }

  /** Logs are a second sign of life; without them the look is as good. */
  async #lookAtLogs(news: Map<string, Instance>): Promise<void> {
    const { logs, logger } = this.#options;
    if (!logs || this.#instances.size === 0) return;
    try {
      for (const [id, log] of await this.#timed('logs', () => logs.tick())) {
        const instance = this.#instances.get(id);
        if (!instance) continue;
        const report = this.#report(id);
        report.log = { ...report.log, ...log };
        report.quietMs = 0;
        news.set(id, instance);
      }
    } catch (error) {
      logger.warn({ err: error }, 'logs not followed');
    }
  }

  /** Adds what was listened to since the last look to the silence of those who said nothing. */
  #listen(began: number, news: Map<string, Instance>): void {
    const passed = this.#listenedAt === undefined ? 0 : began - this.#listenedAt;
    this.#listenedAt = began;
    const listened = Math.min(LISTENED_MOST_MS, Math.max(0, passed));
    for (const [id, instance] of this.#instances) {
      if (isDown(instance)) continue;
      const known = this.#reports.has(id);
      const report = this.#report(id);
      if (!known) continue;
      // Heard in this very look, or it said something that could not be read: silence begins now.
      const said = report.unread || (report.heardAt !== undefined && report.heardAt >= began);
      report.quietMs = said ? 0 : report.quietMs + listened;
      if (crosses(report.quietMs - listened, report.quietMs)) news.set(id, instance);
    }
  }

  #report(instanceId: string): Known {
    const known = this.#reports.get(instanceId) ?? { quietMs: 0, etags: {} };
    this.#reports.set(instanceId, known);
    return known;
  }
}

const READ: ReadonlySet<string> = new Set([HEARTBEAT, RESULT, CONTROL]);

/** A silence that grew past one of these is news. */
export const BOOT_QUIET_MS = 300_000;
export const LOST_QUIET_MS = 600_000;
const crosses = (before: number, after: number): boolean =>
  [BOOT_QUIET_MS, LOST_QUIET_MS].some((limit) => before < limit && after >= limit);
