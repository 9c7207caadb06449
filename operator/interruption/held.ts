// Notices about instances that nobody here knows yet: launched seconds ago, and EC2 does not list them. They stay in the queue, hidden,
// and are tried again until the observation has learnt of the instance or the time is up; then they were foreign.
import { type Cancel, type Clock } from '../../cloud/clock.ts';
import type { QueueMessage } from '../../cloud/notices.ts';
import type { Notification } from './notification.ts';

export const HOLD_MS = 120_000;
export const RETRY_EVERY_MS = 1_000;
/** More would be other people's instances. */
const MOST_HELD = 1_000;

export interface Held {
  readonly notification: Notification;
  /** As received last: only that handle deletes it. */
  message: QueueMessage;
  readonly until: number;
}

export interface HeldNoticesOptions {
  clock: Clock;
  /** Hands it on; false: the instance is still unknown. */
  handOn: (notification: Notification) => boolean;
  /** Known at last, or given up (`foreign`). Never rejects. */
  onDone: (done: readonly { held: Held; foreign: boolean }[]) => Promise<void>;
}

export class HeldNotices {
  readonly #options: HeldNoticesOptions;
  readonly #held = new Map<string, Held>();
  #cancel: Cancel | undefined;

  constructor(options: HeldNoticesOptions) {
    this.#options = options;
  }

  get messages(): QueueMessage[] {
    return [...this.#held.values()].map(({ message }) => message);
  }

  /** False when there is no room: the queue brings it again. */
  add(notification: Notification, message: QueueMessage): boolean {
    const key = keyOf(notification);
    const held = this.#held.get(key);
    if (held) held.message = message;
    else {
      if (this.#held.size >= MOST_HELD) return false;
      this.#held.set(key, { notification, message, until: this.#options.clock.now() + HOLD_MS });
    }
    this.#schedule();
    return true;
  }

  /** Tries all of them again. */
  async retry(): Promise<void> {
    const { clock, handOn, onDone } = this.#options;
    const done: { held: Held; foreign: boolean }[] = [];
    for (const [key, held] of this.#held) {
      const ours = handOn(held.notification);
      if (!ours && clock.now() < held.until) continue;
      this.#held.delete(key);
      done.push({ held, foreign: !ours });
    }
    if (done.length > 0) await onDone(done);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    this.#cancel ??= this.#options.clock.after(RETRY_EVERY_MS, () => {
      this.#cancel = undefined;
      void this.retry().then(() => {
        if (this.#held.size > 0) this.#schedule();
      });
    });
  }
}

const keyOf = ({ event, instanceId, kind, at }: Notification): string => event ?? `${instanceId}/${kind}/${at}`;
