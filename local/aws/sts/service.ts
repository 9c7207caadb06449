// STS: who am I, and sessions of roles. The account root may assume every role; anyone else needs the role's trust policy.
// Web identity tokens are accepted only when the embedding program gives a verifier for them.
import { queryAnswer, queryError, queryParameters } from '../protocol/query.ts';
import {
  type AwsRequest,
  type AwsResponse,
  type AwsService,
  AwsServiceError,
  type PolicyDocument,
  type Principal,
  type ServiceContext,
} from '../service.ts';
import type { Roles } from '../iam/roles.ts';

const XMLNS = 'https://sts.amazonaws.com/doc/2011-06-15/';
const DEFAULT_SECONDS = 3600;

export interface StsOptions {
  readonly roles: Roles;
  /** Subject and audience of a service-account token; throws when it is not valid. Absent: web identity is refused. */
  readonly verifyWebIdentity?: (token: string) => Promise<{ subject: string; audience: string; provider: string }>;
}

export function stsService(context: ServiceContext, options: StsOptions): AwsService {
  return {
    name: 'sts',
    handle: async (request) => {
      const parameters = await queryParameters(request);
      const action = parameters.get('Action') ?? '';
      switch (action) {
        case 'GetCallerIdentity':
          return callerIdentity(request);
        case 'AssumeRole':
          return assumeRole(context, options.roles, request, parameters);
        case 'AssumeRoleWithWebIdentity':
          return assumeWithWebIdentity(context, options, request, parameters);
        default:
          throw new AwsServiceError('InvalidAction', `Could not find operation ${action} for version 2011-06-15`, 400);
      }
    },
    error: (error, request) => queryError(error, request.requestId, XMLNS),
  };
}

function callerIdentity(request: AwsRequest): AwsResponse {
  const { arn, userId, accountId } = request.principal;
  return queryAnswer('GetCallerIdentity', { Arn: arn, UserId: userId, Account: accountId }, request.requestId, XMLNS);
}

function assumeRole(
  context: ServiceContext,
  roles: Roles,
  request: AwsRequest,
  parameters: URLSearchParams,
): AwsResponse {
  const { roleArn, roleName, sessionName, seconds } = readAssume(parameters);
  const refuse = () => {
    throw new AwsServiceError(
      'AccessDenied',
      `User: ${request.principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      403,
    );
  };
  const role = roles.find(roleName);
  if (!role || roles.arnOf(role.name) !== roleArn) return refuse();
  if (request.principal.roleName !== undefined) {
    if (!role.trust || !trusts(role.trust, request.principal, roles)) return refuse();
    context.authorizer.authorize(request.principal, 'sts:AssumeRole', roleArn);
  }
  return queryAnswer('AssumeRole', session(context, roleName, sessionName, seconds), request.requestId, XMLNS);
}

async function assumeWithWebIdentity(
  context: ServiceContext,
  options: StsOptions,
  request: AwsRequest,
  parameters: URLSearchParams,
): Promise<AwsResponse> {
  const { roleArn, roleName, sessionName, seconds } = readAssume(parameters);
  const token = parameters.get('WebIdentityToken') ?? '';
  if (!options.verifyWebIdentity) {
    throw new AwsServiceError(
      'InvalidIdentityToken',
      'No OpenIDConnect provider found in your account for this token',
      400,
    );
  }
  const identity = await options.verifyWebIdentity(token).catch(() => {
    throw new AwsServiceError(
      'InvalidIdentityToken',
      "Couldn't retrieve verification key from your identity provider",
      400,
    );
  });
  const role = options.roles.find(roleName);
  const claims = { ...identity, sessionName, accountId: options.roles.accountId };
  if (!role?.trust || options.roles.arnOf(role.name) !== roleArn || !trustsWebIdentity(role.trust, claims)) {
    throw new AwsServiceError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403);
  }
  const result = {
    SubjectFromWebIdentityToken: identity.subject,
    Audience: identity.audience,
    Provider: identity.provider,
    ...session(context, roleName, sessionName, seconds),
  };
  return queryAnswer('AssumeRoleWithWebIdentity', result, request.requestId, XMLNS);
}

function readAssume(parameters: URLSearchParams): {
  roleArn: string;
  roleName: string;
  sessionName: string;
  seconds: number;
} {
  const roleArn = parameters.get('RoleArn') ?? '';
  const sessionName = parameters.get('RoleSessionName') ?? '';
  const seconds = Number(parameters.get('DurationSeconds') ?? DEFAULT_SECONDS);
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
    throw new AwsServiceError(
      'ValidationError',
      `1 validation error detected: Value '${sessionName}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*`,
      400,
    );
  }
  if (!Number.isInteger(seconds) || seconds < 900 || seconds > 43_200) {
    throw new AwsServiceError(
      'ValidationError',
      `1 validation error detected: Value '${seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200`,
      400,
    );
  }
  return { roleArn, roleName: roleArn.split('/').at(-1) ?? '', sessionName, seconds };
}

function session(context: ServiceContext, roleName: string, sessionName: string, seconds: number) {
  const issued = context.iam.issueSession(roleName, sessionName, seconds);
  return {
    AssumedRoleUser: { AssumedRoleId: issued.principal.userId, Arn: issued.principal.arn },
    Credentials: {
      AccessKeyId: issued.accessKeyId,
      SecretAccessKey: issued.secretAccessKey,
      SessionToken: issued.sessionToken,
      Expiration: issued.expiration,
    },
  };
}

interface TrustStatement {
  readonly Effect?: string;
  readonly Action?: string | readonly string[];
  readonly Principal?:
    | string
    | { readonly AWS?: string | readonly string[]; readonly Federated?: string | readonly string[] };
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

function statements(trust: PolicyDocument, action: string): TrustStatement[] {
  return ([trust.Statement].flat() as TrustStatement[]).filter(
    (each) => each.Effect === 'Allow' && [each.Action ?? []].flat().includes(action),
  );
}

function trusts(trust: PolicyDocument, principal: Principal, roles: Roles): boolean {
  const roleArn = principal.roleName === undefined ? principal.arn : roles.arnOf(principal.roleName);
  const names = [principal.arn, roleArn, principal.accountId, `arn:aws:iam::${principal.accountId}:root`, '*'];
  return statements(trust, 'sts:AssumeRole').some((each) => {
    const trusted = typeof each.Principal === 'string' ? [each.Principal] : [each.Principal?.AWS ?? []].flat();
    return trusted.some((name) => names.includes(name));
  });
}

interface WebIdentity {
  readonly subject: string;
  readonly audience: string;
  /** Issuer of the token without its scheme, as IAM names the provider. */
  readonly provider: string;
  readonly sessionName: string;
  readonly accountId: string;
}

/** The provider is the one trusted; `StringEquals`/`StringLike` on its `:sub` and `:aud`, as in EKS's IRSA, and on `sts:RoleSessionName`. */
function trustsWebIdentity(trust: PolicyDocument, identity: WebIdentity): boolean {
  const { provider, subject, audience, sessionName, accountId } = identity;
  const values: Record<string, string> = {
    [`${provider}:sub`]: subject,
    [`${provider}:aud`]: audience,
    'sts:RoleSessionName': sessionName,
  };
  const names = [provider, `arn:aws:iam::${accountId}:oidc-provider/${provider}`];
  return statements(trust, 'sts:AssumeRoleWithWebIdentity').some((each) => {
    const federated = typeof each.Principal === 'string' ? [] : [each.Principal?.Federated ?? []].flat();
    if (!federated.some((name) => names.includes(name))) return false;
    return Object.entries(each.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, allowed]) => {
        const value = values[key];
        // An operator that is not known here refuses, rather than letting through what it would refuse.
        const matches = operator === 'StringLike' ? like : operator === 'StringEquals' ? equal : () => false;
        return value !== undefined && [allowed].flat().some((pattern) => matches(pattern, value));
      }),
    );
  });
}

const equal = (pattern: string, value: string): boolean => pattern === value;

function like(pattern: string, value: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(value);
}
