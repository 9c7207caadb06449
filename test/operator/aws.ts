// Stateful stand-ins of the narrow AWS interfaces, with errors on demand and a record of the calls. The SDK side of the same
// interfaces is tested against the local AWS in test/cloud.
import { createHash } from 'node:crypto';
import type { Bucket, ListedObject, OpenUpload, UploadedPart } from '../../cloud/bucket.ts';
import type {
  Compute,
  FleetAnswer,
  FleetRequest,
  Impairment,
  Instance,
  PricePoint,
  Volume,
} from '../../cloud/compute.ts';
import { AwsError, type FailureKind } from '../../cloud/errors.ts';
import type { Functions, Invocation } from '../../cloud/functions.ts';
import { INSTANCE_TYPES } from '../../cloud/prices.ts';
import { TAG } from '../../cloud/tags.ts';

export const failure = (kind: FailureKind, retryable = kind === 'throttled' || kind === 'unreachable'): AwsError =>
  new AwsError(`${kind} on demand`, { kind, retryable, errorCode: kind, service: 's3' });

/** Throws what was asked for, before (the call had no effect) or after (its answer was lost). */
class Faults {
  readonly #before = new Map<string, Error[]>();
  readonly #after = new Map<string, Error[]>();
  readonly calls: string[] = [];
  /** Every call on what begins with this fails, until it is undefined again. */
  lost: string | undefined;
  before(call: string, ...errors: Error[]): void {
    this.#before.set(call, errors);
  }
  after(call: string, ...errors: Error[]): void {
    this.#after.set(call, errors);
  }
  async run<T>(call: string, what: string, work: () => T): Promise<T> {
    this.calls.push(`${call} ${what}`.trim());
    if (this.lost !== undefined && what.startsWith(this.lost)) throw failure('unreachable');
    const early = this.#before.get(call)?.shift();
    if (early) throw early;
    const result = work();
    const late = this.#after.get(call)?.shift();
    if (late) throw late;
    return result;
  }
}

export class FakeBucket extends Faults implements Bucket {
  readonly name = 'bucket';
  readonly objects = new Map<string, { body: Uint8Array; etag: string; modifiedAt: number }>();
  readonly now: () => number;
  constructor(now: () => number = Date.now) {
    super();
    this.now = now;
  }
  set(key: string, body: string | Uint8Array | object, given?: string): string {
    const bytes =
      body instanceof Uint8Array
        ? body
        : new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body));
    const etag = given ?? `"${md5(bytes)}"`;
    this.objects.set(key, { body: bytes, etag, modifiedAt: this.now() });
    return etag;
  }
  json<T>(key: string): T | undefined {
    const found = this.objects.get(key);
    return found && (JSON.parse(new TextDecoder().decode(found.body)) as T);
  }
  keys(prefix = ''): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
  head(key: string) {
    return this.run('head', key, () => {
      const found = this.objects.get(key);
      return found && { bytes: found.body.length, etag: found.etag, modifiedAt: found.modifiedAt };
    });
  }
  get(key: string, { bytes, last, etag }: { bytes?: number; last?: number; etag?: string } = {}) {
    return this.run('get', key, () => {
      const found = this.objects.get(key);
      if (found && etag !== undefined && found.etag !== etag) throw failure('precondition');
      const from = last === undefined ? 0 : Math.max(0, (found?.body.length ?? 0) - last);
      return found && { body: found.body.slice(from, bytes), etag: found.etag };
    });
  }
  put(key: string, body: string | Uint8Array, options: { ifAbsent?: boolean; ifMatch?: string } = {}) {
    return this.run('put', key, () => {
      if (options.ifAbsent && this.objects.has(key)) throw failure('precondition');
      if (options.ifMatch !== undefined && this.objects.get(key)?.etag !== options.ifMatch)
        throw failure('precondition');
      return this.set(key, body);
    });
  }
  copy(from: string, to: string) {
    return this.run('copy', `${from} ${to}`, () => {
      const found = this.objects.get(from);
      if (!found) throw failure('notFound');
      return this.set(to, found.body);
    });
  }
  list(prefix: string): Promise<ListedObject[]> {
    return this.run('list', prefix, () =>
      this.keys(prefix).map((key) => {
        const { body, etag, modifiedAt } = this.objects.get(key) as {
          body: Uint8Array;
          etag: string;
          modifiedAt: number;
        };
        return { key, bytes: body.length, etag, modifiedAt };
      }),
    );
  }
  delete(key: string) {
    return this.run('delete', key, () => void this.objects.delete(key));
  }
  deleteMany(keys: readonly string[]) {
    return this.run('deleteMany', keys.join(' '), () => keys.forEach((key) => this.objects.delete(key)));
  }
  readonly open = new Map<string, OpenUpload & { readonly parts?: Map<number, { body: Uint8Array; etag: string }> }>();
  #uploads = 0;
  createUpload(key: string) {
    return this.run('createUpload', key, () => {
      const id = `upload-${(this.#uploads += 1)}`;
      this.open.set(id, { key, id, startedAt: this.now(), parts: new Map() });
      return id;
    });
  }
  /** As a handler does with a presigned URL; returns the ETag. */
  setPart(uploadId: string, number: number, body: Uint8Array): string {
    const parts = this.open.get(uploadId)?.parts;
    if (!parts) throw failure('notFound');
    const etag = `"${md5(body)}"`;
    parts.set(number, { body, etag });
    return etag;
  }
  listParts({ key, id }: Pick<OpenUpload, 'key' | 'id'>): Promise<UploadedPart[] | undefined> {
    return this.run('listParts', key, () => {
      const parts = this.open.get(id)?.parts;
      return parts && numbered(parts).map(({ number, etag, body }) => ({ number, etag, bytes: body.length }));
    });
  }
  completeUpload({ key, id }: Pick<OpenUpload, 'key' | 'id'>, named: readonly { number: number; etag: string }[]) {
    return this.run('completeUpload', key, () => {
      const parts = this.open.get(id)?.parts;
      if (!parts) throw failure('notFound');
      if (named.length === 0) throw failure('invalid');
      const chosen = named.map(({ number, etag }) => {
        const part = parts.get(number);
        if (part?.etag !== etag) throw failure('precondition');
        return part;
      });
      if (chosen.slice(0, -1).some(({ body }) => body.length < this.leastPartBytes)) throw failure('invalid');
      const md5s = chosen.map((part) => Buffer.from(part.etag.slice(1, -1), 'hex'));
      const etag = `"${md5(Buffer.concat(md5s))}-${chosen.length}"`;
      this.set(key, Buffer.concat(chosen.map(({ body }) => body)), etag);
      this.open.delete(id);
      return etag;
    });
  }
  /** Of every part but the last; tests with small bodies lower it. */
  leastPartBytes = 5_242_880;
  uploads(prefix: string) {
    return this.run('uploads', prefix, () => [...this.open.values()].filter(({ key }) => key.startsWith(prefix)));
  }
  abortUpload({ key, id }: Pick<OpenUpload, 'key' | 'id'>) {
    return this.run('abortUpload', key, () => void this.open.delete(id));
  }
  check() {
    return this.run('check', '', () => undefined);
  }
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const numbered = (parts: ReadonlyMap<number, { body: Uint8Array; etag: string }>) =>
  [...parts].map(([number, part]) => ({ number, ...part })).sort((a, b) => a.number - b.number);

export class FakeCompute extends Faults implements Compute {
  readonly fleets = new Map<string, FleetAnswer>();
  readonly requests: FleetRequest[] = [];
  readonly machines = new Map<string, Instance>();
  /** Pools without capacity, `market/type/zone`; `*` for all of a market. */
  readonly empty = new Set<string>();
  /** Instances left in a pool, `market/type/zone`; absent: no end of them. */
  readonly room = new Map<string, number>();
  prices: PricePoint[] = [];
  readonly trouble: Impairment[] = [];
  readonly disks = new Map<string, Volume>();
  readonly now: () => number;
  installation = 'spotlearn';
  #count = 0;
  constructor(now: () => number = Date.now) {
    super();
    this.now = now;
  }
  running(): Instance[] {
    return [...this.machines.values()].filter(({ state }) => state === 'running' || state === 'pending');
  }
  set(id: string, change: Partial<Instance>): void {
    this.machines.set(id, { ...(this.machines.get(id) as Instance), ...change });
  }
  createFleet(request: FleetRequest) {
    return this.run('createFleet', request.token, () => {
      this.requests.push(request);
      const known = this.fleets.get(request.token);
      if (known) return known;
      const refusals: FleetAnswer['refusals'][number][] = [];
      const instances: FleetAnswer['instances'][number][] = [];
      for (const { instanceType, zone } of request.offers) {
        const pool = `${request.market}/${instanceType}/${zone}`;
        if (this.empty.has(`${request.market}/*`) || this.empty.has(pool)) {
          refusals.push({ instanceType, zone, code: 'InsufficientInstanceCapacity', message: 'none', capacity: true });
          continue;
        }
        for (let left = this.room.get(pool) ?? Infinity; left > 0 && instances.length < request.count; left -= 1) {
          const id = `i-${String((this.#count += 1)).padStart(17, '0')}`;
          this.room.set(pool, left - 1);
          instances.push({ id, instanceType, zone });
          this.machines.set(id, {
            id,
            instanceType,
            zone,
            market: request.market,
            state: 'running',
            launchedAt: this.now(),
            stateReason: undefined,
            batch: request.tags[TAG.batch],
            jobUid: request.tags[TAG.jobUid],
            tags: request.tags,
          });
        }
      }
      const answer = { instances, refusals };
      if (instances.length > 0) this.fleets.set(request.token, answer);
      return answer;
    });
  }
  instances() {
    return this.run('instances', '', () => [...this.machines.values()]);
  }
  terminate(ids: readonly string[]) {
    return this.run('terminate', ids.join(' '), () => {
      for (const id of ids)
        if (this.machines.has(id)) this.set(id, { state: 'terminated', stateReason: 'Client.UserInitiatedShutdown' });
    });
  }
  tag(ids: readonly string[], tags: Readonly<Record<string, string>>) {
    return this.run('tag', ids.join(' '), () => {
      for (const id of ids) {
        const machine = this.machines.get(id);
        if (!machine) throw failure('notFound');
        const all = { ...machine.tags, ...tags };
        this.set(id, { tags: all, jobUid: all[TAG.jobUid], batch: all[TAG.batch] });
      }
    });
  }
  impaired() {
    return this.run('impaired', '', () => [...this.trouble]);
  }
  volumes() {
    return this.run('volumes', '', () => [...this.disks.values()]);
  }
  deleteVolume(id: string) {
    return this.run('deleteVolume', id, () => void this.disks.delete(id));
  }
  spotPrices(types: readonly string[], since: number) {
    return this.run('spotPrices', types.join(' '), () =>
      this.prices.length > 0
        ? this.prices.filter(({ instanceType }) => types.includes(instanceType))
        : types.flatMap((instanceType) =>
            ['a', 'b', 'c'].map((zone) => ({ instanceType, zone: `eu-central-1${zone}`, usd: 0.02, at: since })),
          ),
    );
  }
  /** Pools EC2 does not offer, `type/zone`. */
  readonly unoffered = new Set<string>();
  offerings(zones: readonly string[]) {
    return this.run('offerings', '', () => {
      const all = INSTANCE_TYPES.flatMap(({ name }) => zones.map((zone) => `${name}/${zone}`));
      return new Set(all.filter((pool) => !this.unoffered.has(pool)));
    });
  }
  zones(subnetIds: readonly string[]) {
    return this.run('zones', '', () => new Map(subnetIds.map((id, at) => [id, `eu-central-1${'abc'[at % 3]}`])));
  }
  checkLaunchTemplate() {
    return this.run('checkLaunchTemplate', '', () => undefined);
  }
  checkImage() {
    return this.run('checkImage', '', () => undefined);
  }
  checkSecurityGroup() {
    return this.run('checkSecurityGroup', '', () => undefined);
  }
}

export class FakeFunctions extends Faults implements Functions {
  handler: (event: unknown, signal?: AbortSignal) => Promise<Invocation> = async () => {
    throw failure('server');
  };
  readonly events: unknown[] = [];
  async invoke(name: string, event: object, signal?: AbortSignal): Promise<Invocation> {
    await this.run('invoke', name, () => this.events.push(event));
    return this.handler(event, signal);
  }
  /** Into a queue that delivers at once; what comes of it is not told. */
  async invokeLater(name: string, event: object): Promise<string> {
    const number = await this.run('invokeLater', name, () => this.events.push(event));
    void this.handler(event).catch(() => undefined);
    return `later-${number}`;
  }
  check() {
    return this.run('check', '', () => undefined);
  }
}
