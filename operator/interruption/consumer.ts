// Takes EC2's notices from the interruption queue (decision 6) and hands them to the observation. EventBridge can't filter by tag, so
// foreign instances come too and are dropped. A message is deleted after it was handed on, so that a crash in between brings it again;
// one that came before has no second effect. What can't be read is left for the queue's dead-letter rule.
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { NoticeQueue, QueueMessage } from '../../cloud/notices.ts';
import type { Logger } from '../runtime/logging.ts';
import type { Observation } from '../training/observation.ts';
import type { NoticeKind } from '../training/seen.ts';
import { HeldNotices, HOLD_MS, type Held } from './held.ts';
import { mayBeOurs, readNotification, type Notification } from './notification.ts';

const PAUSE_AFTER_ERROR_MS = 5_000;
/** Well within the half minute for which the queue hides a message; one that takes longer comes again, and is waited for again. */
const SETTLED_WITHIN_MS = 15_000;
/** Hidden a little longer than it is held, so that the queue does not bring it while it is being deleted. */
const HIDE_SECONDS = HOLD_MS / 1000 + 10;
/** A queue without a dead-letter rule would bring poison for days: received so often, it is dropped. */
export const POISON_RECEIVES = 5;
/** Ids of events that were dealt with. */
const EVENTS_REMEMBERED = 10_000;

export interface ConsumerOptions {
  queue: NoticeQueue;
  observation: Pick<Observation, 'notice'>;
  clock: Clock;
  logger: Logger;
  /** Resolves when what the notices mean is written down; a message is deleted only then. */
  settled?: (instanceIds: readonly string[]) => Promise<void>;
  /** Once a message, whatever became of it. */
  onMessage: (kind: NoticeKind | 'foreign' | 'duplicate' | 'poison') => void;
  /** Milliseconds from EC2's notice to its handing on. */
  onHandled?: (kind: NoticeKind, ms: number) => void;
}

export class InterruptionConsumer {
  readonly #options: ConsumerOptions;
  readonly #stop = new AbortController();
  readonly #held: HeldNotices;
  readonly #done = new Set<string>();
  readonly #deleting = new Set<Promise<void>>();
  #redrives: boolean | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#held = new HeldNotices({
      clock: options.clock,
      handOn: (notification) => this.#handOn(notification),
      onDone: (done) => this.#release(done),
    });
  }

  start(): void {
    this.#running = this.#run();
  }

  /** What is held goes back to the queue at once, for the next leader. */
  async stop(): Promise<void> {
    const { queue, logger } = this.#options;
    this.#stop.abort();
    this.#held.stop();
    await Promise.all([this.#running, ...this.#deleting]);
    const { messages } = this.#held;
    if (messages.length > 0)
      await queue.hide(messages, 0).catch((error: unknown) => logger.warn({ err: error }, 'notices not given back'));
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await this.once(this.#stop.signal);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        logger.warn({ err: error }, 'interruption queue not read');
        await sleep(clock, PAUSE_AFTER_ERROR_MS, this.#stop.signal);
      }
    }
  }

  /** One long poll. */
  async once(signal: AbortSignal): Promise<void> {
    const { queue } = this.#options;
    const over: QueueMessage[] = [];
    const later: QueueMessage[] = [];
    const noticed: string[] = [];
    for (const message of await queue.receive(signal)) {
      const notification = readNotification(message.body);
      if (notification === undefined) {
        if (await this.#isSpent(message)) over.push(message);
      } else if (notification === 'foreign' || this.#judge(notification, message)) over.push(message);
      else later.push(message);
      if (notification === 'foreign') this.#options.onMessage('foreign');
      else if (notification) noticed.push(notification.instanceId);
    }
    if (over.length > 0) await this.#deleteOnceWritten(over, noticed);
    if (later.length > 0) await queue.hide(later, HIDE_SECONDS);
  }

  /** Other notices are not kept waiting. */
  async #deleteOnceWritten(over: readonly QueueMessage[], instanceIds: readonly string[]): Promise<void> {
    const { queue, settled, logger } = this.#options;
    if (!settled || instanceIds.length === 0) return queue.delete(over);
    const deleted: Promise<void> = this.#written(instanceIds)
      .then((written) => (written ? queue.delete(over) : undefined))
      .catch((error: unknown) => logger.warn({ err: error }, 'notices not deleted'))
      .finally(() => this.#deleting.delete(deleted));
    this.#deleting.add(deleted);
  }

  /** A crash before would lose the notice, for the queue's message is all there is of it. False: not in time. */
  async #written(instanceIds: readonly string[]): Promise<boolean> {
    const { clock, settled } = this.#options;
    if (!settled || instanceIds.length === 0) return true;
    const cut = new AbortController();
    const late = sleep(clock, SETTLED_WITHIN_MS, AbortSignal.any([cut.signal, this.#stop.signal])).then(() => false);
    const done = await Promise.race([settled(instanceIds).then(() => true), late]);
    cut.abort();
    return done;
  }

  /** False: kept for later. */
  #judge(notification: Notification, message: QueueMessage): boolean {
    const { onMessage } = this.#options;
    if (notification.event !== undefined && this.#done.has(notification.event)) {
      onMessage('duplicate');
      return true;
    }
    if (this.#handOn(notification)) return true;
    if (mayBeOurs(notification)) {
      this.#held.add(notification, message);
      return false;
    }
    onMessage('foreign');
    return true;
  }

  /** False when the observation does not know the instance. */
  #handOn(notification: Notification): boolean {
    const { observation, clock, logger, onMessage, onHandled } = this.#options;
    const { instanceId, kind, at } = notification;
    if (!observation.notice(instanceId, kind, at)) return false;
    this.#remember(notification);
    onMessage(kind);
    if (at > 0) onHandled?.(kind, Math.max(0, clock.now() - at));
    logger.info({ instanceId, notice: kind }, 'notice from EC2');
    return true;
  }

  #remember({ event }: Notification): void {
    if (event === undefined) return;
    this.#done.add(event);
    if (this.#done.size > EVENTS_REMEMBERED) this.#done.delete(this.#done.values().next().value ?? '');
  }

  async #release(done: readonly { held: Held; foreign: boolean }[]): Promise<void> {
    const { queue, logger, onMessage } = this.#options;
    for (const { held, foreign } of done)
      if (foreign) {
        this.#remember(held.notification);
        onMessage('foreign');
      }
    // It comes once more otherwise, and is then known for a duplicate.
    if (!(await this.#written(done.map(({ held }) => held.notification.instanceId)))) return;
    await queue
      .delete(done.map(({ held }) => held.message))
      .catch((error: unknown) => logger.warn({ err: error }, 'notices not deleted'));
  }

  /** Poison: told the first time, by its size; true when nobody else will put it aside. */
  async #isSpent({ body, receives = 1 }: QueueMessage): Promise<boolean> {
    const { logger, onMessage } = this.#options;
    if (receives <= 1) {
      onMessage('poison');
      logger.warn({ bytes: body.length }, 'message of the interruption queue cannot be read');
    }
    if (receives < POISON_RECEIVES || (await this.#putsAside())) return false;
    logger.warn({ bytes: body.length, receives }, 'unreadable message dropped: the queue has no dead-letter rule');
    return true;
  }

  async #putsAside(): Promise<boolean> {
    const { queue, logger } = this.#options;
    try {
      this.#redrives ??= await queue.redrives();
    } catch (error) {
      logger.warn({ err: error }, 'dead-letter rule of the interruption queue not read');
    }
    return this.#redrives ?? true;
  }
}
