// An IAM role for a pod, as EKS gives it: a ServiceAccount that names a role has its pods get a token of their own, signed by the cluster,
// and the two variables by which every AWS SDK finds it. On EKS a webhook adds them and the API server signs; here the kubelet does both.
// The other side, which verifies: local/aws/iam/web-identity.ts.
import { createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '../api.ts';
import { ConfigError, type ReadObject } from './environment.ts';
import { podSpec } from './pod.ts';

export const ROLE_ANNOTATION = 'eks.amazonaws.com/role-arn';
const AUDIENCE = 'sts.amazonaws.com';
const TTL_SECONDS = 86_400;
/** A token is renewed when this part of its life is over, as kubelets do. */
const RENEW_AFTER = 0.8;
/** Of a folder below the pod's volumes; no volume can have this name. */
const FOLDER = '_aws-iam-token';

export interface TokenIssuer {
  /** `iss` of the tokens. */
  readonly issuer: string;
  /** PEM of an EC P-256 key. */
  readonly privateKey: string;
}

/**
 * Writes (or renews) the token of a pod whose ServiceAccount names a role; answers with the environment to give to its containers.
 * Throws ConfigError when the ServiceAccount isn't there yet.
 */
export async function podIdentity(
  pod: KubeObject,
  issuer: TokenIssuer | undefined,
  volumesFolder: string,
  read: ReadObject,
  now: number,
): Promise<Record<string, string>> {
  const { serviceAccountName = 'default' } = podSpec(pod);
  if (issuer === undefined || serviceAccountName === 'default') return {};
  const account = await read('serviceaccounts', serviceAccountName);
  if (account === undefined) throw new ConfigError(`serviceaccount ${JSON.stringify(serviceAccountName)} not found`);
  const role = account.metadata.annotations?.[ROLE_ANNOTATION];
  if (role === undefined) return {};
  const folder = join(volumesFolder, FOLDER);
  const file = join(folder, 'token');
  if (!(await isFresh(file, now))) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, mintToken(pod, account, issuer, now), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
  return { AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: file };
}

/** A ServiceAccount token bound to a pod (JWT, ES256), with the claims the API server puts into one. */
export function mintToken(pod: KubeObject, account: KubeObject, issuer: TokenIssuer, now: number): string {
  const { name, namespace, uid } = pod.metadata;
  const at = Math.floor(now / 1000);
  const claims = {
    aud: [AUDIENCE],
    exp: at + TTL_SECONDS,
    iat: at,
    nbf: at,
    iss: issuer.issuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      pod: { name, uid },
      serviceaccount: { name: account.metadata.name, uid: account.metadata.uid },
    },
    sub: `system:serviceaccount:${namespace}:${account.metadata.name}`,
  };
  const text = [{ alg: 'ES256', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const key: KeyObject = createPrivateKey(issuer.privateKey);
  const signature = sign('sha256', Buffer.from(text.join('.')), { key, dsaEncoding: 'ieee-p1363' });
  return `${text.join('.')}.${signature.toString('base64url')}`;
}

async function isFresh(file: string, now: number): Promise<boolean> {
  const token = await readFile(file, 'utf8').catch(() => '');
  if (token === '') return false;
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    iat: number;
    exp: number;
  };
  return now / 1000 < claims.iat + (claims.exp - claims.iat) * RENEW_AFTER;
}
