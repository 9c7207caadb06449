// The embedded Kubernetes as a program: node local/kubernetes/main.ts --state DIR [--port N] [--kubelet FILE] [--kubeconfig FILE] [--account NAMESPACE/NAME …]
// The API, and with --kubelet (a JSON file of settings) a node that runs pods as processes, in one program as k3s has them. With
// --account a kubeconfig of that ServiceAccount is written into the state folder (NAME.kubeconfig), with no more rights than RBAC gives it. With
// --kubeconfig it is only the node, of that cluster, which should have no others. Prints one JSON line when it is ready; stops on SIGTERM and SIGINT.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { stderr } from '../../cloud/log.ts';
import type { KubeletOptions } from './kubelet.ts';
import { startKubernetes, type Kubernetes } from './server.ts';

const logger = pino({ name: 'kubernetes' }, stderr());
const USAGE =
  'Usage: node local/kubernetes/main.ts --state DIR [--port N] [--kubelet FILE] [--kubeconfig FILE] [--account NAMESPACE/NAME …]';

try {
  const { values } = parseArgs({
    options: {
      state: { type: 'string' },
      port: { type: 'string' },
      kubelet: { type: 'string' },
      kubeconfig: { type: 'string' },
      account: { type: 'string', multiple: true, default: [] },
    },
  });
  const { state, kubeconfig } = values;
  const port = values.port === undefined ? undefined : Number(values.port);
  if (state === undefined) throw new Error(USAGE);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536)) {
    throw new Error(`--port must be a number from 0 to 65535, not ${JSON.stringify(values.port)}.`);
  }
  const server =
    kubeconfig === undefined
      ? await startKubernetes({ stateDir: state, logger, ...(port === undefined ? {} : { port }) })
      : undefined;
  if (server) for (const account of values.account) writeAccount(server, account, state);
  const config = server?.kubeconfigPath ?? kubeconfig ?? '';
  const kubelet = values.kubelet === undefined ? undefined : await startNode(values.kubelet, config, state);
  const ready = { ready: true, url: server?.url, ca: server?.caPem, kubeconfig: config };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void (async () => {
      await kubelet?.close();
      await server?.close();
      process.exit(0);
    })();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

function writeAccount(server: Kubernetes, account: string, folder: string): void {
  const [namespace = '', name = ''] = account.split('/');
  const file = join(folder, `${name}.kubeconfig`);
  const user = `system:serviceaccount:${namespace}:${name}`;
  // The token of an earlier start is known still.
  const before = existsSync(file) ? /token: (\S+)/.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
  const token = before ?? server.addToken(user, ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]);
  writeFileSync(file, server.kubeconfigFor(token, user), { mode: 0o600 });
}

async function startNode(file: string, config: string, folder: string) {
  const settings = JSON.parse(readFileSync(file, 'utf8')) as Pick<KubeletOptions, 'images' | 'tokens'>;
  const { startKubelet } = await import('./kubelet.ts');
  return startKubelet({
    ...settings,
    kubeconfig: config,
    folder: join(folder, 'kubelet'),
    logger,
  });
}
