// Long polling by hand: an update counts as taken only when its effects are stored, and only then is the offset moved on. telegraf's
// own loop confirms a batch also when a handler failed, ends for good on 409, and cuts a handler off after 90 s.
import { type Clock, sleep } from '../cloud/clock.ts';
import { told, type Logger } from './logging.ts';
import { calling, TelegramRefused, type Call } from './telegram.ts';

const POLL_SECONDS = 50;
const BACKOFF_MS = { first: 500, most: 30_000 };
/** Refused for good: the token is wrong. */
const UNAUTHORISED = new Set([401, 404]);

export interface PollingOptions<U> {
  readonly call: Call;
  /** Resolves when the update is safe; rejects only when the bot stops. */
  readonly take: (update: U) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told whether Telegram answered the last call. */
  readonly onAnswer?: (ok: boolean) => void;
}

/** Runs until the signal; rejects only when Telegram does not know the token. */
export async function poll<U extends { update_id: number }>(
  options: PollingOptions<U>,
  signal: AbortSignal,
): Promise<void> {
  const { call, take, clock, logger, onAnswer } = options;
  let offset = 0;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const request = { offset, timeout: POLL_SECONDS, allowed_updates: ['message', 'callback_query'] };
      const updates = await calling<U[]>(() => call('getUpdates', request, signal));
      onAnswer?.(true);
      failures = 0;
      await Promise.all(updates.map(take));
      offset = Math.max(offset, ...updates.map(({ update_id: id }) => id + 1));
    } catch (error) {
      if (signal.aborted) return;
      onAnswer?.(false);
      if (error instanceof TelegramRefused && UNAUTHORISED.has(error.code)) throw error;
      failures += 1;
      // 409: another poller, usually ourselves before the restart, whose connection Telegram still holds.
      logger.warn({ failures, ...told(error) }, 'polling failed');
      const asked = error instanceof TelegramRefused ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
      await sleep(
        clock,
        Math.max(asked, Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(10, failures - 1))),
        signal,
      );
    }
  }
}
