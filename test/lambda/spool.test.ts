import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { refuse, startStorage, type Storage } from '../../bench/prediction/storage.ts';
import { Spool } from '../../lambda/spool.ts';

describe('the spool of the output', () => {
  let storage: Storage;
  let folder: string;
  const { TMPDIR } = process.env;
  beforeEach(async () => {
    storage = await startStorage();
    folder = await mkdtemp(join(tmpdir(), 'spool-'));
    process.env.TMPDIR = folder;
  });
  afterEach(async () => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    await rm(folder, { recursive: true, force: true });
    await storage.close();
  });

  it('moves to a file when it grows, sends it again when it must, and leaves nothing behind', async () => {
    const spool = new Spool(`${storage.url}/out`, 1000);
    const reused = Buffer.alloc(400_000);
    let wanted = '';
    for (const [letter, length] of [
      ['a', 600],
      ['b', 600],
      ['c', 400_000],
      ['d', 7],
    ] as const) {
      reused.fill(letter, 0, length);
      await spool.write(reused.subarray(0, length));
      wanted += letter.repeat(length);
    }
    expect(await readdir(folder)).to.have.length(1);
    let refusals = 1;
    storage.intercept = (_request, response) => refusals-- > 0 && refuse(response, 503, 'SlowDown');
    const { bytes, etag } = await spool.end();
    expect(bytes).to.equal(wanted.length);
    expect(etag).to.match(/^"[0-9a-f]{32}"$/);
    expect(storage.objects.get('/out')!.toString()).to.equal(wanted);
    expect(storage.requests.at(-1)!.headers['content-length']).to.equal(String(wanted.length));
    await spool.discard();
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('says why there is no room', async () => {
    process.env.TMPDIR = join(folder, 'nowhere');
    const failure = await new Spool(`${storage.url}/out`, 3).write(Buffer.from('four')).catch((error: Error) => error);
    expect(failure).to.have.property('message', 'There is no room for the predictions: ENOENT.');
    expect(failure).to.have.property('type', 'WriteFailed');
  });
});
