// The connection of whoever runs `npm run kubeconfig`, as kubectl would find it, and what of it goes on into a kubeconfig for somebody else: the
// address and how the server is known to be the right one, nothing of who the administrator is.
import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, KubeConfig } from '@kubernetes/client-node';
import type { Connection } from '../../operator/runtime/connection.ts';
import { StartFailure } from '../stack/failure.ts';

/** The `cluster` of an entry in a kubeconfig. */
export interface ClusterEntry {
  readonly server: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'insecure-skip-tls-verify'?: true;
  readonly 'tls-server-name'?: string;
  readonly 'proxy-url'?: string;
}

export interface Administrator {
  readonly connection: Connection;
  readonly cluster: ClusterEntry;
}

export interface Place {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** Throws StartFailure when there is no such file, context or cluster. */
export function administratorOf(
  place: Place,
  environment: Readonly<Record<string, string | undefined>>,
): Administrator {
  const config = loaded(place.kubeconfig, environment);
  if (place.context !== undefined) config.setCurrentContext(place.context);
  const cluster = config.getCurrentCluster();
  if (!cluster?.server) {
    const known = config.getContexts().map(({ name }) => name);
    const which = place.context === undefined ? 'no current context with a cluster' : `no context ${place.context}`;
    throw new StartFailure(`The kubeconfig has ${which}; there are: ${known.join(', ') || 'none'}.`);
  }
  return {
    connection: {
      server: cluster.server.replace(/\/+$/, ''),
      options: async () => {
        const options: RequestOptions = {};
        await config.applyToHTTPSOptions(options);
        // Ours keeps connections alive.
        delete options.agent;
        return options;
      },
    },
    cluster: entryOf(cluster),
  };
}

function loaded(file: string | undefined, environment: Readonly<Record<string, string | undefined>>): KubeConfig {
  const usual = join(environment.HOME || homedir(), '.kube', 'config');
  const one = file ?? (environment.KUBECONFIG ? undefined : usual);
  if (one !== undefined && !existsSync(one))
    throw new StartFailure(
      `There is no kubeconfig ${one}. Name an administrator's with --kubeconfig FILE or KUBECONFIG; npm start keeps one in .spotlearn/kubernetes/kubeconfig.`,
    );
  const config = new KubeConfig();
  try {
    if (one !== undefined) config.loadFromFile(one);
    else config.loadFromDefault();
  } catch (error) {
    throw new StartFailure(`The kubeconfig cannot be read: ${(error as Error).message}`);
  }
  return config;
}

function entryOf({ server, caData, caFile, skipTLSVerify, tlsServerName, proxyUrl }: Cluster): ClusterEntry {
  const authority = caData ?? (caFile ? readFileSync(caFile).toString('base64') : undefined);
  return {
    server,
    ...(authority ? { 'certificate-authority-data': authority } : {}),
    ...(skipTLSVerify ? { 'insecure-skip-tls-verify': true as const } : {}),
    ...(tlsServerName ? { 'tls-server-name': tlsServerName } : {}),
    ...(proxyUrl ? { 'proxy-url': proxyUrl } : {}),
  };
}
