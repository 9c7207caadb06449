// What there is to carry in a Kubernetes API, read page by page: accounts, jobs of both kinds, the chats' sessions, and the namespaces they are in.
import { SESSION_LABEL } from '../../bot/sessions.ts';
import { API_VERSION, KINDS } from '../../crds/objects.ts';
import type { Kubernetes, Page, Resource } from '../../operator/runtime/kubernetes.ts';
import { PAGE_SIZE } from '../../operator/runtime/reflector.ts';
import { ACCOUNTS, NAMESPACES, PREDICTION_JOBS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import type { Movable } from './carried.ts';

/** Where operator, bot and chats live. */
export const OUR_NAMESPACE = 'spotlearn-system';
export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };

export type MovedKind = 'Account' | 'TrainingJob' | 'PredictionJob' | 'Chat';

interface Carried {
  readonly resource: Resource;
  readonly apiVersion: string;
  readonly kind: string;
  /** For people: one, several. */
  readonly words: readonly [string, string];
}

/** In the order of carrying: a prediction may name a training, and each is in its account's namespace. */
export const MOVED: Readonly<Record<MovedKind, Carried>> = {
  Account: { resource: ACCOUNTS, apiVersion: API_VERSION, kind: KINDS.Account.kind, words: ['account', 'accounts'] },
  TrainingJob: {
    resource: TRAINING_JOBS,
    apiVersion: API_VERSION,
    kind: KINDS.TrainingJob.kind,
    words: ['training', 'trainings'],
  },
  PredictionJob: {
    resource: PREDICTION_JOBS,
    apiVersion: API_VERSION,
    kind: KINDS.PredictionJob.kind,
    words: ['prediction', 'predictions'],
  },
  Chat: { resource: CONFIG_MAPS, apiVersion: 'v1', kind: 'ConfigMap', words: ['chat', 'chats'] },
};

export type Inventory = Readonly<Record<MovedKind, readonly Movable[]>>;

/** Throws KubernetesError; `NotFound` when the definitions are not installed. */
export async function inventoryOf(kubernetes: Kubernetes): Promise<Inventory> {
  return {
    Account: await all(kubernetes, ACCOUNTS),
    TrainingJob: await all(kubernetes, TRAINING_JOBS),
    PredictionJob: await all(kubernetes, PREDICTION_JOBS),
    Chat: await all(kubernetes, CONFIG_MAPS, OUR_NAMESPACE, SESSION_LABEL),
  };
}

async function all(
  kubernetes: Kubernetes,
  resource: Resource,
  namespace?: string,
  labelSelector?: string,
): Promise<Movable[]> {
  const found: Movable[] = [];
  let next: string | undefined;
  do {
    const query = { limit: PAGE_SIZE, continue: next, labelSelector };
    const page: Page<Movable> = await kubernetes.list<Movable>(resource, query, namespace);
    found.push(...page.items);
    next = page.metadata.continue || undefined;
  } while (next);
  return found;
}

/** By name; undefined for what is not there. */
export async function namespaceIn(kubernetes: Kubernetes, name: string): Promise<Movable | undefined> {
  const { items } = await kubernetes.list<Movable>(NAMESPACES, { fieldSelector: `metadata.name=${name}` });
  return items[0];
}

/** `namespace/name`, or the name alone. */
export const pathOf = ({ metadata }: Movable): string =>
  metadata?.namespace ? `${metadata.namespace}/${metadata.name}` : (metadata?.name ?? '');
