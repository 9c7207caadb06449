// Whom the Bot API contract is checked against: the local server always; Telegram itself when SPOTLEARN_CONTRACT_TELEGRAM_TOKEN
// and SPOTLEARN_CONTRACT_TELEGRAM_CHAT name a test bot and a private chat that has written to it (it gets a few messages).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTelegram } from '../../../local/telegram/server.ts';
import { TelegramUser } from '../../../local/telegram/user.ts';

export interface Server {
  readonly apiRoot: string;
  readonly token: string;
  readonly chat: number;
  stop(): Promise<void>;
}

/** Each name says whom the answers come from; `start` resolves once the bot may write to the chat. */
export function servers(): { name: string; start: () => Promise<Server> }[] {
  const { SPOTLEARN_CONTRACT_TELEGRAM_TOKEN: token, SPOTLEARN_CONTRACT_TELEGRAM_CHAT: chat } = process.env;
  const real = { apiRoot: 'https://api.telegram.org', token: token ?? '', chat: Number(chat), stop: async () => {} };
  const local = { name: 'the local server', start: startLocal };
  return token && chat ? [local, { name: 'Telegram', start: async () => real }] : [local];
}

async function startLocal(): Promise<Server> {
  const stateDir = mkdtempSync(join(tmpdir(), 'telegram-contract-'));
  // Rates are off: the contract is about answers, and the suite is faster than a person.
  const limits = { perChatPerSecond: Infinity, overallPerSecond: Infinity };
  const telegram = await startTelegram({ stateDir, limits });
  const user = await TelegramUser.connect({ url: telegram.url, userId: 1001, name: 'Ada' });
  await user.send('/start');
  return {
    apiRoot: telegram.apiRoot,
    token: telegram.token,
    chat: 1001,
    async stop() {
      user.close();
      await telegram.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
