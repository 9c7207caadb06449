// `npm run kubeconfig -- USER`: a kubeconfig that sees one user's namespace, on stdout or in a file; how long it is valid, on stderr.
// Ends with 0 when it was made, 64 for a wrong command line, 1 for anything else.
import { kubernetes, KubernetesError } from '../../operator/runtime/kubernetes.ts';
import { UsageError } from '../options.ts';
import { StartFailure } from '../stack/failure.ts';
import { administratorOf } from './administrator.ts';
import { HELP, readAccess, type AccessRequest } from './arguments.ts';
import { checkFree, kubeconfigFor, writeKubeconfig } from './kubeconfig.ts';
import { tokenFor } from './token.ts';

const say = (sentence: string) => void process.stderr.write(`${sentence}\n`);

async function main({ userId, seconds, out, force, ...place }: AccessRequest): Promise<void> {
  if (out !== undefined) checkFree(out, force);
  const { connection, cluster } = administratorOf(place, process.env);
  const client = kubernetes(connection);
  try {
    const { token, until } = await tokenFor(client, userId, seconds);
    const text = kubeconfigFor(userId, cluster, token);
    if (out === undefined) process.stdout.write(text);
    else writeKubeconfig(out, text, force);
    say(`${out ?? 'It'} is valid until ${until}; whoever has it acts as user ${userId}.`);
  } finally {
    client.close();
  }
}

try {
  const request = readAccess(process.argv.slice(2));
  if (request === 'help') process.stdout.write(HELP);
  else await main(request);
} catch (error) {
  const known = error instanceof StartFailure || error instanceof UsageError || error instanceof KubernetesError;
  say(known ? (error as Error).message : String((error as Error).stack));
  process.exitCode = error instanceof UsageError ? 64 : 1;
}
