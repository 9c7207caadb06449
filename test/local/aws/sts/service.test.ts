// Trust: who may assume which role, by session and by a service account's token.
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { expect } from 'chai';
import { refusal } from '../../../contract/aws/oracles.ts';
import { Stand } from '../stand.ts';

const arn = (role: string) => `arn:aws:iam::000000000000:role/${role}`;

function trust(Action: string, Principal: object, Condition?: object) {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action, Principal, ...(Condition ? { Condition } : {}) }],
  };
}

const mayAssume = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }] };
const ROLES = [
  { name: 'bot', policies: [mayAssume] },
  { name: 'idle', policies: [] },
  { name: 'reader', policies: [], trust: trust('sts:AssumeRole', { AWS: [arn('bot'), arn('idle')] }) },
  { name: 'closed', policies: [] },
  {
    name: 'pod',
    policies: [],
    trust: trust(
      'sts:AssumeRoleWithWebIdentity',
      { Federated: 'oidc' },
      {
        StringLike: { 'oidc:sub': 'system:serviceaccount:spotlearn:*' },
        StringEquals: { 'oidc:aud': 'sts.amazonaws.com' },
      },
    ),
  },
];

describe('STS trust', () => {
  let stand: Stand;
  before(async () => {
    const verifyWebIdentity = async (token: string) => {
      if (!token.startsWith('system:')) throw new Error('bad token');
      return { subject: token, audience: 'sts.amazonaws.com', provider: 'oidc' };
    };
    stand = await Stand.start({ roles: ROLES, verifyWebIdentity });
  });
  after(() => stand.close());
  const assume = (role: string, by: string) =>
    new STSClient(stand.client(stand.aws.iam.issueSession(by, 's-1', 60))).send(
      new AssumeRoleCommand({ RoleArn: arn(role), RoleSessionName: 'job' }),
    );
  const web = (role: string, token: string, at = stand) =>
    new STSClient({ ...at.client(), region: 'eu-west-1' }).send(
      new AssumeRoleWithWebIdentityCommand({ RoleArn: arn(role), RoleSessionName: 'pod-1', WebIdentityToken: token }),
    );

  it('needs the trust of the role and the permission of the caller', async () => {
    expect((await assume('reader', 'bot')).AssumedRoleUser?.Arn).to.equal(
      'arn:aws:sts::000000000000:assumed-role/reader/job',
    );
    expect(await refusal(assume('reader', 'idle'))).to.deep.equal(['AccessDenied', 403]);
    expect(await refusal(assume('closed', 'bot'))).to.deep.equal(['AccessDenied', 403]);
    expect(await refusal(assume('nobody', 'bot'))).to.deep.equal(['AccessDenied', 403]);
  });

  it('gives a session for a service account that the role trusts', async () => {
    const answer = await web('pod', 'system:serviceaccount:spotlearn:operator');
    expect([answer.AssumedRoleUser?.Arn, answer.SubjectFromWebIdentityToken]).to.deep.equal([
      'arn:aws:sts::000000000000:assumed-role/pod/pod-1',
      'system:serviceaccount:spotlearn:operator',
    ]);
    expect((await refusal(web('pod', 'system:serviceaccount:other:operator')))[0]).to.equal('AccessDenied');
    expect((await refusal(web('reader', 'system:serviceaccount:spotlearn:operator')))[0]).to.equal('AccessDenied');
    expect((await refusal(web('pod', 'forged')))[0]).to.equal('InvalidIdentityTokenException');
  });

  it('takes no tokens unless it is told how to verify them', async () => {
    const plain = await Stand.start({ roles: ROLES });
    expect((await refusal(web('pod', 'system:serviceaccount:spotlearn:operator', plain)))[0]).to.equal(
      'InvalidIdentityTokenException',
    );
    await plain.close();
  });

  it('says so when it does not know an operation', async () => {
    expect((await refusal(new STSClient(stand.client()).send(new GetSessionTokenCommand({}))))[0]).to.equal(
      'InvalidAction',
    );
  });
});
