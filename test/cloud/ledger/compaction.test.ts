// Compaction loses nothing and doubles nothing: killed after any call, beside another compactor at any pair of steps, beside appends.
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { compact, LedgerBook } from '../../../cloud/ledger/book.ts';
import type { CompactedBucket } from '../../../cloud/ledger/compaction.ts';
import { packFile, sha256Of, type Pack } from '../../../cloud/ledger/packs.ts';
import { verifyFolder } from '../../../cloud/ledger/verify.ts';
import { failure, FakeBucket } from '../../operator/aws.ts';
import { Killed, killedAfter, Stepped } from './steps.ts';
import {
  bucketWith,
  copyOf,
  entryOf,
  everything,
  FOLDER,
  fresh,
  keyOf,
  NOW,
  own,
  packs,
  PERIOD,
  USER,
} from './world.ts';

const LATER = NOW + 30 * 86_400_000;
const pack = (bucket: CompactedBucket, now = LATER, most = 3) => compact(bucket, USER, PERIOD, now, { most });
const files = (bucket: FakeBucket) => bucket.keys(FOLDER.packs);
const thrown = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'nothing', String);

/** Compacted by a fresh process, everything is in packs, once, and nothing else is left. */
async function settles(bucket: FakeBucket, was: readonly string[], sum: unknown, what: string): Promise<void> {
  expect(await everything(bucket), what).to.deep.equal(was);
  expect(await fresh(bucket), what).to.deep.equal(sum);
  const { findings } = await pack(bucket);
  expect(findings, what).to.deep.equal([]);
  expect(own(bucket), what).to.deep.equal([]);
  expect(await everything(bucket), what).to.deep.equal(was);
  expect(await fresh(bucket), what).to.deep.equal(sum);
  expect((await verifyFolder(bucket, FOLDER)).findings, what).to.deep.equal([]);
  expect(files(bucket), what).to.have.length(packs(bucket).length * 3);
}

describe('Compaction of the ledger', function () {
  this.timeout(60_000);

  it('packs the entries of past days, the oldest first, chains the packs, and removes what it packed', async () => {
    const bucket = bucketWith(28);
    const result = await compact(bucket, USER, PERIOD, NOW, { most: 10 });
    expect(result).to.include({ packs: 2, packed: 19 }).and.have.deep.property('findings', []);
    expect(own(bucket).map((key) => bucket.json<{ at: string }>(key)?.at.slice(8, 10))).to.have.members(
      Array.from({ length: 9 }, (_, at) => String(at + 20)),
    );
    const [first, second] = packs(bucket).map((key) => bucket.json<Pack<object>>(key));
    expect(first).to.include({
      version: 1,
      number: 1,
      count: 10,
      from: '2026-11-01',
      to: '2026-11-10',
      previous: null,
    });
    expect(second).to.include({ version: 1, number: 2, count: 9, from: '2026-11-11', to: '2026-11-19' });
    const bytes = (at: number) => bucket.objects.get(packs(bucket)[at] ?? '')?.body ?? '';
    expect(second?.previous).to.equal(sha256Of(bytes(0)));
    expect(result.head).to.equal(sha256Of(bytes(1)));
    expect(first?.cube[0]).to.deep.equal({
      day: '2026-11-01',
      service: 'ec2',
      operation: 'training',
      usd: 0.100000001,
      onDemandUsd: 0.3,
      seconds: 1.125,
      count: 1,
    });
  });

  it('does nothing the second time, for a LIST and what is loose', async () => {
    const bucket = bucketWith(28);
    const book = new LedgerBook(bucket);
    const { head } = await book.compact(USER, PERIOD, NOW);
    await book.month(USER, PERIOD);
    bucket.calls.length = 0;
    expect(await book.compact(USER, PERIOD, NOW)).to.deep.equal({ packs: 1, head, packed: 0, findings: [] });
    expect(bucket.calls).to.deep.equal([`list ${FOLDER.entries}`]);
    expect(await compact(bucket, USER, PERIOD, NOW)).to.deep.equal({ packs: 1, head, packed: 0, findings: [] });
    expect(await compact(new FakeBucket(), USER, PERIOD, NOW)).to.deep.equal({
      packs: 0,
      head: null,
      packed: 0,
      findings: [],
    });
  });

  it('writes the same bytes of the same entries, wherever and whenever', async () => {
    const [one, other] = [bucketWith(9), bucketWith(9, () => LATER)];
    await pack(one);
    await pack(other, LATER + 86_400_000);
    expect(files(one)).to.deep.equal(files(other));
    // No time, no operating system.
    const { data } = one.json<Pack<object>>(packs(one)[0] ?? '') as Pack<object>;
    expect([...(one.objects.get(data)?.body.slice(4, 10) ?? [])]).to.deep.equal([0, 0, 0, 0, 0, 255]);
    for (const key of files(one)) expect(one.objects.get(key)?.body).to.deep.equal(other.objects.get(key)?.body);
  });

  for (const answered of [true, false])
    it(`loses and doubles nothing when killed after any number of calls, ${answered ? 'before' : 'after'} the next one had its effect`, async () => {
      const start = bucketWith(7);
      // Something of an earlier kill is there already.
      await pack(killedAfter(start, 12, true)).catch(() => undefined);
      const was = await everything(start);
      const sum = await fresh(start);
      let calls = 0;
      for (let killed = true; killed; calls += 1) {
        const bucket = copyOf(start);
        killed = await pack(killedAfter(bucket, calls, answered)).then(
          () => false,
          (error: unknown) => error instanceof Killed || expect.fail(String(error)),
        );
        await settles(bucket, was, sum, `killed after ${calls} calls`);
      }
      expect(calls).to.be.greaterThan(20);
    });

  it('loses and doubles nothing when killed a second time while it clears up after the first', async () => {
    const start = bucketWith(4);
    const was = await everything(start);
    const sum = await fresh(start);
    for (let first = 5; first < 28; first += 1)
      for (let second = 0; second < 28; second += 3) {
        const bucket = copyOf(start);
        for (const calls of [first, second]) await pack(killedAfter(bucket, calls, true)).catch(() => undefined);
        await settles(bucket, was, sum, `killed after ${first} and ${second} calls`);
      }
  });

  it('may run twice at once, at every pair of steps', async () => {
    const start = bucketWith(4);
    const was = await everything(start);
    const sum = await fresh(start);
    let furthest = 0;
    for (let ahead = 0; ahead <= 30; ahead += 1)
      for (let behind = 0; behind <= 30; behind += 1) {
        const bucket = copyOf(start);
        const [one, other] = [new Stepped(bucket), new Stepped(bucket)];
        const ends = [one.begin((stepped) => pack(stepped)), other.begin((stepped) => pack(stepped, LATER, 2))];
        await one.steps(ahead);
        await other.steps(behind);
        one.finish();
        const [first] = await Promise.all([ends[0], one.steps(0)]);
        other.finish();
        const second = await ends[1];
        furthest = Math.max(furthest, one.calls);
        expect([first?.findings, second?.findings], `${ahead}, ${behind}`).to.deep.equal([[], []]);
        await settles(bucket, was, sum, `${ahead} steps of one, then ${behind} of the other`);
      }
    expect(furthest).to.be.greaterThan(20);
  });

  it('sums right for a reader at every step of a compactor', async () => {
    const start = bucketWith(5);
    const sum = await fresh(start);
    for (let ahead = 0; ahead <= 30; ahead += 1) {
      const bucket = copyOf(start);
      const one = new Stepped(bucket);
      const end = one.begin((stepped) => pack(stepped));
      const book = new LedgerBook(bucket);
      for (let step = 0; step < ahead; step += 1) {
        if (step % 4 === 0) expect(await book.month(USER, PERIOD)).to.deep.equal(sum);
        await one.steps(1);
      }
      expect(await fresh(bucket)).to.deep.equal(sum);
      expect(await book.month(USER, PERIOD)).to.deep.equal(sum);
      one.finish();
      await end;
    }
  });

  it('keeps the truth of an append that is repeated with other figures at every step', async () => {
    const start = bucketWith(3);
    const sum = await fresh(start);
    const again = entryOf(2, { usd: 9, at: `${PERIOD}-28T00:00:00.000Z` });
    for (let ahead = 0; ahead <= 20; ahead += 1) {
      const bucket = copyOf(start);
      const one = new Stepped(bucket);
      const end = one.begin((stepped) => pack(stepped));
      await one.steps(ahead);
      expect(await new LedgerBook(bucket).append(keyOf(again), again)).to.deep.equal(entryOf(2));
      one.finish();
      expect((await end).findings).to.deep.equal([]);
      expect(await fresh(bucket)).to.deep.equal(sum);
      expect(own(bucket)).to.deep.equal([]);
    }
  });

  it('sums like a plain list, whatever happens in whatever order', async () => {
    const act = fc.oneof(
      fc.record({ do: fc.constant('append' as const), n: fc.integer({ min: 1, max: 12 }), usd: fc.nat(1e9) }),
      fc.record({
        do: fc.constant('compact' as const),
        day: fc.integer({ min: 1, max: 29 }),
        most: fc.integer({ min: 1, max: 4 }),
        calls: fc.integer({ min: 0, max: 60 }),
      }),
      fc.record({ do: fc.constant('restart' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
        const bucket = new FakeBucket(() => NOW);
        const truth = new Map<string, number>();
        let book = new LedgerBook(bucket);
        for (const one of acts) {
          if (one.do === 'restart') book = new LedgerBook(bucket);
          else if (one.do === 'append') {
            const entry = entryOf(one.n, { usd: one.usd / 1e9 });
            const said = await book.append(keyOf(entry), entry);
            if (!truth.has(keyOf(entry))) truth.set(keyOf(entry), one.usd);
            expect(said.usd * 1e9).to.be.closeTo(truth.get(keyOf(entry)) ?? NaN, 0.01);
          } else {
            const now = Date.parse(`${PERIOD}-01T00:00:00Z`) + one.day * 86_400_000;
            await compact(killedAfter(bucket, one.calls, true), USER, PERIOD, now, { most: one.most }).catch(
              () => undefined,
            );
          }
          const total = [...truth.values()].reduce((sum, nanos) => sum + nanos, 0);
          for (const reader of [book, new LedgerBook(bucket)]) {
            const sum = await reader.month(USER, PERIOD);
            expect([Math.round(sum.spentUsd * 1e9), sum.operations]).to.deep.equal([total, truth.size]);
          }
        }
        expect((await verifyFolder(bucket, FOLDER)).findings).to.deep.equal([]);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves an object alone that differs from its line in a pack, and tells of it', async () => {
    const bucket = bucketWith(3);
    await pack(bucket);
    const sum = await fresh(bucket);
    bucket.set(keyOf(entryOf(2)), entryOf(2, { usd: 0 }));
    const { findings } = await pack(bucket);
    expect(findings).to.have.length(1);
    expect(findings[0]).to.include(`${keyOf(entryOf(2))} differs from its line in ${FOLDER.packs}000001-`);
    expect(own(bucket)).to.deep.equal([keyOf(entryOf(2))]);
    expect(await fresh(bucket)).to.deep.equal(sum);
  });

  it('does not seal what lies under another entry’s key or was changed after it had been read', async () => {
    const bucket = bucketWith(6);
    const book = new LedgerBook(bucket);
    await book.month(USER, PERIOD);
    bucket.set(keyOf(entryOf(1)), entryOf(1, { usd: 0 }));
    bucket.set(keyOf(entryOf(2)), entryOf(2));
    const strangers = {
      [`${FOLDER.entries}uid-a-1-training.json`]: [entryOf(90, { userId: '43' }), 'it is an entry of user 43'],
      [`${FOLDER.entries}uid-b-1-training.json`]: [
        entryOf(91, { at: '2026-10-31T23:59:59Z' }),
        'it is an entry of 2026-10-31',
      ],
      [`${FOLDER.entries}uid-c-2-training.json`]: [entryOf(92), 'it is the entry of attempt 1 of uid-92'],
    } as const;
    for (const [key, [entry]] of Object.entries(strangers)) bucket.set(key, entry);
    const { findings, packed } = await book.compact(USER, PERIOD, LATER);
    expect(packed).to.equal(5);
    expect(findings).to.have.members([
      `${keyOf(entryOf(1))} was not packed: it was changed after it had been read.`,
      ...Object.entries(strangers).map(([key, [, problem]]) => `${key} was not packed: ${problem}.`),
    ]);
    expect(own(bucket)).to.have.members([keyOf(entryOf(1)), ...Object.keys(strangers)]);
  });

  it('tells of an entry that it knew and that is gone, and packs the others', async () => {
    const bucket = bucketWith(3);
    const book = new LedgerBook(bucket);
    await book.month(USER, PERIOD);
    bucket.objects.delete(keyOf(entryOf(2)));
    expect(await book.compact(USER, PERIOD, LATER)).to.deep.include({
      packed: 2,
      findings: [`${keyOf(entryOf(2))} is missing: it was read before, and is in no pack.`],
    });
    expect(await everything(bucket)).to.have.length(2);
  });

  it('packs nothing on top of packs that contradict themselves or a head that was known', async () => {
    const bucket = bucketWith(6);
    const { head } = await pack(bucket);
    if (typeof head !== 'string') return expect.fail();
    bucket.set(keyOf(entryOf(7)), entryOf(7));
    const again = (expected: { packs: number; head: string }) => compact(bucket, USER, PERIOD, LATER, { expected });
    expect(await again({ packs: 3, head })).to.deep.equal({
      packs: 2,
      head: undefined,
      packed: 0,
      findings: [`${FOLDER.packs}000003.json is missing: it was the newest pack once.`],
    });
    expect((await again({ packs: 2, head: 'other' })).findings).to.deep.equal([
      `${FOLDER.packs}000002.json was changed: it had another hash once.`,
    ]);
    bucket.objects.delete(`${FOLDER.packs}000001.json`);
    expect(await again({ packs: 2, head })).to.include({ head: undefined, packed: 0 });
    expect(own(bucket)).to.deep.equal([keyOf(entryOf(7))]);
  });

  it('goes on from the head that was known', async () => {
    const bucket = bucketWith(3);
    const { head } = await pack(bucket);
    bucket.set(keyOf(entryOf(4)), entryOf(4));
    const expected = { packs: 1, head: String(head) };
    expect(await compact(bucket, USER, PERIOD, LATER, { expected })).to.include({ packs: 2, packed: 1 });
    expect(await compact(bucket, USER, PERIOD, LATER, { expected: { packs: 0, head: '' } })).to.include({ packed: 0 });
  });

  it('only seals when it may not delete, and another one removes what is sealed', async () => {
    const start = bucketWith(6);
    const was = await everything(start);
    const sum = await fresh(start);
    const bucket = copyOf(start);
    bucket.deleteMany = () => Promise.reject(failure('denied'));
    const book = new LedgerBook(bucket);
    const sealed = await book.compact(USER, PERIOD, LATER, { most: 3, keep: true });
    expect(sealed).to.include({ packs: 2, packed: 6 }).and.have.deep.property('findings', []);
    expect(own(bucket)).to.have.length(6);
    for (const reader of [book, new LedgerBook(bucket)]) expect(await reader.month(USER, PERIOD)).to.deep.equal(sum);
    bucket.calls.length = 0;
    expect(await book.compact(USER, PERIOD, LATER, { keep: true })).to.include({ packs: 2, packed: 0 });
    expect(bucket.calls).to.deep.equal([`list ${FOLDER.entries}`]);
    expect(await thrown(pack(bucket))).to.match(/denied/);
    Reflect.deleteProperty(bucket, 'deleteMany');
    await settles(bucket, was, sum, 'by another one');
  });

  it('keeps the entries when the data of their pack is gone or was changed', async () => {
    for (const harm of [
      (key: string, bucket: FakeBucket) => bucket.objects.delete(key),
      (key: string, bucket: FakeBucket) => bucket.set(key, 'x'),
      (key: string, bucket: FakeBucket) => {
        const lines = gunzipSync(bucket.objects.get(key)?.body ?? '').toString();
        bucket.set(key, gzipSync(`${lines}\n`));
      },
    ]) {
      const bucket = bucketWith(3);
      await pack(killedAfter(bucket, 11, true)).catch(() => undefined);
      expect([packs(bucket).length, own(bucket).length]).to.deep.equal([1, 3]);
      harm(bucket.json<Pack<object>>(packs(bucket)[0] ?? '')?.data ?? '', bucket);
      const { findings } = await pack(bucket);
      expect(findings).to.have.length(1);
      expect(own(bucket)).to.have.length(3);
    }
  });

  it('keeps data whose pack is missing, and says so', async () => {
    const bucket = bucketWith(6);
    await pack(bucket);
    const data = bucket.json<Pack<object>>(packs(bucket)[1] ?? '')?.data ?? '';
    bucket.objects.delete(packs(bucket)[1] ?? '');
    bucket.set(keyOf(entryOf(7)), entryOf(7));
    const { packs: count } = await pack(bucket);
    expect(count).to.equal(2);
    const { findings } = await pack(bucket);
    expect(findings).to.deep.equal([
      `${data} holds 3 entries that are nowhere else: the pack that referred to it is missing.`,
    ]);
    expect(bucket.objects.has(data)).to.equal(true);
  });

  it('passes on what the bucket can’t do, and does not try for ever', async () => {
    const bucket = bucketWith(3);
    bucket.before('put', failure('denied'));
    expect(await thrown(pack(bucket))).to.match(/denied/);
    const put = bucket.put.bind(bucket);
    bucket.put = (key, body, options) =>
      packFile(FOLDER, key)?.what === 'pack' ? Promise.reject(failure('precondition')) : put(key, body, options);
    expect(await thrown(pack(bucket))).to.match(/000001.json could not be put now/);
    bucket.put = () => Promise.reject(failure('precondition'));
    expect(await thrown(pack(bucketOfNone(bucket)))).to.match(/000001.json could not be put now/);
    bucket.put = async () => '';
    const { findings } = await pack(bucketOfNone(bucket, new TextEncoder().encode('other')));
    expect(findings[0]).to.match(/jsonl.gz is not what was written/);
  });
});

/** The same, but that whatever is put as data is not there, or something else is. */
function bucketOfNone(bucket: FakeBucket, body?: Uint8Array): CompactedBucket {
  return {
    put: (key, what, options) => bucket.put(key, what, options),
    list: (prefix) => bucket.list(prefix),
    deleteMany: (keys) => bucket.deleteMany(keys),
    get: async (key) => (key.endsWith('.gz') ? body && { body, etag: '' } : bucket.get(key)),
  };
}
