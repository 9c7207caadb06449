// What sending and editing share: finding the chat, reading text or caption, turning an upload or a file id into media.
import type { Chat, Entity, Message, StoredFile, User } from '../protocol.ts';
import { documentOf, photoOf } from '../protocol.ts';
import type { Conversations } from '../state/conversations.ts';
import type { Depot } from '../state/depot.ts';
import { format, type Formatted, MAX_CAPTION_LENGTH, MAX_TEXT_LENGTH } from '../text/formatted.ts';
import type { Clock } from '../../../cloud/clock.ts';
import type { Call, Upload } from './call.ts';
import { BotApiError } from './error.ts';
import type { Limits, RateLimiter } from './limits.ts';
import type { UpdateQueue } from './polling.ts';

/** All that a method may use. */
export interface Desk {
  readonly bot: User;
  readonly conversations: Conversations;
  readonly depot: Depot;
  readonly queue: UpdateQueue;
  readonly limiter: RateLimiter;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Chat of each callback query that waits for its answer, by query id. */
  readonly openQueries: Map<string, number>;
}

export type Method = (call: Call, desk: Desk, hungUp: AbortSignal) => unknown;

export type Media = Pick<Message, 'document' | 'photo'>;

/** Photos may have at most this sum of width and height, and one side at most 20 times the other. */
const MAX_PHOTO_SIDES = 10_000;
const MAX_PHOTO_RATIO = 20;

export function nowSeconds(desk: Desk): number {
  return Math.floor(desk.clock.now() / 1000);
}

/** The chat a bot may write to; 400 when it doesn't know it, 403 when its user has blocked it. */
export function chatFor(call: Call, desk: Desk): Chat {
  if (!call.has('chat_id')) throw BotApiError.badRequest('chat_id is empty');
  const state = desk.conversations.chat(call.integer('chat_id') ?? 0);
  if (state === undefined || !state.started) throw BotApiError.badRequest('chat not found');
  if (state.blocked) throw new BotApiError(403, 'Forbidden: bot was blocked by the user');
  return state.chat;
}

export function textOf(call: Call): Pick<Message, 'text' | 'entities'> {
  const { text, entities } = formatted(call.string('text') ?? '', call, 'entities');
  if (text === '') throw BotApiError.badRequest('message text is empty');
  if (text.length > MAX_TEXT_LENGTH) throw BotApiError.badRequest('message is too long');
  return entities.length === 0 ? { text } : { text, entities };
}

export function captionOf(call: Call): Pick<Message, 'caption' | 'caption_entities'> {
  return captioned(formatted(call.string('caption') ?? '', call, 'caption_entities'));
}

export function captioned({ text, entities }: Formatted): Pick<Message, 'caption' | 'caption_entities'> {
  if (text === '') return {};
  if (text.length > MAX_CAPTION_LENGTH) throw BotApiError.badRequest('message caption is too long');
  return entities.length === 0 ? { caption: text } : { caption: text, caption_entities: entities };
}

function formatted(source: string, call: Call, entitiesName: string): Formatted {
  const entities = call.json(entitiesName, 'entities');
  return format(source, call.string('parse_mode'), Array.isArray(entities) ? (entities as Entity[]) : undefined);
}

/** The media a parameter or an InputMedia names: a file sent with the call, `attach://…`, or a file id. */
export async function mediaFor(
  kind: StoredFile['kind'],
  value: string | undefined,
  call: Call,
  desk: Desk,
): Promise<Media> {
  const attached = value?.startsWith('attach://') === true ? value.slice('attach://'.length) : undefined;
  const upload = call.upload(attached ?? kind);
  if (upload !== undefined) return asMedia(await keepUpload(kind, upload, desk));
  if (value === undefined || value === '') throw BotApiError.badRequest(`there is no ${kind} in the request`);
  if (attached !== undefined) throw BotApiError.badRequest('file must be non-empty');
  if (/^https?:/.test(value)) throw BotApiError.badRequest('failed to get HTTP URL content');
  const known = desk.conversations.file(value);
  if (known === undefined) throw BotApiError.badRequest('wrong file identifier/HTTP URL specified');
  if (known.kind !== kind)
    throw BotApiError.badRequest(`can't use file of type ${title(known.kind)} as ${title(kind)}`);
  return asMedia(known);
}

function asMedia(file: StoredFile): Media {
  return file.kind === 'photo' ? { photo: photoOf(file) } : { document: documentOf(file) };
}

async function keepUpload(kind: StoredFile['kind'], upload: Upload, desk: Desk): Promise<StoredFile> {
  if (upload.bytes === 0) throw BotApiError.badRequest('file must be non-empty');
  if (kind === 'document') return desk.depot.keep(upload, { kind, name: upload.name, mime: upload.mime });
  return keepPhoto(upload, upload.name, desk);
}

/** Checks that it is an image within Telegram's bounds, for bots and users alike. */
export async function keepPhoto(
  received: { path: string; bytes: number },
  name: string,
  desk: Pick<Desk, 'depot' | 'limits'>,
): Promise<StoredFile> {
  const { photoBytes } = desk.limits;
  if (received.bytes > photoBytes) {
    throw BotApiError.badRequest(
      `file of size ${received.bytes} bytes is too big for a photo; the maximum size is ${photoBytes} bytes`,
    );
  }
  const image = await desk.depot.measure(received);
  if (image === undefined) throw BotApiError.badRequest('IMAGE_PROCESS_FAILED');
  const { width, height, mime } = image;
  const ratio = Math.max(width, height) / Math.max(1, Math.min(width, height));
  if (width < 1 || height < 1 || width + height > MAX_PHOTO_SIDES || ratio > MAX_PHOTO_RATIO) {
    throw BotApiError.badRequest('PHOTO_INVALID_DIMENSIONS');
  }
  return desk.depot.keep(received, { kind: 'photo', name, mime, width, height });
}

function title(kind: string): string {
  return kind.replace(/^./, (first) => first.toUpperCase());
}
