// What the Telegram tests share: a server on a temporary state folder, a telegraf bot on it, users, and their end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Telegraf, TelegramError } from 'telegraf';
import type { Limits } from '../../../local/telegram/api/limits.ts';
import { startTelegram, type Telegram, type TelegramOptions } from '../../../local/telegram/server.ts';
import { TelegramUser } from '../../../local/telegram/user.ts';

export const WAIT_MS = 5_000;
export const NO_RATE: Partial<Limits> = { perChatPerSecond: Infinity, overallPerSecond: Infinity };

/** 3 × 2 pixels. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==',
  'base64',
);

export interface Answer {
  readonly status: number;
  readonly ok: boolean;
  readonly result: unknown;
  readonly error_code: number;
  readonly description: string;
  readonly parameters?: { readonly retry_after: number };
}

export class Setting {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'telegram-'));
  telegram!: Telegram;
  readonly #ends: (() => unknown)[] = [];

  async start(options: Partial<TelegramOptions> = {}): Promise<Telegram> {
    this.telegram = await startTelegram({ stateDir: this.stateDir, limits: NO_RATE, ...options });
    return this.telegram;
  }

  async restart(options: Partial<TelegramOptions> = {}): Promise<Telegram> {
    const port = Number(new URL(this.telegram.url).port);
    await this.telegram.close();
    return this.start({ port, ...options });
  }

  /** A telegraf that does not poll. */
  bot(token = this.telegram.token): Telegraf {
    return new Telegraf(token, { telegram: { apiRoot: this.telegram.apiRoot } });
  }

  /** Starts polling; resolves once the first poll is on its way. */
  async launch(bot: Telegraf): Promise<void> {
    await new Promise<void>((started, failed) => {
      const running = bot.launch(started);
      running.catch(failed);
    });
    this.onEnd(() => bot.stop());
  }

  async user(userId = 1001, name = 'Ada'): Promise<TelegramUser> {
    const user = await TelegramUser.connect({ url: this.telegram.url, userId, name });
    this.onEnd(() => user.close());
    return user;
  }

  /** A bare call, to see status and body as they are. */
  async call(method: string, parameters: object = {}, token = this.telegram.token): Promise<Answer> {
    const response = await fetch(`${this.telegram.apiRoot}/bot${token}/${method}`, {
      method: 'POST',
      // A kept connection would not survive a restart of the server.
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(parameters),
    });
    return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) };
  }

  onEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    await this.telegram?.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

/** The error a call is refused with; fails when it isn't. */
export async function refusal(call: Promise<unknown>): Promise<TelegramError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof TelegramError) return error;
    throw error;
  }
  throw new Error('The call was not refused');
}
