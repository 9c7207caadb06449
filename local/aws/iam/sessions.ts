// Credentials of the local account: the root's long-lived key, and sessions of roles. A session keeps nothing here: its token
// carries role, session name and expiry, sealed with the account's own key, so it stays valid over a restart.
import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../../cloud/clock.ts';
import type { CredentialIssuer, Principal, SessionCredentials } from '../service.ts';
import { rootPrincipal, type Roles } from './roles.ts';
import { sameSignature } from './signature.ts';

export interface StaticCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Why a key was not accepted; the front says it in the service's own words. */
export type KeyRefusal = 'UnknownKey' | 'InvalidToken' | 'ExpiredToken';

export interface KnownKey {
  readonly secretAccessKey: string;
  readonly principal: Principal;
}

interface TokenPayload {
  /** role name */ r: string;
  /** session name */ s: string;
  /** expiry, seconds since the epoch */ e: number;
  /** nonce, so that two sessions of the same second differ */ n: string;
}

export class Sessions implements CredentialIssuer {
  readonly #seal: Buffer;
  readonly #root: StaticCredentials;
  readonly #roles: Roles;
  readonly #clock: Clock;

  constructor(seal: Buffer, root: StaticCredentials, roles: Roles, clock: Clock) {
    this.#seal = seal;
    this.#root = root;
    this.#roles = roles;
    this.#clock = clock;
  }

  issueSession(roleName: string, sessionName: string, ttlSeconds: number): SessionCredentials {
    const principal = this.#roles.session(roleName, sessionName);
    const expires = Math.floor(this.#clock.now() / 1000) + ttlSeconds;
    const payload: TokenPayload = { r: roleName, s: sessionName, e: expires, n: randomBytes(9).toString('base64url') };
    const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return {
      accessKeyId: this.#keyId(text),
      secretAccessKey: this.#secret(text),
      sessionToken: `${text}.${this.#mac('token', text)}`,
      expiration: new Date(expires * 1000),
      principal,
    };
  }

  /** Finds the secret and owner of an access key; sessions are known by their token only. */
  lookUp(accessKeyId: string, sessionToken: string | undefined): KnownKey | KeyRefusal {
    if (accessKeyId === this.#root.accessKeyId) {
      if (sessionToken) return 'InvalidToken';
      return { secretAccessKey: this.#root.secretAccessKey, principal: rootPrincipal(this.#roles.accountId) };
    }
    if (!sessionToken) return 'UnknownKey';
    const [text = '', mac = ''] = sessionToken.split('.');
    if (!sameSignature(this.#mac('token', text), mac)) return 'InvalidToken';
    const payload = JSON.parse(Buffer.from(text, 'base64url').toString()) as TokenPayload;
    if (this.#keyId(text) !== accessKeyId || !this.#roles.find(payload.r)) return 'InvalidToken';
    if (payload.e * 1000 <= this.#clock.now()) return 'ExpiredToken';
    return { secretAccessKey: this.#secret(text), principal: this.#roles.session(payload.r, payload.s) };
  }

  #mac(purpose: string, text: string): string {
    return createHmac('sha256', this.#seal).update(`${purpose}\n${text}`).digest('base64url');
  }

  #keyId(text: string): string {
    return `ASIA${this.#mac('id', text).replace(/[-_]/g, 'X').toUpperCase().slice(0, 16)}`;
  }

  #secret(text: string): string {
    return this.#mac('secret', text).slice(0, 40);
  }
}

/** The account's sealing key: made once, readable by its owner only. */
export function loadSeal(file: string): Buffer {
  try {
    const seal = readFileSync(file);
    if (seal.length === 32) return seal;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const seal = randomBytes(32);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, seal, { mode: 0o600 });
  return seal;
}
