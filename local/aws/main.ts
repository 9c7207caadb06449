// The local AWS as its own process: `node local/aws/main.ts --state DIR [--port N] [--config FILE]`. Prints one line of JSON
// when ready; logs go to stderr; SIGTERM and SIGINT stop it gracefully.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { type AwsOptions, startAws } from './server.ts';
import type { AwsService, ServiceContext } from './service.ts';

/** The configuration file: what startAws takes, and options of the other services under their names. */
interface Configuration extends Partial<Pick<AwsOptions, 'region' | 'accountId' | 'roles' | 'rootCredentials'>> {
  readonly ec2?: object;
  readonly lambda?: object;
  readonly logs?: object;
  readonly sqs?: object;
}

type Factory = (context: ServiceContext, options: object) => AwsService | Promise<AwsService>;

const OTHERS = ['ec2', 'lambda', 'logs', 'sqs'] as const;

async function otherServices(context: ServiceContext, configuration: Configuration): Promise<AwsService[]> {
  const services: AwsService[] = [];
  for (const name of OTHERS) {
    const file = new URL(`./${name}/service.ts`, import.meta.url);
    if (!existsSync(file)) continue;
    const module = (await import(file.href)) as Record<string, Factory | undefined>;
    const factory = module[`${name}Service`];
    if (factory) services.push(await factory(context, configuration[name] ?? {}));
  }
  return services;
}

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
  const logger = pino({ name: 'aws', level: process.env.LOG_LEVEL ?? 'info' }, pino.destination(2));
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
    services: (context) => otherServices(context, configuration),
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
