// Whose request is it? The bearer token's user, or whom that user may impersonate. A token of a ServiceAccount ends with its time, and with the
// account itself: one deleted and made anew under the same name is another.
import type { IncomingMessage } from 'node:http';
import { ApiError, unauthorized } from '../errors.ts';
import type { Authorizer } from './authorizer.ts';
import type { FindServiceAccount } from './token-request.ts';
import { ANONYMOUS, serviceAccountGroups, serviceAccountOf, type Tokens, type User } from './tokens.ts';

export interface Authentication {
  readonly tokens: Tokens;
  readonly serviceAccount: FindServiceAccount;
  readonly authorizer: Authorizer;
}

/** Throws 401. */
export function bearerOf(request: IncomingMessage, { tokens, serviceAccount }: Authentication, now: number): User {
  const header = request.headers.authorization;
  if (header === undefined) return ANONYMOUS;
  const token = /^Bearer\s+(\S+)$/i.exec(header)?.[1];
  const found = token === undefined ? undefined : tokens.grantOf(token);
  if (found === undefined || (found.expiresAt !== undefined && found.expiresAt <= now)) throw unauthorized();
  const { name, groups, accountUid } = found;
  const account = serviceAccountOf(name);
  if (
    accountUid !== undefined &&
    serviceAccount(account?.namespace ?? '', account?.name ?? '')?.metadata.uid !== accountUid
  )
    throw unauthorized();
  return { name, groups };
}

/** Whom the request's Impersonate headers name, when `user` may act as all of it; `user` without such headers. Throws 403. */
export function impersonated(request: IncomingMessage, user: User, authorizer: Authorizer): User {
  const asked = Object.keys(request.headers).filter((name) => name.startsWith('impersonate-'));
  if (asked.length === 0) return user;
  const named = request.headers['impersonate-user'];
  const name = typeof named === 'string' ? named : '';
  if (name === '')
    throw new ApiError(500, 'InternalError', `requested ${asked.join(', ')} without impersonating a user`, {});
  const groups = request.headersDistinct['impersonate-group'] ?? [];
  const may = (plural: string, one: string, namespace?: string, group = '') =>
    authorizer.check(user, { group, plural, namespace, name: one, verb: 'impersonate' });
  const account = serviceAccountOf(name);
  if (account) may('serviceaccounts', account.name, account.namespace);
  else may('users', name);
  for (const group of groups) may('groups', group);
  for (const header of asked.filter((one) => one.startsWith('impersonate-extra-')))
    for (const value of request.headersDistinct[header] ?? [])
      may(`userextras/${header.slice('impersonate-extra-'.length)}`, value, undefined, 'authentication.k8s.io');
  for (const uid of request.headersDistinct['impersonate-uid'] ?? [])
    may('uids', uid, undefined, 'authentication.k8s.io');
  const own = account && groups.length === 0 ? serviceAccountGroups(account.namespace) : groups;
  const known = name === ANONYMOUS.name ? ANONYMOUS.groups : ['system:authenticated'];
  return { name, groups: [...new Set([...own, ...known])] };
}
