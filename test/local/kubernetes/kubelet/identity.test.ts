// An IAM role for a pod: which pods get one, where its token lies, when it is renewed.
import { expect } from 'chai';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../../../local/kubernetes/api.ts';
import { ConfigError } from '../../../../local/kubernetes/kubelet/environment.ts';
import { podIdentity, ROLE_ANNOTATION } from '../../../../local/kubernetes/kubelet/identity.ts';
import { newSigningKey } from '../../../../local/stack/node.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const HOUR = 3_600_000;
const ROLE = 'arn:aws:iam::000000000000:role/worker';
const issuer = { issuer: 'https://oidc.example', privateKey: newSigningKey() };
const object = (name: string, more: object = {}): KubeObject =>
  ({ metadata: { name, namespace: 'ml-user-7', uid: `uid-${name}`, ...more } }) as KubeObject;
const accounts: Record<string, KubeObject> = {
  worker: object('worker', { annotations: { [ROLE_ANNOTATION]: ROLE } }),
  plain: object('plain'),
};
const read = async (_kind: string, name: string) => accounts[name];
const pod = (serviceAccountName?: string): KubeObject => ({
  ...object('pod'),
  spec: { containers: [], serviceAccountName },
});

describe('An IAM role for a pod', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'identity-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is that of its ServiceAccount, with a token only we can read', async () => {
    const env = await podIdentity(pod('worker'), issuer, folder, read, NOW);
    const file = env['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? '';
    expect(env).to.deep.equal({ AWS_ROLE_ARN: ROLE, AWS_WEB_IDENTITY_TOKEN_FILE: file });
    expect(((await stat(file)).mode & 0o777).toString(8)).to.equal('600');
    const [, claims = ''] = (await readFile(file, 'utf8')).split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).to.deep.include({
      iss: 'https://oidc.example',
      sub: 'system:serviceaccount:ml-user-7:worker',
      aud: ['sts.amazonaws.com'],
      exp: NOW / 1000 + 86_400,
      'kubernetes.io': {
        namespace: 'ml-user-7',
        pod: { name: 'pod', uid: 'uid-pod' },
        serviceaccount: { name: 'worker', uid: 'uid-worker' },
      },
    });
  });

  it('is none for other ServiceAccounts, nor where nobody signs', async () => {
    for (const account of ['plain', 'default', undefined])
      expect(await podIdentity(pod(account), issuer, folder, read, NOW), String(account)).to.deep.equal({});
    expect(await podIdentity(pod('worker'), undefined, folder, read, NOW)).to.deep.equal({});
  });

  it('waits for a ServiceAccount that is not there', async () => {
    const error = await podIdentity(pod('none'), issuer, folder, read, NOW).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConfigError);
    expect((error as Error).message).to.equal('serviceaccount "none" not found');
  });

  it('has its token renewed when four fifths of its life are over', async () => {
    const at = async (now: number) => {
      const { AWS_WEB_IDENTITY_TOKEN_FILE: file = '' } = await podIdentity(pod('worker'), issuer, folder, read, now);
      return readFile(file, 'utf8');
    };
    const first = await at(NOW);
    expect(await at(NOW + 19 * HOUR)).to.equal(first);
    expect(await at(NOW + 20 * HOUR)).to.not.equal(first);
  });
});
