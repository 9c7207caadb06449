// Everything the bot sends goes through here, so that Telegram's rates hold: about a message a second in a chat, 30 a second overall,
// edits of a card at most every 3 s and only the newest. Order is kept within a chat; 429 is waited out, no answer is tried again.
import type { Cancel, Clock } from '../cloud/clock.ts';
import type { Message } from './conversation/effect.ts';
import { told, type Logger } from './logging.ts';
import { documentPayload, HTML, markup, photosPayload, unparsable, withoutTags } from './payloads.ts';
import type { Attachment, Photo } from './payloads.ts';
import { calling, TelegramRefused, TelegramUnreachable, type Call } from './telegram.ts';

export interface Pace {
  /** Messages that may go at once after a pause; Telegram allows short bursts. */
  readonly burst: number;
  /** Between messages in one chat after that. */
  readonly perChatMs: number;
  readonly overallPerSecond: number;
  /** Between edits of cards in one chat. */
  readonly cardSpacingMs: number;
}
export const TELEGRAM_PACE: Pace = { burst: 4, perChatMs: 1000, overallPerSecond: 30, cardSpacingMs: 3000 };
const RETRY_MS = { first: 1000, most: 30_000 };
const GIVE_UP_MS = 10 * 60_000;
const FORGET_MS = 60_000;

/** The right to send something once, whoever else would and however often one restarts. */
export interface Claim {
  /** False: it is sent already, or somebody else sends it. */
  take(): Promise<boolean>;
  /** It was surely not sent. */
  giveBack(): Promise<void>;
}

interface Item {
  readonly run: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly since: number;
  tries: number;
  notBefore: number;
}

interface ChatLine {
  tokens: number;
  at: number;
  notBefore: number;
  lastCardAt: number;
  busy: boolean;
  readonly messages: Item[];
  /** By message id; only the newest edit counts. */
  readonly cards: Map<number, Item>;
  readonly strips: Item[];
  wake: Cancel;
}

export interface OutboxOptions {
  readonly call: Call;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: what Telegram asks of bots. */
  readonly pace?: Pace;
  readonly onSent?: (method: string, outcome: 'sent' | 'refused' | 'limited' | 'unanswered') => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #chats = new Map<number, ChatLine>();
  readonly #pace: Pace;
  readonly #overall: { tokens: number; at: number };
  #closed = false;
  #sending = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#pace = options.pace ?? TELEGRAM_PACE;
    this.#overall = { tokens: this.#pace.overallPerSecond, at: options.clock.now() };
  }

  /** Resolves with the message's id. Rejects with TelegramRefused, or TelegramUnreachable after ten minutes of trying. */
  send(chatId: number, message: Message, replyTo?: number): Promise<number> {
    const reply =
      replyTo === undefined ? {} : { reply_parameters: { message_id: replyTo, allow_sending_without_reply: true } };
    return this.#message(chatId, () =>
      this.#deliver('sendMessage', { chat_id: chatId, ...reply }, message),
    ) as Promise<number>;
  }

  /** An edit in its turn, as soon as a message may go; a waiting edit of the same card is dropped, being older. */
  edit(chatId: number, messageId: number, message: Message): Promise<void> {
    const line = this.#line(chatId);
    line.cards.get(messageId)?.resolve(undefined);
    line.cards.delete(messageId);
    return this.#message(chatId, () => this.#edit(chatId, messageId, message)) as Promise<void>;
  }

  /** An edit that may wait, and may be replaced by a newer one of the same message. */
  card(chatId: number, messageId: number, message: Message): Promise<void> {
    const line = this.#line(chatId);
    line.cards.get(messageId)?.resolve(undefined);
    return new Promise((resolve, reject) => {
      line.cards.set(
        messageId,
        this.#item(() => this.#edit(chatId, messageId, message), resolve as () => void, reject),
      );
      this.#pump(chatId, line);
    });
  }

  /** Takes the buttons off; given up without a word when it does not work. */
  strip(chatId: number, messageId: number): void {
    const line = this.#line(chatId);
    const run = () => this.#call('editMessageReplyMarkup', { chat_id: chatId, message_id: messageId });
    line.strips.push(
      this.#item(
        run,
        () => {},
        () => {},
      ),
    );
    this.#pump(chatId, line);
  }

  document(chatId: number, file: Attachment): Promise<number> {
    return this.#message(chatId, async () => {
      const answer = await this.#call('sendDocument', { chat_id: chatId, ...(await documentPayload(file)) });
      return (answer as { message_id: number }).message_id;
    }) as Promise<number>;
  }

  /**
   * 1 to 10 pictures, without a sound: what they belong to rang already. Their claim is taken when their turn has come, so that those
   * still waiting when the bot stops are not lost, and given back when Telegram says that it is too early.
   */
  photos(chatId: number, photos: readonly Photo[], claim?: Claim): Promise<void> {
    let taken = claim === undefined;
    return this.#message(chatId, async () => {
      taken ||= (await claim?.take()) ?? true;
      if (!taken) return;
      // Each picture of an album counts as a message.
      this.#line(chatId).tokens -= photos.length - 1;
      this.#overall.tokens -= photos.length - 1;
      const [method, payload] = photosPayload(photos);
      try {
        await this.#call(method, { chat_id: chatId, disable_notification: true, ...payload });
      } catch (error) {
        if (claim && tooEarly(error)) taken = !(await released(claim));
        throw error;
      }
    }) as Promise<void>;
  }

  /** The small note at a pressed button; a late one is refused by Telegram, which does not matter. */
  async toast(queryId: string, text: string): Promise<void> {
    try {
      await this.#call('answerCallbackQuery', { callback_query_id: queryId, ...(text ? { text } : {}) });
    } catch (error) {
      this.#options.logger.debug(told(error), 'button not answered');
    }
  }

  /** Waits for what is being sent at this moment; what still waits in line is left. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const line of this.#chats.values()) line.wake();
    for (let tries = 0; this.#sending > 0 && tries < 100; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  #message(chatId: number, run: () => Promise<unknown>): Promise<unknown> {
    const line = this.#line(chatId);
    return new Promise((resolve, reject) => {
      line.messages.push(this.#item(run, resolve, reject));
      this.#pump(chatId, line);
    });
  }

  #item(run: Item['run'], resolve: Item['resolve'], reject: Item['reject']): Item {
    return { run, resolve, reject, since: this.#options.clock.now(), tries: 0, notBefore: 0 };
  }

  #line(chatId: number): ChatLine {
    const now = this.#options.clock.now();
    const known = this.#chats.get(chatId);
    if (known) return known;
    for (const [id, line] of this.#chats)
      if (!line.busy && line.messages.length + line.cards.size + line.strips.length === 0 && now - line.at > FORGET_MS)
        this.#chats.delete(id);
    const line: ChatLine = {
      tokens: this.#pace.burst,
      at: now,
      notBefore: 0,
      lastCardAt: -this.#pace.cardSpacingMs,
      busy: false,
      messages: [],
      cards: new Map(),
      strips: [],
      wake: () => {},
    };
    this.#chats.set(chatId, line);
    return line;
  }

  /** Sends the next thing that may go now, or sets an alarm for when one may. */
  #pump(chatId: number, line: ChatLine): void {
    if (line.busy || this.#closed) return;
    line.wake();
    const now = this.#options.clock.now();
    const next = this.#next(line, now);
    if (next === undefined) return;
    if (next.at > now) {
      line.wake = this.#options.clock.after(next.at - now, () => this.#pump(chatId, line));
      return;
    }
    next.take();
    line.tokens -= 1;
    this.#overall.tokens -= 1;
    line.busy = true;
    this.#sending += 1;
    void this.#run(next.item, line, next.back).finally(() => {
      this.#sending -= 1;
      line.busy = false;
      this.#pump(chatId, line);
    });
  }

  #next(line: ChatLine, now: number): { item: Item; at: number; take: () => void; back: () => void } | undefined {
    line.tokens = Math.min(this.#pace.burst, line.tokens + (now - line.at) / this.#pace.perChatMs);
    line.at = now;
    this.#overall.tokens = Math.min(
      this.#pace.overallPerSecond,
      this.#overall.tokens + ((now - this.#overall.at) / 1000) * this.#pace.overallPerSecond,
    );
    this.#overall.at = now;
    const rate = (tokens: number) => now + Math.max(0, Math.ceil((tokens - line.tokens) * this.#pace.perChatMs));
    const common = Math.max(
      line.notBefore,
      now + Math.max(0, Math.ceil(((1 - this.#overall.tokens) * 1000) / this.#pace.overallPerSecond)),
    );
    const [message] = line.messages;
    if (message) {
      const at = Math.max(common, rate(1), message.notBefore);
      return { item: message, at, take: () => line.messages.shift(), back: () => line.messages.unshift(message) };
    }
    const [card] = line.cards;
    if (card) {
      const [id, item] = card;
      const at = Math.max(common, rate(1), item.notBefore, line.lastCardAt + this.#pace.cardSpacingMs);
      const take = () => {
        line.cards.delete(id);
        line.lastCardAt = now;
      };
      // A newer edit that came meanwhile wins.
      const back = () => (line.cards.has(id) ? item.resolve(undefined) : void line.cards.set(id, item));
      const [strip] = line.strips;
      return strip && at > now && rate(2) <= now ? this.#strip(line, strip, common) : { item, at, take, back };
    }
    const [strip] = line.strips;
    // Buttons of answered questions can wait until nothing else does.
    return strip ? this.#strip(line, strip, Math.max(common, rate(2))) : undefined;
  }

  #strip(line: ChatLine, item: Item, at: number) {
    return { item, at, take: () => void line.strips.shift(), back: () => item.resolve(undefined) };
  }

  async #run(item: Item, line: ChatLine, back: () => void): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      item.resolve(await item.run());
    } catch (error) {
      const now = clock.now();
      item.tries += 1;
      if (tooEarly(error)) {
        line.notBefore = now + (error.retryAfterSeconds ?? 1) * 1000;
        back();
      } else if (error instanceof TelegramUnreachable && now - item.since < GIVE_UP_MS) {
        logger.warn({ tries: item.tries, ...told(error) }, 'telegram did not answer');
        item.notBefore = now + Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(10, item.tries - 1));
        back();
      } else item.reject(error);
    }
  }

  async #deliver(method: string, payload: Record<string, unknown>, message: Message): Promise<number> {
    const whole = { ...payload, text: message.html, ...HTML, ...markup(message) };
    const answer = (await this.#call(method, whole).catch((error: unknown) => {
      if (!unparsable(error)) throw error;
      this.#options.logger.error(told(error), 'message is not valid HTML');
      return this.#call(method, { ...payload, text: withoutTags(message.html), ...markup(message) });
    })) as { message_id?: number } | true;
    return typeof answer === 'object' ? (answer.message_id ?? 0) : 0;
  }

  async #edit(chatId: number, messageId: number, message: Message): Promise<void> {
    try {
      await this.#deliver('editMessageText', { chat_id: chatId, message_id: messageId }, message);
    } catch (error) {
      if (!(error instanceof TelegramRefused && /message is not modified/i.test(error.message))) throw error;
    }
  }

  async #call(method: string, payload: Record<string, unknown>): Promise<unknown> {
    const { call, onSent } = this.#options;
    try {
      const answer = await calling(() => call(method, payload));
      onSent?.(method, 'sent');
      return answer;
    } catch (error) {
      const refused = error instanceof TelegramRefused;
      onSent?.(method, refused ? (error.code === 429 ? 'limited' : 'refused') : 'unanswered');
      throw error;
    }
  }
}

const tooEarly = (error: unknown): error is TelegramRefused => error instanceof TelegramRefused && error.code === 429;

/** False when it could not be told; then it stays ours. */
const released = (claim: Claim): Promise<boolean> =>
  claim.giveBack().then(
    () => true,
    () => false,
  );
