// The door of the local AWS: one HTTP port for every service. It proves the signature, opens the body, hands the request to
// the service that the credential scope names, and writes the answer; server.ts wires it.
import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Authenticator, readClaim, splitUrl } from './iam/authentication.ts';
import type { PolicyAuthorizer } from './iam/authorizer.ts';
import { openPayload } from './iam/payload.ts';
import { wordedFor } from './iam/refusals.ts';
import { sha256Hex } from './iam/signature.ts';
import {
  type AwsRequest,
  type AwsResponse,
  type AwsService,
  AwsServiceError,
  type Principal,
  type ServiceLogger,
} from './service.ts';

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
/** Paths of the door itself; no bucket name may start with an underscore. */
const HEALTH_PATH = '/_health';

export interface FrontOptions {
  readonly services: ReadonlyMap<string, AwsService>;
  readonly authenticator: Authenticator;
  readonly authorizer: PolicyAuthorizer;
  readonly region: string;
  readonly anonymous: Principal;
  readonly logger: ServiceLogger;
}

export class Front {
  readonly #options: FrontOptions;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  /** Answers one HTTP request; never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/', rawQuery = ''] = splitUrl(request.url ?? '/');
    if (path === HEALTH_PATH) return this.#health(response);
    const query = new URLSearchParams(rawQuery);
    const requestId = randomUUID();
    let service = this.#options.services.get('s3');
    try {
      const claim = readClaim(request, query);
      service = this.#serviceOf(claim?.scope.service, request);
      const opened = claim
        ? await this.#open(request, query, claim, requestId, path)
        : await this.#openUnsigned(request, query, requestId, path);
      await this.#options.authorizer.ready(opened.principal);
      await this.#answer(request, response, requestId, await service.handle(opened));
    } catch (error) {
      await this.#refuse(request, response, requestId, path, service, error);
    }
  }

  #health(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: 'ok', services: [...this.#options.services.keys()] }));
  }

  /** Unsigned requests are S3's to refuse, except the one STS call that needs no signature. */
  #serviceOf(scopeService: string | undefined, request: IncomingMessage): AwsService {
    const form = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
    const name = scopeService ?? (request.method === 'POST' && form ? 'sts' : 's3');
    const service = this.#options.services.get(name);
    if (service) return service;
    throw new AwsServiceError('NotImplemented', `The local AWS endpoint has no service '${name}'.`, 501);
  }

  async #open(
    request: IncomingMessage,
    query: URLSearchParams,
    claim: NonNullable<ReturnType<typeof readClaim>>,
    requestId: string,
    path: string,
  ): Promise<AwsRequest> {
    let read: Buffer | undefined;
    let payloadHash = claim.payloadHash;
    if (payloadHash === undefined) {
      if (claim.scope.service === 's3') {
        throw new AwsServiceError(
          'InvalidRequest',
          'Missing required header for this request: x-amz-content-sha256',
          400,
        );
      }
      read = await readAll(request, BODY_LIMIT_BYTES);
      payloadHash = sha256Hex(read);
    }
    const authenticated = this.#options.authenticator.authenticate(request, claim, payloadHash);
    const payload = read ? { stream: request, trailers: {} } : openPayload(request, payloadHash, authenticated);
    return {
      service: claim.scope.service,
      region: claim.scope.region,
      method: request.method ?? 'GET',
      path,
      query,
      headers: request.headers,
      stream: payload.stream,
      trailers: payload.trailers,
      body: async (limit = BODY_LIMIT_BYTES) => (read ??= await readAll(payload.stream, limit)),
      principal: authenticated.principal,
      requestId,
      presigned: claim.presigned,
    };
  }

  async #openUnsigned(
    request: IncomingMessage,
    query: URLSearchParams,
    requestId: string,
    path: string,
  ): Promise<AwsRequest> {
    const service = this.#serviceOf(undefined, request).name;
    if (service !== 'sts') throw new AwsServiceError('AccessDenied', 'Access Denied', 403);
    const read = await readAll(request, BODY_LIMIT_BYTES);
    if (new URLSearchParams(read.toString()).get('Action') !== 'AssumeRoleWithWebIdentity') {
      throw new AwsServiceError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
    }
    return {
      service,
      region: this.#options.region,
      method: 'POST',
      path,
      query,
      headers: request.headers,
      stream: request,
      trailers: {},
      body: async () => read,
      principal: this.#options.anonymous,
      requestId,
      presigned: false,
    };
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
    answer: AwsResponse,
  ): Promise<void> {
    const body = answer.body;
    const stream = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body) ? body : undefined;
    const headers: Record<string, string> = {
      'x-amz-request-id': requestId,
      'x-amzn-requestid': requestId,
      'x-amz-id-2': randomBytes(24).toString('base64'),
      ...answer.headers,
    };
    if (!stream && headers['content-length'] === undefined && answer.status !== 204 && answer.status !== 304) {
      headers['content-length'] = String(body === undefined ? 0 : Buffer.byteLength(body as string | Buffer));
    }
    response.writeHead(answer.status, headers);
    if (!stream) {
      response.end(request.method === 'HEAD' ? undefined : body);
    } else if (request.method === 'HEAD') {
      stream.destroy();
      response.end();
    } else await pipeline(stream, response);
  }

  async #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
    path: string,
    service: AwsService | undefined,
    error: unknown,
  ): Promise<void> {
    const { logger } = this.#options;
    if (response.headersSent || response.destroyed || isAborted(error)) {
      logger.debug({ requestId, error: errorText(error) }, 'connection ended before the answer');
      response.destroy();
      return;
    }
    if (!(error instanceof AwsServiceError)) {
      logger.error(
        { requestId, service: service?.name, method: request.method, error: errorText(error) },
        'request failed',
      );
    }
    const refusal =
      error instanceof AwsServiceError
        ? error
        : new AwsServiceError('InternalError', 'We encountered an internal error. Please try again.', 500);
    const answer = service
      ? service.error(wordedFor(service.name, refusal), { requestId, path })
      : { status: refusal.status, body: refusal.message };
    try {
      await this.#answer(request, response, requestId, answer);
    } catch (failure) {
      logger.debug({ requestId, error: errorText(failure) }, 'connection ended before the answer');
    }
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The client hung up while it sent or received. */
function isAborted(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EPIPE';
}

async function readAll(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit)
      throw new AwsServiceError('RequestEntityTooLarge', `The request body is larger than ${limit} bytes.`, 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
