// Pods as workers: a token of the kubelet's making, checked by STS, under the trust policy that an installation gets.
import { createPrivateKey, sign } from 'node:crypto';
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { expect } from 'chai';
import { workerTrust } from '../../../../infra/policies/worker.ts';
import { webIdentityVerifier } from '../../../../local/aws/iam/web-identity.ts';
import type { KubeObject } from '../../../../local/kubernetes/api.ts';
import { mintToken } from '../../../../local/kubernetes/kubelet/identity.ts';
import { localInstallation } from '../../../../local/stack/installation.ts';
import { identityProvider, ISSUER, newSigningKey, OIDC_PROVIDER } from '../../../../local/stack/node.ts';
import { refusal } from '../../../contract/aws/oracles.ts';
import { ACCOUNT, REGION, Stand } from '../stand.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const named = (name: string, namespace: string): KubeObject =>
  ({ metadata: { name, namespace, uid: `uid-${name}` } }) as KubeObject;
const token = (
  privateKey: string,
  { namespace = 'ml-user-7', account = 'spotlearn-worker', now = NOW, issuer = ISSUER } = {},
) => mintToken(named('pod', namespace), named(account, namespace), { issuer, privateKey }, now);

function signed(privateKey: string, header: object, claims: object): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(text), {
    key: createPrivateKey(privateKey),
    dsaEncoding: 'ieee-p1363',
  });
  return `${text}.${signature.toString('base64url')}`;
}

describe('The token of a pod', () => {
  const key = newSigningKey();
  const verify = webIdentityVerifier(identityProvider(key), () => NOW);
  const refused = async (of: string) =>
    verify(of).then(
      () => 'accepted',
      (error: unknown) => (error as Error).message,
    );
  const claims = { iss: ISSUER, sub: 's', aud: ['sts.amazonaws.com'], exp: NOW / 1000 + 60 };

  it('names its ServiceAccount to whom it is meant for', async () => {
    expect(await verify(token(key))).to.deep.equal({
      subject: 'system:serviceaccount:ml-user-7:spotlearn-worker',
      audience: 'sts.amazonaws.com',
      provider: OIDC_PROVIDER,
    });
  });

  const [head = '', , signature = ''] = token(key).split('.');
  const FORGED: [what: string, token: string, why: string][] = [
    ['signed by somebody else', token(newSigningKey()), 'signature'],
    [
      'with other claims under its signature',
      `${head}.${token(key, { namespace: 'ml-user-8' }).split('.')[1]}.${signature}`,
      'signature',
    ],
    ['without a signature', signed(key, { alg: 'none' }, claims).replace(/[^.]*$/, ''), 'ES256'],
    ['of another algorithm', signed(key, { alg: 'HS256' }, claims), 'ES256'],
    ['with a fourth part', `${signed(key, { alg: 'ES256' }, claims)}.x`, 'ES256'],
    ['of another issuer', token(key, { issuer: 'https://elsewhere.example' }), 'somebody else'],
    ['for another audience', signed(key, { alg: 'ES256' }, { ...claims, aud: 'kubernetes' }), 'somebody else'],
    ['without a subject', signed(key, { alg: 'ES256' }, { ...claims, sub: undefined }), 'somebody else'],
    ['that has expired', token(key, { now: NOW - 25 * 3_600_000 }), 'expired'],
    ['that never expires', signed(key, { alg: 'ES256' }, { ...claims, exp: undefined }), 'expired'],
    ['that is none', 'x.y.z', ''],
  ];
  for (const [what, forged, why] of FORGED)
    it(`${what} is refused`, async () => {
      const answer = await refused(forged);
      expect(answer).to.not.equal('accepted');
      expect(answer).to.contain(why);
    });
});

describe('The role of the workers', () => {
  const key = newSigningKey();
  const installation = { ...localInstallation('lt-00000000000000001'), accountId: ACCOUNT };
  const { worker } = installation.roles;
  let stand: Stand;
  before(async () => {
    stand = await Stand.start({
      roles: [{ name: worker, policies: [], trust: workerTrust(installation, OIDC_PROVIDER) }],
      verifyWebIdentity: webIdentityVerifier(identityProvider(key), () => Date.now()),
    });
  });
  after(() => stand.close());
  const assume = (session: string, more: Parameters<typeof token>[1] = {}, at = stand) =>
    new STSClient({ ...at.client(), region: REGION }).send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: `arn:aws:iam::${ACCOUNT}:role/${worker}`,
        RoleSessionName: session,
        WebIdentityToken: token(key, { now: Date.now(), ...more }),
      }),
    );

  it('is given to a worker’s pod under the name of its Job', async () => {
    const { AssumedRoleUser } = await assume('cluster-u-1');
    expect(AssumedRoleUser?.Arn).to.equal(`arn:aws:sts::${ACCOUNT}:assumed-role/${worker}/cluster-u-1`);
    expect(AssumedRoleUser?.AssumedRoleId).to.match(/^AROA\w+:cluster-u-1$/);
  });

  const REFUSED: [what: string, session: string, more: Parameters<typeof token>[1]][] = [
    ['under the name of an instance, whose folder it would reach', 'i-0123456789abcdef0', {}],
    ['of another ServiceAccount', 'cluster-u-1', { account: 'default' }],
    ['of a namespace that is no user’s', 'cluster-u-1', { namespace: 'kube-system' }],
  ];
  for (const [what, session, more] of REFUSED)
    it(`is not given to a pod ${what}`, async () => {
      expect(await refusal(assume(session, more))).to.deep.equal(['AccessDenied', 403]);
    });

  it('is not given to pods of a provider it does not trust, nor to any when it trusts none', async () => {
    for (const trust of [workerTrust(installation, 'elsewhere.example'), workerTrust(installation)]) {
      const other = await Stand.start({
        roles: [{ name: worker, policies: [], trust }],
        verifyWebIdentity: webIdentityVerifier(identityProvider(key), () => Date.now()),
      });
      expect(await refusal(assume('cluster-u-1', {}, other))).to.deep.equal(['AccessDenied', 403]);
      await other.close();
    }
  });
});
