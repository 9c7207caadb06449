// The embedded Kubernetes API with our CRDs, for component tests: started once a test file, each test in an account of its own.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { parseAllDocuments } from 'yaml';
import { startKubernetes, type Kubernetes as Server } from '../../local/kubernetes/server.ts';
import { connect, type Connection } from '../../operator/runtime/connection.ts';
import { kubernetes, type Kubernetes, type KubeObject, type Resource } from '../../operator/runtime/kubernetes.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';

export interface Cluster {
  readonly server: Server;
  readonly connection: Connection;
  readonly client: Kubernetes;
  /** The connection of another user; `groups` as in RBAC subjects. */
  as(user: string, groups?: readonly string[]): Promise<Connection>;
  close(): Promise<void>;
}

const CRDS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'operator-cluster-'));
  const server = await startKubernetes({ stateDir: folder, logger: pino({ level: 'silent' }) });
  const connection = await connect({ KUBECONFIG: server.kubeconfigPath });
  const client = kubernetes(connection);
  const crds = new URL('../../crds/', import.meta.url);
  for (const file of readdirSync(crds).filter((name) => name.endsWith('.yaml')))
    for (const document of parseAllDocuments(readFileSync(new URL(file, crds), 'utf8'))) {
      const object = document.toJS() as KubeObject;
      if (object?.kind === 'CustomResourceDefinition') await client.create(CRDS, object);
    }
  await eventually(async () => {
    await client.list(TRAINING_JOBS);
    return true;
  });
  return {
    server,
    connection,
    client,
    as: async (user, groups = []) => {
      const file = join(folder, `kubeconfig-${user.replaceAll(':', '-')}`);
      writeFileSync(file, server.kubeconfigFor(server.addToken(user, groups), user));
      return connect({ KUBECONFIG: file });
    },
    close: async () => {
      client.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks until the answer is truthy; throws what was last thrown, or says what was last answered, after `timeoutMs`. */
export async function eventually<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 8_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let thrown: Error | undefined;
  do {
    try {
      thrown = undefined;
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      thrown = error as Error;
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  } while (Date.now() < end);
  throw thrown ?? new Error(`did not come true in ${timeoutMs} ms`);
}
