// Whatever is done to what is sealed shows, and the finding names an object.
import { expect } from 'chai';
import { compact } from '../../../cloud/ledger/book.ts';
import { buildPack, linesOf, packFile, packKey, sha256Of, type Pack } from '../../../cloud/ledger/packs.ts';
import { verifyFolder } from '../../../cloud/ledger/verify.ts';
import type { FakeBucket } from '../../operator/aws.ts';
import { bucketWith, copyOf, entryOf, FOLDER, keyOf, NOW, own, packs, PERIOD, USER } from './world.ts';

const findings = async (bucket: FakeBucket, expected?: { packs: number; head: string }) =>
  (await verifyFolder(bucket, FOLDER, expected)).findings;

/** Three packs of four entries each, the others loose. */
async function sealed(): Promise<{ bucket: FakeBucket; head: string }> {
  const bucket = bucketWith(14);
  const { head } = await compact(bucket, USER, PERIOD, Date.parse(`${PERIOD}-13T00:00:00Z`), { most: 4 });
  return { bucket, head: String(head) };
}

/** Pack `number` with these entries instead, all hashes as they should be. */
async function forged(bucket: FakeBucket, number: number, ...entries: ReturnType<typeof entryOf>[]): Promise<void> {
  const old = bucket.json<Pack<object>>(packKey(FOLDER, number)) as Pack<object>;
  const lines = entries.map((entry) => ({ key: keyOf(entry), entry }));
  const { pack, text, data, index } = await buildPack(FOLDER, number, old.previous, lines);
  for (const key of [old.data, old.index]) bucket.objects.delete(key);
  bucket.set(pack.data, data);
  bucket.set(pack.index, index);
  bucket.set(packKey(FOLDER, number), text);
}

describe('Verification of the ledger', function () {
  this.timeout(60_000);
  let bucket: FakeBucket;
  let head: string;
  beforeEach(async () => ({ bucket, head } = await sealed()));

  it('finds nothing where nothing was done', async () => {
    expect(await verifyFolder(bucket, FOLDER, { packs: 3, head })).to.deep.equal({
      packs: 3,
      head,
      entries: 14,
      findings: [],
    });
    expect(await findings(bucketWith(3))).to.deep.equal([]);
    expect(await findings(bucketWith(0), { packs: 0, head: '' })).to.deep.equal([]);
  });

  it('shows the removal of any one sealed object, and names one', async () => {
    const keys = bucket.keys(FOLDER.packs);
    expect(keys).to.have.length(9);
    for (const key of keys) {
      const robbed = copyOf(bucket);
      robbed.objects.delete(key);
      const found = await findings(robbed);
      expect(found, key).not.to.deep.equal([]);
      const { number, what } = packFile(FOLDER, key) ?? {};
      const last = what === 'pack' && number === 3;
      expect(found.join(' '), key).to.include(last ? 'the pack that referred to it is missing' : `${key} is missing`);
    }
  });

  it('shows any changed byte of any sealed object', async () => {
    for (const key of bucket.keys(FOLDER.packs)) {
      const body = bucket.objects.get(key)?.body ?? new Uint8Array();
      for (let at = 0; at < body.length; at += 1) {
        const changed = Uint8Array.from(body);
        changed[at] = (changed[at] ?? 0) ^ 1;
        const spoiled = copyOf(bucket);
        spoiled.set(key, changed);
        expect(await findings(spoiled), `byte ${at} of ${key}`).not.to.deep.equal([]);
      }
    }
  });

  it('shows a byte more, and JSON that is only written differently', async () => {
    const [key = ''] = packs(bucket).slice(-1);
    const text = JSON.stringify(bucket.json(key));
    for (const other of [`${text}\n`, `\uFEFF${text}`]) {
      bucket.set(key, other);
      expect(await findings(bucket)).to.deep.equal([`${key} was changed: it is not written as packs are.`]);
    }
  });

  it('says which figures of a pack are not what its entries come to', async () => {
    const key = packKey(FOLDER, 3);
    const pack = bucket.json<Pack<{ usd: number }>>(key) as Pack<{ usd: number }>;
    bucket.set(key, { ...pack, count: 3, cube: pack.cube.map((row) => ({ ...row, usd: 0 })) });
    expect(await findings(bucket)).to.deep.equal([`${key} was changed: count, cube are not what its entries come to.`]);
  });

  it('shows a pack that was forged with all its hashes: by the chain, and the newest by the head that is known', async () => {
    const first = copyOf(bucket);
    await forged(first, 1, entryOf(1, { usd: 0 }), entryOf(2), entryOf(3), entryOf(4));
    expect(await findings(first)).to.deep.equal([`${packKey(FOLDER, 2)} does not follow ${packKey(FOLDER, 1)}.`]);
    await forged(bucket, 3, entryOf(9, { usd: 0 }), entryOf(10), entryOf(11), entryOf(12));
    expect(await findings(bucket, { packs: 3, head })).to.deep.equal([
      `${packKey(FOLDER, 3)} was changed: the account’s status names another hash.`,
    ]);
  });

  it('shows by the head that is known that the newest pack is gone with all that is its', async () => {
    const key = packKey(FOLDER, 3);
    const { data, index } = bucket.json<Pack<object>>(key) as Pack<object>;
    for (const gone of [key, data, index]) bucket.objects.delete(gone);
    expect(await findings(bucket)).to.deep.equal([]);
    expect(await findings(bucket, { packs: 3, head })).to.deep.equal([
      `${key} is missing: the account’s status names it.`,
    ]);
  });

  it('shows entries under keys that are not theirs, and entries that are there twice', async () => {
    const stranger = entryOf(9, { userId: '43' });
    await forged(bucket, 3, { ...stranger }, entryOf(2));
    const { data } = bucket.json<Pack<object>>(packKey(FOLDER, 3)) as Pack<object>;
    const found = await findings(bucket);
    expect(found).to.include(`${data} has ${keyOf(stranger)}, but it is an entry of user 43.`);
    expect(found).to.include(`${data} has ${keyOf(entryOf(2))} again: pack 1 holds it.`);
  });

  it('shows lines out of order', async () => {
    const key = packKey(FOLDER, 3);
    const pack = bucket.json<Pack<object>>(key) as Pack<object>;
    const lines = await linesOf(FOLDER, pack.data, bucket.objects.get(pack.data)?.body ?? new Uint8Array());
    const { gzipSync } = await import('node:zlib');
    const data = gzipSync(
      lines
        .reverse()
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
    bucket.set(pack.data, data);
    bucket.set(key, { ...pack, dataSha256: sha256Of(data) });
    expect((await findings(bucket)).join('\n')).to.match(/is out of order at ledger\/user_42\/2026-11\/uid-/);
  });

  it('checks loose entries for themselves: form, key, and against what a pack says', async () => {
    const [one = '', other = ''] = own(bucket);
    bucket.set(one, { ...bucket.json<object>(one), attempt: 7 });
    bucket.set(other, 'not JSON');
    bucket.set(keyOf(entryOf(1)), entryOf(1, { usd: 5 }));
    bucket.set(keyOf(entryOf(2)), entryOf(2));
    bucket.set(`${FOLDER.packs}0000001.json`, '{}');
    expect(await findings(bucket)).to.have.members([
      `${one} is wrong: it is the entry of attempt 7 of uid-13.`,
      `${other} is no entry.`,
      `${keyOf(entryOf(1))} differs from its line in pack 1, which counts.`,
      `${FOLDER.packs}0000001.json is nothing that belongs there.`,
    ]);
  });

  it('takes what an interrupted compaction leaves for what it is', async () => {
    const start = bucketWith(4);
    const half = copyOf(start);
    await compact(half, USER, PERIOD, NOW);
    for (const key of packs(half)) half.objects.delete(key);
    for (const key of own(start)) half.set(key, start.json<object>(key) ?? {});
    expect(half.keys(FOLDER.packs)).to.have.length(2);
    expect(await findings(half)).to.deep.equal([]);
  });

  it('passes on what the bucket can’t do', async () => {
    bucket.get = () => Promise.reject(new Error('denied'));
    expect(await findings(bucket).catch(String)).to.equal('Error: denied');
  });
});
