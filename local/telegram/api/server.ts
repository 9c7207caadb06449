// The Bot API over HTTP: /bot<token>/<method> and /file/bot<token>/<path>. Reads the call, checks the token, lets a
// planned fault happen, runs the method, and answers {ok, result} or {ok: false, error_code, description}.
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { sleep } from '../../../cloud/clock.ts';
import { readCall } from './call.ts';
import type { Desk, Method } from './content.ts';
import { EDITING } from './editing.ts';
import { BotApiError } from './error.ts';
import type { Fault, Faults } from './faults.ts';
import { PROFILE } from './profile.ts';
import { RECEIVING } from './receiving.ts';
import { SENDING } from './sending.ts';

/** Method names are matched without case, as Telegram does. */
const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries({ ...PROFILE, ...RECEIVING, ...SENDING, ...EDITING }).map(([name, method]) => [
    name.toLowerCase(),
    method,
  ]),
);

export interface BotApi {
  readonly desk: Desk;
  readonly token: string;
  readonly faults: Faults;
  readonly logger: Logger;
}

/** Answers requests under /bot and /file/bot; true when the path was one of these. */
export async function serveBotApi(
  api: BotApi,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const file = /^\/file\/bot([^/]+)\/(.+)$/.exec(url.pathname);
  if (file) {
    await giveFile(api, decode(file[1]), decode(file[2]), response);
    return true;
  }
  const call = /^\/bot([^/]+)\/([^/]+)$/.exec(url.pathname);
  if (!call) return false;
  await answer(api, decode(call[1]), decode(call[2]), url, request, response);
  return true;
}

async function answer(
  api: BotApi,
  token: string,
  method: string,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const hungUp = new AbortController();
  response.once('close', () => hungUp.abort());
  try {
    const { fault, result } = await carryOut(api, token, method, url, request, hungUp.signal);
    if (fault?.kind === 'drop') request.socket.destroy();
    else reply(response, 200, { ok: true, result });
  } catch (error) {
    if (!hungUp.signal.aborted) refuse(api, method, error, response);
  }
}

/** Throws what the call is refused with; files it brought and did not use are gone when it returns. */
async function carryOut(
  api: BotApi,
  token: string,
  method: string,
  url: URL,
  request: IncomingMessage,
  hungUp: AbortSignal,
): Promise<{ fault?: Fault; result?: unknown }> {
  const { desk } = api;
  const call = await readCall(request, method, url.searchParams, desk.depot, desk.limits.uploadBytes);
  try {
    if (!sameToken(token, api.token)) throw new BotApiError(401, 'Unauthorized');
    const fault = api.faults.take(method);
    if (fault?.kind === 'fail') throw fault.error;
    if (fault?.kind === 'drop' && fault.when === 'before') return { fault };
    if (fault?.kind === 'delay') await sleep(desk.clock, fault.milliseconds, hungUp);
    const run = METHODS.get(method.toLowerCase());
    if (run === undefined) throw new BotApiError(404, 'Not Found: method not found');
    return { fault, result: await run(call, desk, hungUp) };
  } finally {
    for (const upload of call.uploads()) await desk.depot.discard(upload);
  }
}

function refuse({ logger }: BotApi, method: string, error: unknown, response: ServerResponse): void {
  if (error instanceof BotApiError) {
    logger.debug({ method, code: error.code, description: error.message }, 'Bot API call refused');
    if (error.retryAfter !== undefined) response.setHeader('retry-after', error.retryAfter);
    return reply(response, error.code, error.body);
  }
  logger.error({ method, err: error }, 'Bot API call failed');
  reply(response, 500, new BotApiError(500, 'Internal Server Error').body);
}

async function giveFile(api: BotApi, token: string, path: string, response: ServerResponse): Promise<void> {
  if (!sameToken(token, api.token)) return reply(response, 401, new BotApiError(401, 'Unauthorized').body);
  const file = api.desk.conversations.fileAt(path);
  if (file === undefined || file.bytes > api.desk.limits.downloadBytes) {
    return reply(response, 404, new BotApiError(404, 'Not Found').body);
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.bytes });
  // A caller that hangs up half way is its own affair.
  await pipeline(api.desk.depot.read(file), response).catch(() => undefined);
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function sameToken(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function decode(part = ''): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
