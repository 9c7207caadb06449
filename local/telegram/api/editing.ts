// editMessageText, -Caption, -Media, -ReplyMarkup and deleteMessage: what a bot changes in its own messages.
// Every edit counts against the chat's rate, also one that changes nothing.
import type { Message } from '../protocol.ts';
import { format } from '../text/formatted.ts';
import type { Call } from './call.ts';
import { captioned, captionOf, chatFor, type Desk, mediaFor, type Method, nowSeconds, textOf } from './content.ts';
import { BotApiError } from './error.ts';
import { markupOf } from './markup.ts';

/** Bots may delete messages for two days. */
const DELETABLE_SECONDS = 48 * 3600;
const MAX_DELETIONS = 100;

const editMessageText: Method = (call, desk) => {
  const message = editable(call, desk);
  const text = textOf(call);
  if (message.text === undefined) throw BotApiError.badRequest('there is no text in the message to edit');
  const { text: _text, entities: _entities, ...rest } = message;
  return edit(call, desk, message, { ...rest, ...text });
};

const editMessageCaption: Method = (call, desk) => {
  const message = editable(call, desk);
  const caption = captionOf(call);
  if (message.text !== undefined) throw BotApiError.badRequest('there is no caption in the message to edit');
  const { caption: _caption, caption_entities: _entities, ...rest } = message;
  return edit(call, desk, message, { ...rest, ...caption });
};

const editMessageMedia: Method = async (call, desk) => {
  const message = editable(call, desk);
  const media = call.json('media', 'input media') as Record<string, unknown> | undefined;
  if (media?.type !== 'photo' && media?.type !== 'document') {
    throw BotApiError.badRequest(`media of type ${String(media?.type)} is not offered by this local server`);
  }
  const value = (name: string) => (typeof media[name] === 'string' ? media[name] : undefined);
  const caption = captioned(format(value('caption') ?? '', value('parse_mode')));
  const content = await mediaFor(media.type, value('media'), call, desk);
  const { message_id, from, chat, date, reply_to_message } = message;
  const kept = { message_id, from, chat, date, ...(reply_to_message === undefined ? {} : { reply_to_message }) };
  return edit(call, desk, message, { ...kept, ...content, ...caption });
};

const editMessageReplyMarkup: Method = (call, desk) => {
  const message = editable(call, desk);
  return edit(call, desk, message, message);
};

/** An edit without reply_markup takes the keyboard away, as in Telegram. */
function edit(call: Call, desk: Desk, before: Message, content: Message): Message {
  const { reply_markup: _markup, edit_date: _edited, ...rest } = content;
  const { inline } = markupOf(call);
  const after: Message = inline === undefined ? rest : { ...rest, reply_markup: inline };
  desk.limiter.spend(before.chat.id);
  if (sameContent(before, after)) {
    throw BotApiError.badRequest(
      'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    );
  }
  const edited = { ...after, edit_date: nowSeconds(desk) };
  desk.conversations.replace(edited);
  return edited;
}

function sameContent(left: Message, right: Message): boolean {
  const content = (message: Message) =>
    JSON.stringify([
      ...[message.text, message.entities, message.caption, message.caption_entities],
      ...[message.document?.file_unique_id, message.photo?.[0]?.file_unique_id, message.reply_markup],
    ]);
  return content(left) === content(right);
}

function editable(call: Call, desk: Desk): Message {
  const chat = chatFor(call, desk);
  const message = desk.conversations.message(chat.id, call.integer('message_id') ?? 0);
  if (message === undefined) throw BotApiError.badRequest('message to edit not found');
  if (!message.from.is_bot) throw BotApiError.badRequest("message can't be edited");
  return message;
}

const deleteMessage: Method = (call, desk) => {
  const chat = chatFor(call, desk);
  const message = desk.conversations.message(chat.id, call.integer('message_id') ?? 0);
  if (message === undefined) throw BotApiError.badRequest('message to delete not found');
  if (nowSeconds(desk) - message.date > DELETABLE_SECONDS) {
    throw BotApiError.badRequest("message can't be deleted for everyone");
  }
  desk.conversations.remove(chat.id, message.message_id);
  return true;
};

const deleteMessages: Method = (call, desk) => {
  const chat = chatFor(call, desk);
  const ids = call.json('message_ids', 'message identifiers');
  if (!Array.isArray(ids)) throw BotApiError.badRequest('message identifiers are not specified');
  if (ids.length > MAX_DELETIONS) throw BotApiError.badRequest('too many message identifiers specified');
  for (const id of ids)
    if (desk.conversations.message(chat.id, Number(id))) desk.conversations.remove(chat.id, Number(id));
  return true;
};

export const EDITING: Readonly<Record<string, Method>> = {
  editMessageText,
  editMessageCaption,
  editMessageMedia,
  editMessageReplyMarkup,
  deleteMessage,
  deleteMessages,
};
