// The interruption queue in virtual time: long polls of 20 s, a message taken is hidden for a while and comes again unless it is
// deleted; after five times it goes to the dead letters.
import type { Cancel, Clock } from '../../../cloud/clock.ts';
import type { NoticeQueue, QueueMessage } from '../../../cloud/notices.ts';

const POLL_MS = 20_000;
const HIDDEN_MS = 30_000;
const MOST_RECEIVES = 5;
const MOST_MESSAGES = 10;

interface Waiting {
  readonly body: string;
  readonly handle: string;
  received: number;
  /** Ends its being hidden. */
  again: Cancel;
}

export class SimulatedNotices implements NoticeQueue {
  readonly dead: string[] = [];
  readonly #clock: Clock;
  #visible: Waiting[] = [];
  readonly #hidden = new Map<string, Waiting>();
  readonly #polls = new Set<() => void>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(body: object | string): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    this.#visible.push({ body: text, handle: `handle-${(this.#count += 1)}`, received: 0, again: () => {} });
    for (const wake of [...this.#polls]) wake();
  }

  /** One of EC2's events about an instance, as EventBridge words it. */
  tell(kind: 'Spot Instance Interruption Warning' | 'Instance Rebalance Recommendation', instanceId: string): void {
    this.send({
      'detail-type': `EC2 ${kind}`,
      time: new Date(this.#clock.now()).toISOString(),
      detail: { 'instance-id': instanceId },
    });
  }
  tellState(instanceId: string, state: string): void {
    this.send({
      'detail-type': 'EC2 Instance State-change Notification',
      time: new Date(this.#clock.now()).toISOString(),
      detail: { 'instance-id': instanceId, state },
    });
  }

  async receive(signal: AbortSignal): Promise<QueueMessage[]> {
    if (this.#visible.length === 0) await this.#poll(signal);
    if (signal.aborted) return [];
    const taken = this.#visible.splice(0, MOST_MESSAGES);
    for (const message of taken) {
      message.received += 1;
      this.#hidden.set(message.handle, message);
      message.again = this.#clock.after(HIDDEN_MS, () => this.#again(message));
    }
    return taken.map(({ body, handle, received }) => ({ body, handle, receives: received }));
  }

  async delete(messages: readonly QueueMessage[]): Promise<void> {
    for (const { handle } of messages) {
      this.#hidden.get(handle)?.again();
      this.#hidden.delete(handle);
    }
  }

  async hide(messages: readonly QueueMessage[], seconds: number): Promise<void> {
    for (const { handle } of messages) {
      const message = this.#hidden.get(handle);
      if (!message) continue;
      message.again();
      message.again = this.#clock.after(seconds * 1000, () => this.#again(message));
    }
  }

  async redrives(): Promise<boolean> {
    return true;
  }

  #again(message: Waiting): void {
    if (!this.#hidden.delete(message.handle)) return;
    if (message.received >= MOST_RECEIVES) this.dead.push(message.body);
    else this.#visible.push(message);
    for (const wake of [...this.#polls]) wake();
  }

  #poll(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#polls.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#clock.after(POLL_MS, done);
      this.#polls.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}
