// A bucket with entries of a user's month, and what the ledger's tests look at in it.
import { ledgerKey } from '../../../cloud/keys.ts';
import { LedgerBook } from '../../../cloud/ledger/book.ts';
import type { LedgerEntry, MonthSum } from '../../../cloud/ledger/entries.ts';
import { ledgerFolder, type LedgerFolder } from '../../../cloud/ledger/folders.ts';
import { linesOf, packFile, type Pack } from '../../../cloud/ledger/packs.ts';
import { FakeBucket } from '../../operator/aws.ts';

export const USER = '42';
export const PERIOD = '2026-11';
export const FOLDER: LedgerFolder = ledgerFolder(USER, PERIOD);
export const NOW = Date.parse('2026-11-20T12:00:00Z');

/** The n-th entry: of its own job, on day n (1 to 28), worth n billionths and a tenth of a dollar. */
export function entryOf(n: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  const training = n % 3 > 0;
  return {
    version: 1,
    userId: USER,
    at: `${PERIOD}-${String(1 + ((n - 1) % 28)).padStart(2, '0')}T10:00:00.000Z`,
    operation: training ? 'training' : 'prediction',
    service: training ? 'ec2' : 'lambda',
    job: { namespace: `ml-user-${USER}`, name: `job-${n}`, uid: `uid-${n}` },
    attempt: training ? 1 : 0,
    usd: (n + 1e8) / 1e9,
    onDemandUsd: 0.3,
    seconds: n + 0.125,
    what: 'm7i.large eu-central-1a spot',
    outcome: 'Succeeded',
    ...more,
  };
}

export const keyOf = ({ userId, at, job, attempt, operation }: LedgerEntry): string =>
  ledgerKey(userId, at, job.uid, attempt, operation);

export const fresh = (bucket: FakeBucket): Promise<MonthSum> => new LedgerBook(bucket).month(USER, PERIOD);

/** A bucket with entries 1 to `count`, each an object. */
export function bucketWith(count: number, now: () => number = () => NOW): FakeBucket {
  const bucket = new FakeBucket(now);
  for (let n = 1; n <= count; n += 1) bucket.set(keyOf(entryOf(n)), entryOf(n));
  return bucket;
}

/** All entries that count, `key entry`, sorted; one that is in a pack and an object of its own, once for each if they differ. */
export async function everything(bucket: FakeBucket): Promise<string[]> {
  const found: string[] = [];
  const keys = bucket.keys(FOLDER.packs).filter((key) => packFile(FOLDER, key)?.what === 'pack');
  for (const key of keys) {
    const { data } = bucket.json<Pack<unknown>>(key) as Pack<unknown>;
    const lines = await linesOf(FOLDER, data, bucket.objects.get(data)?.body ?? new Uint8Array());
    found.push(...lines.map((line) => `${line.key} ${JSON.stringify(line.entry)}`));
  }
  const own = bucket.keys(FOLDER.entries).filter((key) => !key.startsWith(FOLDER.packs));
  const packed = new Set(found);
  found.push(...own.map((key) => `${key} ${JSON.stringify(bucket.json(key))}`).filter((line) => !packed.has(line)));
  return found.sort();
}

export const own = (bucket: FakeBucket): string[] =>
  bucket.keys(FOLDER.entries).filter((key) => !key.startsWith(FOLDER.packs));
export const packs = (bucket: FakeBucket): string[] =>
  bucket.keys(FOLDER.packs).filter((key) => packFile(FOLDER, key)?.what === 'pack');

/** A copy, on which nothing that is done to the other shows. */
export function copyOf(bucket: FakeBucket): FakeBucket {
  const copy = new FakeBucket(bucket.now);
  for (const [key, object] of bucket.objects) copy.objects.set(key, object);
  return copy;
}
