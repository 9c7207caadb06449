// Installs Spotlearn into a Kubernetes API (the embedded one, or a real one by --kubeconfig): definitions, namespace, RBAC, all by
// create-or-replace, and waits until the definitions are served.
import { readdir, readFile } from 'node:fs/promises';
import { KubeConfig, KubernetesObjectApi, type KubernetesObject } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { StartFailure } from './failure.ts';

const FOLDER = new URL('../../crds/', import.meta.url);
const ESTABLISHED_MS = 15_000;

export async function installInto(kubeconfig: string, namespace: string): Promise<void> {
  const config = new KubeConfig();
  try {
    config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new StartFailure(`The kubeconfig ${kubeconfig} cannot be read: ${(error as Error).message}`);
  }
  const api = KubernetesObjectApi.makeApiClient(config);
  await put(api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).sort();
  const definitions: string[] = [];
  for (const file of files) {
    for (const document of parseAllDocuments(await readFile(new URL(file, FOLDER), 'utf8'))) {
      const object = document.toJS() as KubernetesObject | null;
      if (!object) continue;
      await put(api, object);
      if (object.kind === 'CustomResourceDefinition') definitions.push(object.metadata?.name ?? '');
    }
  }
  for (const name of definitions) await established(api, name);
}

async function put(api: KubernetesObjectApi, object: KubernetesObject): Promise<void> {
  try {
    await api.create(object);
  } catch (error) {
    if ((error as { code?: number }).code !== 409) throw cannot(object, error);
    const key = { apiVersion: object.apiVersion ?? '', kind: object.kind ?? '', metadata: { name: object.metadata?.name ?? '', ...(object.metadata?.namespace ? { namespace: object.metadata.namespace } : {}) } };
    const current = await api.read(key);
    if (object.kind === 'Namespace') return;
    await api.replace({ ...object, metadata: { ...object.metadata, resourceVersion: current.metadata?.resourceVersion } }).catch((again: unknown) => {
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
    const definition = (await api.read({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name } })) as {
      status?: { conditions?: { type: string; status: string }[] };
    };
    if (definition.status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new StartFailure(`The cluster did not establish ${name} within ${ESTABLISHED_MS / 1000} s.`);
}
