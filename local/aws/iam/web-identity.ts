// Tokens of Kubernetes ServiceAccounts as STS checks them: a JWT signed by the cluster's key (ES256), for the audience of STS, not
// expired. The account's OIDC provider is this issuer with this key; the embedded kubelet mints such tokens. Next: sts/service.ts.
import { createPublicKey, verify } from 'node:crypto';
import type { StsOptions } from '../sts/service.ts';

export interface WebIdentityProvider {
  /** `iss` of its tokens, e.g. https://oidc.example. */
  readonly issuer: string;
  /** PEM of an EC P-256 key. */
  readonly publicKey: string;
}

export const AUDIENCE = 'sts.amazonaws.com';

/** Rejects (by throwing) every token that is not a valid one of this provider. `now` in milliseconds. */
export function webIdentityVerifier(
  { issuer, publicKey }: WebIdentityProvider,
  now: () => number,
): NonNullable<StsOptions['verifyWebIdentity']> {
  const key = createPublicKey(publicKey);
  return async (token) => {
    const [head = '', body = '', signature = '', ...rest] = token.split('.');
    const { alg } = parsed(head);
    if (alg !== 'ES256' || rest.length > 0) throw new Error('not a JWT of ES256');
    const signed = Buffer.from(`${head}.${body}`);
    if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
      throw new Error('the signature is wrong');
    const { iss, sub, aud, exp } = parsed(body);
    if (iss !== issuer || typeof sub !== 'string' || ![aud].flat().includes(AUDIENCE))
      throw new Error('the token is meant for somebody else');
    if (typeof exp !== 'number' || exp * 1000 <= now()) throw new Error('the token has expired');
    return { subject: sub, audience: AUDIENCE, provider: issuer.replace(/^https:\/\//, '') };
  };
}

const parsed = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
