// What is kept in the bucket of a job under work (`.job/`): the plan, and of each chunk what came of it and what it cost. A leader
// that takes over reads it and goes on; nothing that was answered is paid for again.
import { type Bucket, readJson } from '../../cloud/bucket.ts';
import { type Clock, sleep } from '../../cloud/clock.ts';
import { CloudError, isTransient } from '../../cloud/errors.ts';
import type { Outcome } from './chain.ts';
import type { Billed } from './invoker.ts';
import { chunkNameOf, type Folder } from './job.ts';
import type { Plan } from './plan.ts';

/** Records. */
export const READ_AT_ONCE = 32;
const REQUEST_IDS_KEPT = 20;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 16_000;

/** Money and time of invocations. */
export interface Spent {
  readonly usd: number;
  readonly seconds: number;
  readonly invocations: number;
  /** The newest last. */
  readonly requestIds: readonly string[];
  /** Some of it by the handler's own clock, or by how long it ran when it was given up. */
  readonly estimated: boolean;
}

export const NOTHING: Spent = { usd: 0, seconds: 0, invocations: 0, requestIds: [], estimated: false };

/** Of one chunk, over all its tries. */
export interface ChunkRecord {
  readonly version: 1;
  readonly outcome: Outcome;
  readonly spent: Spent;
}

export const spentMore = (spent: Spent, { usd, seconds, requestId, estimated }: Billed): Spent => ({
  usd: spent.usd + usd,
  seconds: spent.seconds + seconds,
  invocations: spent.invocations + 1,
  requestIds: requestId ? [...spent.requestIds, requestId].slice(-REQUEST_IDS_KEPT) : spent.requestIds,
  estimated: spent.estimated || estimated === true,
});

export const spentTogether = (all: Iterable<Spent>): Spent => {
  const sum = { ...NOTHING, requestIds: [] as string[] };
  for (const { usd, seconds, invocations, requestIds, estimated } of all) {
    sum.usd += usd;
    sum.seconds += seconds;
    sum.invocations += invocations;
    sum.requestIds = [...sum.requestIds, ...requestIds].slice(-REQUEST_IDS_KEPT);
    sum.estimated ||= estimated;
  }
  return sum;
};

/** Undefined when nothing was planned yet, or the table needed no plan: one chunk, put as a whole. */
export async function readPlan(
  bucket: Pick<Bucket, 'get'>,
  folder: Folder,
): Promise<{ plan: Plan; etag: string } | undefined> {
  const found = await bucket.get(folder.plan);
  return found && { plan: JSON.parse(new TextDecoder().decode(found.body)) as Plan, etag: found.etag };
}

/**
 * Stores a plan in place of the one with `etag` (absent: of none) and returns its ETag. Kind `precondition` when another leader stored
 * one meanwhile; the same one is no other: an answer was lost.
 */
export async function storePlan(
  bucket: Pick<Bucket, 'get' | 'put'>,
  folder: Folder,
  plan: Plan,
  etag: string | undefined,
): Promise<string> {
  const body = JSON.stringify(plan);
  try {
    return await bucket.put(folder.plan, body, etag === undefined ? { ifAbsent: true } : { ifMatch: etag });
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
    const there = await bucket.get(folder.plan);
    if (there && new TextDecoder().decode(there.body) === body) return there.etag;
    throw error;
  }
}

/** Records by chunkName, also of chunks that the plan has replaced since, for their cost. */
export async function readRecords(
  bucket: Pick<Bucket, 'list' | 'get'>,
  folder: Folder,
): Promise<Map<string, ChunkRecord>> {
  const names = (await bucket.list(folder.work)).flatMap(({ key }) => chunkNameOf(folder, key, 'record') ?? []);
  const records = new Map<string, ChunkRecord>();
  const next = names.values();
  const read = async (): Promise<void> => {
    for (const name of next) {
      const record = await readJson<ChunkRecord>(bucket, folder.record(name));
      if (record) records.set(name, slim(record));
    }
  };
  await Promise.all(Array.from({ length: Math.min(READ_AT_ONCE, names.length) }, read));
  return records;
}

/**
 * Puts what came of a chunk, before it is acted on, and returns what is worth keeping in memory: for a table in parts without what its
 * handlers counted, which is read again for the summary.
 */
export async function writeRecord(
  bucket: Pick<Bucket, 'put'>,
  folder: Folder,
  name: string,
  record: ChunkRecord,
): Promise<ChunkRecord> {
  await bucket.put(folder.record(name), JSON.stringify(record));
  return slim(record);
}

function slim(record: ChunkRecord): ChunkRecord {
  const { invoked } = record.outcome;
  if (invoked.is !== 'done' || !invoked.answer.parts) return record;
  const { statistics: _, ...answer } = invoked.answer;
  return {
    ...record,
    outcome: { ...record.outcome, invoked: { ...invoked, answer: { ...answer, counts: {}, summary: {} } } },
  };
}

/** Calls again after failures that may pass: what is in flight is worth more than a few seconds. */
export async function patiently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause *= 2)
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || pause > LONGEST_PAUSE_MS) throw error;
      await sleep(clock, pause);
    }
}

/** Removes all that is kept; idempotent. */
export async function forget(bucket: Pick<Bucket, 'list' | 'deleteMany'>, folder: Folder): Promise<void> {
  const keys = (await bucket.list(folder.work)).map(({ key }) => key);
  if (keys.length > 0) await bucket.deleteMany(keys);
}
