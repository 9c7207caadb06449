// A Telegram user without a browser, for tests and for whoever plays a conversation: speaks /client as the page does.
// Follows the chat by server-sent events and comes back by the last event's id when the server was away.
import { EventEmitter } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type ClientRequest, get, type IncomingMessage, request } from 'node:http';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text as readText } from 'node:stream/consumers';
import type { BotCommand, ClientMessage } from './protocol.ts';
import type { CallbackAnswer } from './state/conversations.ts';

const RECONNECT_MS = 200;

export interface UserOptions {
  /** Of the local Telegram. */
  readonly url: string;
  readonly userId: number;
  readonly name: string;
}

export interface UserEvents {
  message: [ClientMessage];
  edit: [ClientMessage];
  delete: [{ message_id: number }];
  typing: [{ action: string }];
  answer: [CallbackAnswer];
  commands: [{ commands: readonly BotCommand[] }];
}

/** A file by its path, or by name and content. */
export type Attachment = string | { readonly name: string; readonly data: Buffer | string | Readable };

export class TelegramUser {
  readonly #options: UserOptions;
  readonly #messages = new Map<number, ClientMessage>();
  readonly #events = new EventEmitter<UserEvents & { changed: [] }>().setMaxListeners(0);
  #sequence = 0;
  #stream: ClientRequest | undefined;
  #closed = false;

  private constructor(options: UserOptions) {
    this.#options = options;
  }

  /** Introduces the user under this name and reads the chat so far. */
  static async connect(options: UserOptions): Promise<TelegramUser> {
    const user = new TelegramUser(options);
    await user.#call('PUT', '', { name: options.name });
    await user.#reload();
    await user.#follow();
    return user;
  }

  /** The chat as this user sees it, oldest first. */
  messages(): ClientMessage[] {
    return [...this.#messages.values()];
  }

  /** Sends a text; resolves with the message once the server has it. */
  async send(text: string, options: { replyTo?: number } = {}): Promise<ClientMessage> {
    return this.#own(await this.#call('POST', '/messages', { text, reply_to: options.replyTo }));
  }

  /** Streams a file, at most 2 GB; rejects with the server's words for an empty or too large one. */
  async upload(
    file: Attachment,
    caption = '',
    options: { as?: 'document' | 'photo'; mime?: string } = {},
  ): Promise<ClientMessage> {
    const { name, source, bytes } = await opened(file);
    const query = new URLSearchParams({ name, caption, as: options.as ?? 'document' });
    const headers: Record<string, string> = { 'content-type': options.mime ?? 'application/octet-stream' };
    if (bytes !== undefined) headers['content-length'] = String(bytes);
    return this.#own(await this.#send('POST', `/files?${query.toString()}`, headers, source));
  }

  /** Changes a text of one's own. */
  async edit(messageId: number, text: string): Promise<ClientMessage> {
    return this.#own(await this.#call('POST', '/edits', { message_id: messageId, text }));
  }

  /**
   * Presses the inline button with this label; resolves with the id of the callback query once it is on its way (the
   * bot's answer comes as an `answer` event). Rejects, naming the buttons there are, when the message has none such.
   */
  async press(messageId: number, label: string): Promise<string> {
    return ((await this.#call('POST', '/presses', { message_id: messageId, label })) as { query_id: string }).query_id;
  }

  /** Sends callback data that no button carries, as a tampered client would. */
  async pressForged(messageId: number, data: string): Promise<string> {
    return ((await this.#call('POST', '/presses', { message_id: messageId, data })) as { query_id: string }).query_id;
  }

  async block(blocked: boolean): Promise<void> {
    await this.#call('PUT', '/blocked', { blocked });
  }

  async commands(): Promise<BotCommand[]> {
    return ((await this.#call('GET', '')) as { commands: BotCommand[] }).commands;
  }

  /** The newest message that fits, now or as soon as one comes or changes; rejects after `timeoutMs`, quoting the last one. */
  waitFor(predicate: (message: ClientMessage) => boolean, timeoutMs: number): Promise<ClientMessage> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = this.messages().findLast(predicate);
        if (found === undefined) return;
        stop();
        resolve(found);
      };
      const timer = setTimeout(() => {
        stop();
        const last = this.messages().at(-1);
        const quote = JSON.stringify(last?.text ?? last?.caption ?? last?.document?.file_name ?? null);
        reject(new Error(`No such message came within ${timeoutMs} ms; the last one was ${quote}`));
      }, timeoutMs);
      const stop = () => {
        clearTimeout(timer);
        this.#events.off('changed', check);
      };
      this.#events.on('changed', check);
      check();
    });
  }

  /** Writes a file of this chat (its file_id, or a message with a document or photo) to `path`. */
  async download(file: string | ClientMessage, path: string): Promise<void> {
    const id = typeof file === 'string' ? file : (file.document ?? file.photo?.at(-1))?.file_id;
    if (id === undefined) throw new Error('The message has no file');
    const answer = await this.#request('GET', `/files/${id}`, {});
    if (answer.statusCode !== 200) throw new Error(await reason(answer));
    await pipeline(answer, createWriteStream(path));
  }

  /** Calls back from now on, what was missed while the server was away included; returns how to stop. */
  on<Name extends keyof UserEvents>(event: Name, listener: (...data: UserEvents[Name]) => void): () => void {
    const emitter = this.#events as EventEmitter;
    emitter.on(event, listener);
    return () => emitter.off(event, listener);
  }

  close(): void {
    this.#closed = true;
    this.#stream?.destroy();
  }

  #own(answer: unknown): ClientMessage {
    const message = answer as ClientMessage;
    // The stream may have brought it, or even a later edit of it, before this answer.
    const known = this.#messages.get(message.message_id);
    if (known === undefined || message.edit_date !== undefined) this.#messages.set(message.message_id, message);
    return message;
  }

  async #reload(): Promise<void> {
    const { messages, sequence } = (await this.#call('GET', '/messages?limit=1000')) as {
      messages: ClientMessage[];
      sequence: number;
    };
    this.#messages.clear();
    for (const message of messages) this.#messages.set(message.message_id, message);
    this.#sequence = sequence;
    this.#events.emit('changed');
  }

  /** Resolves once the stream is open, then follows it until `close`. */
  #follow(): Promise<void> {
    return new Promise((opened) => {
      const retry = () => {
        if (!this.#closed) setTimeout(() => void this.#follow(), RECONNECT_MS).unref();
        opened();
      };
      const headers = { 'last-event-id': String(this.#sequence) };
      this.#stream = get(this.#address('/events'), { headers, agent: false }, (answer) => {
        opened();
        let buffered = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          const parts = (buffered + chunk).split('\n\n');
          buffered = parts.pop() ?? '';
          for (const part of parts) this.#take(part);
        });
        answer.once('close', retry);
        answer.on('error', () => undefined);
      });
      let failed = false;
      this.#stream.on('error', () => {
        if (!failed) retry();
        failed = true;
      });
      this.#stream.once('response', () => (failed = true));
    });
  }

  #take(block: string): void {
    const field = (name: string) =>
      block
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    const event = field('event') as keyof UserEvents | 'reset' | undefined;
    if (event === undefined) return;
    if (event === 'reset') return void this.#reload().catch(() => undefined);
    const data: unknown = JSON.parse(field('data') ?? '{}');
    const id = field('id');
    if (id !== undefined) this.#sequence = Number(id);
    if (event === 'message' || event === 'edit') {
      const message = data as ClientMessage;
      this.#messages.set(message.message_id, message);
    } else if (event === 'delete') {
      this.#messages.delete((data as { message_id: number }).message_id);
    }
    (this.#events as EventEmitter).emit(event, data);
    this.#events.emit('changed');
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const content = body === undefined ? undefined : Readable.from([Buffer.from(JSON.stringify(body))]);
    return this.#send(method, path, { 'content-type': 'application/json' }, content);
  }

  async #send(method: string, path: string, headers: Record<string, string>, body?: Readable): Promise<unknown> {
    const answer = await this.#request(method, path, headers, body);
    if (answer.statusCode !== 200) throw new Error(await reason(answer));
    return JSON.parse(await readText(answer));
  }

  #request(method: string, path: string, headers: Record<string, string>, body?: Readable): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request(this.#address(path), { method, headers, agent: false }, resolve);
      sent.once('error', reject);
      if (body === undefined) sent.end();
      else pipeline(body, sent).catch(reject);
    });
  }

  #address(path: string): string {
    return `${this.#options.url.replace(/\/$/, '')}/client/${this.#options.userId}${path}`;
  }
}

async function opened(file: Attachment): Promise<{ name: string; source: Readable; bytes?: number }> {
  if (typeof file === 'string') {
    return { name: basename(file), bytes: (await stat(file)).size, source: createReadStream(file) };
  }
  if (file.data instanceof Readable) return { name: file.name, source: file.data };
  const data = Buffer.from(file.data as string);
  return { name: file.name, bytes: data.length, source: Readable.from([data]) };
}

async function reason(answer: IncomingMessage): Promise<string> {
  const body = await readText(answer);
  try {
    return (JSON.parse(body) as { error: string }).error;
  } catch {
    return `The local Telegram answered ${answer.statusCode ?? 0}`;
  }
}
