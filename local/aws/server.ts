// The local AWS as a library: one HTTP server on 127.0.0.1 with S3 and STS built in and whatever other services it is given.
// main.ts is the same as a process. Everything durable lies under `stateDir`.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../cloud/clock.ts';
import { Front } from './front.ts';
import { Authenticator } from './iam/authentication.ts';
import { PolicyAuthorizer } from './iam/authorizer.ts';
import { type RoleDefinition, Roles } from './iam/roles.ts';
import { loadSeal, Sessions, type StaticCredentials } from './iam/sessions.ts';
import { type S3Service, s3Service } from './s3/service.ts';
import type { AwsService, CredentialIssuer, ServiceContext, ServiceLogger } from './service.ts';
import { type StsOptions, stsService } from './sts/service.ts';

export type { RoleDefinition } from './iam/roles.ts';
export { roleIdOf } from './iam/roles.ts';
export type { StaticCredentials } from './iam/sessions.ts';
export type { ServiceContext } from './service.ts';

export interface AwsOptions {
  readonly stateDir: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly region: string;
  readonly accountId: string;
  readonly roles: readonly RoleDefinition[];
  /** Key of the account root: may do everything that no bucket policy denies. */
  readonly rootCredentials: StaticCredentials;
  /** Services beside S3 and STS. */
  readonly services?: (context: ServiceContext) => AwsService[] | Promise<AwsService[]>;
  readonly clock?: Clock;
  readonly logger?: ServiceLogger;
  readonly verifyWebIdentity?: StsOptions['verifyWebIdentity'];
}

export interface Aws {
  readonly url: string;
  readonly iam: CredentialIssuer;
  readonly s3: S3Service;
  close(): Promise<void>;
}

/** How long a stop waits for requests under way. */
const CLOSE_GRACE_MS = 1000;

const SILENT: ServiceLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export async function startAws(options: AwsOptions): Promise<Aws> {
  const clock = options.clock ?? systemClock();
  const logger = options.logger ?? SILENT;
  const now = () => clock.now();
  const roles = new Roles(options.accountId, options.roles);
  const sessions = new Sessions(
    loadSeal(join(options.stateDir, 'iam', 'seal.key')),
    options.rootCredentials,
    roles,
    clock,
  );
  const authorizer = new PolicyAuthorizer({ roles, region: options.region, now });
  let url = '';
  const context: ServiceContext = {
    stateDir: options.stateDir,
    region: options.region,
    accountId: options.accountId,
    clock,
    authorizer,
    iam: sessions,
    logger,
    endpoint: () => url,
  };
  const s3 = await s3Service(context, { policyEngine: authorizer });
  const others = (await options.services?.(context)) ?? [];
  const all = [s3, stsService(context, { roles, verifyWebIdentity: options.verifyWebIdentity }), ...others];
  const front = new Front({
    services: new Map(all.map((service) => [service.name, service])),
    authenticator: new Authenticator(sessions, options.region, now),
    authorizer,
    region: options.region,
    anonymous: { arn: 'anonymous', accountId: 'anonymous', userId: 'anonymous', roleName: 'anonymous' },
    logger,
  });
  // Uploads may take long, and the SDK's pooled connections must outlive its idle pauses.
  const server = createServer(
    { requestTimeout: 0, keepAliveTimeout: 65_000, headersTimeout: 66_000 },
    (request, response) => {
      void front.handle(request, response);
    },
  );
  const closeServices = async () => {
    for (const service of all.toReversed()) await service.close?.();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
  } catch (error) {
    await closeServices();
    throw error;
  }
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    iam: sessions,
    s3,
    close: async () => {
      // Requests under way may finish; a long poll does not hold the stop up.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const impatient = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
      await closed;
      clearTimeout(impatient);
      await closeServices();
    },
  };
}
