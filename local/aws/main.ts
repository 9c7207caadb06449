// The local AWS as its own process: `node local/aws/main.ts --state DIR [--port N] [--config FILE]`. Prints one line of JSON
// when ready; logs go to stderr; SIGTERM and SIGINT stop it gracefully.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { stderr } from '../../cloud/log.ts';
import { type ComputeOptions, computeServices } from './ec2/compute.ts';
import { type WebIdentityProvider, webIdentityVerifier } from './iam/web-identity.ts';
import { type AwsOptions, startAws } from './server.ts';

/** The configuration file: what startAws takes, the options of the compute services, and whose ServiceAccounts STS knows. */
type Configuration = Partial<Pick<AwsOptions, 'region' | 'accountId' | 'roles' | 'rootCredentials'>> &
  ComputeOptions & { readonly webIdentity?: WebIdentityProvider };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      state: { type: 'string', default: '.spotlearn/aws' },
      port: { type: 'string', default: '0' },
      config: { type: 'string' },
    },
  });
  const configuration =
    values.config === undefined ? {} : (JSON.parse(readFileSync(values.config, 'utf8')) as Configuration);
  const logger = pino({ name: 'aws', level: process.env.LOG_LEVEL ?? 'info' }, stderr());
  const aws = await startAws({
    stateDir: values.state,
    port: Number(values.port),
    region: configuration.region ?? 'eu-west-1',
    accountId: configuration.accountId ?? '000000000000',
    roles: configuration.roles ?? [],
    rootCredentials: configuration.rootCredentials ?? {
      accessKeyId: 'AKIASPOTLEARNLOCAL00',
      secretAccessKey: 'spotlearn-local-secret',
    },
    services: (context) => computeServices(context, configuration),
    ...(configuration.webIdentity
      ? { verifyWebIdentity: webIdentityVerifier(configuration.webIdentity, () => Date.now()) }
      : {}),
    logger,
  });
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void aws.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ ready: true, url: aws.url })}\n`);
}

await main();
