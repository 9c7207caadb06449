import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect } from 'chai';
import { strToU8, zipSync } from 'fflate';
import { computeServices } from '../../../../local/aws/ec2/compute.ts';
import type { Ec2Service } from '../../../../local/aws/ec2/service.ts';
import { roleIdOf, startAws, type Aws } from '../../../../local/aws/server.ts';
import { AMI, eventually, failure, ROOT } from './cloud.ts';

const HANDLER_ROLE = 'arn:aws:iam::000000000000:role/handler';

describe('the compute services together', () => {
  let stateDir: string;
  let aws: Aws;
  let ec2: Ec2Service;
  const clients: { destroy(): void }[] = [];
  const connection = () => ({ endpoint: aws.url, region: 'us-east-1', credentials: ROOT, maxAttempts: 1 });
  const keep = <Client extends { destroy(): void }>(client: Client): Client => {
    clients.push(client);
    return client;
  };
  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'spotlearn-compute-'));
    aws = await startAws({
      stateDir,
      region: 'us-east-1',
      accountId: '000000000000',
      roles: [
        {
          name: 'worker',
          policies: [
            {
              Version: '2012-10-17',
              Statement: {
                Effect: 'Allow',
                Action: ['s3:PutObject', 's3:GetObject'],
                Resource: 'arn:aws:s3:::bucket/instances/${aws:userid}/*',
              },
            },
          ],
        },
        { name: 'handler', policies: [] },
      ],
      rootCredentials: ROOT,
      services: (context) => {
        const services = computeServices(context, {
          images: { [AMI]: { path: [dirname(process.execPath)], env: {} } },
          eventQueue: 'interruptions',
          rootCredentials: ROOT,
          ec2: { bootMs: 1, shutdownGraceMs: 200 },
        });
        ec2 = services.find((each) => each.name === 'ec2') as Ec2Service;
        return services;
      },
    });
    await keep(new S3Client({ ...connection(), forcePathStyle: true })).send(
      new CreateBucketCommand({ Bucket: 'bucket' }),
    );
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await aws.close();
    await rm(stateDir, { recursive: true, force: true, maxRetries: 3 });
  });

  it('gives an instance, by metadata alone, credentials that reach its own prefix and no other', async () => {
    const client = keep(new EC2Client(connection()));
    const run = await client.send(
      new RunInstancesCommand({
        ImageId: AMI,
        InstanceType: 'm5.large',
        MinCount: 1,
        MaxCount: 1,
        IamInstanceProfile: { Name: 'worker' },
        UserData: Buffer.from('#!/bin/bash\nsleep 60').toString('base64'),
      }),
    );
    const id = run.Instances?.[0]?.InstanceId ?? '';
    const imds = await eventually(() => ec2.imdsUrl(id));
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
    const token = await (await fetch(`${imds}/latest/api/token`, { method: 'PUT', headers })).text();
    const path = `${imds}/latest/meta-data/iam/security-credentials/worker`;
    const read = async () =>
      (await (await fetch(path, { headers: { 'x-aws-ec2-metadata-token': token } })).json()) as Record<string, string>;
    const document = await read();
    expect(document).to.include({ Code: 'Success', Type: 'AWS-HMAC' });
    expect(await read()).to.deep.equal(document);
    const s3 = keep(
      new S3Client({
        ...connection(),
        forcePathStyle: true,
        credentials: {
          accessKeyId: document['AccessKeyId'] ?? '',
          secretAccessKey: document['SecretAccessKey'] ?? '',
          sessionToken: document['Token'],
        },
      }),
    );
    const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: 'x' }));
    await put(`instances/${roleIdOf('worker')}:${id}/heartbeat.json`);
    expect(await failure(put(`instances/${roleIdOf('worker')}:i-other/heartbeat.json`))).to.equal('AccessDenied');
  });

  it('brings an interruption warning to the queue', async () => {
    const sqs = keep(new SQSClient(connection()));
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'interruptions' }));
    const client = keep(new EC2Client(connection()));
    const run = await client.send(
      new RunInstancesCommand({
        ImageId: AMI,
        InstanceType: 'm5.large',
        MinCount: 1,
        MaxCount: 1,
        InstanceMarketOptions: { MarketType: 'spot' },
      }),
    );
    const id = run.Instances?.[0]?.InstanceId ?? '';
    await eventually(async () => {
      const found = await client.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
      return found.Reservations?.[0]?.Instances?.[0]?.State?.Name === 'running';
    });
    ec2.admin.interrupt(id);
    const warning = await eventually(async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      return Messages.map((each) => JSON.parse(each.Body ?? '') as Record<string, unknown>).find(
        (each) => each['detail-type'] === 'EC2 Spot Instance Interruption Warning',
      );
    });
    expect(warning['detail']).to.deep.equal({ 'instance-id': id, 'instance-action': 'terminate' });
  });

  it('takes a function’s code from S3 and its log to CloudWatch', async () => {
    const code = zipSync({ 'index.mjs': strToU8('export const handler = async () => console.log("from S3");') });
    const s3 = keep(new S3Client({ ...connection(), forcePathStyle: true }));
    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'artefacts/lambda/f.zip', Body: code }));
    const lambda = keep(new LambdaClient(connection()));
    const create = (S3Key: string) =>
      lambda.send(
        new CreateFunctionCommand({
          FunctionName: 'f',
          Runtime: 'nodejs24.x',
          Handler: 'index.handler',
          Role: HANDLER_ROLE,
          Code: { S3Bucket: 'bucket', S3Key },
        }),
      );
    expect(await failure(create('nothing.zip'))).to.equal('InvalidParameterValueException');
    await create('artefacts/lambda/f.zip');
    await lambda.send(new InvokeCommand({ FunctionName: 'f' }));
    const logs = keep(new CloudWatchLogsClient(connection()));
    const found = await logs.send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda/f' }));
    expect(found.events?.map((each) => each.message?.split(/[\t ]/)[0])).to.include.members(['START', 'END', 'REPORT']);
    expect(found.events?.some((each) => each.message?.includes('from S3'))).to.equal(true);
  });
});
