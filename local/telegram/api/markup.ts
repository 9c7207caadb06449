// reply_markup: an inline keyboard that belongs to the message, or a keyboard (or its removal, or a forced reply) for the user.
import type { InlineButton, InlineKeyboard, ReplyKeyboard } from '../protocol.ts';
import type { Call } from './call.ts';
import { BotApiError } from './error.ts';

const MAX_CALLBACK_DATA_BYTES = 64;
const MAX_INLINE_BUTTONS = 100;

export interface Markup {
  readonly inline?: InlineKeyboard;
  readonly reply?: ReplyKeyboard;
}

/** Throws Telegram's errors for a button without text or action, or with more than 64 bytes of data. */
export function markupOf(call: Call): Markup {
  const value = call.json('reply_markup', 'reply keyboard markup');
  if (value === undefined) return {};
  if (!isObject(value)) throw BotApiError.badRequest('object expected as reply markup');
  if (value.keyboard !== undefined) return { reply: { ...value, keyboard: replyRows(value.keyboard) } };
  if (value.inline_keyboard !== undefined) return inlineOf(value.inline_keyboard);
  if (value.remove_keyboard === true) return { reply: { remove_keyboard: true } };
  if (value.force_reply === true) {
    const placeholder = value.input_field_placeholder;
    return {
      reply:
        typeof placeholder === 'string'
          ? { force_reply: true, input_field_placeholder: placeholder }
          : { force_reply: true },
    };
  }
  return {};
}

function inlineOf(value: unknown): Markup {
  const rows = rowsOf(value, 'Field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays');
  const keyboard = rows.map((row) => row.map(inlineButton)).filter((row) => row.length > 0);
  if (keyboard.flat().length > MAX_INLINE_BUTTONS) throw BotApiError.badRequest('reply markup is too long');
  return keyboard.length === 0 ? {} : { inline: { inline_keyboard: keyboard } };
}

function inlineButton(value: unknown): InlineButton {
  if (!isObject(value)) throw cannotParseButton('InlineKeyboardButton must be an Object');
  const { text, url, callback_data: data } = value;
  if (typeof text !== 'string') throw cannotParseButton('Can\'t find field "text"');
  if (text === '') throw BotApiError.badRequest('BUTTON_TEXT_INVALID');
  if (typeof url === 'string' && url !== '') return { text, url: buttonUrl(url) };
  if (typeof data !== 'string' || data === '')
    throw cannotParseButton('Text buttons are unallowed in the inline keyboard');
  if (Buffer.byteLength(data) > MAX_CALLBACK_DATA_BYTES) throw BotApiError.badRequest('BUTTON_DATA_INVALID');
  return { text, callback_data: data };
}

function buttonUrl(url: string): string {
  const parsed = URL.parse(/^[a-z][a-z0-9+.-]*:/i.test(url) ? url : `http://${url}`);
  if (parsed === null || !['http:', 'https:', 'tg:'].includes(parsed.protocol)) {
    throw BotApiError.badRequest(`inline keyboard button URL '${url}' is invalid: Unsupported URL protocol`);
  }
  return parsed.href;
}

function replyRows(value: unknown): { text: string }[][] {
  return rowsOf(value, 'Field "keyboard" must be an Array of Arrays').map((row) =>
    row.map((button) => {
      const text = isObject(button) ? button.text : button;
      if (typeof text !== 'string' || text === '') {
        throw BotApiError.badRequest("can't parse keyboard button: KeyboardButton must be a String or an Object");
      }
      return { text };
    }),
  );
}

function rowsOf(value: unknown, otherwise: string): unknown[][] {
  if (!Array.isArray(value) || !value.every((row) => Array.isArray(row)))
    throw BotApiError.badRequest(otherwise.replace(/^F/, 'f'));
  return value as unknown[][];
}

function cannotParseButton(reason: string): BotApiError {
  return BotApiError.badRequest(`can't parse inline keyboard button: ${reason}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
