// The user's side over HTTP, what the page and local/telegram/user.ts speak: /client/<user id>/…
// Anyone on this machine may be any user, as with a phone that lies open; other web sites may not (Host and Origin).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { readBody } from '../api/call.ts';
import type { Desk } from '../api/content.ts';
import { BotApiError } from '../api/error.ts';
import { commandsSeenBy } from '../api/profile.ts';
import type { Chat } from '../protocol.ts';
import { TooLarge } from '../state/depot.ts';
import { ClientError, editText, introduce, press, sendFile, sendText, setBlocked } from './actions.ts';
import { streamEvents } from './stream.ts';

const MAX_USER_ID = 2 ** 40;
const DEFAULT_MESSAGES = 200;
/** Shown inside the page; everything else is only ever downloaded. */
const INLINE_TYPES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/** No space, over quota, over the file size limit. */
const DISK_FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

interface Visit {
  readonly desk: Desk;
  readonly chat: Chat;
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path's last part, of routes that have one. */
  readonly item: string;
}

type Route = (visit: Visit) => unknown;

/** What a route returns is answered as JSON; undefined: the route has answered itself. */
const ROUTES: Readonly<Record<string, Route>> = {
  'GET ': ({ desk, chat }) => greeting(desk, chat),
  'PUT ': async ({ desk, chat, request }) =>
    greeting(desk, introduce(desk, chat.id, (await body(request)).string('name'))),
  'GET chats': ({ desk, chat }) => [{ bot: desk.bot, last_message: desk.conversations.messages(chat.id, 1)[0] }],
  'GET messages': ({ desk, chat, url }) => ({
    sequence: desk.conversations.sequence,
    messages: desk.conversations.messages(chat.id, Number(url.searchParams.get('limit') ?? DEFAULT_MESSAGES)),
  }),
  'POST messages': async ({ desk, chat, request }) => {
    const sent = await body(request);
    return sendText(desk, chat, sent.string('text') ?? '', sent.number('reply_to'));
  },
  'POST edits': async ({ desk, chat, request }) => {
    const sent = await body(request);
    return editText(desk, chat, sent.number('message_id') ?? 0, sent.string('text') ?? '');
  },
  'POST presses': async ({ desk, chat, request }) => {
    const sent = await body(request);
    const button = { label: sent.string('label'), data: sent.string('data') };
    return { query_id: press(desk, chat, sent.number('message_id') ?? 0, button) };
  },
  'PUT blocked': async ({ desk, chat, request }) => {
    setBlocked(desk, chat, (await body(request)).flag('blocked'));
    return greeting(desk, chat);
  },
  'POST files': receiveFile,
  'GET files': giveFile,
  'GET events': ({ desk, chat, url, request, response }) =>
    streamEvents(desk.conversations, desk.clock, chat.id, url.searchParams.get('after'), request, response),
};

/** Answers requests under /client/; true when the path was one of these. */
export async function serveClient(
  desk: Desk,
  logger: Logger,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const match = /^\/client\/(\d{1,13})(?:\/([a-z]+)(?:\/([\w-]+))?)?$/.exec(url.pathname);
  if (!url.pathname.startsWith('/client/')) return false;
  try {
    const userId = Number(match?.[1] ?? 0);
    const route = ROUTES[`${request.method ?? ''} ${match?.[2] ?? ''}`];
    if (route === undefined || userId < 1 || userId > MAX_USER_ID) throw new ClientError(404, 'There is nothing here');
    const visit = { desk, chat: introduce(desk, userId), url, request, response, item: match?.[3] ?? '' };
    const result = await route(visit);
    if (result !== undefined) reply(response, 200, result);
  } catch (error) {
    refuse(logger, error, request, response);
  }
  return true;
}

function greeting(desk: Desk, chat: Chat): object {
  const { profile } = desk.conversations;
  return {
    user: chat,
    bot: { ...desk.bot, first_name: profile.name || desk.bot.first_name },
    description: profile.description ?? '',
    commands: commandsSeenBy(desk.conversations, chat.id),
    blocked: desk.conversations.chat(chat.id)?.blocked ?? false,
  };
}

async function receiveFile({ desk, chat, url, request }: Visit): Promise<unknown> {
  const announced = request.headers['content-length'];
  return sendFile(desk, chat, request, {
    name: url.searchParams.get('name') ?? '',
    mime: request.headers['content-type'] ?? 'application/octet-stream',
    caption: url.searchParams.get('caption') ?? '',
    as: url.searchParams.get('as') === 'photo' ? 'photo' : 'document',
    bytes: announced === undefined ? undefined : Number(announced),
  });
}

async function giveFile({ desk, chat, url, response, item }: Visit): Promise<void> {
  const file = desk.conversations.file(item);
  if (file === undefined || !desk.conversations.sentIn(chat.id, item))
    throw new ClientError(404, 'There is no such file');
  const inline = url.searchParams.has('inline') && INLINE_TYPES.has(file.mime);
  response.writeHead(200, {
    'content-type': inline ? file.mime : 'application/octet-stream',
    'content-length': file.bytes,
    'content-disposition': `${inline ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeURIComponent(file.name)}`,
    'cache-control': 'private, max-age=31536000, immutable',
  });
  // A reader that hangs up half way is its own affair.
  await pipeline(desk.depot.read(file), response).catch(() => undefined);
}

async function body(request: IncomingMessage) {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readBody(request));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof parsed !== 'object' || parsed === null) throw new ClientError(400, 'The request is not a JSON object');
  const values = parsed as Record<string, unknown>;
  const of = <Value>(name: string, type: string) =>
    typeof values[name] === type ? (values[name] as Value) : undefined;
  return {
    string: (name: string) => of<string>(name, 'string'),
    number: (name: string) => of<number>(name, 'number'),
    flag: (name: string) => of<boolean>(name, 'boolean') ?? false,
  };
}

function refuse(logger: Logger, error: unknown, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  const status = statusOf(error);
  const message = status === 500 ? 'The local Telegram failed; its log says why' : (error as Error).message;
  if (status === 500) logger.error({ err: error }, 'Client request failed');
  // The rest of an upload nobody wants is read and dropped, so that the sender gets to see the answer.
  request.resume();
  reply(response, status, { error: status === 507 ? 'The disk is full' : message });
}

function statusOf(error: unknown): number {
  if (error instanceof ClientError) return error.status;
  if (error instanceof BotApiError) return error.code;
  if (error instanceof TooLarge) return 413;
  return DISK_FULL.has((error as NodeJS.ErrnoException).code ?? '') ? 507 : 500;
}

function reply(response: ServerResponse, status: number, content: unknown): void {
  const text = JSON.stringify(content);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  };
  response.writeHead(status, headers);
  response.end(text);
}
