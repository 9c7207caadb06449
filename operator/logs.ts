// `npm run logs -- <namespace>/<job>`: a training job's log on stdout, followed as `kubectl logs -f` does; what goes on, on stderr.
// Needs what kubectl and the AWS CLI need: a kubeconfig, a region, credentials (locally: `. .spotlearn/env`).
// Ends with 0 when all was shown, 64 for a wrong command line, 1 for anything else.
import { createClients } from '../cloud/clients.ts';
import { systemClock } from '../cloud/clock.ts';
import { FIELDS } from '../cloud/configuration/fields.ts';
import { CloudError, ConfigurationError } from '../cloud/errors.ts';
import { logEvents } from '../cloud/logs.ts';
import type { TrainingJob } from '../crds/crds.generated.ts';
import { type LogsRequest, readRequest, USAGE } from './logs/arguments.ts';
import { tail } from './logs/tail.ts';
import { connect } from './runtime/connection.ts';
import { failed, KubernetesError, kubernetes } from './runtime/kubernetes.ts';
import { TRAINING_JOBS } from './runtime/resources.ts';

const say = (text: string) => void process.stderr.write(`${text}\n`);
const print = (line: string) => new Promise<void>((done) => process.stdout.write(`${line}\n`, () => done()));
// `npm run logs -- … | head` has seen enough.
process.stdout.on('error', () => process.exit(0));

const code = await main();
process.exitCode ??= code;

async function main(): Promise<number> {
  let request: LogsRequest | undefined;
  try {
    request = readRequest(process.argv.slice(2));
  } catch (error) {
    say((error as Error).message);
    return 64;
  }
  if (request === undefined) {
    await print(USAGE);
    return 0;
  }
  try {
    return (await show(request)) ? 0 : 1;
  } catch (error) {
    const told = [CloudError, KubernetesError].some((known) => error instanceof known);
    if (!told) throw error;
    say((error as Error).message);
    return 1;
  }
}

async function show({ namespace, job, follow, attempt, sinceMs }: LogsRequest): Promise<boolean> {
  const region = process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION;
  if (!region) throw new ConfigurationError('AWS_REGION is not set. On this machine’s stack: . .spotlearn/env');
  const cluster = kubernetes(await connect(process.env));
  const clients = createClients(region);
  const interrupted = new AbortController();
  process.once('SIGINT', () => {
    process.exitCode = 130;
    interrupted.abort();
  });
  try {
    return await tail({
      readJob: () =>
        cluster.get<TrainingJob>(TRAINING_JOBS, job, namespace).catch((error: unknown) => {
          if (failed(error, 'NotFound')) return undefined;
          throw error;
        }),
      logs: logEvents(clients),
      group: process.env.SPOTLEARN_LOG_GROUP || FIELDS.logGroup.default,
      clock: systemClock(),
      print,
      say,
      follow,
      attempt,
      since: sinceMs === undefined ? undefined : Date.now() - sinceMs,
      signal: interrupted.signal,
    });
  } finally {
    clients.close();
    cluster.close();
  }
}
