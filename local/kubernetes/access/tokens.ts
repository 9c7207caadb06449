// Bearer tokens and who they stand for, kept in the state folder: the administrator's, made once, and those added later.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

interface Kept {
  readonly adminToken: string;
  /** By SHA-256 of the token, so that only the administrator's lies about in clear. */
  readonly users: Record<string, User>;
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
  add(name: string, groups: readonly string[]): string {
    const token = newToken();
    const user = { name, groups: [...new Set([...groups, 'system:authenticated'])] };
    this.#kept = { ...this.#kept, users: { ...this.#kept.users, [digest(token)]: user } };
    this.#save();
    return token;
  }

  userOf(token: string): User | undefined {
    return this.#kept.users[digest(token)];
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
