// S3, EC2 and SQS in memory behind the operator's own narrow interfaces, for measuring the operator alone: calls are counted and answered
// at once, capacity is endless, nothing is throttled.
import { createHash } from 'node:crypto';
import type { Bucket, ListedObject } from '../../cloud/bucket.ts';
import type { Compute, FleetAnswer, FleetRequest, Instance, PricePoint } from '../../cloud/compute.ts';
import { AwsError } from '../../cloud/errors.ts';
import type { NoticeQueue } from '../../cloud/notices.ts';
import { INSTANCE_TYPES } from '../../cloud/prices.ts';
import { TAG } from '../../cloud/tags.ts';

interface Stored {
  readonly body: Uint8Array;
  readonly etag: string;
  readonly modifiedAt: number;
}

const refusal = (kind: 'precondition' | 'notFound'): AwsError =>
  new AwsError(kind, { kind, retryable: false, errorCode: kind, service: 's3' });

/** What no training calls. */
export const notHere = (): Promise<never> => Promise.reject(new Error('not here'));

export class MemoryBucket implements Bucket {
  readonly name = 'bench';
  calls = 0;
  /** Told of every put, after it: where simulated workers find their tickets. */
  onPut: (key: string) => void = () => {};
  readonly #folders = new Map<string, Map<string, Stored>>();

  async head(key: string) {
    this.calls += 1;
    const found = this.#folder(key).get(key);
    return found && { bytes: found.body.length, etag: found.etag, modifiedAt: found.modifiedAt };
  }
  async get(key: string, options: { bytes?: number; etag?: string } = {}) {
    this.calls += 1;
    const found = this.#folder(key).get(key);
    if (found && options.etag !== undefined && found.etag !== options.etag) throw refusal('precondition');
    return found && { body: found.body.slice(0, options.bytes), etag: found.etag };
  }
  async put(key: string, body: string | Uint8Array, options: { ifAbsent?: boolean; ifMatch?: string } = {}) {
    this.calls += 1;
    const old = this.#folder(key).get(key);
    if ((options.ifAbsent && old) || (options.ifMatch !== undefined && old?.etag !== options.ifMatch))
      throw refusal('precondition');
    return this.set(key, body);
  }
  async copy(from: string, to: string) {
    this.calls += 1;
    const found = this.#folder(from).get(from);
    if (!found) throw refusal('notFound');
    this.#folder(to).set(to, found);
    return found.etag;
  }
  async list(prefix: string): Promise<ListedObject[]> {
    this.calls += 1;
    const found: ListedObject[] = [];
    const folders = prefix.split('/').length > 2 ? [this.#folder(prefix)] : this.#folders.values();
    for (const folder of folders) {
      for (const [key, { body, etag, modifiedAt }] of folder)
        if (key.startsWith(prefix)) found.push({ key, bytes: body.length, etag, modifiedAt });
    }
    return found;
  }
  async delete(key: string) {
    this.calls += 1;
    this.#folder(key).delete(key);
  }
  async deleteMany(keys: readonly string[]) {
    this.calls += 1;
    for (const key of keys) this.#folder(key).delete(key);
  }
  async uploads() {
    this.calls += 1;
    return [];
  }
  /** No training uploads in parts. */
  createUpload(): Promise<never> {
    return notHere();
  }
  listParts(): Promise<never> {
    return notHere();
  }
  completeUpload(): Promise<never> {
    return notHere();
  }
  async abortUpload() {
    this.calls += 1;
  }
  async check() {
    this.calls += 1;
  }

  /** Not counted: what others do to the bucket. */
  set(key: string, body: string | Uint8Array): string {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    this.#folder(key).set(key, { body: bytes, etag, modifiedAt: Date.now() });
    this.onPut(key);
    return etag;
  }

  /** By the first two parts of the key, so that a list does not read the whole bucket. */
  #folder(key: string): Map<string, Stored> {
    const name = key.split('/', 2).join('/');
    const known = this.#folders.get(name) ?? new Map<string, Stored>();
    this.#folders.set(name, known);
    return known;
  }
}

export class MemoryCompute implements Compute {
  calls = 0;
  readonly #fleets = new Map<string, FleetAnswer>();
  readonly #machines = new Map<string, Instance>();

  async createFleet(request: FleetRequest): Promise<FleetAnswer> {
    this.calls += 1;
    const known = this.#fleets.get(request.token);
    if (known) return known;
    const pool = request.offers[0];
    if (!pool) return { instances: [], refusals: [] };
    const { instanceType, zone } = pool;
    const instances = Array.from({ length: request.count }, () => {
      const id = `i-${(this.#machines.size + 1).toString(16).padStart(17, '0')}`;
      this.#machines.set(id, {
        id,
        instanceType,
        zone,
        market: request.market,
        state: 'running',
        launchedAt: Date.now(),
        stateReason: undefined,
        batch: request.tags[TAG.batch],
        jobUid: request.tags[TAG.jobUid],
        tags: request.tags,
      });
      return { id, instanceType, zone };
    });
    const answer = { instances, refusals: [] };
    this.#fleets.set(request.token, answer);
    return answer;
  }
  async instances() {
    this.calls += 1;
    return [...this.#machines.values()];
  }
  async terminate(ids: readonly string[]) {
    this.calls += 1;
    for (const id of ids) {
      const machine = this.#machines.get(id);
      if (machine)
        this.#machines.set(id, { ...machine, state: 'terminated', stateReason: 'Client.UserInitiatedShutdown' });
    }
  }
  async tag(ids: readonly string[], tags: Readonly<Record<string, string>>) {
    this.calls += 1;
    for (const id of ids) {
      const machine = this.#machines.get(id);
      if (!machine) throw refusal('notFound');
      const all = { ...machine.tags, ...tags };
      this.#machines.set(id, { ...machine, tags: all, jobUid: all[TAG.jobUid], batch: all[TAG.batch] });
    }
  }
  async impaired() {
    this.calls += 1;
    return [];
  }
  async volumes() {
    this.calls += 1;
    return [];
  }
  async deleteVolume() {
    this.calls += 1;
  }
  async spotPrices(types: readonly string[], since: number): Promise<PricePoint[]> {
    this.calls += 1;
    return types.flatMap((instanceType) => ZONES.map((zone) => ({ instanceType, zone, usd: 0.02, at: since })));
  }
  async offerings(zones: readonly string[]) {
    this.calls += 1;
    return new Set(INSTANCE_TYPES.flatMap(({ name }) => zones.map((zone) => `${name}/${zone}`)));
  }
  async zones(subnetIds: readonly string[]) {
    this.calls += 1;
    return new Map(subnetIds.map((id, at) => [id, ZONES[at % ZONES.length] ?? '']));
  }
  async checkLaunchTemplate() {
    this.calls += 1;
  }
  async checkImage() {
    this.calls += 1;
  }
  async checkSecurityGroup() {
    this.calls += 1;
  }
}

const ZONES = ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'];

/** A queue that stays empty. */
export const EMPTY_QUEUE: NoticeQueue = {
  receive: (signal) =>
    new Promise((resolve) => {
      if (signal.aborted) resolve([]);
      signal.addEventListener('abort', () => resolve([]), { once: true });
    }),
  delete: async () => undefined,
  hide: async () => undefined,
  redrives: async () => true,
};
