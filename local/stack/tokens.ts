// Step: on a cluster that is there, operator and bot act under their own ServiceAccounts, too: tokens by the TokenRequest API, as kubelets get them
// for pods, each beside a kubeconfig that reads it from its file. Run again before they expire (stack.ts).
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { KubeClient } from '../kubernetes/kubelet/client.ts';
import { StartFailure } from './failure.ts';
import { asStep } from './step.ts';

export interface TokensInput {
  /** Of an administrator. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly accounts: readonly string[];
  readonly folder: string;
}

/** Clusters may give less; EKS gives as much. */
const LIFETIME_SECONDS = 86_400;

interface Kubeconfig {
  'current-context': string;
  contexts: { name: string; context: { cluster: string } }[];
  clusters: { name: string; cluster: Record<string, unknown> }[];
}

/** Path by account. */
async function requestTokens({
  kubeconfig,
  namespace,
  accounts,
  folder,
}: TokensInput): Promise<Record<string, string>> {
  const given = parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const context = given.contexts.find(({ name }) => name === given['current-context'])?.context;
  const cluster = given.clusters.find(({ name }) => name === context?.cluster);
  if (!cluster) throw new StartFailure(`The kubeconfig ${kubeconfig} has no current context.`);
  // Ours lie elsewhere than the file whose place a relative path is meant from.
  const authority = cluster.cluster['certificate-authority'];
  if (typeof authority === 'string') cluster.cluster['certificate-authority'] = resolve(dirname(kubeconfig), authority);
  const client = await KubeClient.fromKubeconfig(kubeconfig);
  try {
    const paths: Record<string, string> = {};
    for (const account of accounts) {
      const request = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: LIFETIME_SECONDS },
      };
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
      const answer = (await client.call('POST', path, request)) as unknown as { status: { token: string } };
      const tokenFile = join(folder, `${account}.token`);
      // A program that reads at this moment reads the old one or the new one.
      await writeFile(`${tokenFile}.new`, answer.status.token, { mode: 0o600 });
      await rename(`${tokenFile}.new`, tokenFile);
      const own = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': account,
        clusters: [cluster],
        users: [{ name: account, user: { tokenFile } }],
        contexts: [{ name: account, context: { cluster: cluster.name, user: account, namespace } }],
      };
      paths[account] = join(folder, `${account}.kubeconfig`);
      await writeFile(paths[account], JSON.stringify(own), { mode: 0o600 });
    }
    return paths;
  } finally {
    client.close();
  }
}

await asStep(import.meta, requestTokens);
