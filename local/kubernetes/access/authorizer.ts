// May this user do that? `system:masters` may do everything; everyone else what Roles and ClusterRoles bound to them say.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KubeObject } from '../api.ts';
import { ApiError, forbidden } from '../errors.ts';
import type { Catalogue } from '../resources/catalogue.ts';
import type { Store } from '../storage/store.ts';
import type { User } from './tokens.ts';

export interface Attributes {
  readonly group: string;
  /** `pods`, `pods/log`. */
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly verb: string;
}

interface Rule {
  readonly verbs?: string[];
  readonly apiGroups?: string[];
  readonly resources?: string[];
  readonly resourceNames?: string[];
  readonly nonResourceURLs?: string[];
}

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

const RBAC = 'rbac.authorization.k8s.io';
/** What every authenticated user may read, as `system:discovery` grants; what lies deeper is a resource's, though nobody may know which. */
const DISCOVERY = /^\/(api(\/[^/]+)?|apis(\/[^/]+){0,2}|openapi(\/.*)?)\/?$/;

export class Authorizer {
  readonly #store: Store;
  readonly #catalogue: Catalogue;

  constructor(store: Store, catalogue: Catalogue) {
    this.#store = store;
    this.#catalogue = catalogue;
  }

  serves(group: string): boolean {
    return this.#catalogue.serves(group);
  }

  /** Throws 403. */
  check(user: User, attributes: Attributes): void {
    if (this.allows(user, attributes)) return;
    const { group, plural, namespace, name, verb } = attributes;
    const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    const why = `User "${user.name}" cannot ${verb} resource "${plural}" in API group "${group}" ${where}`;
    throw forbidden({ group, plural: plural.split('/')[0] ?? '' }, name ?? '', why);
  }

  /** Throws 403. */
  checkPath(user: User, verb: string, path: string): void {
    if (user.groups.includes('system:masters')) return;
    if (verb === 'get' && user.groups.includes('system:authenticated') && (DISCOVERY.test(path) || path === '/'))
      return;
    const allowed = this.#rules(user, undefined).some(
      (rule) =>
        rule.verbs?.some((one) => one === '*' || one === verb) && rule.nonResourceURLs?.some((one) => fits(one, path)),
    );
    if (allowed) return;
    throw new ApiError(403, 'Forbidden', `forbidden: User "${user.name}" cannot ${verb} path "${path}"`, {});
  }

  allows(user: User, { group, plural, namespace, name, verb }: Attributes): boolean {
    if (user.groups.includes('system:masters')) return true;
    if (isSelfReview(group, plural) && verb === 'create') return user.groups.includes('system:authenticated');
    const [, subresource] = plural.split('/');
    return this.#rules(user, namespace).some(
      (rule) =>
        has(rule.verbs, verb) &&
        has(rule.apiGroups, group) &&
        (has(rule.resources, plural) ||
          (subresource !== undefined && rule.resources?.includes(`*/${subresource}`) === true)) &&
        (!rule.resourceNames?.length || (name !== undefined && rule.resourceNames.includes(name))),
    );
  }

  /** Answers SelfSubjectAccessReview, which is created but never stored; false when the request is something else. */
  async review(exchange: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly user: User;
    readonly target: { readonly group: string; readonly plural: string };
  }): Promise<boolean> {
    const { request, response, user, target } = exchange;
    if (request.method !== 'POST' || !isSelfReview(target.group, target.plural)) return false;
    const { parseObject, readBody } = await import('../http/body.ts');
    const { reply } = await import('../http/reply.ts');
    const body = (await parseObject(
      await readBody(request),
      request.headers['content-type'],
      'SelfSubjectAccessReview',
    )) as {
      spec?: {
        resourceAttributes?: Partial<
          Record<'group' | 'resource' | 'subresource' | 'namespace' | 'name' | 'verb', string>
        >;
      };
    };
    const asked = body.spec?.resourceAttributes ?? {};
    const resource = asked.resource ?? '';
    const allowed = this.allows(user, {
      group: asked.group ?? '',
      plural: asked.subresource ? `${resource}/${asked.subresource}` : resource,
      namespace: asked.namespace || undefined,
      name: asked.name || undefined,
      verb: asked.verb ?? '',
    });
    await reply(request, response, 201, {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec: body.spec ?? {},
      status: { allowed },
    });
    return true;
  }

  #rules(user: User, namespace: string | undefined): Rule[] {
    const everywhere = this.#bound(user, `${RBAC}/clusterrolebindings`, undefined);
    return namespace === undefined
      ? everywhere
      : [...everywhere, ...this.#bound(user, `${RBAC}/rolebindings`, namespace)];
  }

  #bound(user: User, bindings: string, namespace: string | undefined): Rule[] {
    return this.#store
      .list(bindings, namespace)
      .filter((binding) => ((binding['subjects'] ?? []) as Subject[]).some((subject) => isSubject(user, subject)))
      .flatMap((binding) => this.#rulesOf(binding, namespace));
  }

  #rulesOf(binding: KubeObject, namespace: string | undefined): Rule[] {
    const { kind, name } = binding['roleRef'] as { kind: string; name: string };
    if (kind === 'ClusterRole' && name === 'cluster-admin')
      return [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*'] }];
    const role =
      kind === 'Role'
        ? this.#store.get(`${RBAC}/roles`, namespace, name)
        : this.#store.get(`${RBAC}/clusterroles`, undefined, name);
    return (role?.['rules'] ?? []) as Rule[];
  }
}

function isSelfReview(group: string, plural: string): boolean {
  return group === 'authorization.k8s.io' && plural === 'selfsubjectaccessreviews';
}

function isSubject(user: User, subject: Subject): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.name === user.name;
    case 'Group':
      return user.groups.includes(subject.name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${subject.namespace ?? ''}:${subject.name}`;
    default:
      return false;
  }
}

function has(list: readonly string[] | undefined, wanted: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(wanted));
}

function fits(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}
