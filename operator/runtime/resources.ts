// The kinds the operator reads and writes, as the border addresses them.
import { GROUP, KINDS, VERSION, type Kind } from '../../crds/objects.ts';
import type { Resource } from './kubernetes.ts';

const own = (kind: Kind): Resource => ({
  group: GROUP,
  version: VERSION,
  plural: KINDS[kind].plural,
  namespaced: KINDS[kind].namespaced,
});

export const TRAINING_JOBS = own('TrainingJob');
export const PREDICTION_JOBS = own('PredictionJob');
export const ACCOUNTS = own('Account');
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };
export const EVENTS: Resource = { group: '', version: 'v1', plural: 'events', namespaced: true };
export const PODS: Resource = { group: '', version: 'v1', plural: 'pods', namespaced: true };
export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', namespaced: true };
export const SERVICE_ACCOUNTS: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', namespaced: true };
export const JOBS: Resource = { group: 'batch', version: 'v1', plural: 'jobs', namespaced: true };
export const QUOTAS: Resource = { group: '', version: 'v1', plural: 'resourcequotas', namespaced: true };
export const ROLES: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'roles',
  namespaced: true,
};
export const ROLE_BINDINGS: Resource = { ...ROLES, plural: 'rolebindings' };
export const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespaced: true };
