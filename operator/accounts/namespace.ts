// What an account owns in the cluster, as pure objects: its namespace, a quota on jobs and what they use there, the ServiceAccount of its
// workers (placement Cluster), and the role its people get.
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
      resource: ROLES,
      object: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: inside('spotlearn-user'),
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
        metadata: inside('spotlearn-user'),
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'spotlearn-user' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: groupOf(userId) }],
      },
    },
  ];
}
