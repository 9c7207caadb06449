// Attacks with the credentials of a worker or of a handler, as one that was taken over would try them: against the policies by a simulator of IAM,
// with the very same requests against the embedded S3, which enforces the same documents. On AWS the bucket's access log has each.
import { expect } from 'chai';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { bucketPolicy } from '../../infra/policies/bucket.ts';
import { handlerPolicy } from '../../infra/policies/handler.ts';
import { workerPolicy } from '../../infra/policies/worker.ts';
import { roleIdOf } from '../../local/aws/server.ts';
import { refusal } from '../contract/aws/oracles.ts';
import { allows, documentsOf, installation, ROLE_ID, type Context } from '../infra/policies/simulator.ts';
import { ACCOUNT, REGION, Stand } from '../local/aws/stand.ts';
import { attackTold } from './tally.ts';

interface Attack {
  readonly what: string;
  readonly who: 'worker' | 'handler';
  readonly action: 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject' | 's3:ListBucket';
  /** Of the bucket; of ListBucket the prefix. `role`: the worker role's id. */
  readonly key: (role: string) => string;
}

const reads = (what: string, key: Attack['key'], who: Attack['who'] = 'worker'): Attack => ({
  what: `reads ${what}`,
  who,
  action: 's3:GetObject',
  key,
});
const writes = (what: string, key: Attack['key'], who: Attack['who'] = 'worker'): Attack => ({
  what: `writes ${what}`,
  who,
  action: 's3:PutObject',
  key,
});
const lists = (what: string, key: Attack['key'], who: Attack['who'] = 'worker'): Attack => ({
  what: `lists ${what}`,
  who,
  action: 's3:ListBucket',
  key,
});
const deletes = (what: string, key: Attack['key'], who: Attack['who'] = 'worker'): Attack => ({
  what: `deletes ${what}`,
  who,
  action: 's3:DeleteObject',
  key,
});

/** The worker is on the instance i-0aa. */
const ATTACKS: readonly Attack[] = [
  reads('the ticket of another instance', (role) => `instances/${role}:i-0bb/ticket.json`),
  reads('the checkpoint of another instance', (role) => `instances/${role}:i-0bb/checkpoints/5.joblib`),
  reads('the folder of an instance whose id begins so', (role) => `instances/${role}:i-0aa2/ticket.json`),
  reads('the folder of an instance whose id is its beginning', (role) => `instances/${role}:i-0a/ticket.json`),
  reads('the folder of a star', (role) => `instances/${role}:*/ticket.json`),
  reads('the folder of another role', () => 'instances/AROAOTHERROLE0000000:i-0aa/ticket.json'),
  reads('a table', () => 'datasets/user_1/a.csv'),
  reads('a model', () => 'models/user_1/m/model.onnx'),
  reads('predictions', () => 'predictions/user_1/uid/predictions.csv'),
  reads('the bill', () => 'ledger/user_1/2026-11/x.json'),
  reads('the audit trail', () => 'audit/2026-11-27/x.json'),
  reads('a deleted account’s export', () => 'exports/user_1/uid/datasets/a.csv'),
  reads('the checkpoint of another job', () => 'checkpoints/uid/5.joblib'),
  writes('a control of another instance', (role) => `instances/${role}:i-0bb/control.json`),
  writes('a result for another instance', (role) => `instances/${role}:i-0bb/result.json`),
  writes('a model', () => 'models/user_1/m/model.onnx'),
  writes('a table', () => 'datasets/user_1/a.csv'),
  writes('the bill', () => 'ledger/user_1/2026-11/x.json'),
  writes('the audit trail', () => 'audit/2026-11-27/x.json'),
  writes('the worker’s code', () => 'artefacts/worker/x.tar.gz'),
  deletes('the ticket of another instance', (role) => `instances/${role}:i-0bb/ticket.json`),
  deletes('a table', () => 'datasets/user_1/a.csv'),
  deletes('the audit trail', () => 'audit/2026-11-27/x.json'),
  lists('the whole bucket', () => ''),
  lists('all instances', () => 'instances/'),
  lists('another instance', (role) => `instances/${role}:i-0bb/`),
  lists('a user’s tables', () => 'datasets/user_1/'),
  reads('a table', () => 'datasets/user_1/a.csv', 'handler'),
  reads('a model', () => 'models/user_1/m/model.onnx', 'handler'),
  writes('predictions', () => 'predictions/user_1/uid/predictions.csv', 'handler'),
  writes('the audit trail', () => 'audit/2026-11-27/x.json', 'handler'),
  lists('a user’s models', () => 'models/user_1/', 'handler'),
];

describe('Attacks with a worker’s or a handler’s credentials', () => {
  const facts = { ...installation, region: REGION, accountId: ACCOUNT };
  const Bucket = facts.bucket;
  const documents = documentsOf(installation);
  let stand: Stand;
  let role: string;
  const clients = new Map<Attack['who'], S3Client>();

  before(async () => {
    stand = await Stand.start({
      roles: [
        { name: facts.roles.worker, policies: [workerPolicy(facts)] },
        { name: facts.roles.handler, policies: [handlerPolicy(facts)] },
      ],
    });
    role = roleIdOf(facts.roles.worker);
    const root = stand.s3();
    await root.send(new CreateBucketCommand({ Bucket }));
    await root.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(bucketPolicy(facts)) }));
    for (const { action, key } of ATTACKS)
      if (action !== 's3:ListBucket') await root.send(new PutObjectCommand({ Bucket, Key: key(role), Body: 'secret' }));
    clients.set('worker', stand.s3(stand.aws.iam.issueSession(facts.roles.worker, 'i-0aa', 900)));
    clients.set('handler', stand.s3(stand.aws.iam.issueSession(facts.roles.handler, 'session', 900)));
  });
  after(() => stand.close());

  function request({ who, action, key }: Attack): Promise<unknown> {
    const s3 = clients.get(who) as S3Client;
    const Key = key(role);
    switch (action) {
      case 's3:GetObject':
        return s3.send(new GetObjectCommand({ Bucket, Key }));
      case 's3:PutObject':
        return s3.send(new PutObjectCommand({ Bucket, Key, Body: 'mine now' }));
      case 's3:DeleteObject':
        return s3.send(new DeleteObjectCommand({ Bucket, Key }));
      case 's3:ListBucket':
        return s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key }));
    }
  }

  it('are held against what a worker may', async () => {
    const own = (id: string) => `instances/${id}:i-0aa/heartbeat.json`;
    const arn = `arn:aws:s3:::${Bucket}/${own(ROLE_ID)}`;
    expect(allows(documents, 'worker', 's3:PutObject', arn, {})).to.equal(true);
    await clients.get('worker')?.send(new PutObjectCommand({ Bucket, Key: own(role), Body: 'x' }));
  });

  for (const attack of ATTACKS)
    it(`a ${attack.who} that ${attack.what} is refused`, () =>
      attackTold(
        'IAM roles',
        async () => 'AWS',
        async () => {
          const { who, action, key } = attack;
          const list = action === 's3:ListBucket';
          const arn = `arn:aws:s3:::${Bucket}${list ? '' : `/${key(ROLE_ID)}`}`;
          const context: Context = list ? { 's3:prefix': key(ROLE_ID) } : {};
          expect(allows(documents, who, action, arn, context)).to.equal(false);
          expect(await refusal(request(attack))).to.deep.equal(['AccessDenied', 403]);
        },
      ));
});
