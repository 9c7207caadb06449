// The product's own policies, enforced: what pulumi up would attach is attached here, and users try to reach each other.
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { botPolicy } from '../../../../infra/policies/bot.ts';
import { bucketPolicy } from '../../../../infra/policies/bucket.ts';
import { type Installation, roleNames } from '../../../../infra/policies/document.ts';
import { handlerPolicy } from '../../../../infra/policies/handler.ts';
import { operatorPolicy } from '../../../../infra/policies/operator.ts';
import { workerPolicy } from '../../../../infra/policies/worker.ts';
import { roleIdOf } from '../../../../local/aws/server.ts';
import { refusal } from '../../../contract/aws/oracles.ts';
import { ACCOUNT, REGION, Stand } from '../stand.ts';

const roles = roleNames('spotlearn');
const INSTALLATION: Installation = {
  name: 'spotlearn',
  region: REGION,
  accountId: ACCOUNT,
  bucket: 'spotlearn-data',
  launchTemplateId: 'lt-1',
  logGroup: '/aws/ec2/ml-training',
  functionName: 'predict',
  queueName: 'notices',
  roles,
};
const Bucket = INSTALLATION.bucket;

describe("the product's policies on S3", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.start({
      roles: [
        { name: roles.operator, policies: [operatorPolicy(INSTALLATION)] },
        { name: roles.bot, policies: [botPolicy(INSTALLATION)] },
        { name: roles.worker, policies: [workerPolicy(INSTALLATION)] },
        { name: roles.handler, policies: [handlerPolicy(INSTALLATION)] },
        { name: 'stranger', policies: [{ Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }] },
      ],
    });
    const root = stand.s3();
    await root.send(new CreateBucketCommand({ Bucket }));
    await root.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(bucketPolicy(INSTALLATION)) }));
    await root.send(new PutObjectCommand({ Bucket, Key: 'datasets/user_1/a.csv', Body: 'a' }));
  });
  after(() => stand.close());
  const as = (role: string, session: string) => stand.s3(stand.aws.iam.issueSession(role, session, 600));
  const put = (s3: S3Client, Key: string, more: object = {}) =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more }));
  const get = (s3: S3Client, Key: string) => s3.send(new GetObjectCommand({ Bucket, Key }));
  const denied = ['AccessDenied', 403];

  it('keep a worker inside its own instance', async () => {
    const own = `instances/${roleIdOf(roles.worker)}:i-1`;
    await put(as(roles.worker, 'i-1'), `${own}/heartbeat.json`);
    expect(await refusal(get(as(roles.worker, 'i-2'), `${own}/heartbeat.json`))).to.deep.equal(denied);
    expect(await refusal(put(as(roles.worker, 'i-2'), `${own}/result.json`))).to.deep.equal(denied);
    expect(await refusal(get(as(roles.worker, 'i-1'), 'datasets/user_1/a.csv'))).to.deep.equal(denied);
  });

  it('give the handler nothing', async () => {
    expect(await refusal(get(as(roles.handler, 'f'), 'datasets/user_1/a.csv'))).to.deep.equal(denied);
    const list = as(roles.handler, 'f').send(new ListObjectsV2Command({ Bucket }));
    expect(await refusal(list)).to.deep.equal(denied);
  });

  it('let the operator claim an instance, read what it wrote and list instances', async () => {
    const operator = as(roles.operator, 'operator');
    const ticket = `instances/${roleIdOf(roles.worker)}:i-3/ticket.json`;
    await put(operator, ticket, { IfNoneMatch: '*' });
    expect(await refusal(put(operator, ticket, { IfNoneMatch: '*' }))).to.deep.equal(['PreconditionFailed', 412]);
    await operator.send(new ListObjectsV2Command({ Bucket, Prefix: 'instances/' }));
    await get(as(roles.worker, 'i-3'), ticket);
  });

  it('keep out a role that is not named, whatever it may do elsewhere', async () => {
    expect(await refusal(get(as('stranger', 's'), 'datasets/user_1/a.csv'))).to.deep.equal(denied);
  });
});
