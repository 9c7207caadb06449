// sendMessage, sendPhoto, sendDocument, sendMediaGroup, sendChatAction: what a bot puts into a chat.
import { randomInt } from 'node:crypto';
import type { Chat, Message } from '../protocol.ts';
import { format } from '../text/formatted.ts';
import type { Call } from './call.ts';
import { captioned, captionOf, chatFor, type Desk, mediaFor, type Method, nowSeconds, textOf } from './content.ts';
import { BotApiError } from './error.ts';
import { markupOf } from './markup.ts';

const MAX_ALBUM = 10;

type Content = Omit<Message, 'message_id' | 'from' | 'chat' | 'date'>;

const sendMessage: Method = (call, desk) => {
  const chat = chatFor(call, desk);
  return send(call, desk, chat, textOf(call));
};

const sendPhoto: Method = async (call, desk) => {
  const chat = chatFor(call, desk);
  const caption = captionOf(call);
  return send(call, desk, chat, { ...(await mediaFor('photo', call.string('photo'), call, desk)), ...caption });
};

const sendDocument: Method = async (call, desk) => {
  const chat = chatFor(call, desk);
  const caption = captionOf(call);
  return send(call, desk, chat, { ...(await mediaFor('document', call.string('document'), call, desk)), ...caption });
};

function send(call: Call, desk: Desk, chat: Chat, content: Content): Message {
  const markup = markupOf(call);
  const reply = replyTo(call, desk, chat);
  desk.limiter.spend(chat.id);
  return desk.conversations.post(
    chat,
    {
      from: desk.bot,
      date: nowSeconds(desk),
      ...reply,
      ...content,
      ...(markup.inline === undefined ? {} : { reply_markup: markup.inline }),
    },
    { keyboard: markup.reply },
  );
}

function replyTo(call: Call, desk: Desk, chat: Chat): Pick<Message, 'reply_to_message'> {
  const parameters = call.json('reply_parameters', 'reply parameters') as Record<string, unknown> | undefined;
  const id = Number(parameters?.message_id ?? call.integer('reply_to_message_id') ?? 0);
  if (id === 0) return {};
  const message = desk.conversations.message(chat.id, id);
  if (message !== undefined) {
    const { reply_to_message: _, ...quoted } = message;
    return { reply_to_message: quoted };
  }
  if (parameters?.allow_sending_without_reply === true || call.flag('allow_sending_without_reply')) return {};
  throw BotApiError.badRequest('message to be replied not found');
}

interface AlbumItem {
  readonly type: 'photo' | 'document';
  readonly media: string;
  readonly caption?: string;
  readonly parse_mode?: string;
}

const sendMediaGroup: Method = async (call, desk) => {
  const chat = chatFor(call, desk);
  const items = albumOf(call);
  const reply = replyTo(call, desk, chat);
  const contents: Content[] = [];
  for (const item of items) {
    const caption = captioned(format(item.caption ?? '', item.parse_mode ?? call.string('parse_mode')));
    contents.push({ ...(await mediaFor(item.type, item.media, call, desk)), ...caption });
  }
  desk.limiter.spend(chat.id, contents.length);
  const about = { from: desk.bot, date: nowSeconds(desk), media_group_id: String(randomInt(1e12, 1e14)), ...reply };
  return contents.map((content) => desk.conversations.post(chat, { ...about, ...content }));
};

function albumOf(call: Call): AlbumItem[] {
  const value = call.json('media', 'media');
  if (!Array.isArray(value)) throw BotApiError.badRequest("can't parse media JSON object");
  const items = value as AlbumItem[];
  if (items.length === 0) throw BotApiError.badRequest('there are no messages to send');
  if (items.length > MAX_ALBUM) throw BotApiError.badRequest('too many messages to send as an album');
  for (const item of items) {
    if (item.type !== 'photo' && item.type !== 'document') {
      throw BotApiError.badRequest(`media of type ${String(item.type)} is not offered by this local server`);
    }
    if (item.type !== items[0]?.type) throw BotApiError.badRequest("document can't be mixed with other media types");
    if (typeof item.media !== 'string') throw BotApiError.badRequest('media not found');
  }
  return items;
}

const ACTIONS = new Set([
  ...['typing', 'upload_photo', 'record_video', 'upload_video', 'record_voice', 'upload_voice', 'upload_document'],
  ...['choose_sticker', 'find_location', 'record_video_note', 'upload_video_note'],
]);

const sendChatAction: Method = (call, desk) => {
  const chat = chatFor(call, desk);
  const action = call.string('action') ?? '';
  if (!ACTIONS.has(action)) throw BotApiError.badRequest('wrong parameter action in request');
  desk.conversations.whisper(chat.id, { event: 'typing', data: { action } });
  return true;
};

export const SENDING: Readonly<Record<string, Method>> = {
  sendMessage,
  sendPhoto,
  sendDocument,
  sendMediaGroup,
  sendChatAction,
};
