// A local AWS with EC2 (and whatever else is asked for) for one test, and SDK clients that talk to it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import type { Clock } from '../../../../cloud/clock.ts';
import { ec2Service, type Ec2Options, type Ec2Service } from '../../../../local/aws/ec2/service.ts';
import { startAws, type Aws, type RoleDefinition } from '../../../../local/aws/server.ts';
import type { AwsService, ServiceContext } from '../../../../local/aws/service.ts';

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';
export const ROOT = { accessKeyId: 'AKIALOCALROOT0000000', secretAccessKey: 'local-root-secret' };
export const AMI = 'ami-0123456789abcdef0';

export interface Cloud {
  readonly aws: Aws;
  readonly ec2: Ec2Service;
  readonly client: EC2Client;
  readonly stateDir: string;
  /** For any SDK client. */
  readonly connection: { endpoint: string; region: string; credentials: typeof ROOT; maxAttempts: number };
  as(roleName: string, session?: string): EC2Client;
  /** Ends the process' part and starts it anew on the same state. */
  restart(options?: Partial<Ec2Options>): Promise<Cloud>;
  close(): Promise<void>;
}

export interface CloudOptions {
  readonly ec2?: Partial<Ec2Options>;
  readonly roles?: readonly RoleDefinition[];
  readonly clock?: Clock;
  readonly services?: (context: ServiceContext) => AwsService[];
  readonly stateDir?: string;
}

export async function startCloud(options: CloudOptions = {}): Promise<Cloud> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'spotlearn-ec2-')));
  let ec2: Ec2Service | undefined;
  const aws = await startAws({
    stateDir,
    region: REGION,
    accountId: ACCOUNT,
    roles: options.roles ?? [],
    rootCredentials: ROOT,
    clock: options.clock,
    services: (context) => {
      ec2 = ec2Service(context, {
        images: { [AMI]: { path: [], env: {} } },
        bootMs: 1,
        shutdownGraceMs: 500,
        ...options.ec2,
      });
      return [ec2, ...(options.services?.(context) ?? [])];
    },
  });
  if (!ec2) throw new Error('EC2 was not built');
  const connection = { endpoint: aws.url, region: REGION, credentials: ROOT, maxAttempts: 1 };
  const clients = [new EC2Client(connection)];
  const stop = async () => {
    for (const client of clients) client.destroy();
    await aws.close();
  };
  return {
    aws,
    ec2,
    client: clients[0] as EC2Client,
    stateDir,
    connection,
    as(roleName, session = 'someone') {
      const client = new EC2Client({ ...connection, credentials: aws.iam.issueSession(roleName, session, 3600) });
      clients.push(client);
      return client;
    },
    async restart(changes = {}) {
      await stop();
      return startCloud({ ...options, ec2: { ...options.ec2, ...changes }, stateDir });
    },
    async close() {
      await stop();
      await rm(stateDir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Polls until `check` gives something; fails after five seconds. */
export async function eventually<Value>(
  check: () => Promise<Value | undefined | false> | Value | undefined | false,
): Promise<Value> {
  const end = Date.now() + 5_000;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error('It did not happen within 5 seconds');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The AWS error code a call fails with. */
export async function failure(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return (error as Error).name;
  }
  throw new Error('The call succeeded');
}

/** Sends an order for the cloud itself (`POST /_spotlearn/ec2/<method>`), signed; gives the HTTP status. */
export async function order(
  cloud: Cloud,
  method: string,
  body: object,
  credentials: { accessKeyId: string; secretAccessKey: string } = ROOT,
): Promise<number | undefined> {
  const client = new EC2Client({ ...cloud.connection, credentials });
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { path: string; body: string; headers: Record<string, string> };
      request.path = `/_spotlearn/ec2/${method}`;
      request.body = JSON.stringify(body);
      request.headers['content-length'] = String(request.body.length);
      return next(args);
    },
    { step: 'build', priority: 'low' },
  );
  try {
    return (await client.send(new DescribeVpcsCommand({}))).$metadata.httpStatusCode;
  } catch (error) {
    return (error as { $response?: { statusCode: number } }).$response?.statusCode;
  } finally {
    client.destroy();
  }
}
