// getUpdates: the updates the bot has not confirmed, held back up to `timeout` seconds until there is one.
// One poll at a time: a newer one ends the older with 409, as Telegram does when two bots run with one token.
import type { Clock } from '../../../cloud/clock.ts';
import type { Update, UpdateContent } from '../protocol.ts';
import type { Conversations } from '../state/conversations.ts';
import { BotApiError } from './error.ts';

/** Telegram holds a poll no longer. */
const MAX_TIMEOUT_SECONDS = 50;
const MAX_UPDATES = 100;

export interface Poll {
  /** Updates below are confirmed; negative: the last so many, the others are forgotten. Default 0: confirm nothing. */
  readonly offset?: number;
  readonly limit?: number;
  readonly timeoutSeconds?: number;
  /** Kinds of updates to queue from now on; an empty list: all. Default: as before. */
  readonly allowedUpdates?: readonly string[];
}

export class UpdateQueue {
  readonly #conversations: Conversations;
  readonly #clock: Clock;
  #waiting: { finish(): void; conflict(): void } | undefined;

  constructor(conversations: Conversations, clock: Clock) {
    this.#conversations = conversations;
    this.#clock = clock;
  }

  /** Wakes a waiting poll; call it after an update was stored. */
  wake(): void {
    if (this.#conversations.pendingUpdateCount > 0) this.#waiting?.finish();
  }

  add(content: UpdateContent): void {
    this.#conversations.addUpdate(content);
    this.wake();
  }

  /** Ends a waiting poll with nothing, for a stopping server. */
  release(): void {
    this.#waiting?.finish();
  }

  dropPending(): void {
    const last = this.#conversations.pendingUpdates(0, Infinity).at(-1);
    if (last) this.#conversations.confirmUpdates(last.update_id + 1);
  }

  /** Resolves empty when the signal fires (the caller hung up): nothing is confirmed by it. */
  async poll(poll: Poll, hungUp: AbortSignal): Promise<Update[]> {
    this.#waiting?.conflict();
    if (poll.allowedUpdates) this.#remember(poll.allowedUpdates);
    const limit = Math.min(MAX_UPDATES, Math.max(1, poll.limit ?? MAX_UPDATES));
    const offset = this.#confirm(poll.offset ?? 0);
    const there = this.#conversations.pendingUpdates(offset, limit);
    const seconds = Math.min(MAX_TIMEOUT_SECONDS, Math.max(0, poll.timeoutSeconds ?? 0));
    if (there.length > 0 || seconds === 0) return there;
    await this.#wait(seconds * 1000, hungUp);
    return hungUp.aborted ? [] : this.#conversations.pendingUpdates(offset, limit);
  }

  #wait(milliseconds: number, hungUp: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        cancel();
        hungUp.removeEventListener('abort', finish);
        if (this.#waiting === waiting) this.#waiting = undefined;
        settle();
      };
      const finish = end(resolve);
      const conflict = end(() => {
        const reason = 'terminated by other getUpdates request; make sure that only one bot instance is running';
        reject(new BotApiError(409, `Conflict: ${reason}`));
      });
      const waiting = { finish, conflict };
      const cancel = this.#clock.after(milliseconds, finish);
      hungUp.addEventListener('abort', finish, { once: true });
      this.#waiting = waiting;
    });
  }

  #confirm(offset: number): number {
    if (offset === 0) return 0;
    const first = offset > 0 ? offset : (this.#conversations.pendingUpdates(0, Infinity).at(offset)?.update_id ?? 0);
    if (first > 0) this.#conversations.confirmUpdates(first);
    return first;
  }

  #remember(allowed: readonly string[]): void {
    const { profile } = this.#conversations;
    if (JSON.stringify(profile.allowedUpdates ?? []) === JSON.stringify(allowed)) return;
    this.#conversations.saveProfile({ ...profile, allowedUpdates: allowed });
  }
}
