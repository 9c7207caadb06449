// Installs Spotlearn into a Kubernetes API (the embedded one, or a real one by --kubeconfig): definitions, namespace, RBAC, all by
// create-or-replace; and looks at jobs for whoever narrates. Plain JSON: client-node's serializer drops `default` and
// `x-kubernetes-…` from the schemas of definitions.
import { readdir, readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { API_VERSION } from '../../crds/objects.ts';
import type { KubeObject } from '../kubernetes/api.ts';
import { NODE_NAME } from '../kubernetes/kubelet/node.ts';
import { KubeApiError, KubeClient } from '../kubernetes/kubelet/client.ts';
import { StartFailure } from './failure.ts';

const FOLDER = new URL('../../crds/', import.meta.url);
const ESTABLISHED_MS = 15_000;
/** On a real cluster a new namespace's quota is counted only after up to half a minute. */
const NEWEST_MS = 75_000;
const POLL_MS = 100;

/** Where objects of a kind live; only kinds that an installation is made of. */
const COLLECTIONS: Record<string, string> = {
  Namespace: '/api/v1/namespaces',
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
};
const NAMESPACED: Record<string, (namespace: string) => string> = {
  ServiceAccount: (namespace) => `/api/v1/namespaces/${namespace}/serviceaccounts`,
  Role: (namespace) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`,
};

type Jobs = 'trainingjobs' | 'predictionjobs';

export class Cluster {
  readonly #client: KubeClient;

  private constructor(client: KubeClient) {
    this.#client = client;
  }

  static async connect(kubeconfig: string): Promise<Cluster> {
    try {
      const cluster = new Cluster(await KubeClient.fromKubeconfig(kubeconfig));
      await cluster.#client.call('GET', '/version');
      return cluster;
    } catch (error) {
      throw new StartFailure(`The cluster of ${kubeconfig} cannot be used: ${(error as Error).message}`);
    }
  }

  close(): void {
    this.#client.close();
  }

  async get<T>(jobs: Jobs, namespace: string, name: string): Promise<T> {
    return (await this.#client.call('GET', `/apis/${API_VERSION}/namespaces/${namespace}/${jobs}/${name}`)) as T;
  }

  /** Name of the newest job made since `since` (milliseconds); waits a little for it. */
  async newest(jobs: Jobs, namespace: string, since: number): Promise<string> {
    const made = (item: KubeObject) => Date.parse(item.metadata.creationTimestamp);
    const until = Date.now() + NEWEST_MS;
    for (;;) {
      const list = await this.#client.call('GET', `/apis/${API_VERSION}/namespaces/${namespace}/${jobs}`);
      const items = (list['items'] as KubeObject[]).filter((item) => made(item) >= since - 1000);
      const newest = items.toSorted((a, b) => made(b) - made(a))[0];
      if (newest) return newest.metadata.name;
      if (Date.now() > until)
        throw new StartFailure(`The bot made no job among the ${jobs} of namespace ${namespace}.`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Applies namespace, definitions and RBAC; resolves when the definitions are served. */
  async install(namespace: string): Promise<void> {
    await this.#put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } } as KubeObject);
    const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).sort();
    const definitions: string[] = [];
    for (const file of files) {
      for (const document of parseAllDocuments(await readFile(new URL(file, FOLDER), 'utf8'))) {
        const object = document.toJS() as KubeObject | null;
        if (!object) continue;
        await this.#put(object);
        if (object.kind === 'CustomResourceDefinition') definitions.push(object.metadata.name);
      }
    }
    for (const name of definitions) await this.#established(name);
  }

  /** Whether pods have other nodes to run on than the one of this machine. */
  async hasNodes(): Promise<boolean> {
    const { items } = (await this.#client.call('GET', '/api/v1/nodes')) as unknown as { items: KubeObject[] };
    return items.some(({ metadata }) => metadata.name !== NODE_NAME);
  }

  async #put(object: KubeObject): Promise<void> {
    const { name, namespace } = object.metadata;
    const collection = COLLECTIONS[object.kind] ?? NAMESPACED[object.kind]?.(namespace ?? 'default');
    if (collection === undefined)
      throw new StartFailure(`crds/ has a ${object.kind}, which npm start does not know how to apply.`);
    try {
      await this.#client.call('POST', collection, object);
    } catch (error) {
      if (!(error instanceof KubeApiError) || error.code !== 409) throw cannot(object, error);
      if (object.kind === 'Namespace') return;
      const current = await this.#client.call('GET', `${collection}/${name}`);
      const metadata = { ...object.metadata, resourceVersion: current.metadata.resourceVersion };
      await this.#client.call('PUT', `${collection}/${name}`, { ...object, metadata }).catch((again: unknown) => {
        throw cannot(object, again);
      });
    }
  }

  async #established(name: string): Promise<void> {
    const until = Date.now() + ESTABLISHED_MS;
    while (Date.now() < until) {
      const definition = await this.#client.call('GET', `${COLLECTIONS['CustomResourceDefinition']}/${name}`);
      const conditions = (definition.status?.['conditions'] ?? []) as { type: string; status: string }[];
      if (conditions.some((one) => one.type === 'Established' && one.status === 'True')) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new StartFailure(`The cluster did not establish ${name} within ${ESTABLISHED_MS / 1000} s.`);
  }
}

const cannot = (object: KubeObject, error: unknown): StartFailure =>
  new StartFailure(`${object.kind} ${object.metadata.name} could not be applied: ${(error as Error).message}`);
