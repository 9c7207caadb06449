// Sends answers: JSON, YAML when that is asked for alone, warnings as headers, refusals as Status.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { ApiError, internal } from '../errors.ts';

export async function reply(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  body: unknown,
  contentType = 'application/json',
): Promise<void> {
  if (response.headersSent) return;
  const wantsYaml = /^\s*application\/yaml/.test(request.headers.accept ?? '');
  const text = wantsYaml
    ? (await import('yaml')).stringify(body)
    : JSON.stringify(body, null, pretty(request) ? 2 : undefined);
  response.writeHead(code, {
    'content-type': wantsYaml ? 'application/yaml' : contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function pretty(request: IncomingMessage): boolean {
  const asked = /[?&]pretty=(\w+)/.exec(request.url ?? '')?.[1];
  if (asked !== undefined) return asked !== 'false' && asked !== '0';
  return /^(curl|Wget|Mozilla)\//.test(request.headers['user-agent'] ?? '');
}

export function replyText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

export async function replyError(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  logger: Logger,
): Promise<void> {
  if (!(error instanceof ApiError)) logger.error({ err: error, method: request.method }, 'request failed unexpectedly');
  const known = error instanceof ApiError ? error : internal('an error of this server; its log tells more');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (known.details?.retryAfterSeconds !== undefined) {
    response.setHeader('retry-after', String(known.details.retryAfterSeconds));
  }
  // An unread body would be taken for the next request's head.
  if (!request.complete) response.setHeader('connection', 'close');
  await reply(request, response, known.code, known.status());
}

/** `Warning: 299 - "text"`, as kubectl and client libraries show it. */
export function addWarning(response: ServerResponse, text: string): void {
  const quoted = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(/[^\x20-\x7e]/g, '?');
  response.appendHeader('warning', `299 - "${quoted}"`);
}
