// The built-in kinds that are served, one line each. definitions.ts adds those of CustomResourceDefinitions;
// catalogue.ts holds both. How a kind is defaulted, validated and deleted is in kinds/.
import type { ResourceInfo } from '../api.ts';

interface Extra {
  readonly short?: readonly string[];
  readonly categories?: readonly string[];
  readonly cluster?: boolean;
  readonly status?: boolean;
}

function builtin(groupVersion: string, plural: string, kind: string, extra: Extra = {}): ResourceInfo {
  const [group = '', version = ''] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion];
  return {
    group,
    version,
    plural,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    shortNames: extra.short ?? [],
    categories: extra.categories ?? [],
    namespaced: extra.cluster !== true,
    subresources: { status: extra.status === true },
    printerColumns: [],
  };
}

const RBAC = 'rbac.authorization.k8s.io/v1';

export const BUILTIN_RESOURCES: readonly ResourceInfo[] = [
  builtin('v1', 'configmaps', 'ConfigMap', { short: ['cm'] }),
  builtin('v1', 'events', 'Event', { short: ['ev'] }),
  builtin('v1', 'namespaces', 'Namespace', { short: ['ns'], cluster: true, status: true }),
  builtin('v1', 'nodes', 'Node', { short: ['no'], cluster: true, status: true }),
  builtin('v1', 'pods', 'Pod', { short: ['po'], categories: ['all'], status: true }),
  builtin('v1', 'resourcequotas', 'ResourceQuota', { short: ['quota'], status: true }),
  builtin('v1', 'secrets', 'Secret'),
  builtin('v1', 'serviceaccounts', 'ServiceAccount', { short: ['sa'] }),
  builtin('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', {
    short: ['crd', 'crds'],
    categories: ['api-extensions'],
    cluster: true,
    status: true,
  }),
  // Kept, but nothing here makes pods of it: npm start runs operator and bot itself.
  builtin('apps/v1', 'deployments', 'Deployment', { short: ['deploy'], status: true }),
  builtin('batch/v1', 'jobs', 'Job', { categories: ['all'], status: true }),
  builtin('coordination.k8s.io/v1', 'leases', 'Lease'),
  builtin('events.k8s.io/v1', 'events', 'Event', { short: ['ev'] }),
  builtin('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', { short: ['netpol'] }),
  builtin('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', { short: ['pdb'], status: true }),
  builtin(RBAC, 'clusterrolebindings', 'ClusterRoleBinding', { cluster: true }),
  builtin(RBAC, 'clusterroles', 'ClusterRole', { cluster: true }),
  builtin(RBAC, 'rolebindings', 'RoleBinding'),
  builtin(RBAC, 'roles', 'Role'),
];

/** Where objects of a resource are kept; events have two groups and one home. */
export function storageKey(resource: { readonly group: string; readonly plural: string }): string {
  const group = resource.group === 'events.k8s.io' && resource.plural === 'events' ? '' : resource.group;
  return `${group}/${resource.plural}`;
}

export function groupVersion(resource: ResourceInfo): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
