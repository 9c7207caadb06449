// TokenRequest: a token of a ServiceAccount for whoever may ask for one. It ends with its time or with the account; unlike a real API server's
// it is no JWT and is bound to no pod.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KubeObject } from '../api.ts';
import { fieldError, invalid, notFound } from '../errors.ts';
import type { Authorizer } from './authorizer.ts';
import { serviceAccountGroups, serviceAccountName, type Tokens, type User } from './tokens.ts';

export type FindServiceAccount = (namespace: string, name: string) => KubeObject | undefined;

const DEFAULT_SECONDS = 3_600;
const LEAST_SECONDS = 600;
const MOST_SECONDS = 2 ** 32;

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
  readonly now: number;
}

/** Throws 403, 404 and 422. */
export async function requestToken(exchange: TokenExchange): Promise<void> {
  const { request, response, user, authorizer, tokens, serviceAccount, now } = exchange;
  const { namespace, name } = exchange.account;
  authorizer.check(user, { group: '', plural: 'serviceaccounts/token', namespace, name, verb: 'create' });
  const account = serviceAccount(namespace, name);
  if (!account) throw notFound({ group: '', plural: 'serviceaccounts' }, name);
  const { parseObject, readBody } = await import('../http/body.ts');
  const { reply } = await import('../http/reply.ts');
  const text = await readBody(request);
  const body = (await parseObject(text, request.headers['content-type'], 'TokenRequest')) as {
    spec?: { expirationSeconds?: number };
  };
  const expirationSeconds = body.spec?.expirationSeconds ?? DEFAULT_SECONDS;
  checkSeconds(expirationSeconds);
  const expiresAt = now + expirationSeconds * 1_000;
  tokens.sweep(now);
  await reply(request, response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace },
    spec: { ...body.spec, expirationSeconds },
    status: {
      token: tokens.add(serviceAccountName(namespace, name), serviceAccountGroups(namespace), {
        expiresAt,
        accountUid: account.metadata.uid,
      }),
      expirationTimestamp: new Date(expiresAt).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    },
  });
}

function checkSeconds(seconds: number): void {
  const why =
    seconds < LEAST_SECONDS
      ? 'may not specify a duration less than 10 minutes'
      : seconds > MOST_SECONDS
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (why !== undefined)
    throw invalid('TokenRequest', 'authentication.k8s.io', '', [
      fieldError.invalid('spec.expirationSeconds', seconds, why),
    ]);
}
