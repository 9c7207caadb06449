// The roles of the local account. Their policies are the product's own (infra/policies); sessions.ts issues credentials
// for them and authorizer.ts decides by them.
import { createHash } from 'node:crypto';
import { AwsServiceError, type PolicyDocument, type Principal } from '../service.ts';

export interface RoleDefinition {
  readonly name: string;
  /** `AROA…`; default: roleIdOf(name). */
  readonly roleId?: string;
  readonly policies: readonly PolicyDocument[];
  /** Who may assume it by STS; without one, only the account root and `issueSession`. */
  readonly trust?: PolicyDocument;
}

/** The same name always has the same id, so keys under `instances/<role id>:…` stay valid when the stack restarts. */
export function roleIdOf(name: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const digest = createHash('sha256').update(`role:${name}`).digest();
  let id = 'AROA';
  for (let index = 0; id.length < 21; index++) id += alphabet[(digest[index] ?? 0) % 32];
  return id;
}

export function rootPrincipal(accountId: string): Principal {
  return { arn: `arn:aws:iam::${accountId}:root`, accountId, userId: accountId, roleName: undefined };
}

export class Roles {
  readonly accountId: string;
  readonly #roles = new Map<string, RoleDefinition>();

  constructor(accountId: string, roles: readonly RoleDefinition[]) {
    this.accountId = accountId;
    for (const role of roles) this.#roles.set(role.name, role);
  }

  get(name: string): RoleDefinition {
    const role = this.#roles.get(name);
    if (!role) throw new AwsServiceError('NoSuchEntity', `The role with name ${name} cannot be found.`, 404);
    return role;
  }

  find(name: string): RoleDefinition | undefined {
    return this.#roles.get(name);
  }

  idOf(name: string): string {
    return this.get(name).roleId ?? roleIdOf(name);
  }

  arnOf(name: string): string {
    return `arn:aws:iam::${this.accountId}:role/${name}`;
  }

  session(name: string, sessionName: string): Principal {
    return {
      arn: `arn:aws:sts::${this.accountId}:assumed-role/${name}/${sessionName}`,
      accountId: this.accountId,
      userId: `${this.idOf(name)}:${sessionName}`,
      roleName: name,
    };
  }
}
