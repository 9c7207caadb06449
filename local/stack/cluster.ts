// Installs Spotlearn into a Kubernetes API (the embedded one, or a real one by --kubeconfig): definitions, namespace, RBAC, all by
// create-or-replace, and waits until the definitions are served.
import { readdir, readFile } from 'node:fs/promises';
import type { KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { API_VERSION } from '../../crds/objects.ts';
import { StartFailure } from './failure.ts';

const FOLDER = new URL('../../crds/', import.meta.url);
const ESTABLISHED_MS = 15_000;
const NEWEST_MS = 10_000;
const KIND_OF = { trainingjobs: 'TrainingJob', predictionjobs: 'PredictionJob' } as const;
type JobKind = keyof typeof KIND_OF;

/** A look at one kubeconfig's cluster. client-node is heavy, so it is loaded when first needed. */
export class Cluster {
  readonly #api: KubernetesObjectApi;

  private constructor(api: KubernetesObjectApi) {
    this.#api = api;
  }

  static async connect(kubeconfig: string): Promise<Cluster> {
    const { KubeConfig, KubernetesObjectApi: Api } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    try {
      config.loadFromFile(kubeconfig);
    } catch (error) {
      throw new StartFailure(`The kubeconfig ${kubeconfig} cannot be read: ${(error as Error).message}`);
    }
    return new Cluster(Api.makeApiClient(config));
  }

  async get<T>(kind: JobKind, namespace: string, name: string): Promise<T> {
    return (await this.#api.read({ apiVersion: API_VERSION, kind: KIND_OF[kind], metadata: { name, namespace } })) as T;
  }

  /** Name of the newest job made since `since` (milliseconds); waits a little for it. */
  async newest(kind: JobKind, namespace: string, since: number): Promise<string> {
    const until = Date.now() + NEWEST_MS;
    for (;;) {
      const { items } = await this.#api.list<KubernetesObject>(API_VERSION, KIND_OF[kind], namespace);
      const made = (item: KubernetesObject) => new Date(item.metadata?.creationTimestamp ?? 0).getTime();
      const newest = items.filter((item) => made(item) >= since - 1000).sort((a, b) => made(b) - made(a))[0];
      if (newest) return newest.metadata?.name ?? '';
      if (Date.now() > until) throw new StartFailure(`The bot made no ${KIND_OF[kind]} in namespace ${namespace}.`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Applies definitions, namespace and RBAC; resolves when the definitions are served. */
  async install(namespace: string): Promise<void> {
    await put(this.#api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).sort();
    const definitions: string[] = [];
    for (const file of files) {
      for (const document of parseAllDocuments(await readFile(new URL(file, FOLDER), 'utf8'))) {
        const object = document.toJS() as KubernetesObject | null;
        if (!object) continue;
        await put(this.#api, object);
        if (object.kind === 'CustomResourceDefinition') definitions.push(object.metadata?.name ?? '');
      }
    }
    for (const name of definitions) await established(this.#api, name);
  }
}

async function put(api: KubernetesObjectApi, object: KubernetesObject): Promise<void> {
  try {
    await api.create(object);
  } catch (error) {
    if ((error as { code?: number }).code !== 409) throw cannot(object, error);
    const key = {
      apiVersion: object.apiVersion ?? '',
      kind: object.kind ?? '',
      metadata: {
        name: object.metadata?.name ?? '',
        ...(object.metadata?.namespace ? { namespace: object.metadata.namespace } : {}),
      },
    };
    const current = await api.read(key);
    if (object.kind === 'Namespace') return;
    await api
      .replace({ ...object, metadata: { ...object.metadata, resourceVersion: current.metadata?.resourceVersion } })
      .catch((again: unknown) => {
        throw cannot(object, again);
      });
  }
}

function cannot(object: KubernetesObject, error: unknown): StartFailure {
  const body = (error as { body?: unknown }).body;
  let said = (error as Error).message;
  if (typeof body === 'string') {
    try {
      said = (JSON.parse(body) as { message?: string }).message ?? said;
    } catch {
      // Not a Status: the message has to do.
    }
  }
  return new StartFailure(`${object.kind} ${object.metadata?.name} could not be applied: ${said}`);
}

async function established(api: KubernetesObjectApi, name: string): Promise<void> {
  const until = Date.now() + ESTABLISHED_MS;
  while (Date.now() < until) {
    const definition = (await api.read({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
    })) as {
      status?: { conditions?: { type: string; status: string }[] };
    };
    if (definition.status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new StartFailure(`The cluster did not establish ${name} within ${ESTABLISHED_MS / 1000} s.`);
}
