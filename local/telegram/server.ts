// The local Telegram: the Bot API for bots, /client for users, and the chat page, on one port of 127.0.0.1.
// Programs reach it by main.ts, tests in their own process; what it remembers lies in the state folder.
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Clock, systemClock } from '../../cloud/clock.ts';
import type { Desk } from './api/content.ts';
import { Faults } from './api/faults.ts';
import { type Limits, RateLimiter, TELEGRAM_LIMITS } from './api/limits.ts';
import { UpdateQueue } from './api/polling.ts';
import { type BotApi, serveBotApi } from './api/server.ts';
import { serveClient } from './client/routes.ts';
import { servePage } from './page/serve.ts';
import type { User } from './protocol.ts';
import { Conversations } from './state/conversations.ts';
import { Depot } from './state/depot.ts';
import { keptToken } from './state/token.ts';

export interface TelegramOptions {
  /** Everything lies here; created when missing. */
  readonly stateDir: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: generated once and kept in the state folder. */
  readonly token?: string;
  /** Default: Spotlearn, @spotlearn_bot, with the id that the token begins with. */
  readonly bot?: { readonly id?: number; readonly username?: string; readonly firstName?: string };
  /** What differs from Telegram's own limits (api/limits.ts); Infinity switches one off. */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
}

export interface Telegram {
  readonly url: string;
  readonly token: string;
  /** What a bot takes as its API root (TELEGRAM_API_ROOT). */
  readonly apiRoot: string;
  /** The chat page of its default user; `?user=1002&name=Grace` makes another. */
  readonly userUrl: string;
  readonly faults: Faults;
  /** Ends held polls and streams, then the server; what was acknowledged is on disk. */
  close(): Promise<void>;
}

/** Rejects when the port is taken or the state folder can't be written. */
export async function startTelegram(options: TelegramOptions): Promise<Telegram> {
  mkdirSync(options.stateDir, { recursive: true });
  const token = options.token ?? keptToken(options.stateDir);
  const desk = openDesk(options, token);
  const api: BotApi = { desk, token, faults: new Faults(), logger: options.logger ?? silent() };
  const server = createServer((request, response) => void serve(api, request, response));
  // Uploads of gigabytes and polls of minutes are no reason to hang up.
  server.requestTimeout = 0;
  await listen(server, options.port ?? 0).catch((error: unknown) => {
    desk.conversations.close();
    throw error;
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    token,
    apiRoot: url,
    userUrl: `${url}/`,
    faults: api.faults,
    async close() {
      desk.queue.release();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      desk.conversations.close();
    },
  };
}

function openDesk(options: TelegramOptions, token: string): Desk {
  const clock = options.clock ?? systemClock({ unref: true });
  // Update ids that grow with time: a bot that outlives a wiped state must not take new updates for confirmed ones.
  const conversations = new Conversations(join(options.stateDir, 'journal.jsonl'), Math.floor(clock.now() / 1000));
  const limits = { ...TELEGRAM_LIMITS, ...options.limits };
  const bot: User = {
    id: options.bot?.id ?? (Number.parseInt(token, 10) || 1),
    is_bot: true,
    first_name: options.bot?.firstName ?? 'Spotlearn',
    username: options.bot?.username ?? 'spotlearn_bot',
  };
  const openQueries = new Map<string, number>();
  for (const { callback_query: query } of conversations.pendingUpdates(0, Infinity)) {
    if (query) openQueries.set(query.id, query.from.id);
  }
  return {
    bot,
    conversations,
    depot: new Depot(options.stateDir, conversations),
    queue: new UpdateQueue(conversations, clock),
    limiter: new RateLimiter(limits, clock),
    limits,
    clock,
    openQueries,
  };
}

async function serve(api: BotApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => undefined);
  try {
    const url = new URL(request.url ?? '/', 'http://local');
    if (await serveBotApi(api, url, request, response)) return;
    response.setHeader('x-content-type-options', 'nosniff');
    if (!fromHere(request)) return void response.writeHead(403).end('Only pages of this server may do this\n');
    if (await serveClient(api.desk, api.logger, url, request, response)) return;
    await servePage(url.pathname, request, response);
  } catch (error) {
    api.logger.error({ err: error }, 'Request failed');
    if (!response.headersSent) response.writeHead(500);
    response.end();
  }
}

/** Refuses other web sites: by Host (a name rebound to 127.0.0.1) and by Origin (a form or fetch from elsewhere). */
function fromHere({ headers, socket }: IncomingMessage): boolean {
  const hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${socket.localPort ?? 0}`);
  if (!hosts.includes(headers.host ?? '')) return false;
  return headers.origin === undefined || headers.origin === `http://${headers.host}`;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function silent(): Logger {
  const ignore = () => undefined;
  return { debug: ignore, info: ignore, warn: ignore, error: ignore } as unknown as Logger;
}
