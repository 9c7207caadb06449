// telegraf's side of the bot: turns updates into inputs of the conversation and hands them to the chat's queue. No decisions here.
import { Composer, type Context, type Telegraf } from 'telegraf';
import type { Message, Update } from 'telegraf/types';
import type { Sender } from './chats.ts';
import type { AdminCommandName, CommandName, Foreign, UserInput } from './conversation/input.ts';
import type { TelegramSide } from './start.ts';
import type { Call } from './telegram.ts';
import { ADMIN_COMMANDS } from './wording/accounts.ts';
import { COMMANDS } from './wording/general.ts';

/** Characters behind a command; nobody needs more. */
const MOST_ARGUMENTS = 200;

/** Stores an input; see Chats.take. */
export type Take = (sender: Sender, updateId: number, input: UserInput) => Promise<void>;

export interface Hands {
  readonly take: Take;
  /** Tells a group, or who pressed a button there, that only private chats are served. */
  readonly decline: (chatId: number, queryId?: string) => void;
}

export function commands({ take, decline }: Hands): Composer<Context> {
  const composer = new Composer<Context>();
  const hand = async (context: Context, input: UserInput): Promise<void> => {
    const from = context.from;
    if (!from || from.is_bot) return;
    await take({ chatId: context.chat?.id ?? from.id, userName: from.first_name }, context.update.update_id, input);
  };
  // A group shares one chat among many accounts, so nothing is done there.
  composer.use(async (context, next) => {
    if (context.chat?.type === 'private') await next();
    else if (context.callbackQuery) decline(context.chat?.id ?? 0, context.callbackQuery.id);
    else if (context.chat && context.message && 'text' in context.message && context.message.text.startsWith('/'))
      decline(context.chat.id);
  });
  composer.on('callback_query', (context) => {
    const query = context.callbackQuery;
    const data = 'data' in query ? query.data : '';
    return hand(context, { kind: 'button', data, messageId: query.message?.message_id ?? 0, queryId: query.id });
  });
  composer.on('message', (context) => hand(context, inputOf(context.message)));
  return composer;
}

function inputOf(message: Message): UserInput {
  if ('text' in message) return textInput(message.text);
  if ('document' in message) {
    const { file_id: fileId, file_name: name, file_size: bytes } = message.document;
    return { kind: 'document', fileId, name: name ?? 'data.csv', bytes: bytes ?? 0 };
  }
  return { kind: 'foreign', what: foreignOf(message) };
}

function textInput(text: string): UserInput {
  const [, name, rest = ''] = /^\/([a-z0-9_]{1,32})(?:@\w+)?(?:\s+(.*))?$/is.exec(text) ?? [];
  const command = name?.toLowerCase();
  if (command === undefined) return { kind: 'text', text };
  if (Object.hasOwn(ADMIN_COMMANDS, command))
    return { kind: 'adminCommand', name: command as AdminCommandName, rest: rest.trim().slice(0, MOST_ARGUMENTS) };
  return Object.hasOwn(COMMANDS, command)
    ? { kind: 'command', name: command as CommandName }
    : { kind: 'unknownCommand', text: `/${command}` };
}

function foreignOf(message: Message): Foreign {
  for (const what of ['photo', 'voice', 'video', 'sticker'] as const) if (what in message) return what;
  return 'audio' in message ? 'voice' : 'other';
}

/** What start.ts needs of a telegraf: its calls, and updates through the composer. Handlers wait until an input is stored, however long. */
export function telegrafSide(bot: Telegraf): TelegramSide {
  let current: Hands | undefined;
  // Without this telegraf prints a failed handler and marks the process as failed; polling.ts decides.
  bot.catch((error) => {
    throw error;
  });
  const composer = commands({
    take: async (...input) => current?.take(...input),
    decline: (...where) => current?.decline(...where),
  });
  bot.use(composer);
  const call: Call = (method, payload, signal) =>
    // The methods and payloads are the Bot API's own; telegraf's types know each by name only.
    bot.telegram.callApi(method as 'getMe', payload as never, { signal: signal as never });
  return {
    call,
    dispatch: (update, hands) => {
      current = hands;
      return bot.handleUpdate(update as Update);
    },
  };
}
