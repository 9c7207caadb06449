// The ledger against the embedded S3, over HTTP: how long an append takes, and the summary of a month of a million entries that a process
// makes which has read nothing yet; against reading one object with a JSON line an entry, in the same S3, and adding up.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { type Bucket, bucketOf } from '../../cloud/bucket.ts';
import { ledgerKey } from '../../cloud/keys.ts';
import { LedgerBook } from '../../cloud/ledger/book.ts';
import { MOST_ENTRIES } from '../../cloud/ledger/compaction.ts';
import { type LedgerEntry, type MonthSum, sumEntries } from '../../cloud/ledger/entries.ts';
import { ledgerFolder } from '../../cloud/ledger/folders.ts';
import { buildPack, packKey, sha256Of } from '../../cloud/ledger/packs.ts';
import { usdOf, type Nanos } from '../../cloud/money.ts';
import { startAws } from '../../local/aws/server.ts';
import { alone, compared, median, type Measurement } from '../measurement.ts';
import * as cloud from '../stack/cloud.ts';
import { percentile } from '../training/percentile.ts';

const USER = '1001';
const PERIOD = '2026-11';
const DAY_MS = 86_400_000;
const START = Date.parse(`${PERIOD}-01T00:00:00Z`);
const MIB = 1024 ** 2;
/** A busy day of one user. */
const LOOSE = 500;

/** A bucket in an S3 of its own. */
async function withBucket<T>(work: (bucket: Bucket) => Promise<T>): Promise<T> {
  const stateDir = await mkdtemp(join(tmpdir(), 'spotlearn-bench-ledger-'));
  const aws = await startAws({
    stateDir,
    region: cloud.REGION,
    accountId: cloud.ACCOUNT_ID,
    roles: [],
    rootCredentials: cloud.KEY,
  });
  const clients = cloud.clientsOf(aws.url);
  try {
    await (await clients.s3()).send(new CreateBucketCommand({ Bucket: cloud.BUCKET }));
    return await work(bucketOf(clients, cloud.BUCKET));
  } finally {
    clients.close();
    await aws.close();
    await rm(stateDir, { recursive: true });
  }
}

/** The n-th of `count`: all over the month, three of four trainings on Spot, the others predictions. */
function entryOf(n: number, count: number): LedgerEntry {
  const training = n % 4 > 0;
  const nanos = (training ? 20_000_000 : 150_000) + ((n * 7_919) % 10_000_019);
  return {
    version: 1,
    userId: USER,
    at: new Date(START + Math.floor((n / count) * 30 * DAY_MS)).toISOString(),
    operation: training ? 'training' : 'prediction',
    service: training ? (n % 20 === 1 ? 'cluster' : 'ec2') : 'lambda',
    job: { namespace: `ml-user-${USER}`, name: `job-${n}`, uid: randomUUID() },
    attempt: training ? 1 + (n % 3) : 0,
    usd: usdOf(nanos as Nanos),
    onDemandUsd: usdOf((training ? nanos * 3 : nanos) as Nanos),
    seconds: 60 + (n % 3600),
    what: training
      ? `m7i.${n % 2 ? 'large' : 'xlarge'} eu-central-1${'abc'.charAt(n % 3)} spot`
      : 'predict:live 1769 MiB',
    outcome: n % 50 === 0 ? 'Failed' : 'Succeeded',
  };
}

const keyOf = ({ at, job, attempt, operation }: LedgerEntry): string =>
  ledgerKey(USER, at, job.uid, attempt, operation);

/** p95 of appending an entry to a month that `packed` entries are sealed in; with that of one conditional put, its floor. */
export async function appendP95({ appends = 1000, packed = 50_000 } = {}): Promise<Measurement[]> {
  return withBucket(async (bucket) => {
    await fill(bucket, packed);
    const book = new LedgerBook(bucket);
    await book.month(USER, PERIOD);
    const took: number[] = [];
    const floor: number[] = [];
    for (let n = 0; n < appends; n += 1) {
      const entry = entryOf(n, appends);
      took.push(await milliseconds(() => book.append(keyOf(entry), entry)));
      const other = `other/${n}.json`;
      floor.push(await milliseconds(() => bucket.put(other, JSON.stringify(entry), { ifAbsent: true })));
    }
    const { operations } = await new LedgerBook(bucket).month(USER, PERIOD);
    if (operations !== packed + appends) throw new Error(`${operations} entries count, not ${packed + appends}`);
    return [
      compared(
        'ledger: append of an entry, p95',
        percentile(took, 95),
        'ms',
        'one conditional put',
        percentile(floor, 95),
        'less',
      ),
      alone('ledger: append of an entry, median', median(took), 'ms'),
    ];
  });
}

/** A fresh process' summary of a month of `entries` sealed entries. */
export async function millionSummary({
  entries = 1_000_000,
  rounds = 5,
  say = (_text: string) => {},
} = {}): Promise<Measurement[]> {
  return withBucket(async (bucket) => {
    say(`writing ${entries.toLocaleString('en-US')} entries in packs`);
    const { packs, bytes, lines } = await fill(bucket, entries);
    say('writing them as one object, for the peer');
    await bucket.put('peer.jsonl', lines);
    const took: number[] = [];
    const naive: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      let ours: MonthSum | undefined;
      let theirs: MonthSum | undefined;
      took.push(await milliseconds(async () => (ours = await new LedgerBook(bucket).month(USER, PERIOD))));
      naive.push(await milliseconds(async () => (theirs = await naiveSum(bucket))));
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) throw new Error('the two sums differ');
    }
    await Promise.all(
      Array.from({ length: LOOSE }, (_, n) => entryOf(n, LOOSE)).map((entry) =>
        bucket.put(keyOf(entry), JSON.stringify(entry), { ifAbsent: true }),
      ),
    );
    const beside: number[] = [];
    for (let round = 0; round < rounds; round += 1)
      beside.push(await milliseconds(() => new LedgerBook(bucket).month(USER, PERIOD)));
    const what = `ledger: summary of a month of ${entries.toLocaleString('en-US')} entries`;
    return [
      compared(what, median(took), 'ms', 'adding up one object of JSON lines', median(naive), 'less'),
      alone(`ledger: the same with ${LOOSE} entries beside that are in no pack yet`, median(beside), 'ms'),
      alone('ledger: entries of that month', entries, 'entries'),
      alone('ledger: packs of that month', packs, 'packs'),
      compared(
        'ledger: stored for that month',
        bytes / MIB,
        'MiB',
        'one object of JSON lines',
        lines.length / MIB,
        'less',
      ),
    ];
  });
}

interface Filled {
  readonly packs: number;
  /** Of packs, data and indices. */
  readonly bytes: number;
  /** All entries, a JSON line each. */
  readonly lines: Buffer;
}

/** Puts entries as compaction leaves them. */
async function fill(bucket: Bucket, count: number): Promise<Filled> {
  const folder = ledgerFolder(USER, PERIOD);
  const texts: Buffer[] = [];
  let previous: string | null = null;
  let bytes = 0;
  let packs = 0;
  for (let from = 0; from < count; from += MOST_ENTRIES) {
    const entries = Array.from({ length: Math.min(MOST_ENTRIES, count - from) }, (_, at) => entryOf(from + at, count));
    texts.push(Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')));
    packs += 1;
    const lines = entries.map((entry) => ({ key: keyOf(entry), entry }));
    const { pack, text, data, index } = await buildPack(folder, packs, previous, lines);
    await bucket.put(pack.data, data);
    await bucket.put(pack.index, index);
    await bucket.put(packKey(folder, packs), text);
    previous = sha256Of(text);
    bytes += data.length + index.length + text.length;
  }
  return { packs, bytes, lines: Buffer.concat(texts) };
}

const NEWLINE = 10;

async function naiveSum(bucket: Bucket): Promise<MonthSum> {
  const { body } = (await bucket.get('peer.jsonl')) ?? { body: new Uint8Array() };
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  function* lines(): Generator<LedgerEntry> {
    for (let from = 0; from < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, from);
      yield JSON.parse(bytes.toString('utf8', from, end)) as LedgerEntry;
      from = end + 1;
    }
  }
  return sumEntries(lines());
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
