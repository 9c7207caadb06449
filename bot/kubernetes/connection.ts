// Where the API server is and who the bot is: KUBECONFIG, ~/.kube/config or the pod's service account. The common credentials are
// read here, since importing client-node costs 88 MB resident; it is loaded only for what it alone can do. Next: client.ts.
import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { ConfigurationError } from '../../cloud/errors.ts';

export interface Connection {
  /** Without a slash at the end. */
  readonly server: string;
  /** TLS and authorisation of one request; tokens of a pod are read anew, as they rotate. */
  options(): Promise<RequestOptions>;
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

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: Record<string, string | boolean | undefined> }[];
  users?: { name: string; user: Record<string, unknown> }[];
}

async function fromFile(file: string): Promise<Connection> {
  const config = readKubeconfig(file);
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  if (!context || typeof cluster?.server !== 'string')
    throw new ConfigurationError(`The kubeconfig ${file} has no current context with a cluster.`);
  const user = config.users?.find(({ name }) => name === context.user)?.user ?? {};
  if (user.exec || user['auth-provider'] || user.username) return fullClient(file);
  const folder = dirname(resolve(file));
  const bytes = (holder: Readonly<Record<string, unknown>>, name: string): Buffer | undefined => {
    const data = holder[`${name}-data`];
    const path = holder[name];
    if (typeof data === 'string') return Buffer.from(data, 'base64');
    return typeof path === 'string' ? readFileSync(resolve(folder, path)) : undefined;
  };
  const tls: RequestOptions = {
    ca: bytes(cluster, 'certificate-authority'),
    cert: bytes(user, 'client-certificate'),
    key: bytes(user, 'client-key'),
    ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
    ...(typeof cluster['tls-server-name'] === 'string' ? { servername: cluster['tls-server-name'] } : {}),
  };
  const token = (): string | undefined =>
    typeof user.tokenFile === 'string'
      ? readFileSync(resolve(folder, user.tokenFile), 'utf8').trim()
      : (user.token as string | undefined);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    options: async () => {
      const value = token();
      return value ? { ...tls, headers: { authorization: `Bearer ${value}` } } : tls;
    },
  };
}

function readKubeconfig(file: string): Kubeconfig {
  try {
    return (parse(readFileSync(file, 'utf8')) ?? {}) as Kubeconfig;
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

/** Through client-node: exec plugins, auth providers, passwords, several files. */
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
      // client-node's own agent would not keep connections alive between calls.
      delete options.agent;
      return options;
    },
  };
}
