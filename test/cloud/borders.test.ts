// The narrow AWS interfaces of bucket.ts, compute.ts, functions.ts and notices.ts through the SDK against the local AWS.
import { CreateFunctionCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { CreateLaunchTemplateCommand, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect } from 'chai';
import { strToU8, zipSync } from 'fflate';
import { bucketOf, readJson, type Bucket } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import { computeOf, fleetInput, type Compute } from '../../cloud/compute.ts';
import { CloudError } from '../../cloud/errors.ts';
import { FunctionFailure, type Functions, functionsOf, FunctionThrottled, readReport } from '../../cloud/functions.ts';
import { noticeQueue } from '../../cloud/notices.ts';
import { presignPart, presignPut } from '../../cloud/presign.ts';
import { INSTANCE_TYPES } from '../../cloud/prices.ts';
import { TAG } from '../../cloud/tags.ts';
import { lambdaService } from '../../local/aws/lambda/service.ts';
import { sqsService } from '../../local/aws/sqs/service.ts';
import { AMI, eventually, startCloud, type Cloud } from '../local/aws/ec2/cloud.ts';
import { tagsOf } from './tags.ts';

const kindOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (error instanceof CloudError ? error.kind : `not translated: ${String(error)}`),
  );

describe('The operator’s side of AWS, on the local AWS', function () {
  this.timeout(20_000);
  let cloud: Cloud;
  let clients: Clients;
  let bucket: Bucket;
  let compute: Compute;
  let template: string;
  let subnets: string[];
  const opened: { destroy(): void }[] = [];
  const keep = <C extends { destroy(): void }>(client: C): C => (opened.push(client), client);

  before(async () => {
    cloud = await startCloud({
      roles: [{ name: 'handler', policies: [] }],
      services: (context) => [lambdaService(context), sqsService(context)],
    });
    const s3 = keep(new S3Client({ ...cloud.connection, forcePathStyle: true }));
    const lambda = keep(new LambdaClient(cloud.connection));
    const sqs = keep(new SQSClient(cloud.connection));
    clients = {
      s3: async () => s3,
      presigning: async () => s3,
      ec2: async () => cloud.client,
      lambda: async () => lambda,
      logs: async () => expect.fail(),
      sqs: async () => sqs,
      close: () => {},
    };
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    bucket = bucketOf(clients, 'bucket');
    compute = computeOf(clients, 'spotlearn', Date.now);
    const made = await cloud.client.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: 'worker',
        LaunchTemplateData: { ImageId: AMI, UserData: Buffer.from('#!/bin/bash\nsleep 60\n').toString('base64') },
      }),
    );
    template = made.LaunchTemplate?.LaunchTemplateId ?? '';
    subnets = ((await cloud.client.send(new DescribeSubnetsCommand({}))).Subnets ?? []).map(
      ({ SubnetId }) => SubnetId ?? '',
    );
  });
  after(async () => {
    for (const client of opened) client.destroy();
    await cloud.close();
  });

  it('puts, reads, copies, lists and deletes objects, under conditions', async () => {
    const etag = await bucket.put('a/one', '{"n":1}', { ifAbsent: true });
    expect(await kindOf(bucket.put('a/one', 'x', { ifAbsent: true }))).to.equal('precondition');
    expect(await kindOf(bucket.put('a/one', 'x', { ifMatch: '"other"' }))).to.equal('precondition');
    expect(await bucket.head('a/one')).to.deep.include({ bytes: 7, etag });
    expect(await readJson(bucket, 'a/one')).to.deep.equal({ n: 1 });
    expect(new TextDecoder().decode((await bucket.get('a/one', { bytes: 4 }))?.body)).to.equal('{"n"');
    expect(await kindOf(bucket.get('a/one', { etag: '"other"' }))).to.equal('precondition');
    expect(await bucket.copy('a/one', 'a/tw ö+o', { ifMatch: etag })).to.equal(etag);
    expect(await kindOf(bucket.copy('a/one', 'a/x', { ifMatch: '"other"' }))).to.equal('precondition');
    expect((await bucket.list('a/')).map(({ key }) => key)).to.deep.equal(['a/one', 'a/tw ö+o']);
    await bucket.put('empty', '');
    expect((await bucket.get('empty', { bytes: 10 }))?.body).to.have.length(0);
    await bucket.put('broken', '{');
    expect(await kindOf(readJson(bucket, 'broken'))).to.equal('invalid');
    await bucket.delete('a/one');
    expect(await bucket.head('a/one')).to.equal(undefined);
    expect(await bucket.get('a/one')).to.equal(undefined);
    expect(await readJson(bucket, 'a/one')).to.equal(undefined);
    await bucket.check();
    expect(await kindOf(bucketOf(clients, 'nothing-there').check())).to.equal('notFound');
    expect(await kindOf(bucketOf(clients, 'nothing-there').get('a'))).to.equal('notFound');
  });

  it('lists past a page of a thousand', async () => {
    for (let at = 0; at < 1005; at += 67)
      await Promise.all(Array.from({ length: 67 }, (_, one) => bucket.put(`many/${at + one}`, 'x')));
    expect(await bucket.list('many/')).to.have.length(1005);
  });

  it('makes an object of parts that others put by presigned URLs, in order, whatever was put twice', async () => {
    const put = async (upload: { key: string; id: string }, number: number, body: string | Uint8Array) => {
      const url = await presignPart(clients, 'bucket', upload.key, { uploadId: upload.id, number });
      const answer = await fetch(url, { method: 'PUT', body });
      expect(answer.status).to.equal(200);
      return answer.headers.get('etag') ?? '';
    };
    const upload = { key: 'u/out.csv', id: await bucket.createUpload('u/out.csv', { contentType: 'text/csv' }) };
    expect(await bucket.uploads('u/')).to.have.length(1);
    const big = new Uint8Array(5_242_880).fill(65);
    const late = await put(upload, 7, 'older');
    const etags = [await put(upload, 2, big), await put(upload, 7, 'the end')];
    expect(await bucket.listParts(upload)).to.deep.equal([
      { number: 2, etag: etags[0], bytes: big.length },
      { number: 7, etag: etags[1], bytes: 7 },
    ]);
    const named = [2, 7].map((number, at) => ({ number, etag: etags[at] ?? '' }));
    expect(await kindOf(bucket.completeUpload(upload, [{ number: 7, etag: late }]))).to.equal('precondition');
    const etag = await bucket.completeUpload(upload, named);
    expect(etag).to.match(/^"[0-9a-f]{32}-2"$/);
    expect(await bucket.head(upload.key)).to.include({ etag, bytes: big.length + 7 });
    expect(await bucket.listParts(upload)).to.equal(undefined);
    expect(new TextDecoder().decode((await bucket.get(upload.key, { last: 7, etag }))?.body)).to.equal('the end');
    expect(await kindOf(bucket.completeUpload({ key: 'u/other', id: upload.id }, named))).to.equal('notFound');
    const second = { key: 'u/out.csv', id: await bucket.createUpload('u/out.csv') };
    await bucket.abortUpload(second);
    await bucket.abortUpload(second);
    expect(await bucket.uploads('u/')).to.deep.equal([]);
  });

  it('lists the parts of an upload past a page of a thousand', async () => {
    const upload = { key: 'u/many', id: await bucket.createUpload('u/many') };
    const parts = Array.from({ length: 1_003 }, (_, at) => at + 1);
    for (let at = 0; at < parts.length; at += 100)
      await Promise.all(
        parts.slice(at, at + 100).map(async (number) => {
          const url = await presignPart(clients, 'bucket', upload.key, { uploadId: upload.id, number });
          await (await fetch(url, { method: 'PUT', body: String(number) })).arrayBuffer();
        }),
      );
    expect((await bucket.listParts(upload))?.map(({ number }) => number)).to.deep.equal(parts);
    await bucket.abortUpload(upload);
  });

  it('launches by fleet once a token, finds by tag, and ends', async () => {
    const zones = await compute.zones(subnets);
    expect(zones.size).to.equal(subnets.length);
    const offers = subnets.map((subnetId) => ({
      instanceType: 'm5.large',
      zone: zones.get(subnetId) ?? '',
      subnetId,
      maxPrice: 1,
    }));
    const tags = { [TAG.installation]: 'spotlearn', [TAG.jobUid]: 'u', [TAG.batch]: 'b' };
    const request = { launchTemplateId: template, market: 'spot' as const, count: 1, offers, token: 'token-1', tags };
    const answer = await compute.createFleet(request);
    expect(await compute.createFleet(request)).to.deep.equal(answer);
    expect(await kindOf(compute.createFleet({ ...request, offers: offers.slice(0, 1) }))).to.equal('precondition');
    expect(answer.instances[0]).to.include({ instanceType: 'm5.large' });
    expect(zones.get(subnets[0] ?? '')).to.match(/^us-east-1/);
    const other = { ...tags, [TAG.installation]: 'another' };
    await compute.createFleet({ ...request, market: 'on-demand', token: 'token-2', tags: other });
    const [instance, ...rest] = await compute.instances();
    expect(rest).to.deep.equal([]);
    expect(instance).to.include({ id: answer.instances[0]?.id, market: 'spot', batch: 'b', jobUid: 'u' });
    expect(instance?.zone).to.be.oneOf([...zones.values()]);
    await compute.terminate([instance?.id ?? '', 'i-00000000000000000']);
    expect((await compute.instances())[0]?.state).to.be.oneOf(['shutting-down', 'terminated']);
    await compute.terminate(['i-00000000000000000']);
    await compute.terminate([]);
  });

  it('reports pools without capacity as such', async () => {
    const offers = [{ instanceType: 'm5.large', zone: '', subnetId: subnets[0] ?? '', maxPrice: 0.000001 }];
    const { instances, refusals } = await compute.createFleet({
      launchTemplateId: template,
      market: 'spot',
      count: 1,
      offers,
      token: 'token-3',
      tags: { [TAG.installation]: 'spotlearn' },
    });
    expect(instances).to.deep.equal([]);
    expect(refusals[0]).to.include({ capacity: true, instanceType: 'm5.large' });
    expect(
      fleetInput({ launchTemplateId: 'l', market: 'on-demand', count: 2, offers, token: 't', tags: {} }),
    ).to.deep.include({ OnDemandOptions: { AllocationStrategy: 'lowest-price' } });
  });

  it('reads the Spot prices of types in every zone: the one in force and each change since', async () => {
    const zones = [...(await compute.zones(subnets)).values()].sort();
    const began = Date.now();
    cloud.ec2.admin.setPrice('m5.large', zones[0] ?? '', 0.0555);
    const points = await compute.spotPrices(['m5.large', 'c5.large'], began - 86_400_000);
    const pool = (type: string, zone = '') => points.filter((one) => one.instanceType === type && one.zone === zone);
    for (const zone of zones)
      for (const type of ['m5.large', 'c5.large']) {
        const found = pool(type, zone);
        expect(found.every(({ usd }) => usd > 0 && usd < 0.2)).to.equal(true);
        expect(Math.min(...found.map(({ at }) => at)), 'in force a day ago').to.be.at.most(began - 86_400_000);
      }
    expect(points.every(({ instanceType }) => ['m5.large', 'c5.large'].includes(instanceType))).to.equal(true);
    const changed = pool('m5.large', zones[0]).filter(({ usd }) => usd === 0.0555);
    // EC2 tells the second of a change.
    expect(changed.map(({ at }) => at)).to.deep.equal([Math.floor((changed[0]?.at ?? 0) / 1000) * 1000]);
    expect(changed[0]?.at).to.be.within(began - 1000, Date.now());
  });

  it('reads prices past a page of a thousand', async () => {
    const types = INSTANCE_TYPES.slice(0, 40).map(({ name }) => name);
    const points = await compute.spotPrices(types, Date.now() - 86_400_000);
    expect(points.length).to.be.greaterThan(1000);
    expect(new Set(points.map(({ instanceType, zone, at }) => `${instanceType} ${zone} ${at}`)).size).to.equal(
      points.length,
    );
  });

  it('knows which types EC2 offers in which zones', async () => {
    const zones = [...(await compute.zones(subnets)).values()];
    const offered = await compute.offerings(zones);
    expect(offered.has(`m5.large/${zones[0]}`)).to.equal(true);
    expect([...offered].every((pool) => zones.includes(pool.split('/')[1] ?? ''))).to.equal(true);
    const one = await compute.offerings(zones.slice(0, 1));
    expect([...one].every((pool) => pool.endsWith(`/${zones[0]}`))).to.equal(true);
    expect(one.size).to.be.within(1, offered.size - 1);
  });

  describe('of an instance', () => {
    let id: string;
    beforeEach(async () => {
      const zones = await compute.zones(subnets);
      const offers = subnets.map((subnetId) => ({
        instanceType: 'm5.large',
        zone: zones.get(subnetId) ?? '',
        subnetId,
      }));
      const tags = { [TAG.installation]: 'spotlearn', [TAG.batch]: 'b' };
      const request = { launchTemplateId: template, market: 'spot' as const, count: 1, offers, tags };
      const answer = await compute.createFleet({ ...request, token: `token-${(tokens += 1)}` });
      id = answer.instances[0]?.id ?? '';
      await eventually(async () => (await compute.instances()).find((one) => one.id === id)?.state === 'running');
    });
    let tokens = 100;
    afterEach(() => compute.terminate([id]));
    const seen = async () => (await compute.instances()).find((one) => one.id === id);

    it('adds tags, the job among them, and keeps those it has', async () => {
      expect((await seen())?.jobUid).to.equal(undefined);
      await compute.tag([id], { [TAG.jobUid]: 'u-7', Name: 'spotlearn a/b' });
      expect(await seen()).to.include({ jobUid: 'u-7', batch: 'b' });
      expect(await tagsOf(clients, id)).to.include({ Name: 'spotlearn a/b', [TAG.installation]: 'spotlearn' });
      expect(await kindOf(compute.tag(['i-00000000000000000'], { Name: 'x' }))).to.equal('notFound');
    });

    it('says that it is in trouble, by each of EC2’s signs, and nothing of healthy ones', async () => {
      const trouble = async () => (await compute.impaired()).filter((one) => one.id === id).map(({ what }) => what);
      expect(await trouble()).to.deep.equal([]);
      cloud.ec2.admin.impair(id, 'system');
      expect(await trouble()).to.deep.equal(['system-status']);
      cloud.ec2.admin.impair(id, 'instance');
      cloud.ec2.admin.schedule(id, 'instance-retirement');
      expect(await trouble()).to.deep.equal(['instance-retirement', 'system-status', 'instance-status']);
      cloud.ec2.admin.impair(id, 'system', false);
      expect(await trouble()).to.deep.equal(['instance-retirement', 'instance-status']);
    });

    it('finds its volume by tag, and deletes it once it is left behind', async () => {
      cloud.ec2.admin.keepVolume(id);
      const attached = (await compute.volumes()).filter(({ state }) => state === 'in-use');
      expect(attached.map(({ tags }) => tags[TAG.installation])).to.include('spotlearn');
      expect(attached.every(({ createdAt }) => Math.abs(Date.now() - createdAt) < 60_000)).to.equal(true);
      const before = new Set(attached.map((volume) => volume.id));
      // Those of earlier instances may be going at this very moment.
      const [newest] = attached.sort((a, b) => b.createdAt - a.createdAt);
      expect(await kindOf(compute.deleteVolume(newest?.id ?? ''))).to.not.equal('nothing');
      await compute.terminate([id]);
      const left = await eventually(async () => (await compute.volumes()).find(({ state }) => state === 'available'));
      expect(before.has(left.id)).to.equal(true);
      await compute.deleteVolume(left.id);
      await compute.deleteVolume(left.id);
      expect((await compute.volumes()).some((volume) => volume.id === left.id)).to.equal(false);
    });
  });

  it('knows what is configured but missing', async () => {
    await compute.checkLaunchTemplate(template);
    await compute.checkImage(AMI);
    expect(await kindOf(compute.checkLaunchTemplate('lt-0000000000000dead'))).to.equal('notFound');
    expect(await kindOf(compute.checkImage('ami-0000000000000dead'))).to.equal('notFound');
    expect(await kindOf(compute.checkSecurityGroup('sg-0000000000000dead'))).to.equal('notFound');
  });

  describe('of functions', () => {
    const memory = 'const kept = []; for (;;) kept.push(Buffer.alloc(8e6, 1));';
    const code = `export const handler = async (e) => {
      if (e.fail) throw new Error('see https://secret/x');
      if (e.slow) await new Promise((r) => setTimeout(r, 5000));
      if (e.much) { ${memory} }
      if (e.url) await fetch(e.url, { method: 'PUT', body: 'done' });
      return { n: e.n + 1 };
    };`;
    let functions: Functions;
    const failureOf = async (event: object) =>
      (await functions.invoke('f', event).catch((error: unknown) => error)) as FunctionFailure;

    before(async () => {
      functions = functionsOf(clients);
      const lambda = await clients.lambda();
      await lambda.send(
        new CreateFunctionCommand({
          FunctionName: 'f',
          Runtime: 'nodejs24.x',
          Role: 'arn:aws:iam::000000000000:role/handler',
          Handler: 'index.handler',
          Timeout: 1,
          Code: { ZipFile: zipSync({ 'index.mjs': strToU8(code) }) },
        }),
      );
    });

    it('are invoked with a report', async () => {
      await functions.check('f');
      expect(await kindOf(functions.check('g:live'))).to.equal('notFound');
      const done = await functions.invoke('f', { n: 1 });
      expect(done.answer).to.deep.equal({ n: 2 });
      expect(done.report).to.include({ memoryMib: 128 });
      expect(await kindOf(functions.invoke('nothing', {}))).to.equal('notFound');
      expect(readReport('no report')).to.equal(undefined);
    });

    it('fail, run out of time or out of memory: each is told apart, and billed', async () => {
      const failed = await failureOf({ fail: true });
      expect(failed).to.be.instanceOf(FunctionFailure);
      expect(failed).to.include({ trouble: 'FunctionError', retryable: true });
      expect(failed.message).to.match(/see <address>/);
      expect(failed.report?.billedMs).to.be.greaterThan(0);
      expect(await failureOf({ slow: true })).to.include({ trouble: 'FunctionTimedOut' });
      const full = await failureOf({ much: true });
      expect(full).to.include({ trouble: 'FunctionOutOfMemory' });
      expect(full.report?.billedMs).to.be.greaterThan(0);
    });

    it('are invoked later when asked so', async () => {
      const url = await presignPut(clients, 'bucket', 'later/answer');
      expect(await functions.invokeLater('f', { n: 1, url })).to.match(/./);
      await eventually(async () => (await bucket.head('later/answer')) !== undefined);
    });

    it('are throttled with a reason, and refuse what is too large', async () => {
      const lambda = await clients.lambda();
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: 'f', ReservedConcurrentExecutions: 0 }));
      const throttled = (await functions.invoke('f', {}).catch((error: unknown) => error)) as FunctionThrottled;
      expect(throttled).to.be.instanceOf(FunctionThrottled);
      expect(throttled).to.include({
        kind: 'throttled',
        retryable: true,
        reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      });
      const large = { text: 'x'.repeat(1_100_000) };
      expect(await kindOf(functions.invokeLater('f', large))).to.equal('invalid');
    });
  });

  it('takes notices from the queue and deletes what was handled', async () => {
    const sqs = await clients.sqs();
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'q' }));
    const queue = noticeQueue(clients, QueueUrl ?? '');
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"n":1}' }));
    const messages = await queue.receive(new AbortController().signal);
    expect(messages.map(({ body }) => body)).to.deep.equal(['{"n":1}']);
    await queue.delete(messages);
    await queue.delete([]);
    const stop = new AbortController();
    const waiting = kindOf(queue.receive(stop.signal));
    stop.abort();
    expect(await waiting).to.equal('unreachable');
  });
});
