// Bearer tokens and who they stand for, kept in the state folder: the administrator's, made once, and those added later.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What ends a token, beside the state folder. */
export interface TokenLimits {
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** Uid of the ServiceAccount it was given for. */
  readonly accountUid?: string;
}

export type Grant = User & TokenLimits;

export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export const serviceAccountName = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;
export const serviceAccountGroups = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
];
/** The account a user name stands for; undefined for other users. */
export function serviceAccountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  return namespace !== undefined && name !== undefined ? { namespace, name } : undefined;
}

interface Kept {
  readonly adminToken: string;
  /** By SHA-256 of the token, so that only the administrator's lies about in clear. */
  readonly users: Record<string, Grant>;
}

export class Tokens {
  readonly #path: string;
  #kept: Kept;

  private constructor(path: string, kept: Kept) {
    this.#path = path;
    this.#kept = kept;
  }

  static open(folder: string): Tokens {
    const path = join(folder, 'tokens.json');
    if (existsSync(path)) return new Tokens(path, JSON.parse(readFileSync(path, 'utf8')) as Kept);
    const adminToken = newToken();
    const admin = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };
    const tokens = new Tokens(path, { adminToken, users: { [digest(adminToken)]: admin } });
    tokens.#save();
    return tokens;
  }

  get adminToken(): string {
    return this.#kept.adminToken;
  }

  /** A new token, valid at once and after a restart. */
  add(name: string, groups: readonly string[], limits: TokenLimits = {}): string {
    const token = newToken();
    const grant = { name, groups: [...new Set([...groups, 'system:authenticated'])], ...limits };
    this.#kept = { ...this.#kept, users: { ...this.#kept.users, [digest(token)]: grant } };
    this.#save();
    return token;
  }

  /** Forgets those that have expired. */
  sweep(now: number): void {
    const alive = Object.entries(this.#kept.users).filter(([, { expiresAt = Infinity }]) => expiresAt > now);
    this.#kept = { ...this.#kept, users: Object.fromEntries(alive) };
  }

  grantOf(token: string): Grant | undefined {
    const key = digest(token);
    return Object.hasOwn(this.#kept.users, key) ? this.#kept.users[key] : undefined;
  }

  #save(): void {
    writeFileSync(`${this.#path}.new`, JSON.stringify(this.#kept), { mode: 0o600, flush: true });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function newToken(): string {
  return randomBytes(24).toString('base64url');
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
