// Where the API server is and who we are: KUBECONFIG, ~/.kube/config or the pod's service account. The common credentials (token,
// client certificate) are read here, because importing client-node's KubeConfig costs 88 MB resident (it loads every model of
// every API); it is loaded only for what it alone can do: exec plugins, auth providers, merged kubeconfigs. Next: kubernetes.ts.
import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { ConfigurationError } from '../../cloud/errors.ts';

export interface Connection {
  /** e.g. `https://127.0.0.1:6443`, without a slash at the end. */
  readonly server: string;
  /** TLS and authorisation of one request; tokens of a pod are re-read, as they rotate. */
  readonly options: () => Promise<RequestOptions>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Throws ConfigurationError when there is no usable configuration. */
export async function connect(
  environment: Readonly<Record<string, string | undefined>>,
  serviceAccount = SERVICE_ACCOUNT,
): Promise<Connection> {
  const named = environment.KUBECONFIG;
  if (named?.includes(delimiter)) return fullClient();
  const file = named || join(environment.HOME || homedir(), '.kube', 'config');
  if (named || existsSync(file)) return fromFile(file);
  if (existsSync(join(serviceAccount, 'token'))) return inCluster(environment, serviceAccount);
  throw new ConfigurationError(
    'No Kubernetes cluster is configured. Set KUBECONFIG to the path of a kubeconfig file, or run inside a cluster.',
  );
}

interface Named<K extends string, T> {
  name: string;
  value?: T;
  key?: K;
}
interface ClusterEntry {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'tls-server-name'?: string;
}
interface UserEntry {
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  exec?: unknown;
  'auth-provider'?: unknown;
}
interface KubeconfigFile {
  'current-context'?: string;
  contexts?: (Named<'context', never> & { context: { cluster: string; user: string } })[];
  clusters?: { name: string; cluster: ClusterEntry }[];
  users?: { name: string; user: UserEntry }[];
}

async function fromFile(file: string): Promise<Connection> {
  const config = readFile(file);
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  if (!context || !cluster?.server)
    throw new ConfigurationError(`The kubeconfig ${file} has no current context with a cluster.`);
  const user = config.users?.find(({ name }) => name === context.user)?.user ?? {};
  if (user.exec || user['auth-provider']) return fullClient(file);
  const folder = dirname(resolve(file));
  const bytes = (data: string | undefined, path: string | undefined): Buffer | undefined =>
    data ? Buffer.from(data, 'base64') : path ? readFileSync(resolve(folder, path)) : undefined;
  const tls: RequestOptions = {
    ca: bytes(cluster['certificate-authority-data'], cluster['certificate-authority']),
    cert: bytes(user['client-certificate-data'], user['client-certificate']),
    key: bytes(user['client-key-data'], user['client-key']),
    ...(cluster['insecure-skip-tls-verify'] ? { rejectUnauthorized: false } : {}),
    ...(cluster['tls-server-name'] ? { servername: cluster['tls-server-name'] } : {}),
  };
  const authorization = (): string | undefined => {
    if (user.tokenFile) return `Bearer ${readFileSync(resolve(folder, user.tokenFile), 'utf8').trim()}`;
    if (user.token) return `Bearer ${user.token}`;
    return user.username
      ? `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`
      : undefined;
  };
  return {
    server: cluster.server.replace(/\/+$/, ''),
    options: async () => {
      const value = authorization();
      return value ? { ...tls, headers: { authorization: value } } : tls;
    },
  };
}

function readFile(file: string): KubeconfigFile {
  try {
    return parse(readFileSync(file, 'utf8')) as KubeconfigFile;
  } catch (error) {
    throw new ConfigurationError(`The kubeconfig ${file} cannot be read: ${(error as Error).message}`);
  }
}

function inCluster(environment: Readonly<Record<string, string | undefined>>, folder: string): Connection {
  const host = environment.KUBERNETES_SERVICE_HOST ?? 'kubernetes.default.svc';
  const port = environment.KUBERNETES_SERVICE_PORT ?? '443';
  const ca = readFileSync(join(folder, 'ca.crt'));
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    options: async () => ({
      ca,
      headers: { authorization: `Bearer ${readFileSync(join(folder, 'token'), 'utf8').trim()}` },
    }),
  };
}

/** Through client-node: exec plugins, auth providers, several files. */
async function fullClient(file?: string): Promise<Connection> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (file) config.loadFromFile(file);
  else config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new ConfigurationError('The kubeconfig has no current context with a cluster.');
  return {
    server: cluster.server.replace(/\/+$/, ''),
    options: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      // An agent of client-node's own would not keep connections alive between calls.
      delete options.agent;
      return options;
    },
  };
}
