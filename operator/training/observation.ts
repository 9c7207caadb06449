// The batched look at the world (decision 4): one DescribeInstances of the installation, then one ListObjectsV2 over instances/, and a
// GET of each heartbeat or result that changed. EC2 first: what is down in EC2 and has no result in the later listing has none at all.
// Reconcilers read the newest look through `seen`; keys of jobs whose picture changed are handed on.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Compute, Instance, LaunchedInstance, Market } from '../../cloud/compute.ts';
import { readJson } from '../../cloud/bucket.ts';
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { Heartbeat, Result } from '../../cloud/contract/contract.generated.ts';
import { CONTROL, HEARTBEAT, instanceFolder, INSTANCES, instanceOf, RESULT } from '../../cloud/keys.ts';
import type { Logger } from '../runtime/logging.ts';
import { isDown, type Notice, type NoticeKind, type Seen } from './seen.ts';

/** A launched instance is believed in for this long although EC2 does not list it yet. */
const APPEARS_MS = 60_000;
const READS_AT_ONCE = 16;

export interface ObservationOptions {
  compute: Pick<Compute, 'instances'>;
  bucket: Pick<Bucket, 'list' | 'get'>;
  workerRoleId: string;
  clock: Clock;
  logger: Logger;
  intervalMs: number;
  /** Uid of a job whose picture changed. */
  onChange: (jobUid: string) => void;
  onTick?: (part: 'instances' | 'bucket', ok: boolean, ms: number) => void;
  /** Whether anything may be running; without, EC2 is asked only every tenth time. */
  busy?: () => boolean;
}

interface Report {
  heartbeat?: Heartbeat;
  heardAt?: number;
  result?: Result;
  controlled?: boolean;
  etags: Record<string, string>;
}

const IDLE_TICKS = 10;

export class Observation {
  readonly #options: ObservationOptions;
  readonly #stop = new AbortController();
  #instances = new Map<string, Instance>();
  readonly #launched = new Map<string, Instance>();
  readonly #ended = new Map<string, number>();
  readonly #reports = new Map<string, Report>();
  readonly #notices = new Map<string, Notice>();
  #at = 0;
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

  seen(jobUid: string, instanceId: string | undefined): Seen {
    const instances = this.instances().filter((instance) => instance.jobUid === jobUid || instance.id === instanceId);
    const report = instanceId === undefined ? undefined : this.#reports.get(instanceId);
    const notice = instanceId === undefined ? undefined : this.#notices.get(instanceId);
    return {
      at: this.#at,
      instances,
      heartbeat: report?.heartbeat,
      heardAt: report?.heardAt,
      result: report?.result,
      controlled: report?.controlled,
      notice,
    };
  }

  /** A fleet answered: known before EC2 lists it. */
  noteLaunched(instance: LaunchedInstance, market: Market, tags: { jobUid: string; batch: string }): void {
    const known: Instance = {
      ...instance,
      ...tags,
      market,
      state: 'pending',
      launchedAt: this.#options.clock.now(),
      stateReason: undefined,
      tags: {},
    };
    this.#launched.set(instance.id, known);
    if (!this.#instances.has(instance.id)) this.#instances.set(instance.id, known);
  }

  /** EC2 accepted their termination. */
  noteEnding(ids: readonly string[]): void {
    for (const id of ids) {
      this.#ended.set(id, this.#options.clock.now());
      const instance = this.#instances.get(id);
      if (instance && !isDown(instance)) this.#instances.set(id, { ...instance, state: 'shutting-down' });
    }
  }

  noteControl(instanceId: string): void {
    this.#report(instanceId).controlled = true;
  }

  /** A notice from the interruption queue; false when the instance is not ours. */
  notice(instanceId: string, kind: NoticeKind, at: number): boolean {
    const instance = this.#instances.get(instanceId);
    if (!instance) return false;
    const old = this.#notices.get(instanceId);
    if (old?.kind !== 'interruption') this.#notices.set(instanceId, { kind, at });
    if (instance.jobUid) this.#options.onChange(instance.jobUid);
    if (kind === 'state-change') this.#wake();
    return true;
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
      this.#idle = (busy?.() ?? true) ? 0 : this.#idle + 1;
      if (this.#idle % IDLE_TICKS === 0 || this.#at === 0)
        await this.tick().catch((error: unknown) => logger.warn({ err: error }, 'look at the world failed'));
      const cut = new AbortController();
      this.#wake = () => cut.abort();
      await sleep(clock, intervalMs, AbortSignal.any([cut.signal, this.#stop.signal]));
    }
  }

  /**
   * One look. Throws when EC2 or the bucket did not answer; then what was known before stays. Nothing of it is published before it is
   * whole: an instance seen down without the result it left behind would pass for a lost one.
   */
  async tick(): Promise<void> {
    const began = this.#options.clock.now();
    const changed = new Set<string>();
    const listed = await this.#timed('instances', () => this.#lookAtInstances());
    await this.#timed('bucket', () => this.#lookAtBucket(listed, changed));
    this.#publish(listed, began, changed);
    this.#at = began;
    for (const uid of changed) this.#options.onChange(uid);
  }

  async #timed<T>(part: 'instances' | 'bucket', look: () => Promise<T>): Promise<T> {
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
    return new Map((await this.#options.compute.instances()).map((instance) => [instance.id, instance]));
  }

  /** `listed` becomes what is known, with what was launched or ended since the look began. */
  #publish(listed: Map<string, Instance>, began: number, changed: Set<string>): void {
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
    for (const [id, instance] of listed) {
      const old = this.#instances.get(id);
      if (instance.jobUid && old?.state !== instance.state) changed.add(instance.jobUid);
    }
    for (const [id, old] of this.#instances) if (!listed.has(id) && old.jobUid) changed.add(old.jobUid);
    this.#instances = listed;
    for (const id of [...this.#reports.keys()]) if (!listed.has(id)) this.#reports.delete(id);
    for (const id of [...this.#notices.keys()]) if (!listed.has(id)) this.#notices.delete(id);
  }

  async #lookAtBucket(listed: ReadonlyMap<string, Instance>, changed: Set<string>): Promise<void> {
    const { bucket, workerRoleId, logger } = this.#options;
    const known = (id: string) => listed.get(id) ?? this.#launched.get(id);
    if (listed.size === 0 && this.#launched.size === 0) return;
    const reads: (() => Promise<void>)[] = [];
    for (const { key, etag } of await bucket.list(INSTANCES)) {
      const place = instanceOf(key, workerRoleId);
      const instance = place && known(place.instanceId);
      if (!place || !instance || ![HEARTBEAT, RESULT, CONTROL].includes(place.file)) continue;
      const report = this.#report(place.instanceId);
      if (report.etags[place.file] === etag) continue;
      reads.push(async () => {
        try {
          await this.#read(key, place.file, report);
          report.etags[place.file] = etag;
          if (instance.jobUid) changed.add(instance.jobUid);
        } catch (error) {
          logger.warn({ key, err: error }, 'report of a worker not read');
        }
      });
    }
    for (let at = 0; at < reads.length; at += READS_AT_ONCE)
      await Promise.all(reads.slice(at, at + READS_AT_ONCE).map((read) => read()));
  }

  async #read(key: string, file: string, report: Report): Promise<void> {
    const { bucket, clock } = this.#options;
    if (file === CONTROL) report.controlled = true;
    else if (file === RESULT) report.result = await readJson<Result>(bucket, key);
    else {
      report.heartbeat = await readJson<Heartbeat>(bucket, key);
      // Our clock, not the instance's: silence is measured here.
      report.heardAt = clock.now();
    }
  }

  #report(instanceId: string): Report {
    const known = this.#reports.get(instanceId) ?? { etags: {} };
    this.#reports.set(instanceId, known);
    return known;
  }
}

/** Where an instance reports. */
export const reportPrefix = (workerRoleId: string, instanceId: string): string =>
  instanceFolder(workerRoleId, instanceId);
