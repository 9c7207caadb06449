// What the collector, the status checks and the interruption consumer ask of AWS, through the SDK against the local AWS, as the
// operator's own role: so that interface, policy and server are held to each other.
import { CreateTagsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, CreateMultipartUploadCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SendMessageCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect } from 'chai';
import { bucketOf, type Bucket } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import { computeOf, type Compute } from '../../cloud/compute.ts';
import { CloudError } from '../../cloud/errors.ts';
import { noticeQueue } from '../../cloud/notices.ts';
import { TAG } from '../../cloud/tags.ts';
import { roleNames, type Installation } from '../../infra/policies/document.ts';
import { operatorPolicy } from '../../infra/policies/operator.ts';
import { sqsService } from '../../local/aws/sqs/service.ts';
import { ACCOUNT, AMI, eventually, REGION, startCloud, type Cloud } from '../local/aws/ec2/cloud.ts';
import { tagsOf } from './tags.ts';

const installation: Installation = {
  name: 'ours',
  region: REGION,
  accountId: ACCOUNT,
  bucket: 'ours-bucket',
  launchTemplateId: 'lt-0123456789abcdef0',
  logGroup: '/aws/ec2/ml-training',
  functionName: 'ours-prediction',
  queueName: 'notices',
  roles: roleNames('ours'),
};

const kindOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (error instanceof CloudError ? error.kind : `not translated: ${String(error)}`),
  );

describe('Cleaning up on AWS, as the operator', function () {
  this.timeout(20_000);
  let cloud: Cloud;
  let root: { s3: S3Client; sqs: SQSClient };
  let clients: Clients;
  let bucket: Bucket;
  /** The account root's view of it: no permission is decided, which takes long for a thousand keys. */
  let whole: Bucket;
  let compute: Compute;
  const opened: { destroy(): void }[] = [];
  const keep = <C extends { destroy(): void }>(client: C): C => (opened.push(client), client);

  before(async () => {
    cloud = await startCloud({
      ec2: { machines: false, throttling: false },
      roles: [{ name: installation.roles.operator, policies: [operatorPolicy(installation)] }],
      services: (context) => [sqsService(context)],
    });
    root = {
      s3: keep(new S3Client({ ...cloud.connection, forcePathStyle: true })),
      sqs: keep(new SQSClient(cloud.connection)),
    };
    const credentials = cloud.aws.iam.issueSession(installation.roles.operator, 'operator', 3600);
    const s3 = keep(new S3Client({ ...cloud.connection, credentials, forcePathStyle: true }));
    const sqs = keep(new SQSClient({ ...cloud.connection, credentials }));
    const ec2 = cloud.as(installation.roles.operator);
    clients = {
      s3: async () => s3,
      presigning: async () => s3,
      ec2: async () => ec2,
      lambda: async () => expect.fail(),
      logs: async () => expect.fail(),
      sqs: async () => sqs,
      close: () => {},
    };
    await root.s3.send(new CreateBucketCommand({ Bucket: installation.bucket }));
    bucket = bucketOf(clients, installation.bucket);
    whole = bucketOf({ ...clients, s3: async () => root.s3 }, installation.bucket);
    compute = computeOf(clients, installation.name, Date.now);
  });
  after(async () => {
    for (const client of opened) client.destroy();
    await cloud.close();
  });

  const run = async (name: string, more: object = {}): Promise<string> => {
    const Tags = [{ Key: TAG.installation, Value: name }];
    const { Instances } = await cloud.client.send(
      new RunInstancesCommand({
        ImageId: AMI,
        InstanceType: 'm5.large',
        MinCount: 1,
        MaxCount: 1,
        TagSpecifications: (['instance', 'volume'] as const).map((ResourceType) => ({ ResourceType, Tags })),
        ...more,
      }),
    );
    return Instances?.[0]?.InstanceId ?? '';
  };

  describe('in the bucket', () => {
    it('deletes more keys than fit a call, and what is gone already', async () => {
      const keys = Array.from({ length: 1_003 }, (_, at) => `batches/${at} ö&.json`);
      for (let at = 0; at < keys.length; at += 59)
        await Promise.all(keys.slice(at, at + 59).map((key) => whole.put(key, 'x')));
      await whole.deleteMany([...keys, 'batches/never-there.json']);
      expect(await whole.list('batches/')).to.deep.equal([]);
      await whole.deleteMany([]);
    });

    it('says when one of the keys may not be deleted, although the call succeeds', async () => {
      await root.s3.send(new PutObjectCommand({ Bucket: installation.bucket, Key: 'ledger/user_1/x.json', Body: 'x' }));
      await bucket.put('checkpoints/u/1.joblib', 'x');
      expect(await kindOf(bucket.deleteMany(['checkpoints/u/1.joblib', 'ledger/user_1/x.json']))).to.equal('denied');
      expect(await bucket.head('checkpoints/u/1.joblib')).to.equal(undefined);
      expect(await bucket.head('ledger/user_1/x.json')).to.be.an('object');
    });

    it('finds open uploads past a page, and aborts them, twice if need be', async () => {
      const begin = (Key: string) =>
        root.s3.send(new CreateMultipartUploadCommand({ Bucket: installation.bucket, Key }));
      await begin('datasets/user_1/big.csv');
      for (let at = 0; at < 1_003; at += 59)
        await Promise.all(
          Array.from({ length: Math.min(59, 1_003 - at) }, (_, one) => begin(`predictions/user_1/j/${at + one} ö.csv`)),
        );
      const open = await bucket.uploads('predictions/');
      expect(open).to.have.length(1_003);
      const [upload] = open;
      if (!upload) return expect.fail('none');
      expect(Date.now() - upload.startedAt).to.be.within(0, 20_000);
      await bucket.abortUpload(upload);
      await bucket.abortUpload(upload);
      expect(await bucket.uploads('')).to.have.length(1_003);
      const [foreign] = await bucket.uploads('datasets/');
      expect(await kindOf(bucket.abortUpload(foreign ?? upload))).to.equal('denied');
    });
  });

  describe('in EC2', () => {
    it('hears of scheduled events and failing checks of running instances', async () => {
      const [system, instance, retiring, well] = await Promise.all([
        run('ours'),
        run('ours'),
        run('theirs'),
        run('ours'),
      ]);
      await cloud.ec2.settled();
      await eventually(async () => (await compute.instances()).every(({ state }) => state === 'running'));
      expect(await compute.impaired()).to.deep.equal([]);
      cloud.ec2.admin.impair(system);
      cloud.ec2.admin.impair(instance, 'instance');
      cloud.ec2.admin.schedule(retiring);
      cloud.ec2.admin.schedule(well, 'system-reboot');
      expect(await compute.impaired()).to.have.deep.members([
        { id: retiring, what: 'instance-retirement' },
        { id: system, what: 'system-status' },
        { id: instance, what: 'instance-status' },
      ]);
      cloud.ec2.admin.impair(system, 'system', false);
      await compute.terminate([instance]);
      await cloud.ec2.settled();
      expect((await compute.impaired()).map(({ id }) => id)).to.deep.equal([retiring]);
    });

    it('deletes a volume that outlived its instance, twice if need be, but no foreign one', async () => {
      const ids = [await run('ours'), await run('theirs')];
      for (const id of ids) cloud.ec2.admin.keepVolume(id);
      const loose = async () => (await compute.volumes()).filter(({ state }) => state === 'available');
      expect(await loose()).to.deep.equal([]);
      for (const id of ids) cloud.ec2.admin.kill(id);
      await cloud.ec2.settled();
      const [left, ...others] = await loose();
      expect(others).to.deep.equal([]);
      await compute.deleteVolume(left?.id ?? '');
      await compute.deleteVolume(left?.id ?? '');
      expect(await loose()).to.deep.equal([]);
      const theirs = computeOf(clients, 'theirs', Date.now);
      const foreign = (await theirs.volumes()).find(({ state }) => state === 'available');
      expect(await kindOf(compute.deleteVolume(foreign?.id ?? ''))).to.equal('denied');
    });

    it('tells own instances their job afterwards, and can neither tag nor give away what it should not', async () => {
      const [mine, theirs] = [await run('ours'), await run('theirs')];
      const tags = {
        [TAG.job]: 'ml-user-1/t',
        [TAG.jobUid]: 'u',
        [TAG.user]: '1',
        [TAG.model]: 'linear',
        Name: 'a job',
      };
      await compute.tag([mine], tags);
      const tagged = (await compute.instances()).find(({ id }) => id === mine);
      expect(await tagsOf(clients, mine)).to.deep.include({ ...tags, [TAG.installation]: 'ours' });
      expect(tagged?.jobUid).to.equal('u');
      expect(await kindOf(compute.tag([theirs], tags))).to.equal('denied');
      expect(await kindOf(compute.tag([mine, theirs], tags))).to.equal('denied');
      expect(await kindOf(compute.tag([theirs], { [TAG.installation]: 'ours' }))).to.equal('denied');
      expect(await kindOf(compute.tag([mine], { [TAG.installation]: 'theirs' }))).to.equal('denied');
      expect(await kindOf(compute.tag([mine], { ...tags, owner: 'me' }))).to.equal('denied');
      const untag = new CreateTagsCommand({ Resources: [mine], Tags: [] });
      const operator = await clients.ec2();
      expect(await operator.send(untag).catch((error: Error) => error.name)).to.equal('UnauthorizedOperation');
    });
  });

  describe('in the queue', () => {
    const queue = async (QueueName: string, Attributes: Record<string, string> = {}) =>
      (await root.sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
    const arn = (name: string) => `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;

    it('counts receipts, hides, gives back, and deletes more than fit a call', async () => {
      const url = await queue('notices');
      const notices = noticeQueue(clients, url);
      const never = new AbortController().signal;
      for (let at = 0; at < 13; at += 1)
        await root.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: `{"n":${at}}` }));
      const first = await notices.receive(never);
      expect(first.map(({ receives }) => receives)).to.deep.equal(Array.from({ length: 10 }, () => 1));
      const rest = await notices.receive(never);
      const all = [...first, ...rest];
      expect(all).to.have.length(13);
      await notices.hide(all, 3_600);
      await notices.hide(all, 0);
      const again = await notices.receive(never);
      expect(again.map(({ receives }) => receives)).to.deep.equal(Array.from({ length: 10 }, () => 2));
      await notices.delete([...again, ...(await notices.receive(never))]);
      await root.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'last' }));
      expect((await notices.receive(never)).map(({ body }) => body)).to.deep.equal(['last']);
      await notices.hide([], 0);
      await notices.delete([]);
    });

    it('says whether there is a dead-letter rule', async () => {
      const url = await queue('notices');
      expect(await noticeQueue(clients, url).redrives()).to.equal(false);
      await queue('aside');
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn('aside'), maxReceiveCount: 5 });
      await root.sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { RedrivePolicy } }));
      expect(await noticeQueue(clients, url).redrives()).to.equal(true);
    });
  });
});
