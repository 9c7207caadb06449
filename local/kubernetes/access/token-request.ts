// TokenRequest: a token of a ServiceAccount for whoever may ask for one. Unlike a real API server's it does not expire, and is not bound to
// a pod: it stands for the account as long as the state folder lives.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KubeObject } from '../api.ts';
import { notFound } from '../errors.ts';
import type { Authorizer } from './authorizer.ts';
import type { Tokens, User } from './tokens.ts';

export type FindServiceAccount = (namespace: string, name: string) => KubeObject | undefined;

export interface AccountName {
  readonly namespace: string;
  readonly name: string;
}

/** Whose token a path is about; undefined for other paths. */
export function tokenPath(path: string): AccountName | undefined {
  const [, namespace, name] = /^\/api\/v1\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/.exec(path) ?? [];
  return namespace !== undefined && name !== undefined ? { namespace, name } : undefined;
}

export interface TokenExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: User;
  readonly account: AccountName;
  readonly authorizer: Authorizer;
  readonly tokens: Tokens;
  readonly serviceAccount: FindServiceAccount;
}

/** Throws 403 and 404. */
export async function requestToken(exchange: TokenExchange): Promise<void> {
  const { request, response, user, authorizer, tokens, serviceAccount } = exchange;
  const { namespace, name } = exchange.account;
  authorizer.check(user, { group: '', plural: 'serviceaccounts/token', namespace, name, verb: 'create' });
  if (!serviceAccount(namespace, name)) throw notFound({ group: '', plural: 'serviceaccounts' }, name);
  const { parseObject, readBody } = await import('../http/body.ts');
  const { reply } = await import('../http/reply.ts');
  const text = await readBody(request);
  const body = (await parseObject(text, request.headers['content-type'], 'TokenRequest')) as {
    spec?: { expirationSeconds?: number };
  };
  const expirationSeconds = body.spec?.expirationSeconds ?? 3_600;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  await reply(request, response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace },
    spec: { ...body.spec, expirationSeconds },
    status: {
      token: tokens.add(`system:serviceaccount:${namespace}:${name}`, groups),
      expirationTimestamp: new Date(Date.now() + expirationSeconds * 1_000).toISOString(),
    },
  });
}
