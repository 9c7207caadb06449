// Who may do what to S3: the worker's own prefix by `${aws:userid}`, conditions, and bucket policies over everybody.
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  DeleteObjectsCommand,
  CopyObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { PolicyAuthorizer } from '../../../../local/aws/iam/authorizer.ts';
import { Roles, roleIdOf } from '../../../../local/aws/iam/roles.ts';
import { refusal } from '../../../contract/aws/oracles.ts';
import { ACCOUNT, REGION, Stand } from '../stand.ts';

const BUCKET = 'product';
const ARN = `arn:aws:s3:::${BUCKET}`;

function allow(Action: string | string[], Resource: string | string[], Condition?: object) {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action, Resource, ...(Condition ? { Condition } : {}) }],
  };
}

const ROLES = [
  {
    name: 'worker',
    policies: [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an IAM policy variable
      allow(['s3:GetObject', 's3:PutObject'], `${ARN}/instances/\${aws:userid}/*`),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an IAM policy variable
      allow('s3:ListBucket', ARN, { StringLike: { 's3:prefix': 'instances/${aws:userid}/*' } }),
    ],
  },
  {
    name: 'operator',
    policies: [
      allow(['s3:GetObject', 's3:ListBucket', 's3:DeleteObject'], [ARN, `${ARN}/*`]),
      allow('s3:PutObject', `${ARN}/models/*`, { StringEquals: { 's3:x-amz-server-side-encryption': 'AES256' } }),
    ],
  },
  { name: 'handler', policies: [] },
];

describe('authorisation', () => {
  let stand: Stand;
  let root: S3Client;
  const as = (role: string, session = 'i-1') => stand.s3(stand.aws.iam.issueSession(role, session, 600));
  const put = (s3: S3Client, Key: string, more: object = {}) =>
    s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x', ...more }));
  const get = (s3: S3Client, Key: string) => s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));

  before(async () => {
    stand = await Stand.start({ roles: ROLES });
    root = stand.s3();
    await root.send(new CreateBucketCommand({ Bucket: BUCKET }));
  });
  after(() => stand.close());

  it('lets a worker touch its own prefix and no other', async () => {
    const id = roleIdOf('worker');
    await put(as('worker', 'i-1'), `instances/${id}:i-1/heartbeat.json`);
    await get(as('worker', 'i-1'), `instances/${id}:i-1/heartbeat.json`);
    const other = as('worker', 'i-2');
    expect(await refusal(get(other, `instances/${id}:i-1/heartbeat.json`))).to.deep.equal(['AccessDenied', 403]);
    expect(await refusal(put(other, `instances/${id}:i-1/heartbeat.json`))).to.deep.equal(['AccessDenied', 403]);
    expect(await refusal(put(other, `instances/${id}:i-21/x`))).to.deep.equal(['AccessDenied', 403]);
    expect(await refusal(put(other, 'models/user_1/x'))).to.deep.equal(['AccessDenied', 403]);
  });

  it('lets a worker list its own prefix only', async () => {
    const id = roleIdOf('worker');
    const list = (Prefix?: string) => as('worker').send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }));
    await list(`instances/${id}:i-1/`);
    expect(await refusal(list(`instances/${id}:i-2/`))).to.deep.equal(['AccessDenied', 403]);
    expect(await refusal(list())).to.deep.equal(['AccessDenied', 403]);
  });

  it('tells only those who may list that a key is not there', async () => {
    const key = `instances/${roleIdOf('worker')}:i-9/ticket.json`;
    expect(await refusal(get(as('operator'), key))).to.deep.equal(['NoSuchKey', 404]);
    expect(await refusal(get(as('worker', 'i-9'), key))).to.deep.equal(['NoSuchKey', 404]);
    expect(await refusal(get(as('handler'), key))).to.deep.equal(['AccessDenied', 403]);
  });

  it('asks for the condition that a policy names', async () => {
    expect(await refusal(put(as('operator'), 'models/m'))).to.deep.equal(['AccessDenied', 403]);
    await put(as('operator'), 'models/m', { ServerSideEncryption: 'AES256' });
  });

  it('checks both ends of a copy', async () => {
    await put(root, 'secret');
    const copy = as('worker', 'i-1').send(
      new CopyObjectCommand({
        Bucket: BUCKET,
        Key: `instances/${roleIdOf('worker')}:i-1/stolen`,
        CopySource: `${BUCKET}/secret`,
      }),
    );
    expect(await refusal(copy)).to.deep.equal(['AccessDenied', 403]);
  });

  it('refuses each key of a bulk delete by itself', async () => {
    await put(root, 'instances/a');
    const { Errors, Deleted } = await as('worker').send(
      new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects: [{ Key: 'instances/a' }] } }),
    );
    expect([Errors?.map((each) => [each.Key, each.Code]), Deleted]).to.deep.equal([
      [['instances/a', 'AccessDenied']],
      undefined,
    ]);
    await get(root, 'instances/a');
  });

  it('lets a bucket policy deny even the root, who can still mend it', async () => {
    await put(root, 'k');
    const deny = { Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: `${ARN}/k` };
    await root.send(
      new PutBucketPolicyCommand({
        Bucket: BUCKET,
        Policy: JSON.stringify({ Version: '2012-10-17', Statement: [deny] }),
      }),
    );
    expect(await refusal(get(root, 'k'))).to.deep.equal(['AccessDenied', 403]);
    expect(await refusal(get(as('operator'), 'k'))).to.deep.equal(['AccessDenied', 403]);
    await root.send(new DeleteBucketPolicyCommand({ Bucket: BUCKET }));
    await get(root, 'k');
  });

  it("follows the product's shape of bucket policy: TLS, named roles, encryption", async () => {
    await put(root, 'k');
    const principals = {
      StringNotLike: { 'aws:PrincipalArn': [`arn:aws:iam::${ACCOUNT}:role/operator`, `arn:aws:iam::${ACCOUNT}:root`] },
    };
    const Statement = [
      {
        Sid: 'Tls',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [ARN, `${ARN}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        Sid: 'Others',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [ARN, `${ARN}/*`],
        Condition: principals,
      },
      {
        Sid: 'Encrypt',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:PutObject',
        Resource: `${ARN}/*`,
        Condition: { StringNotEqualsIfExists: { 's3:x-amz-server-side-encryption': 'AES256' } },
      },
    ];
    await root.send(
      new PutBucketPolicyCommand({ Bucket: BUCKET, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }),
    );
    await get(as('operator'), 'k');
    expect(await refusal(put(as('worker', 'i-1'), `instances/${roleIdOf('worker')}:i-1/x`))).to.deep.equal([
      'AccessDenied',
      403,
    ]);
    expect(await refusal(put(root, 'y', { ServerSideEncryption: 'aws:kms' }))).to.deep.equal(['AccessDenied', 403]);
    await root.send(new DeleteBucketPolicyCommand({ Bucket: BUCKET }));
  });

  it('does not remember a decision that depends on the time', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const until = allow('ec2:DescribeInstances', '*', { DateLessThan: { 'aws:CurrentTime': '2026-01-01T01:00:00Z' } });
    const roles = new Roles(ACCOUNT, [{ name: 'r', policies: [until] }]);
    const authorizer = new PolicyAuthorizer({ roles, region: REGION, now: () => now });
    const principal = roles.session('r', 's');
    expect(() => authorizer.authorize(principal, 'ec2:DescribeInstances', '*')).to.throw('before ready()');
    await authorizer.ready(principal);
    authorizer.authorize(principal, 'ec2:DescribeInstances', '*');
    now += 2 * 3600_000;
    expect(() => authorizer.authorize(principal, 'ec2:DescribeInstances', '*')).to.throw(
      'is not authorized to perform: ec2:DescribeInstances',
    );
  });

  it('passes tags of resources to conditions', async () => {
    const own = allow('ec2:TerminateInstances', '*', { StringEquals: { 'aws:ResourceTag/app': 'spotlearn' } });
    const roles = new Roles(ACCOUNT, [{ name: 'r', policies: [own] }]);
    const authorizer = new PolicyAuthorizer({ roles, region: REGION, now: () => 0 });
    await authorizer.ready();
    const terminate = (app: string) =>
      authorizer.authorize(
        roles.session('r', 's'),
        'ec2:TerminateInstances',
        `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/i-1`,
        { 'aws:ResourceTag/app': app },
      );
    terminate('spotlearn');
    expect(() => terminate('other')).to.throw('not authorized');
  });
});
