// What the user at the other end does: write, send a file, press a button, edit, block. Each becomes a message in the
// chat and an update for the bot, written down together.
import { randomInt } from 'node:crypto';
import type { Readable } from 'node:stream';
import { captioned, type Desk, keepPhoto, nowSeconds } from '../api/content.ts';
import { type CallbackQuery, type Chat, documentOf, type Message, photoOf, type User } from '../protocol.ts';
import { cleanName } from '../state/depot.ts';
import { format, MAX_TEXT_LENGTH } from '../text/formatted.ts';

/** Unanswered callback queries older than the newest so many are forgotten. */
const MAX_OPEN_QUERIES = 1_000;
const MAX_NAME_LENGTH = 64;

/** What a client did that can't be; the message is for its user. */
export class ClientError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ClientError';
    this.status = status;
  }
}

/** Makes a user known under this name, or finds them; the bot sees them with their first message. */
export function introduce(desk: Desk, userId: number, name?: string): Chat {
  const known = desk.conversations.chat(userId);
  const firstName = name?.trim().slice(0, MAX_NAME_LENGTH) || known?.chat.first_name || `User ${userId}`;
  if (known !== undefined && known.chat.first_name === firstName) return known.chat;
  const chat: Chat = { id: userId, first_name: firstName, type: 'private' };
  desk.conversations.saveChat({ chat, started: known?.started ?? false, blocked: known?.blocked ?? false });
  return chat;
}

export function sendText(desk: Desk, chat: Chat, text: string, replyTo?: number): Message {
  const formatted = format(text);
  if (formatted.text === '') throw new ClientError(400, 'An empty message is not sent');
  if (formatted.text.length > MAX_TEXT_LENGTH) {
    throw new ClientError(400, `A message has at most ${MAX_TEXT_LENGTH} characters`);
  }
  const { entities } = formatted;
  const content = { text: formatted.text, ...(entities.length === 0 ? {} : { entities }) };
  return say(desk, chat, { ...content, ...quoted(desk, chat, replyTo) });
}

function quoted(desk: Desk, chat: Chat, replyTo?: number): Pick<Message, 'reply_to_message'> {
  const message = replyTo === undefined ? undefined : desk.conversations.message(chat.id, replyTo);
  if (message === undefined) return {};
  const { reply_to_message: _, ...rest } = message;
  return { reply_to_message: rest };
}

export interface Sending {
  readonly name: string;
  readonly mime: string;
  readonly caption: string;
  readonly as: 'document' | 'photo';
  /** As announced; undefined when unknown. */
  readonly bytes?: number;
}

/** Streams a file in; on any error nothing of it is left and no message is sent. */
export async function sendFile(desk: Desk, chat: Chat, source: Readable, sending: Sending): Promise<Message> {
  checkNotBlocked(desk, chat);
  const limit = desk.limits.userUploadBytes;
  if ((sending.bytes ?? 0) > limit) throw new ClientError(413, `A file has at most ${limit} bytes`);
  const caption = captioned(format(sending.caption));
  const received = await desk.depot.receive(source, limit);
  try {
    if (received.bytes === 0) throw new ClientError(400, 'The file is empty: Telegram sends no empty files');
    const name = cleanName(sending.name);
    if (sending.as === 'photo') {
      const photo = await keepPhoto(received, name, desk);
      return say(desk, chat, { photo: photoOf(photo), ...caption });
    }
    const document = await desk.depot.keep(received, { kind: 'document', name, mime: sending.mime });
    return say(desk, chat, { document: documentOf(document), ...caption });
  } finally {
    await desk.depot.discard(received);
  }
}

function say(desk: Desk, chat: Chat, content: Omit<Message, 'message_id' | 'from' | 'chat' | 'date'>): Message {
  checkNotBlocked(desk, chat);
  if (desk.conversations.chat(chat.id)?.started !== true) {
    desk.conversations.saveChat({ chat, started: true, blocked: false });
  }
  const about = { from: userOf(chat), date: nowSeconds(desk) };
  const message = desk.conversations.post(chat, { ...about, ...content }, { update: (message) => ({ message }) });
  desk.queue.wake();
  return message;
}

/** Changes one's own text; the bot gets `edited_message`. */
export function editText(desk: Desk, chat: Chat, messageId: number, text: string): Message {
  const message = desk.conversations.message(chat.id, messageId);
  if (message?.text === undefined || message.from.is_bot)
    throw new ClientError(404, 'That message is not yours to edit');
  const formatted = format(text);
  if (formatted.text === '') throw new ClientError(400, 'An empty message is not sent');
  const { entities: _, ...rest } = message;
  const { entities } = formatted;
  const edit = { text: formatted.text, edit_date: nowSeconds(desk), ...(entities.length === 0 ? {} : { entities }) };
  const edited: Message = { ...rest, ...edit };
  desk.conversations.replace(edited, { edited_message: edited });
  desk.queue.wake();
  return edited;
}

/**
 * Presses the button with this label, or sends this very data, as a tampered client may. The answer comes as an event.
 * Returns the id of the callback query.
 */
export function press(desk: Desk, chat: Chat, messageId: number, button: { label?: string; data?: string }): string {
  checkNotBlocked(desk, chat);
  const message = desk.conversations.message(chat.id, messageId);
  if (message === undefined) throw new ClientError(404, 'There is no such message');
  const data = button.data ?? dataOf(message, button.label ?? '');
  const query: CallbackQuery = {
    id: String(randomInt(1e13, 1e14)) + String(randomInt(1e4, 1e5)),
    from: userOf(chat),
    message,
    chat_instance: String(chat.id),
    data,
  };
  desk.openQueries.set(query.id, chat.id);
  for (const oldest of desk.openQueries.keys()) {
    if (desk.openQueries.size <= MAX_OPEN_QUERIES) break;
    desk.openQueries.delete(oldest);
  }
  desk.queue.add({ callback_query: query });
  return query.id;
}

function dataOf(message: Message, label: string): string {
  const buttons = message.reply_markup?.inline_keyboard.flat() ?? [];
  const found = buttons.find((button) => button.text === label);
  if (found === undefined) {
    const labels = buttons.map((button) => `“${button.text}”`).join(', ') || 'none';
    throw new ClientError(404, `The message has no button “${label}”; it has ${labels}`);
  }
  if (found.callback_data === undefined) throw new ClientError(400, `The button “${label}” opens a link`);
  return found.callback_data;
}

/** Blocks or unblocks the bot; it gets `my_chat_member`. */
export function setBlocked(desk: Desk, chat: Chat, blocked: boolean): void {
  const state = desk.conversations.chat(chat.id);
  if (state === undefined || state.blocked === blocked) return;
  desk.conversations.saveChat({ ...state, blocked });
  const member = (kicked: boolean) =>
    kicked
      ? { status: 'kicked' as const, user: desk.bot, until_date: 0 }
      : { status: 'member' as const, user: desk.bot };
  desk.queue.add({
    my_chat_member: {
      chat,
      from: userOf(chat),
      date: nowSeconds(desk),
      old_chat_member: member(!blocked),
      new_chat_member: member(blocked),
    },
  });
}

function checkNotBlocked(desk: Desk, chat: Chat): void {
  if (desk.conversations.chat(chat.id)?.blocked === true) throw new ClientError(403, 'You have blocked this bot');
}

function userOf(chat: Chat): User {
  return { id: chat.id, is_bot: false, first_name: chat.first_name };
}
