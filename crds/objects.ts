// What every Kubernetes object of ours looks like from outside, and the names of group, version and kinds. The types of
// spec and status are generated (crds.generated.ts) from the YAML.

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The part of metav1.ObjectMeta that we read or write. Times are RFC 3339 text. */
export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export const GROUP = 'spotlearn.io';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Kinds of the group with their plural names, as in the YAML. */
export const KINDS = {
  TrainingJob: { kind: 'TrainingJob', plural: 'trainingjobs', namespaced: true },
  PredictionJob: { kind: 'PredictionJob', plural: 'predictionjobs', namespaced: true },
  Account: { kind: 'Account', plural: 'accounts', namespaced: false },
} as const;
export type Kind = keyof typeof KINDS;

/** Holds an object until what it pays for is gone. */
export const FINALIZER = `${GROUP}/compute`;
/** On an original whose copy on another cluster counts now, the destination's uid: what it stood for is not ours to remove. */
export const MOVED_TO = `${GROUP}/moved-to`;
/** Label on every object that belongs to an account; the value is the user id. */
export const USER_LABEL = `${GROUP}/user`;
/** Label with the installation's name on what the operator makes. */
export const INSTALLATION_LABEL = `${GROUP}/installation`;

/** Whether its copy on another cluster counts: whatever it stood for belongs to that. */
export const isMoved = ({ metadata }: { metadata?: ObjectMeta }): boolean =>
  metadata?.annotations?.[MOVED_TO] !== undefined;

interface Job {
  metadata?: ObjectMeta;
  status?: { origin?: { uid: string; createdAt: string } };
}
/**
 * Who a job is, for all that outlives its object: tags, folders, tickets, ledger, buttons in a chat. A job carried over from another cluster stays
 * who it was; only the operator writes a status, so nobody makes himself another's job. The API server itself wants `metadata.uid`.
 */
export const identityOf = ({ metadata, status }: Job): string => status?.origin?.uid ?? metadata?.uid ?? '';
/** RFC 3339; empty when it was never stored. */
export const createdAt = ({ metadata, status }: Job): string =>
  status?.origin?.createdAt ?? metadata?.creationTimestamp ?? '';

/** `user-<id>`: the name of the Account of a user. */
export const accountName = (userId: string): string => `user-${userId}`;
/** `ml-user-<id>`: the namespace of a user. Identity is the namespace (decision 1). */
export const namespaceOf = (userId: string): string => `ml-user-${userId}`;

/** The user a namespace belongs to, or undefined when it is not an account's. */
export function userOf(namespace: string): string | undefined {
  return /^ml-user-([0-9]{1,20})$/.exec(namespace)?.[1];
}
