// Telegram's limits on bots (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this), by token bucket.
// Telegram publishes no exact numbers: about one message a second in a chat with short bursts, about 30 a second overall.
import type { Clock } from '../../../cloud/clock.ts';
import { BotApiError } from './error.ts';

export interface Limits {
  /** Messages and edits a second in one chat; Infinity switches it off. Default 1. */
  readonly perChatPerSecond: number;
  /** How many may come at once after a pause. Default 5. */
  readonly perChatBurst: number;
  /** Messages and edits a second in all chats together; Infinity switches it off. Default 30. */
  readonly overallPerSecond: number;
  /** What getFile gives to bots. Default 20 MB. */
  readonly downloadBytes: number;
  /** What a bot may send in one call. Default 50 MB. */
  readonly uploadBytes: number;
  /** The largest photo. Default 10 MB. */
  readonly photoBytes: number;
  /** What a user may send. Default 2 GB (4,000 parts of 512 KB). */
  readonly userUploadBytes: number;
}

const MEBIBYTE = 1024 * 1024;

export const TELEGRAM_LIMITS: Limits = {
  perChatPerSecond: 1,
  perChatBurst: 5,
  overallPerSecond: 30,
  downloadBytes: 20 * MEBIBYTE,
  uploadBytes: 50 * MEBIBYTE,
  photoBytes: 10 * MEBIBYTE,
  userUploadBytes: 2000 * MEBIBYTE,
};

/** A chat that was quiet this long has its full burst again and needs no memory. */
const FORGET_AFTER_MS = 60_000;

interface Bucket {
  tokens: number;
  at: number;
}

export class RateLimiter {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #chats = new Map<number, Bucket>();
  readonly #overall: Bucket;

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#overall = { tokens: limits.overallPerSecond, at: clock.now() };
  }

  /**
   * Takes `messages` out of the chat's and the common bucket, or throws 429 and takes nothing. An album larger than what
   * is left passes and is paid for afterwards, as Telegram counts it.
   */
  spend(chatId: number, messages = 1): void {
    const { perChatPerSecond, perChatBurst, overallPerSecond } = this.#limits;
    const now = this.#clock.now();
    this.#forget(now);
    const chat = this.#chats.get(chatId) ?? { tokens: perChatBurst, at: now };
    refill(chat, perChatPerSecond, perChatBurst, now);
    refill(this.#overall, overallPerSecond, overallPerSecond, now);
    const wait = Math.max(secondsUntilOne(chat, perChatPerSecond), secondsUntilOne(this.#overall, overallPerSecond));
    if (wait > 0) throw BotApiError.tooManyRequests(Math.max(1, Math.ceil(wait)));
    chat.tokens -= messages;
    this.#overall.tokens -= messages;
    this.#chats.set(chatId, chat);
  }

  #forget(now: number): void {
    for (const [id, bucket] of this.#chats) if (now - bucket.at > FORGET_AFTER_MS) this.#chats.delete(id);
  }
}

function refill(bucket: Bucket, perSecond: number, capacity: number, now: number): void {
  const earned = perSecond === Infinity ? Infinity : ((now - bucket.at) / 1000) * perSecond;
  bucket.tokens = Math.min(capacity, bucket.tokens + earned);
  bucket.at = now;
}

function secondsUntilOne(bucket: Bucket, perSecond: number): number {
  return perSecond === Infinity || bucket.tokens >= 1 ? 0 : (1 - bucket.tokens) / perSecond;
}
