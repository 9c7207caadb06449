// The embedded Kubernetes API as a program: node local/kubernetes/main.ts --state DIR [--port N]
// Prints one JSON line when it is ready; stops on SIGTERM and SIGINT. All of its work is in server.ts.
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { stderr } from '../../cloud/log.ts';
import { startKubernetes } from './server.ts';

const logger = pino({ name: 'kubernetes' }, stderr());

try {
  const { values } = parseArgs({ options: { state: { type: 'string' }, port: { type: 'string' } } });
  const port = values.port === undefined ? undefined : Number(values.port);
  if (values.state === undefined) throw new Error('Usage: node local/kubernetes/main.ts --state DIR [--port N]');
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536)) {
    throw new Error(`--port must be a number from 0 to 65535, not ${JSON.stringify(values.port)}.`);
  }
  const server = await startKubernetes({ stateDir: values.state, logger, ...(port === undefined ? {} : { port }) });
  const ready = { ready: true, url: server.url, ca: server.caPem, kubeconfig: server.kubeconfigPath };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void server.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
