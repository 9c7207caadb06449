// Launches of like jobs in one fleet call (decision 4). A job joins the open batch of its need and writes the batch's id into its status;
// when the window closes the batch itself is written down, then the fleet is asked, and what it gave is handed out. Every step may be
// repeated by another process: a batch that is unknown here is recovered from its record and from the tickets of its instances.
import { createHash, randomBytes } from 'node:crypto';
import { readJson, type Bucket } from '../../cloud/bucket.ts';
import { type Cancel, type Clock, sleep } from '../../cloud/clock.ts';
import type { Compute, FleetAnswer, LaunchedInstance, Market, Offer } from '../../cloud/compute.ts';
import type { Ticket } from '../../cloud/contract/contract.generated.ts';
import { CloudError, isTransient } from '../../cloud/errors.ts';
import { TICKET } from '../../cloud/keys.ts';
import { TAG } from '../../cloud/tags.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import type { Logger } from '../runtime/logging.ts';
import { TokenBucket, Window, WINDOW_MOST_ITEMS } from '../runtime/window.ts';
import { fleetOf, writeDown, type BatchMember, type BatchRecord } from './batch-record.ts';
import { currentAttempt, placeOf, uidOf, type Places } from './job.ts';
import type { Pools } from './pools.ts';
import { allocate } from './allocation.ts';
import { rememberRefusals } from './refusals.ts';
import { launchTags, sharedTags } from './tagging.ts';

/** Fleet calls for one need: a few at once, then one in four seconds, so that a long stream of jobs shares calls. */
const NEED_CALLS = { burst: 4, perSecond: 0.25 };
/** All fleet calls: a little below EC2's own limit (50 at once, 5 a second), so that it need not refuse any. */
const FLEET_CALLS = { burst: 45, perSecond: 4.5 };
/** Needs whose calls are remembered. */
const MOST_NEEDS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** How long instances of a token that EC2 knows with other parameters are looked for by tag. */
export const MISMATCH_WAIT_MS = 60_000;
/** Answers are kept for so long, in case a status could not be written at once. */
const REMEMBERED_MS = 600_000;
/** An older batch is not sent again: EC2 forgets tokens after a while, and would launch anew. */
const SENT_AGAIN_MS = 6 * 3_600_000;

export type Answer =
  | { got: 'instance'; instance: LaunchedInstance; launchedAt: number }
  /** `none`: the batch went without this job (too late, or withdrawn); nothing is to blame. */
  | { got: 'nothing'; cause: 'capacity' | 'platform' | 'none'; message: string };

export interface Ask extends BatchMember {
  readonly batch: string;
  readonly market: Market;
  readonly offers: readonly Offer[];
}

export interface BatchesOptions {
  compute: Pick<Compute, 'createFleet' | 'instances'>;
  bucket: Pick<Bucket, 'get' | 'put'>;
  places: Places;
  pools: Pools;
  installation: string;
  launchTemplateId: string;
  clock: Clock;
  logger: Logger;
  job: (uid: string) => TrainingJob | undefined;
  /** Jobs whose attempt waits for this batch, by their statuses. */
  waiting: (batch: string) => Iterable<TrainingJob>;
  /** Whether a job's status holds this instance. */
  held: (instanceId: string) => boolean;
  onInstance: (instance: LaunchedInstance, market: Market, tags: { jobUid: string | undefined; batch: string }) => void;
  onAnswer: (jobUid: string) => void;
  onFleet: (market: Market, launched: number, refused: number) => void;
  /** Ends what nobody takes. */
  surplus: (ids: readonly string[]) => Promise<void>;
}

interface Batch {
  readonly id: string;
  readonly market: Market;
  readonly offers: readonly Offer[];
  readonly members: Map<string, BatchMember>;
  readonly withdrawn: Set<string>;
  readonly answers: Map<string, Answer>;
  state: 'collecting' | 'sending' | 'answered';
  window?: Window;
  /** Jobs that were told its id. */
  joined: number;
  forget?: Cancel;
}

export class Batches {
  readonly #options: BatchesOptions;
  readonly #stop = new AbortController();
  readonly #batches = new Map<string, Batch>();
  /** Batches that still collect, by need. */
  readonly #open = new Map<string, Batch>();
  readonly #limits = new Map<string, TokenBucket>();
  readonly #all: TokenBucket;
  readonly #sending = new Set<Promise<void>>();

  constructor(options: BatchesOptions) {
    this.#options = options;
    this.#all = new TokenBucket(options.clock, FLEET_CALLS.burst, FLEET_CALLS.perSecond);
  }

  /** Id of the batch that a job with this need should write into its attempt before it asks. */
  join(market: Market, offers: readonly Offer[]): string {
    const need = needKey(market, offers);
    const batch = this.#open.get(need) ?? this.#begin(need, market, offers);
    batch.window?.hold();
    batch.joined += 1;
    if (batch.joined >= WINDOW_MOST_ITEMS) this.#open.delete(need);
    return batch.id;
  }

  /** Asks for an instance; undefined while the answer is not there (the job is woken by onAnswer). */
  ask({ batch: id, uid, attempt, market, offers }: Ask): Answer | undefined {
    const batch = this.#batches.get(id) ?? this.#recover(id, market, offers);
    if (batch.state === 'answered') return batch.answers.get(uid) ?? without('The batch went without this job.');
    if (batch.state === 'sending')
      return batch.members.has(uid) ? undefined : without('The batch is under way already.');
    batch.withdrawn.delete(uid);
    if (!batch.members.has(uid)) {
      batch.members.set(uid, { uid, attempt });
      batch.window?.release();
    }
    if (batch.members.size >= WINDOW_MOST_ITEMS) batch.window?.close();
    return undefined;
  }

  /** The job no longer wants an instance: `instance` when it has one all the same; undefined while that is unknown. */
  withdraw({ batch: id, uid, market, offers }: Ask): Answer | undefined {
    const batch = this.#batches.get(id) ?? this.#recover(id, market, offers);
    batch.withdrawn.add(uid);
    if (batch.state === 'answered') return batch.answers.get(uid) ?? without('Withdrawn.');
    if (batch.state === 'sending') return undefined;
    batch.members.delete(uid);
    return without('Withdrawn.');
  }

  /** Whether an instance is on its way to a job although no status says so yet. */
  claimed(instanceId: string): boolean {
    for (const batch of this.#batches.values()) {
      // Under way: what it launched may be there before its answer is.
      for (const answer of batch.answers.values())
        if (answer.got === 'instance' && answer.instance.id === instanceId) return true;
    }
    return false;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const { window, forget } of this.#batches.values()) {
      window?.cancel();
      forget?.();
    }
    this.#batches.clear();
    this.#open.clear();
    await Promise.all(this.#sending);
  }

  #begin(need: string, market: Market, offers: readonly Offer[]): Batch {
    const { clock } = this.#options;
    const limit = this.#limits.get(need) ?? new TokenBucket(clock, NEED_CALLS.burst, NEED_CALLS.perSecond);
    if (this.#limits.size > MOST_NEEDS) this.#limits.clear();
    this.#limits.set(need, limit);
    const batch = this.#new(randomBytes(16).toString('hex'), market, offers);
    batch.window = new Window({
      clock,
      delayMs: () => (batch.members.size >= WINDOW_MOST_ITEMS ? 0 : Math.max(limit.waitMs(), this.#all.waitMs())),
      onClose: () => {
        if (this.#open.get(need) === batch) this.#open.delete(need);
        if (batch.members.size === 0) return void this.#batches.delete(batch.id);
        limit.take();
        this.#run(batch, () => this.#send(batch, [...batch.members.values()]));
      },
    });
    this.#open.set(need, batch);
    return batch;
  }

  #new(id: string, market: Market, offers: readonly Offer[]): Batch {
    const batch: Batch = {
      ...{ id, market, offers, state: 'collecting', joined: 0 },
      ...{ members: new Map(), withdrawn: new Set(), answers: new Map() },
    };
    this.#batches.set(id, batch);
    return batch;
  }

  /** A batch another process began: whoever waits for it, by the statuses, is asked for again, with the same token. */
  #recover(id: string, market: Market, offers: readonly Offer[]): Batch {
    const batch = this.#new(id, market, offers);
    const members = [...this.#options.waiting(id)].flatMap((job) => {
      const attempt = currentAttempt(job.status);
      return attempt && !job.metadata?.deletionTimestamp ? [{ uid: uidOf(job), attempt: attempt.number }] : [];
    });
    for (const member of members) batch.members.set(member.uid, member);
    this.#run(batch, () => this.#send(batch, members));
    return batch;
  }

  #run(batch: Batch, send: () => Promise<void>): void {
    const { clock, logger, onAnswer } = this.#options;
    batch.state = 'sending';
    const sent = send()
      .catch((error: unknown) => {
        if (this.#stop.signal.aborted) return;
        logger.warn({ batch: batch.id, err: error }, 'batch not launched');
        const message = error instanceof CloudError ? error.message : 'The fleet could not be asked.';
        for (const uid of batch.members.keys()) batch.answers.set(uid, { got: 'nothing', cause: 'platform', message });
      })
      .finally(() => {
        this.#sending.delete(sent);
        if (this.#stop.signal.aborted) return;
        batch.state = 'answered';
        batch.forget = clock.after(REMEMBERED_MS, () => this.#batches.delete(batch.id));
        for (const uid of new Set([...batch.members.keys(), ...batch.withdrawn])) onAnswer(uid);
      });
    this.#sending.add(sent);
  }

  async #send(batch: Batch, wanted: readonly BatchMember[]): Promise<void> {
    const { bucket, clock, installation, launchTemplateId, job } = this.#options;
    const { id, market, offers } = batch;
    const members = [...wanted].sort((a, b) => (a.uid < b.uid ? -1 : 1));
    const [only, another] = members;
    const first = only && another === undefined ? job(only.uid) : undefined;
    const tags = first
      ? launchTags(first, id, installation)
      : sharedTags(
          members.flatMap((member) => job(member.uid) ?? []),
          id,
          installation,
        );
    const proposal: BatchRecord = {
      ...{ version: 1, id, at: new Date(clock.now()).toISOString(), market, offers, launchTemplateId, tags },
      // Without a pool to ask there is nothing to send: it is written down that nothing will be.
      members: offers.length > 0 ? members : [],
    };
    const { record, ours } = await this.#insist(() => writeDown(bucket, proposal));
    if (record.members.length === 0) return;
    const answer = await this.#fleet(record);
    if (this.#stop.signal.aborted) return;
    if (answer) await this.#handOut(batch, record, answer, !ours);
    else this.#refuse(batch, record, 'platform', 'EC2 knows the token of this batch with other parameters.');
  }

  /** Undefined: EC2 knows the token otherwise, and no instance showed up by tag in time. */
  async #fleet(record: BatchRecord): Promise<FleetAnswer | undefined> {
    const { compute, clock } = this.#options;
    const since = clock.now();
    const stale = since - Date.parse(record.at) > SENT_AGAIN_MS;
    for (;;) {
      const answer = stale ? 'known otherwise' : await this.#ask(record);
      if (answer !== 'known otherwise') return answer;
      const found = (await this.#insist(() => compute.instances())).filter((instance) => instance.batch === record.id);
      if (found.length > 0) return { instances: found, refusals: [] };
      if (clock.now() - since >= MISMATCH_WAIT_MS) return undefined;
      await this.#pause(2 * FIRST_RETRY_MS);
    }
  }

  async #ask(record: BatchRecord): Promise<FleetAnswer | 'known otherwise'> {
    try {
      return await this.#insist(() => {
        this.#all.take();
        return this.#options.compute.createFleet(fleetOf(record));
      });
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.kind === 'capacity') return refusalOf(record, error.message);
      if (error.kind === 'precondition') return 'known otherwise';
      throw error;
    }
  }

  /** The one retry of throttled and unanswered calls here: pauses grow to half a minute, until this process stops. */
  async #insist<T>(call: () => Promise<T>): Promise<T> {
    for (let pause = FIRST_RETRY_MS; ; pause = Math.min(LONGEST_RETRY_MS, pause * 2)) {
      try {
        return await call();
      } catch (error) {
        if (!isTransient(error)) throw error;
        this.#options.logger.debug({ err: error }, 'fleet call is tried again');
      }
      await this.#pause(pause);
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(this.#options.clock, ms, this.#stop.signal);
    if (this.#stop.signal.aborted) throw new Error('stopped');
  }

  async #handOut(batch: Batch, record: BatchRecord, answer: FleetAnswer, again: boolean): Promise<void> {
    const { pools, clock, logger, onInstance, onFleet, surplus } = this.#options;
    const { id, market } = record;
    const zoned = answer.instances.map((one) => ({ ...one, zone: one.zone || zoneOf(one, record) }));
    const tickets = again ? await this.#tickets(zoned) : new Map<string, string>();
    const open = zoned.filter(({ id: instanceId }) => !this.#options.held(instanceId));
    const waiting = record.members.filter((member) => this.#waits(batch, member));
    const wanting = waiting.filter(({ uid }) => this.#wants(batch, uid));
    const wanted = allocate(open, wanting, tickets);
    // What was launched for one that wants it no more is its own all the same: it ends it, and pays for it.
    const unwanted = allocate(
      wanted.free,
      waiting.filter((member) => !wanting.includes(member)),
      tickets,
    );
    const { given, free, needy } = { ...wanted, given: [...wanted.given, ...unwanted.given], free: unwanted.free };
    rememberRefusals(pools, market, record.offers, answer);
    for (const [member, instance] of given) {
      batch.members.set(member.uid, member);
      batch.answers.set(member.uid, { got: 'instance', instance, launchedAt: clock.now() });
      onInstance(instance, market, { jobUid: member.uid, batch: id });
    }
    for (const instance of free) onInstance(instance, market, { jobUid: record.tags[TAG.jobUid], batch: id });
    onFleet(market, answer.instances.length, needy.length);
    const refusal = answer.refusals.find(({ capacity }) => !capacity) ?? answer.refusals[0];
    const message = refusal ? `${refusal.code}: ${refusal.message}` : 'the fleet launched fewer than asked for';
    const cause = answer.refusals.every(({ capacity }) => capacity) ? 'capacity' : 'platform';
    for (const { uid } of needy) batch.answers.set(uid, { got: 'nothing', cause, message });
    if (needy.length > 0)
      logger.warn({ batch: id, market, wanting: needy.length, refusal: message }, 'fleet gave less');
    if (free.length > 0) {
      logger.info({ batch: id, instances: free.length }, 'instances that nobody wants any more are ended');
      // What fails here is the collector's.
      await surplus(free.map((one) => one.id)).catch((error: unknown) =>
        logger.warn({ batch: id, err: error }, 'surplus not ended'),
      );
    }
  }

  /** Whether the member's attempt has no instance yet. */
  #waits(batch: Batch, { uid, attempt }: BatchMember): boolean {
    const current = currentAttempt(this.#options.job(uid)?.status);
    return current?.number === attempt && current.batch === batch.id && current.instanceId === undefined;
  }

  #wants(batch: Batch, uid: string): boolean {
    return !this.#options.job(uid)?.metadata?.deletionTimestamp && !batch.withdrawn.has(uid);
  }

  /** Instances that hold a ticket belong to the job it names. */
  async #tickets(instances: readonly LaunchedInstance[]): Promise<Map<string, string>> {
    const { bucket, places } = this.#options;
    const found = await Promise.all(
      instances.map(async ({ id }) => {
        const ticket = await this.#insist(() => readJson<Ticket>(bucket, placeOf(places, id) + TICKET));
        return ticket ? ([[id, ticket.job.uid]] as const) : [];
      }),
    );
    return new Map(found.flat());
  }

  #refuse(batch: Batch, record: BatchRecord, cause: 'platform', message: string): void {
    for (const { uid } of record.members) batch.answers.set(uid, { got: 'nothing', cause, message });
  }
}

const without = (message: string): Answer => ({ got: 'nothing', cause: 'none', message });

const zoneOf = (instance: LaunchedInstance, { offers }: BatchRecord): string =>
  offers.find(({ instanceType }) => instanceType === instance.instanceType)?.zone ?? '';

/** A fleet call refused as a whole for want of capacity is a refusal of each of its pools. */
const refusalOf = ({ offers }: BatchRecord, message: string): FleetAnswer => ({
  instances: [],
  refusals: offers.map(({ instanceType, zone }) => ({
    ...{ instanceType, zone, code: 'InsufficientInstanceCapacity', message, capacity: true },
  })),
});

/** Jobs with the same market and pools, in whatever order, have like needs. */
function needKey(market: Market, offers: readonly Offer[]): string {
  const pools = offers
    .map(({ instanceType, subnetId, maxPrice, imageId }) => `${instanceType} ${subnetId} ${maxPrice} ${imageId}`)
    .sort();
  return createHash('sha256')
    .update(`${market}\n${pools.join('\n')}`)
    .digest('hex');
}
