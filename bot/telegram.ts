// The border to Telegram: "Telegram said no" and "no answer came" as two classes, and the download of a file. Everything is sent
// through the outbox; telegraf itself stays in main.ts and commands.ts and is handed in as `Call`.
import { Readable } from 'node:stream';

/** One method of the Bot API. */
export type Call = (method: string, payload: Record<string, unknown>, signal?: AbortSignal) => Promise<unknown>;

/** Telegram answered, and the answer was no. */
export class TelegramRefused extends Error {
  readonly code: number;
  readonly retryAfterSeconds: number | undefined;
  constructor(code: number, description: string, retryAfterSeconds?: number) {
    super(description);
    this.name = 'TelegramRefused';
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No answer came: whether the call took effect is unknown. */
export class TelegramUnreachable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TelegramUnreachable';
  }
}

interface Refusal {
  response?: { error_code?: number; description?: string; parameters?: { retry_after?: number } };
}

/** What a call threw, in our classes; texts never hold the token. */
export function translate(thrown: unknown): TelegramRefused | TelegramUnreachable {
  if (thrown instanceof TelegramRefused || thrown instanceof TelegramUnreachable) return thrown;
  const response = (thrown as Refusal | undefined)?.response;
  const code = response?.error_code;
  if (code !== undefined && code < 500)
    return new TelegramRefused(code, response?.description ?? `error ${code}`, response?.parameters?.retry_after);
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  return new TelegramUnreachable(withoutToken(said));
}

const withoutToken = (text: string): string => text.replace(/bot\d+:[\w-]+/g, 'bot<token>');

export async function calling<T>(call: () => Promise<unknown>): Promise<T> {
  try {
    return (await call()) as T;
  } catch (thrown) {
    throw translate(thrown);
  }
}

export interface TelegramFiles {
  /** The file's bytes; rejects with TelegramRefused (too big, gone) or TelegramUnreachable. */
  open(fileId: string, signal: AbortSignal): Promise<Readable>;
}

/** The address of a file holds the token, so it is made and used here and never told to anybody. */
export function telegramFiles(call: Call, apiRoot: string, token: string): TelegramFiles {
  return {
    async open(fileId, signal) {
      const { file_path: path } = await calling<{ file_path?: string }>(() =>
        call('getFile', { file_id: fileId }, signal),
      );
      if (!path) throw new TelegramRefused(404, 'the file is gone');
      let answer: Response;
      try {
        answer = await fetch(`${apiRoot.replace(/\/$/, '')}/file/bot${token}/${path}`, { signal });
      } catch (error) {
        throw translate(error);
      }
      if (answer.status >= 500) throw new TelegramUnreachable(`the download answered ${answer.status}`);
      if (!answer.ok || !answer.body) throw new TelegramRefused(answer.status, 'the file cannot be downloaded');
      return Readable.fromWeb(answer.body as ReadableStream);
    },
  };
}
