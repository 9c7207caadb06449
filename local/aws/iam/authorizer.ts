// May this principal do this? Decided by iam-simulate over the role's policies and the resource's own policy, and remembered.
// Requests on the loopback interface count as TLS (`aws:SecureTransport` is true): nothing can listen in between there.
// The simulator (24 MB resident) is loaded when the first request needs it; the front awaits `ready()` before it dispatches.
import type { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import { type Authorizer, AwsServiceError, type PolicyDocument, type Principal } from '../service.ts';
import type { Roles } from './roles.ts';

type Simulator = { readonly runUnsafeSimulation: typeof runUnsafeSimulation };

const DECISIONS_KEPT = 20_000;
const EVERYTHING: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};

export interface AuthorizerOptions {
  readonly roles: Roles;
  readonly region: string;
  readonly now: () => number;
}

export class PolicyAuthorizer implements Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #decisions = new Map<string, string>();
  readonly #policyIds = new WeakMap<object, { id: number; timed: boolean }>();
  #policies = 0;
  #simulator: Simulator | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Loads the simulator unless `principal` is the root, which no identity policy limits. */
  async ready(principal?: Principal): Promise<void> {
    if (this.#simulator || (principal && principal.roleName === undefined)) return;
    this.#simulator = await import('@cloud-copilot/iam-simulate');
  }

  authorize(
    principal: Principal,
    action: string,
    resource: string,
    context: Record<string, string | string[]> = {},
    resourcePolicy?: PolicyDocument,
  ): void {
    if (principal.roleName === undefined && !resourcePolicy) return;
    const result = this.#decide(principal, action, resource, context, resourcePolicy);
    if (result === 'Allowed') return;
    const why =
      result === 'ExplicitlyDenied'
        ? `with an explicit deny in ${principal.roleName === undefined ? 'a resource-based policy' : 'a policy'}`
        : `because no identity-based policy allows the ${action} action`;
    throw new AwsServiceError(
      'AccessDenied',
      `User: ${principal.arn} is not authorized to perform: ${action} on resource: "${resource}" ${why}`,
      403,
    );
  }

  #decide(
    principal: Principal,
    action: string,
    resource: string,
    context: Record<string, string | string[]>,
    resourcePolicy?: PolicyDocument,
  ): string {
    const identity =
      principal.roleName === undefined ? [EVERYTHING] : (this.#options.roles.find(principal.roleName)?.policies ?? []);
    const policies = resourcePolicy ? [...identity, resourcePolicy] : identity;
    const known = policies.map((policy) => this.#known(policy));
    if (known.some((policy) => policy.timed))
      return this.#simulate(principal, action, resource, context, identity, resourcePolicy);
    const key = JSON.stringify([principal.arn, action, resource, context, known.map((policy) => policy.id)]);
    const before = this.#decisions.get(key);
    if (before !== undefined) return before;
    const result = this.#simulate(principal, action, resource, context, identity, resourcePolicy);
    if (this.#decisions.size >= DECISIONS_KEPT) this.#decisions.clear();
    this.#decisions.set(key, result);
    return result;
  }

  #simulate(
    principal: Principal,
    action: string,
    resource: string,
    context: Record<string, string | string[]>,
    identity: readonly PolicyDocument[],
    resourcePolicy: PolicyDocument | undefined,
  ): string {
    if (!this.#simulator) throw new Error('authorizer used before ready()');
    return this.#simulator.runUnsafeSimulation(
      {
        identityPolicies: identity.map((policy, index) => ({ name: `policy-${index}`, policy })),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: resourcePolicy && named(resourcePolicy),
        request: {
          action,
          principal: principal.arn,
          resource: { resource, accountId: principal.accountId },
          contextVariables: { ...this.#globalContext(principal), ...context },
        },
      },
      {},
    );
  }

  #globalContext(principal: Principal): Record<string, string> {
    const now = this.#options.now();
    return {
      'aws:userid': principal.userId,
      'aws:PrincipalArn':
        principal.roleName === undefined ? principal.arn : this.#options.roles.arnOf(principal.roleName),
      'aws:PrincipalAccount': principal.accountId,
      'aws:PrincipalType': principal.roleName === undefined ? 'Account' : 'AssumedRole',
      'aws:ResourceAccount': principal.accountId,
      'aws:RequestedRegion': this.#options.region,
      'aws:SecureTransport': 'true',
      'aws:SourceIp': '127.0.0.1',
      'aws:ViaAWSService': 'false',
      'aws:CurrentTime': new Date(now).toISOString(),
      'aws:EpochTime': String(Math.floor(now / 1000)),
    };
  }

  #known(policy: PolicyDocument): { id: number; timed: boolean } {
    const known = this.#policyIds.get(policy);
    if (known) return known;
    const fresh = { id: ++this.#policies, timed: /aws:(CurrentTime|EpochTime)/i.test(JSON.stringify(policy)) };
    this.#policyIds.set(policy, fresh);
    return fresh;
  }
}

/** The simulator takes a resource policy's name for granted (0.1.173) and reads one only from this wrapper of its own. */
function named(policy: PolicyDocument): object {
  return { __validated: true, policyDocument: policy, metadata: { name: 'resource-policy' }, errors: [] };
}
