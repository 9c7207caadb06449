// The ledger of one process: appended once, summed right at any time, whatever was packed meanwhile and by whom.
import { expect } from 'chai';
import { compact, LedgerBook } from '../../../cloud/ledger/book.ts';
import { sumEntries } from '../../../cloud/ledger/entries.ts';
import { fingerprint, type Pack, sha256Of } from '../../../cloud/ledger/packs.ts';
import { failure, FakeBucket } from '../../operator/aws.ts';
import { bucketWith, entryOf, FOLDER, fresh, keyOf, NOW, own, packs, PERIOD, USER } from './world.ts';

const entries = (count: number) => Array.from({ length: count }, (_, at) => entryOf(at + 1));
const thrown = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'nothing', String);

describe('The ledger book', () => {
  it('sums entries the same before and after they are packed, to the billionth', async () => {
    const bucket = bucketWith(28);
    const before = await fresh(bucket);
    expect(before).to.deep.equal(sumEntries(entries(28)));
    expect(before.spentUsd).to.equal(2.800000406);
    await compact(bucket, USER, PERIOD, NOW);
    expect(own(bucket)).to.have.length(9);
    expect(await fresh(bucket)).to.deep.equal(before);
    await compact(bucket, USER, PERIOD, NOW + 30 * 86_400_000, { most: 4 });
    expect(own(bucket)).to.deep.equal([]);
    expect(packs(bucket)).to.have.length(4);
    expect(await fresh(bucket)).to.deep.equal(before);
  });

  it('asks for one LIST a month that it knows, and reads only what is new', async () => {
    const bucket = bucketWith(28);
    await compact(bucket, USER, PERIOD, NOW);
    const book = new LedgerBook(bucket);
    await book.month(USER, PERIOD);
    bucket.calls.length = 0;
    await book.month(USER, PERIOD);
    expect(bucket.calls).to.deep.equal([`list ${FOLDER.entries}`]);
    bucket.set(keyOf(entryOf(29)), entryOf(29));
    expect((await book.month(USER, PERIOD)).operations).to.equal(29);
    expect(bucket.calls.slice(1)).to.deep.equal([`list ${FOLDER.entries}`, `get ${keyOf(entryOf(29))}`]);
  });

  it('knows what it appended, of a month that it read', async () => {
    const book = new LedgerBook(new FakeBucket());
    expect(book.known(USER, PERIOD)).to.equal(undefined);
    await book.append(keyOf(entryOf(1)), entryOf(1));
    expect(book.known(USER, PERIOD)).to.equal(undefined);
    await book.month(USER, PERIOD);
    await book.append(keyOf(entryOf(2)), entryOf(2));
    expect(book.known(USER, PERIOD)).to.deep.equal(sumEntries(entries(2)));
  });

  it('takes what is there for the truth when an entry is appended again', async () => {
    const bucket = new FakeBucket();
    const book = new LedgerBook(bucket);
    await book.append(keyOf(entryOf(1)), entryOf(1));
    expect(await book.append(keyOf(entryOf(1)), entryOf(1, { usd: 7 }))).to.deep.equal(entryOf(1));
    expect(await book.month(USER, PERIOD)).to.deep.equal(sumEntries(entries(1)));
  });

  for (const [whose, again] of [
    ['this process', (book: LedgerBook, _bucket: FakeBucket) => book],
    ['another process', (_book: LedgerBook, bucket: FakeBucket) => new LedgerBook(bucket)],
  ] as const)
    it(`takes what a pack says for the truth when ${whose} repeats an append after its object was packed away`, async () => {
      const bucket = new FakeBucket();
      const book = new LedgerBook(bucket);
      await book.month(USER, PERIOD);
      bucket.after('put', failure('unreachable'));
      expect(await thrown(book.append(keyOf(entryOf(1)), entryOf(1)))).to.match(/unreachable/);
      await compact(bucket, USER, PERIOD, NOW);
      expect(own(bucket)).to.deep.equal([]);
      const late = entryOf(1, { usd: 7, at: `${PERIOD}-20T12:00:00.000Z` });
      expect(await again(book, bucket).append(keyOf(late), late)).to.deep.equal(entryOf(1));
      expect(own(bucket)).to.deep.equal([]);
      expect(await book.month(USER, PERIOD)).to.deep.equal(sumEntries(entries(1)));
      expect(await fresh(bucket)).to.deep.equal(sumEntries(entries(1)));
    });

  it('sums right while the object of such a repeated append is still there, and clears it away with the next try', async () => {
    const bucket = bucketWith(1);
    await compact(bucket, USER, PERIOD, NOW);
    const late = entryOf(1, { usd: 7 });
    bucket.set(keyOf(late), late);
    expect(await fresh(bucket)).to.deep.equal(sumEntries(entries(1)));
    bucket.before('deleteMany', failure('denied'));
    expect(await new LedgerBook(bucket).append(keyOf(late), late)).to.deep.equal(entryOf(1));
    expect(own(bucket)).to.have.length(1);
    expect(await new LedgerBook(bucket).append(keyOf(late), late)).to.deep.equal(entryOf(1));
    expect(own(bucket)).to.deep.equal([]);
  });

  it('finds the truth when the object goes into a pack between the refused put and the look at it', async () => {
    const bucket = bucketWith(1);
    const get = bucket.get.bind(bucket);
    let first = true;
    bucket.get = async (key, options) => {
      if (first) {
        first = false;
        await compact(bucket, USER, PERIOD, NOW);
      }
      return get(key, options);
    };
    expect(await new LedgerBook(bucket).append(keyOf(entryOf(1)), entryOf(1, { usd: 7 }))).to.deep.equal(entryOf(1));
  });

  it('puts again when a put was refused and yet nothing is there, and gives up after a while', async () => {
    const bucket = new FakeBucket();
    bucket.before('put', failure('precondition'));
    await new LedgerBook(bucket).append(keyOf(entryOf(1)), entryOf(1));
    expect(own(bucket)).to.deep.equal([keyOf(entryOf(1))]);
    bucket.before('put', ...Array.from({ length: 5 }, () => failure('precondition')));
    expect(await thrown(new LedgerBook(bucket).append(keyOf(entryOf(2)), entryOf(2)))).to.match(/could not be put now/);
  });

  it('passes other failures on, and refuses a key that is none of the ledger', async () => {
    const bucket = new FakeBucket();
    bucket.before('put', failure('denied'));
    expect(await thrown(new LedgerBook(bucket).append(keyOf(entryOf(1)), entryOf(1)))).to.match(/denied/);
    expect(await thrown(new LedgerBook(bucket).append('audit/x.json', entryOf(1)))).to.match(
      /no key of a ledger entry/,
    );
  });

  it('sees an entry that goes into a pack while it reads the month', async () => {
    const bucket = bucketWith(3);
    const get = bucket.get.bind(bucket);
    let first = true;
    bucket.get = async (key, options) => {
      if (first) {
        first = false;
        await compact(bucket, USER, PERIOD, NOW);
      }
      return get(key, options);
    };
    expect(await new LedgerBook(bucket).month(USER, PERIOD)).to.deep.equal(sumEntries(entries(3)));
  });

  it('does not count an entry twice when a slow look overlaps a quick one', async () => {
    const bucket = bucketWith(3);
    const book = new LedgerBook(bucket);
    const get = bucket.get.bind(bucket);
    const held: (() => void)[] = [];
    bucket.get = async (key, options) => {
      if (key === keyOf(entryOf(1))) await new Promise<void>((go) => held.push(go));
      return get(key, options);
    };
    const slow = book.month(USER, PERIOD);
    while (held.length === 0) await new Promise(setImmediate);
    bucket.get = get;
    await compact(bucket, USER, PERIOD, NOW, { keep: true });
    const quick = book.month(USER, PERIOD);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    for (const go of held) go();
    for (const sum of [await slow, await quick, book.known(USER, PERIOD), await book.month(USER, PERIOD)])
      expect(sum).to.deep.equal(sumEntries(entries(3)));
  });

  it('sees a pack that is committed between two pages of the listing', async () => {
    const bucket = bucketWith(3200);
    await compact(bucket, USER, PERIOD, Date.parse(`${PERIOD}-02T00:00:00Z`), { most: 50 });
    const list = bucket.list.bind(bucket);
    let first = true;
    bucket.list = async (prefix) => {
      if (!first) return list(prefix);
      first = false;
      const early = await list(FOLDER.packs);
      await compact(bucket, USER, PERIOD, NOW);
      // The page with the packs was made before that, the one with the entries after.
      return [...early, ...(await list(prefix)).filter(({ key }) => !key.startsWith(FOLDER.packs))];
    };
    expect((await fresh(bucket)).operations).to.equal(3200);
  });

  it('loses nothing to two keys with the same fingerprint', async () => {
    const bucket = bucketWith(2);
    await compact(bucket, USER, PERIOD, Date.parse(`${PERIOD}-02T00:00:00Z`));
    const key = packs(bucket)[0] ?? '';
    const pack = bucket.json<Pack<object>>(key) as Pack<object>;
    const index = Buffer.alloc(16);
    [keyOf(entryOf(1)), keyOf(entryOf(2))]
      .map(fingerprint)
      .sort((a, b) => Number(a - b))
      .forEach((print, at) => index.writeBigUInt64BE(print, at * 8));
    bucket.set(pack.index, index);
    bucket.set(key, { ...pack, indexSha256: sha256Of(index) });
    expect(await fresh(bucket)).to.deep.equal(sumEntries(entries(2)));
    const again = entryOf(3);
    expect(await new LedgerBook(bucket).append(keyOf(again), again)).to.equal(again);
    expect((await compact(bucket, USER, PERIOD, NOW)).packed).to.equal(2);
    expect(await fresh(bucket)).to.deep.equal(sumEntries(entries(3)));
  });

  it('counts an entry on that was removed or changed behind its back', async () => {
    const bucket = bucketWith(2);
    const book = new LedgerBook(bucket);
    const before = await book.month(USER, PERIOD);
    await bucket.delete(keyOf(entryOf(1)));
    bucket.set(keyOf(entryOf(2)), entryOf(2, { usd: 0 }));
    expect(await book.month(USER, PERIOD)).to.deep.equal(before);
  });

  it('sums nothing on top of what contradicts itself, and names it', async () => {
    const [first = '', second = ''] = [1, 2].map((n) => `${FOLDER.packs}00000${n}.json`);
    const damage: Record<string, (bucket: FakeBucket) => unknown> = {
      [`${first} is missing`]: (bucket) => bucket.delete(first),
      [`${second} does not follow ${first}`]: (bucket) =>
        bucket.set(first, { ...bucket.json<object>(first), cube: [], count: 0 }),
      [`${first} is not the JSON of pack 1`]: (bucket) => bucket.set(first, 'pack'),
      [`${keyOf(entryOf(28))} is no entry`]: (bucket) => bucket.set(keyOf(entryOf(28)), 'null'),
      '.keys is missing': (bucket) =>
        bucket
          .keys(FOLDER.packs)
          .filter((key) => key.endsWith('.keys'))
          .forEach((key) => bucket.objects.delete(key)),
      '.keys was changed': (bucket) =>
        bucket
          .keys(FOLDER.packs)
          .filter((key) => key.endsWith('.keys'))
          .forEach((key) => bucket.set(key, 'x')),
    };
    for (const [words, harm] of Object.entries(damage)) {
      const bucket = bucketWith(28);
      await compact(bucket, USER, PERIOD, NOW, { most: 10 });
      await harm(bucket);
      expect(await thrown(fresh(bucket)), words).to.include(words);
    }
  });

  it('notices that a pack it knew is gone or changed', async () => {
    for (const [harm, words] of [
      [(bucket: FakeBucket, key: string) => void bucket.objects.delete(key), 'is missing'],
      [
        (bucket: FakeBucket, key: string) => void bucket.set(key, { ...bucket.json<object>(key), to: '' }),
        'was changed',
      ],
    ] as const) {
      const bucket = bucketWith(3);
      const book = new LedgerBook(bucket);
      await book.compact(USER, PERIOD, NOW);
      await book.month(USER, PERIOD);
      harm(bucket, packs(bucket)[0] ?? '');
      expect(await thrown(book.month(USER, PERIOD))).to.include(words);
    }
  });

  it('gives up on a listing of objects that are not there', async () => {
    const bucket = new FakeBucket();
    bucket.list = async () => [{ key: keyOf(entryOf(1)), bytes: 1, etag: '"1"', modifiedAt: 0 }];
    expect(await thrown(fresh(bucket))).to.match(/lists objects that are not there/);
  });
});
