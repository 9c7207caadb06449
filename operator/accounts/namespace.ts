// What an account owns in the cluster, as pure objects: its namespace, a quota on jobs and what they use there, the ServiceAccount of its
// workers (placement Cluster), and the role its people get, by a group or by a ServiceAccount (`npm run kubeconfig`).
import { isDeepStrictEqual } from 'node:util';
import type { Account } from '../../crds/crds.generated.ts';
import { API_VERSION, INSTALLATION_LABEL, namespaceOf, USER_LABEL, type OwnerReference } from '../../crds/objects.ts';
import type { KubeObject, Resource } from '../runtime/kubernetes.ts';
import { NAMESPACES, QUOTAS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS } from '../runtime/resources.ts';

/** Objects of each kind an account may have at once; finished ones count until they are deleted. */
export const MOST_JOBS = 500;
/** What the pods of an account (workers, chunks of predictions) may ask for on the cluster, all at once; more of them wait. */
const CLUSTER_QUOTA = { 'requests.cpu': '64', 'requests.memory': '256Gi' };
export const QUOTA_NAME = 'spotlearn';
/** ServiceAccount of the pods of placement Cluster; the worker role trusts it by this name (infra/policies/worker.ts). */
export const WORKER_ACCOUNT = 'spotlearn-worker';
/** ServiceAccount, Role and RoleBinding of an account's people. */
export const PEOPLE = 'spotlearn-user';
/** By this annotation EKS gives a ServiceAccount's pods an IAM role. */
const ROLE_ANNOTATION = 'eks.amazonaws.com/role-arn';
/** Group that a cluster administrator may put a user's people into, for kubectl. */
export const groupOf = (userId: string): string => `spotlearn:user-${userId}`;

export interface Owned {
  readonly resource: Resource;
  readonly object: KubeObject & Record<string, unknown>;
}

/** `workerRoleArn`: the role that pods of the account's workers act in; undefined: none is given to them by annotation. */
export function ownedBy(account: Account, installation: string, workerRoleArn?: string): Owned[] {
  const { userId } = account.spec;
  const namespace = namespaceOf(userId);
  const owner: OwnerReference = {
    apiVersion: API_VERSION,
    kind: 'Account',
    name: account.metadata?.name ?? '',
    uid: account.metadata?.uid ?? '',
    controller: true,
  };
  const labels = { [USER_LABEL]: userId, [INSTALLATION_LABEL]: installation };
  const inside = (name: string) => ({ name, namespace, labels });
  return [
    {
      resource: NAMESPACES,
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels, ownerReferences: [owner] } },
    },
    {
      resource: QUOTAS,
      object: {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: inside(QUOTA_NAME),
        spec: {
          hard: {
            'count/trainingjobs.spotlearn.io': String(MOST_JOBS),
            'count/predictionjobs.spotlearn.io': String(MOST_JOBS),
            ...CLUSTER_QUOTA,
          },
        },
      },
    },
    {
      resource: SERVICE_ACCOUNTS,
      object: {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: {
          ...inside(WORKER_ACCOUNT),
          ...(workerRoleArn ? { annotations: { [ROLE_ANNOTATION]: workerRoleArn } } : {}),
        },
        automountServiceAccountToken: false,
      },
    },
    {
      resource: SERVICE_ACCOUNTS,
      object: {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: inside(PEOPLE),
        automountServiceAccountToken: false,
      },
    },
    {
      resource: ROLES,
      object: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: inside(PEOPLE),
        rules: [
          {
            apiGroups: ['spotlearn.io'],
            resources: ['trainingjobs', 'predictionjobs'],
            verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
          },
          { apiGroups: [''], resources: ['events'], verbs: ['get', 'list', 'watch'] },
        ],
      },
    },
    {
      resource: ROLE_BINDINGS,
      object: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: inside(PEOPLE),
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: PEOPLE },
        subjects: [
          { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: groupOf(userId) },
          { kind: 'ServiceAccount', name: PEOPLE, namespace },
        ],
      },
    },
  ];
}

/**
 * A merge patch with the rules or subjects that `there` lacks, so that what a later version grants reaches namespaces made before; what an
 * administrator added stays. Undefined: nothing is missing.
 */
export function missingGrants(own: object, there: object): Record<string, unknown[]> | undefined {
  const patch: Record<string, unknown[]> = {};
  for (const field of ['rules', 'subjects'] as const) {
    const present = listIn(there, field);
    const missing = listIn(own, field).filter((one) => !present.some((other) => isDeepStrictEqual(one, other)));
    if (missing.length > 0) patch[field] = [...present, ...missing];
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

const listIn = (object: { rules?: unknown[]; subjects?: unknown[] }, field: 'rules' | 'subjects'): unknown[] =>
  object[field] ?? [];
