// One authenticated request → its answer. Health and version, discovery and OpenAPI, then resources (handlers.ts).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Clock } from '../../../cloud/clock.ts';
import type { OpenApiDocument, OpenApiIndex } from '../api.ts';
import { auditEvent, type AuditSink, type Trail } from '../access/audit.ts';
import { bearerOf, impersonated } from '../access/authentication.ts';
import type { Authorizer } from '../access/authorizer.ts';
import type { Tokens } from '../access/tokens.ts';
import { requestToken, tokenPath, type FindServiceAccount } from '../access/token-request.ts';
import { ApiError, noSuchPath } from '../errors.ts';
import type { Catalogue } from '../resources/catalogue.ts';
import * as discovery from './discovery.ts';
import type { Handlers } from './handlers.ts';
import { reply, replyError, replyText } from './reply.ts';
import { parseResourcePath, urlOf } from './request.ts';

export interface RouterOptions {
  readonly tokens: Tokens;
  readonly authorizer: Authorizer;
  readonly catalogue: Catalogue;
  readonly handlers: Handlers;
  readonly serviceAccount: FindServiceAccount;
  /** Loaded at the first use: kubectl asks, controllers don't. */
  readonly openapi: () => Promise<{ readonly openApiIndex: OpenApiIndex; readonly openApiDocument: OpenApiDocument }>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly audit: AuditSink;
}

/** Open to everyone, as `system:public-info-viewer` and the health checks are. */
const PUBLIC = /^\/(version|healthz|livez|readyz)(\/|$)/;

export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const trail: Trail = { receivedAt: this.#options.clock.now() };
    response.once('close', () => this.#audit(request, response.statusCode, trail));
    try {
      await this.#route(request, response, trail);
    } catch (error) {
      if (error instanceof ApiError) Object.assign(trail, { reason: error.reason, message: error.message });
      await replyError(request, response, error, this.#options.logger);
    }
  }

  #audit(request: IncomingMessage, code: number, trail: Trail): void {
    const { audit, clock, logger } = this.#options;
    try {
      const event = auditEvent(request, code, trail, clock.now());
      if (event) audit(event);
    } catch (error) {
      logger.error({ err: error }, 'audit event not written');
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, trail: Trail): Promise<void> {
    const url = urlOf(request);
    const path = url.pathname;
    const { authorizer, catalogue, clock } = this.#options;
    trail.user = bearerOf(request, this.#options, clock.now());
    const user = impersonated(request, trail.user, authorizer);
    if (user !== trail.user) trail.impersonated = user;
    if (PUBLIC.test(path)) {
      if (path === '/version' || path === '/version/') return reply(request, response, 200, discovery.VERSION);
      return replyText(response, 200, 'ok');
    }
    const account = tokenPath(path);
    if (account && request.method === 'POST') {
      const { tokens, serviceAccount } = this.#options;
      const now = clock.now();
      return requestToken({ request, response, user, account, authorizer, tokens, serviceAccount, now });
    }
    const target = parseResourcePath(path);
    const plural = target?.plural;
    if (target !== undefined && plural !== undefined) {
      const resource = catalogue.find(target.group, plural, target.version);
      const query = url.searchParams;
      return this.#options.handlers.handle({ request, response, user, target, resource, query, trail });
    }
    authorizer.checkPath(user, (request.method ?? 'GET').toLowerCase(), path);
    const answer = await this.#document(request, path.replace(/\/$/, ''));
    if (answer === undefined) {
      const [, root, group = ''] = /^\/(api|apis\/([^/]+))\/[^/]+\/?$/.exec(path) ?? [];
      if (root !== undefined && catalogue.serves(group)) throw noSuchPath();
      return replyText(response, 404, '404 page not found\n');
    }
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new ApiError(
        405,
        'MethodNotAllowed',
        'the server does not allow this method on the requested resource',
        {},
      );
    return reply(request, response, 200, answer.body, answer.contentType);
  }

  async #document(
    request: IncomingMessage,
    path: string,
  ): Promise<{ body: unknown; contentType?: string } | undefined> {
    const { catalogue, openapi } = this.#options;
    const resources = catalogue.all();
    const { accept, host = '' } = request.headers;
    const some = (body: unknown) => (body === undefined ? undefined : { body });
    const version = discovery.aggregatedVersion(accept);
    if ((path === '/api' || path === '/apis') && version !== undefined) {
      const contentType = discovery.aggregatedContentType(version);
      return { body: discovery.aggregated(resources, path === '/api', version), contentType };
    }
    if (path === '/api') return { body: discovery.apiVersions(host) };
    if (path === '/apis') return { body: discovery.groupList(resources) };
    if (path === '/api/v1') return some(discovery.resourceList(resources, '', 'v1'));
    if (path === '/openapi/v3') return { body: (await openapi()).openApiIndex(resources) };
    if (path.startsWith('/openapi/v3/')) {
      return some((await openapi()).openApiDocument(path.slice('/openapi/v3/'.length), resources));
    }
    const [, group = '', groupVersion] = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
    if (group === '')
      return path === '' ? { body: { paths: ['/api', '/apis', '/openapi/v3', '/version'] } } : undefined;
    if (groupVersion === undefined) return some(discovery.groupDocument(resources, group));
    return some(discovery.resourceList(resources, group, groupVersion));
  }
}
