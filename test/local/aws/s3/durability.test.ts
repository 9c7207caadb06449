// What survives what: a kill in the middle of writing, a torn last line, a full disk, deletion under a reader.
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import sinon from 'sinon';
import { Journal } from '../../../../local/aws/s3/journal.ts';
import type { StoreRecord } from '../../../../local/aws/s3/records.ts';
import { refusal } from '../../../contract/aws/oracles.ts';
import { REGION, Stand } from '../stand.ts';

const MAIN = new URL('../../../../local/aws/main.ts', import.meta.url).pathname;

/** The endpoint as its own process, to be killed. */
async function startProcess(stateDir: string): Promise<{ child: ChildProcess; s3: S3Client }> {
  const child = spawn(process.execPath, [MAIN, '--state', stateDir], { stdio: ['ignore', 'pipe', 'ignore'] });
  if (!child.stdout) throw new Error('no stdout');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { ready, url } = JSON.parse(line) as { ready: boolean; url: string };
  expect(ready).to.equal(true);
  const credentials = { accessKeyId: 'AKIASPOTLEARNLOCAL00', secretAccessKey: 'spotlearn-local-secret' };
  return {
    child,
    s3: new S3Client({ region: REGION, endpoint: url, credentials, forcePathStyle: true, maxAttempts: 1 }),
  };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await exited)[0];
}

async function dataFiles(stateDir: string): Promise<string[]> {
  const entries = await readdir(join(stateDir, 's3', 'data'), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((each) => each.isFile()).map((each) => each.name);
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('did not come true');
}

/** From its `skip`-th call on a file, once, the system says that the disk is full. */
function fullDisk(call: 'writeSync' | 'fdatasync', skip: number): sinon.SinonStub {
  const stub = sinon.stub(fs, call);
  const original = stub.wrappedMethod as (...given: unknown[]) => unknown;
  let calls = 0;
  return stub.callsFake(((file: number, ...rest: unknown[]) => {
    if (file <= 2 || calls++ !== skip) return original(file, ...rest);
    const error = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    if (call === 'writeSync') throw error;
    (rest.at(-1) as (failure: Error) => void)(error);
  }) as never);
}

describe('S3 durability', function () {
  this.timeout(30_000);
  let stateDir: string;
  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 's3-durable-'));
  });
  afterEach(async () => {
    sinon.restore();
    await rm(stateDir, { recursive: true, force: true });
  });

  it('loses no acknowledged object to kill -9, and shows no half one', async () => {
    const first = await startProcess(stateDir);
    await first.s3.send(new CreateBucketCommand({ Bucket: 'crash' }));
    const acknowledged = new Map<string, string>();
    let stop = false;
    const writer = async (name: number) => {
      for (let index = 0; !stop; index++) {
        const Body = Buffer.alloc(20_000 + index * 991, `${name}-${index} `);
        const Key = `w${name}/${index}`;
        const done = await first.s3.send(new PutObjectCommand({ Bucket: 'crash', Key, Body })).catch(() => undefined);
        if (done) acknowledged.set(Key, createHash('md5').update(Body).digest('hex'));
      }
    };
    const writers = [writer(1), writer(2), writer(3)];
    await eventually(async () => acknowledged.size > 30);
    await kill(first.child, 'SIGKILL');
    stop = true;
    await Promise.all(writers);
    const second = await startProcess(stateDir);
    for (const [Key, md5] of acknowledged) {
      const got = await second.s3.send(new GetObjectCommand({ Bucket: 'crash', Key }));
      expect(
        createHash('md5')
          .update((await got.Body?.transformToByteArray()) ?? '')
          .digest('hex'),
        Key,
      ).to.equal(md5);
    }
    const { Contents } = await second.s3.send(new ListObjectsV2Command({ Bucket: 'crash' }));
    for (const { Key, ETag } of Contents ?? []) {
      const got = await second.s3.send(new GetObjectCommand({ Bucket: 'crash', Key }));
      expect(
        `"${createHash('md5')
          .update((await got.Body?.transformToByteArray()) ?? '')
          .digest('hex')}"`,
        Key,
      ).to.equal(ETag);
    }
    expect(await dataFiles(stateDir)).to.have.length(Contents?.length ?? -1);
    expect(await kill(second.child, 'SIGTERM')).to.equal(0);
  });

  it('keeps buckets, versions and open uploads over a restart', async () => {
    const stand = await Stand.start();
    const s3 = stand.s3();
    const Bucket = 'keeps';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const one = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'one' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'two' }));
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'u' }));
    const { ETag, ChecksumCRC32 } = await s3.send(
      new UploadPartCommand({ Bucket, Key: 'u', UploadId, PartNumber: 1, Body: 'part' }),
    );
    await stand.restart();
    const again = stand.s3();
    expect(
      await (
        await again.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId: one.VersionId }))
      ).Body?.transformToString(),
    ).to.equal('one');
    const complete = () =>
      again.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key: 'u',
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] },
        }),
      );
    const done = await complete();
    expect((await complete()).VersionId).to.equal(done.VersionId);
    expect(await (await again.send(new GetObjectCommand({ Bucket, Key: 'u' }))).Body?.transformToString()).to.equal(
      'part',
    );
    await stand.close();
  });

  it('answers 500 on a full disk, keeps what was there, and goes on when there is room', async () => {
    const stand = await Stand.start();
    const s3 = stand.s3();
    await s3.send(new CreateBucketCommand({ Bucket: 'full' }));
    await s3.send(new PutObjectCommand({ Bucket: 'full', Key: 'k', Body: 'old' }));
    const before = await dataFiles(stand.stateDir);
    for (const [call, which] of [
      ['writeSync', 'the data'],
      ['fdatasync', 'the data'],
      ['writeSync', 'the journal'],
      ['fdatasync', 'the journal'],
    ] as const) {
      const stub = fullDisk(call, which === 'the data' ? 0 : 1);
      expect(await refusal(s3.send(new PutObjectCommand({ Bucket: 'full', Key: 'k', Body: 'new' })))).to.deep.equal([
        'InternalError',
        500,
      ]);
      stub.restore();
      expect(
        await (await s3.send(new GetObjectCommand({ Bucket: 'full', Key: 'k' }))).Body?.transformToString(),
      ).to.equal('old');
    }
    await eventually(async () => (await dataFiles(stand.stateDir)).length === before.length);
    await s3.send(new PutObjectCommand({ Bucket: 'full', Key: 'k', Body: 'new' }));
    await stand.restart();
    expect(
      await (await stand.s3().send(new GetObjectCommand({ Bucket: 'full', Key: 'k' }))).Body?.transformToString(),
    ).to.equal('new');
    await stand.close();
  });

  it('deletes data with its last reference, but not under a reader', async () => {
    const stand = await Stand.start();
    const s3 = stand.s3();
    await s3.send(new CreateBucketCommand({ Bucket: 'gone' }));
    const Body = Buffer.alloc(8 * 1024 * 1024, 'z');
    await s3.send(new PutObjectCommand({ Bucket: 'gone', Key: 'k', Body }));
    const got = await s3.send(new GetObjectCommand({ Bucket: 'gone', Key: 'k' }));
    await s3.send(new DeleteObjectCommand({ Bucket: 'gone', Key: 'k' }));
    expect((await got.Body?.transformToByteArray())?.length).to.equal(Body.length);
    await eventually(async () => (await dataFiles(stand.stateDir)).length === 0);
    await stand.close();
  });

  describe('the journal', () => {
    const put = (k: string, id: string): StoreRecord => ({
      t: 'put',
      b: 'b',
      k,
      v: {
        id: 'null',
        at: 1,
        size: 0,
        etag: id,
        segments: [{ blob: id, offset: 0, length: 1 }],
        headers: {},
        meta: {},
        encryption: { algorithm: 'AES256' },
      },
    });
    const write = (journal: Journal, ...records: StoreRecord[]) =>
      journal.commit(() => ({ records, answer: undefined }));

    it('cuts off a line that the process died in', async () => {
      const path = join(stateDir, 'journal.log');
      const journal = await Journal.open(path, () => {});
      await write(journal, { t: 'bucket', b: 'b', at: 1 }, put('k', 'one'));
      await journal.close();
      const whole = await readFile(path, 'utf8');
      await appendFile(path, '{"t":"put","b":"b","k":"half');
      const again = await Journal.open(path, () => {});
      expect(again.state.current('b', 'k')?.etag).to.equal('one');
      await again.close();
      expect(await readFile(path, 'utf8')).to.equal(whole);
    });

    it('is rewritten shorter when it holds mostly the past', async () => {
      const path = join(stateDir, 'journal.log');
      const journal = await Journal.open(path, () => {});
      await write(journal, { t: 'bucket', b: 'b', at: 1 });
      for (let index = 0; index < 22; index++)
        await write(journal, ...Array.from({ length: 1000 }, (_, n) => put(`k${n % 3}`, `${index}-${n}`)));
      expect((await stat(path)).size).to.be.lessThan(1_000_000);
      await write(journal, put('last', 'x'));
      await journal.close();
      const again = await Journal.open(path, () => {});
      expect([again.state.current('b', 'k0')?.etag, again.state.current('b', 'last')?.etag]).to.deep.equal([
        '21-999',
        'x',
      ]);
      await again.close();
    });

    it('tells which data lost its last reference, after the write', async () => {
      const freed: string[] = [];
      const journal = await Journal.open(join(stateDir, 'journal.log'), (blobs) => freed.push(...blobs));
      await write(journal, { t: 'bucket', b: 'b', at: 1 }, put('k', 'one'), put('copy', 'one'), put('k', 'two'));
      expect(freed).to.deep.equal([]);
      await write(journal, { t: 'del', b: 'b', k: 'copy', id: 'null' });
      expect(freed).to.deep.equal(['one']);
      await journal.close();
    });

    it('refuses decisions once it is closed', async () => {
      const journal = await Journal.open(join(stateDir, 'journal.log'), () => {});
      await journal.close();
      expect(
        await write(journal).then(
          () => 'written',
          (error: Error) => error.message,
        ),
      ).to.equal('S3 journal is closed');
    });
  });
});
