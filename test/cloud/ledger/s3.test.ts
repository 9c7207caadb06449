// The ledger on the embedded S3, over its real protocol; the command as a process of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { type Bucket, bucketOf } from '../../../cloud/bucket.ts';
import type { Clients } from '../../../cloud/clients.ts';
import { compact, LedgerBook } from '../../../cloud/ledger/book.ts';
import { sumEntries } from '../../../cloud/ledger/entries.ts';
import { verifyFolder } from '../../../cloud/ledger/verify.ts';
import { type Aws, startAws } from '../../../local/aws/server.ts';
import { runProgram } from '../../lambda/process.ts';
import { entryOf, FOLDER, keyOf, NOW, PERIOD, USER } from './world.ts';

const ROOT = { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'test-root-secret' };
const REGION = 'us-east-1';

describe('The ledger in S3', function () {
  this.timeout(30_000);
  let folder: string;
  let aws: Aws;
  let s3: S3Client;
  let bucket: Bucket;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spotlearn-ledger-'));
    aws = await startAws({
      stateDir: folder,
      region: REGION,
      accountId: '000000000000',
      roles: [],
      rootCredentials: ROOT,
    });
    s3 = new S3Client({ endpoint: aws.url, region: REGION, credentials: ROOT, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    bucket = bucketOf({ s3: async () => s3 } as Clients, 'bucket');
  });
  after(async () => {
    s3.destroy();
    await aws.close();
    await rm(folder, { recursive: true });
  });

  const ledger = (...words: string[]) => {
    const env = {
      PATH: process.env.PATH,
      NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL: aws.url,
      AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
      SPOTLEARN_BUCKET: 'bucket',
    };
    const program = new URL('../../../cloud/ledger/main.ts', import.meta.url).pathname;
    return runProgram(spawn(process.execPath, [program, ...words], { env }), '');
  };

  it('is appended, packed by two at once, summed, verified, and exported by the command', async () => {
    const entries = Array.from({ length: 25 }, (_, at) => entryOf(at + 1));
    const book = new LedgerBook(bucket);
    for (const entry of entries) await book.append(keyOf(entry), entry);
    const before = await book.month(USER, PERIOD);
    expect(before).to.deep.equal(sumEntries(entries));
    const results = await Promise.all([1, 2].map(() => compact(bucket, USER, PERIOD, NOW, { most: 5 })));
    expect(results.flatMap(({ findings }) => findings)).to.deep.equal([]);
    expect(results.map(({ packs }) => packs)).to.deep.equal([4, 4]);
    expect((await bucket.list(FOLDER.entries)).filter(({ key }) => !key.startsWith(FOLDER.packs))).to.have.length(6);
    const again = entryOf(1, { usd: 5 });
    expect(await book.append(keyOf(again), again)).to.deep.equal(entryOf(1));
    for (const reader of [book, new LedgerBook(bucket)]) expect(await reader.month(USER, PERIOD)).to.deep.equal(before);
    const { findings, head, packs } = await verifyFolder(bucket, FOLDER);
    expect(findings).to.deep.equal([]);
    expect({ head, packs }).to.deep.equal({ head: results[0]?.head, packs: 4 });
    const exported = await ledger('export', '--month', PERIOD);
    expect(exported).to.include({ code: 0, stderr: '' });
    expect(exported.stdout.trim().split('\r\n')).to.have.length(26);
    expect(await ledger('verify')).to.include({ code: 0 });
    await bucket.delete(`${FOLDER.packs}000002.json`);
    expect((await ledger('verify')).stdout).to.include(`${FOLDER.packs}000002.json is missing.`);
  });

  it('tells a wrong command line in a sentence', async () => {
    const { code, stdout, stderr } = await ledger('export', '--month', 'May');
    expect({ code, stdout }).to.deep.equal({ code: 64, stdout: '' });
    expect(stderr).to.match(/^--month is a month such as 2026-11, not “May”\.\nUsage/);
  });
});
