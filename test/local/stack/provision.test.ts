import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeLaunchTemplateVersionsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetAliasCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetBucketLifecycleConfigurationCommand, GetBucketLoggingCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect } from 'chai';
import { strToU8, zipSync } from 'fflate';
import { readConfiguration } from '../../../cloud/configuration/configuration.ts';
import { templateIdOf } from '../../../local/aws/ec2/identifiers.ts';
import { computeServices } from '../../../local/aws/ec2/compute.ts';
import { startAws, type Aws } from '../../../local/aws/server.ts';
import {
  ACCOUNT_ID,
  IMAGE_ID,
  localInstallation,
  QUEUE_NAME,
  REGION,
  TEMPLATE_NAME,
} from '../../../local/stack/installation.ts';
import type { Provisioned, ProvisionInput } from '../../../local/stack/provision.ts';
import { runStep } from '../../../local/stack/step.ts';
import { ROOT } from '../aws/ec2/cloud.ts';

describe('Provisioning the local AWS', function () {
  this.timeout(60_000);
  const installation = localInstallation(templateIdOf(TEMPLATE_NAME));
  let folder: string;
  let aws: Aws;
  let input: ProvisionInput;
  let sqs: SQSClient;
  let s3: S3Client;
  let connection: { endpoint: string; region: string; credentials: typeof ROOT };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spotlearn-provision-'));
    aws = await startAws({
      stateDir: join(folder, 'aws'),
      region: REGION,
      accountId: ACCOUNT_ID,
      roles: Object.values(installation.roles).map((name) => ({ name, policies: [] })),
      rootCredentials: ROOT,
      services: (context) =>
        computeServices(context, {
          images: { [IMAGE_ID]: { path: [], env: {} } },
          ec2: { machines: false },
          rootCredentials: ROOT,
        }),
    });
    const artefact = (name: string, bytes: Uint8Array) => {
      writeFileSync(join(folder, name), bytes);
      return { path: join(folder, name), sha256: createHash('sha256').update(bytes).digest('hex') };
    };
    input = {
      installation,
      access: { endpoint: aws.url, ...ROOT },
      worker: artefact('worker.tar.gz', strToU8('worker')),
      lambda: artefact('lambda.zip', zipSync({ 'index.js': strToU8('exports.handler = async () => 1;') })),
      folder,
    };
    connection = { endpoint: aws.url, region: REGION, credentials: ROOT };
    sqs = new SQSClient(connection);
    s3 = new S3Client({ ...connection, forcePathStyle: true });
  });
  after(async () => {
    sqs.destroy();
    s3.destroy();
    await aws.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const provision = () => runStep<Provisioned>('provision', input, { PATH: process.env.PATH });
  const redriveOf = async (QueueUrl: string): Promise<string | undefined> =>
    (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes?.RedrivePolicy;

  it('gives the interruption queue a queue for dead letters, also one that was made without, and changes nothing the second time', async () => {
    await sqs.send(new CreateQueueCommand({ QueueName: QUEUE_NAME, Attributes: { MessageRetentionPeriod: '3600' } }));
    const first = await provision();
    const redrive = await redriveOf(first.interruptionQueueUrl);
    expect(JSON.parse(redrive ?? '{}')).to.deep.equal({
      deadLetterTargetArn: `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:${QUEUE_NAME}-dead-letters`,
      maxReceiveCount: 5,
    });
    expect(await provision()).to.deep.equal(first);
    expect(await redriveOf(first.interruptionQueueUrl)).to.equal(redrive);
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${QUEUE_NAME}-dead-letters` }));
    expect(await redriveOf(QueueUrl ?? '')).to.equal(undefined);
  });

  it('makes what the Pulumi program declares: the function behind its alias, access logs, the template with the bundle', async () => {
    const { functionName, operatorEnvironment, botEnvironment } = await provision();
    expect(functionName).to.equal('spotlearn-prediction:live');
    const operator = readConfiguration('operator', operatorEnvironment);
    const bot = readConfiguration('bot', { ...botEnvironment, TELEGRAM_TOKEN: `1:${'a'.repeat(30)}` });
    expect([operator.bucket, bot.bucket]).to.deep.equal([installation.bucket, installation.bucket]);
    const lambda = new LambdaClient(connection);
    const ec2 = new EC2Client(connection);
    try {
      const { FunctionVersion } = await lambda.send(
        new GetAliasCommand({ FunctionName: installation.functionName, Name: 'live' }),
      );
      expect(FunctionVersion).to.equal('1');
      const { LaunchTemplateVersions = [] } = await ec2.send(
        new DescribeLaunchTemplateVersionsCommand({
          LaunchTemplateId: operator.launchTemplateId,
          Versions: ['$Default'],
        }),
      );
      const data = LaunchTemplateVersions[0]?.LaunchTemplateData;
      expect(LaunchTemplateVersions[0]?.VersionNumber).to.equal(1);
      expect(data?.ImageId).to.equal(IMAGE_ID);
      expect(data?.BlockDeviceMappings?.[0]?.Ebs?.Encrypted).to.equal(true);
      expect(Buffer.from(data?.UserData ?? '', 'base64').toString()).to.include(input.worker.sha256);
    } finally {
      lambda.destroy();
      ec2.destroy();
    }
    const { LoggingEnabled } = await s3.send(new GetBucketLoggingCommand({ Bucket: installation.bucket }));
    expect(LoggingEnabled?.TargetBucket).to.equal(`${installation.bucket}-log`);
  });

  it('fails, in words, when the local AWS lets a role do something else than the program declares', async () => {
    const other = { ...input, installation: { ...installation, queueName: 'another-queue' } };
    const failure = await runStep('provision', other, { PATH: process.env.PATH }).catch((error: unknown) => error);
    expect((failure as Error).message)
      .to.include('aws:iam/rolePolicy:RolePolicy grants-operator could not be made')
      .and.to.include('lets spotlearn-operator do something else')
      .and.not.to.match(/\n\s+at /);
  });

  it('lets the bucket clean up what the collector misses', async () => {
    const { Rules = [] } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: installation.bucket }));
    const rule = (id: string) => Rules.find(({ ID }) => ID === id);
    expect(rule('batches')).to.deep.include({ Filter: { Prefix: 'batches/' }, Expiration: { Days: 7 } });
    expect(rule('uploads')?.AbortIncompleteMultipartUpload?.DaysAfterInitiation).to.equal(1);
    expect(rule('old-versions')?.Expiration?.ExpiredObjectDeleteMarker).to.equal(true);
  });
});
