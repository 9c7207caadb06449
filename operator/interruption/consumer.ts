// Takes EC2's notices from the interruption queue (decision 6) and hands them to the observation. EventBridge can't filter by tag, so
// foreign instances come too and are dropped; a message that can't be read is left for the queue's dead-letter rule.
import { type Clock, sleep } from '../../cloud/clock.ts';
import type { NoticeQueue } from '../../cloud/notices.ts';
import type { Logger } from '../runtime/logging.ts';
import type { Observation } from '../training/observation.ts';
import type { NoticeKind } from '../training/seen.ts';

const PAUSE_AFTER_ERROR_MS = 5_000;

export interface Notification {
  readonly instanceId: string;
  readonly kind: NoticeKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const KINDS: Readonly<Record<string, NoticeKind>> = {
  'EC2 Spot Instance Interruption Warning': 'interruption',
  'EC2 Instance Rebalance Recommendation': 'rebalance',
  'EC2 Instance State-change Notification': 'state-change',
};

/** Reads one EventBridge event; `foreign` is readable but not for us; undefined: poison. */
export function readNotification(body: string): Notification | 'foreign' | undefined {
  let event: { 'detail-type'?: unknown; time?: unknown; detail?: { 'instance-id'?: unknown } };
  try {
    event = JSON.parse(body) as typeof event;
  } catch {
    return undefined;
  }
  if (typeof event !== 'object' || event === null || typeof event['detail-type'] !== 'string') return undefined;
  const kind = KINDS[event['detail-type']];
  const instanceId = event.detail?.['instance-id'];
  if (!kind) return 'foreign';
  if (typeof instanceId !== 'string') return undefined;
  const at = Date.parse(String(event.time));
  return { instanceId, kind, at: Number.isFinite(at) ? at : 0 };
}

export interface ConsumerOptions {
  queue: NoticeQueue;
  observation: Pick<Observation, 'notice'>;
  clock: Clock;
  logger: Logger;
  onMessage: (kind: NoticeKind | 'foreign' | 'poison') => void;
}

export class InterruptionConsumer {
  readonly #options: ConsumerOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
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

  /** One long poll. A message is deleted after it was handed on, so that a crash in between brings it again. */
  async once(signal: AbortSignal): Promise<void> {
    const { queue, observation, logger, onMessage } = this.#options;
    const messages = await queue.receive(signal);
    const handled = messages.filter(({ body }) => {
      const notification = readNotification(body);
      if (notification === undefined) {
        onMessage('poison');
        logger.warn({ bytes: body.length }, 'message of the interruption queue cannot be read');
        return false;
      }
      const ours =
        notification !== 'foreign' && observation.notice(notification.instanceId, notification.kind, notification.at);
      onMessage(ours ? notification.kind : 'foreign');
      if (ours) logger.info({ instanceId: notification.instanceId, notice: notification.kind }, 'notice from EC2');
      return true;
    });
    await queue.delete(handled);
  }
}
