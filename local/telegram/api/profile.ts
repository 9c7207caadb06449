// What a bot says of itself: getMe, its commands by scope and language, names and descriptions; and getChat of a user.
import type { BotCommand } from '../protocol.ts';
import type { Conversations, Profile } from '../state/conversations.ts';
import type { Call } from './call.ts';
import { chatFor, type Method } from './content.ts';
import { BotApiError } from './error.ts';

const MAX_COMMANDS = 100;

const getMe: Method = (_call, { bot }) => ({
  ...bot,
  can_join_groups: true,
  can_read_all_group_messages: false,
  supports_inline_queries: false,
  can_connect_to_business: false,
  has_main_web_app: false,
});

const setMyCommands: Method = (call, { conversations }) => {
  const commands = call.json('commands', 'commands');
  if (!Array.isArray(commands)) throw BotApiError.badRequest("can't parse commands JSON object");
  if (commands.length > MAX_COMMANDS) throw BotApiError.badRequest('BOT_COMMANDS_TOO_MUCH');
  const checked = commands.map((command) => checkCommand(command as BotCommand));
  saveCommands(conversations, { ...conversations.profile.commands, [commandsKey(call)]: checked });
  return true;
};

function checkCommand({ command, description }: Partial<BotCommand>): BotCommand {
  const name = String(command ?? '').replace(/^\//, '');
  if (!/^[a-z0-9_]{1,32}$/.test(name)) throw BotApiError.badRequest('BOT_COMMAND_INVALID');
  const text = String(description ?? '').trim();
  if (text === '' || text.length > 256) throw BotApiError.badRequest('BOT_COMMAND_DESCRIPTION_INVALID');
  return { command: name, description: text };
}

const getMyCommands: Method = (call, { conversations }) => conversations.profile.commands[commandsKey(call)] ?? [];

const deleteMyCommands: Method = (call, { conversations }) => {
  const { [commandsKey(call)]: _, ...others } = conversations.profile.commands;
  saveCommands(conversations, others);
  return true;
};

function saveCommands(conversations: Conversations, commands: Profile['commands']): void {
  conversations.saveProfile({ ...conversations.profile, commands });
  for (const { chat } of conversations.chats()) {
    conversations.whisper(chat.id, { event: 'commands', data: { commands: commandsSeenBy(conversations, chat.id) } });
  }
}

function commandsKey(call: Call): string {
  const scope = (call.json('scope', 'bot command scope') ?? { type: 'default' }) as {
    type?: string;
    chat_id?: number | string;
  };
  return [scope.type ?? 'default', scope.chat_id ?? '', call.string('language_code') ?? ''].join(' ');
}

/** What a user's menu shows: the narrowest scope that has commands (chat, then all private chats, then default). */
export function commandsSeenBy({ profile }: Conversations, chatId: number): readonly BotCommand[] {
  const keys = [`chat ${chatId} `, 'all_private_chats  ', 'default  '];
  return (
    keys.map((key) => profile.commands[key]).find((commands) => commands !== undefined && commands.length > 0) ?? []
  );
}

function setter(parameter: string, field: 'name' | 'description' | 'shortDescription', maxLength: number): Method {
  return (call, { conversations }) => {
    const value = call.string(parameter) ?? '';
    if (value.length > maxLength) throw BotApiError.badRequest(`${parameter.toUpperCase()}_TOO_LONG`);
    conversations.saveProfile({ ...conversations.profile, [field]: value });
    return true;
  };
}

const setChatMenuButton: Method = (call, { conversations }) => {
  conversations.saveProfile({ ...conversations.profile, menuButton: call.json('menu_button', 'menu button') });
  return true;
};

const getChat: Method = (call, desk) => ({ ...chatFor(call, desk), accent_color_id: 0, max_reaction_count: 11 });

export const PROFILE: Readonly<Record<string, Method>> = {
  getMe,
  setMyCommands,
  getMyCommands,
  deleteMyCommands,
  setMyName: setter('name', 'name', 64),
  getMyName: (_call, { conversations, bot }) => ({ name: conversations.profile.name ?? bot.first_name }),
  setMyDescription: setter('description', 'description', 512),
  getMyDescription: (_call, { conversations }) => ({ description: conversations.profile.description ?? '' }),
  setMyShortDescription: setter('short_description', 'shortDescription', 120),
  getMyShortDescription: (_call, { conversations }) => ({
    short_description: conversations.profile.shortDescription ?? '',
  }),
  setChatMenuButton,
  getChatMenuButton: (_call, { conversations }) => conversations.profile.menuButton ?? { type: 'commands' },
  getChat,
};
