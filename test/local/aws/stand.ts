// A local AWS in this process for tests: own state folder, a clock that can be set, clients by principal.
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../cloud/clock.ts';
import { type Aws, type AwsOptions, type RoleDefinition, startAws } from '../../../local/aws/server.ts';

export const REGION = 'eu-west-1';
export const ACCOUNT = '000000000000';
export const ROOT = { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'test-root-secret' };

export class Stand {
  aws!: Aws;
  readonly stateDir: string;
  /** Added to the machine's time. */
  offsetMs = 0;
  readonly #options: Partial<AwsOptions>;
  readonly #clients: S3Client[] = [];

  private constructor(stateDir: string, options: Partial<AwsOptions>) {
    this.stateDir = stateDir;
    this.#options = options;
  }

  static async start(options: Partial<AwsOptions> & { roles?: RoleDefinition[] } = {}): Promise<Stand> {
    const stand = new Stand(await mkdtemp(join(tmpdir(), 'aws-test-')), options);
    await stand.open();
    return stand;
  }

  async open(): Promise<void> {
    const clock: Clock = { now: () => Date.now() + this.offsetMs, after: () => () => {} };
    this.aws = await startAws({
      stateDir: this.stateDir,
      region: REGION,
      accountId: ACCOUNT,
      roles: [],
      rootCredentials: ROOT,
      clock,
      ...this.#options,
    });
  }

  /** Stops and starts on the same state. */
  async restart(): Promise<void> {
    await this.aws.close();
    await this.open();
  }

  client(credentials: S3ClientConfig['credentials'] = ROOT) {
    return { region: REGION, endpoint: this.aws.url, credentials, maxAttempts: 1 };
  }

  s3(credentials: S3ClientConfig['credentials'] = ROOT, options: S3ClientConfig = {}): S3Client {
    const client = new S3Client({ ...this.client(credentials), forcePathStyle: true, ...options });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.aws.close();
    await rm(this.stateDir, { recursive: true, force: true });
  }
}
