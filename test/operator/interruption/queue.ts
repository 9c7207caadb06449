// An SQS queue in memory with visibility, receive counts and a dead-letter rule, on a clock of the test's; and EventBridge's events.
import type { Clock } from '../../../cloud/clock.ts';
import type { NoticeQueue, QueueMessage } from '../../../cloud/notices.ts';

export const event = (type: string, instanceId: unknown = 'i-1', more: { id?: string; time?: string } = {}): string =>
  JSON.stringify({ time: '2026-11-24T10:00:00Z', ...more, 'detail-type': type, detail: { 'instance-id': instanceId } });

interface Stored {
  body: string;
  receives: number;
  visibleAt: number;
  handle: string;
}

export class MemoryQueue implements NoticeQueue {
  readonly #clock: Clock;
  readonly messages = new Set<Stored>();
  readonly aside: string[] = [];
  mostReceives: number | undefined;
  /** Calls that fail, once each. */
  readonly failing: ('receive' | 'delete' | 'hide' | 'redrives')[] = [];
  readonly calls: string[] = [];
  #handles = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }
  send(body: string): void {
    this.messages.add({ body, receives: 0, visibleAt: 0, handle: '' });
  }
  #call(name: (typeof this.failing)[number]): void {
    this.calls.push(name);
    const at = this.failing.indexOf(name);
    if (at >= 0) {
      this.failing.splice(at, 1);
      throw new Error(`${name} failed`);
    }
  }
  /** A second of waiting stands for the long poll. */
  async receive(signal: AbortSignal): Promise<QueueMessage[]> {
    this.#call('receive');
    for (;;) {
      const taken = this.#take();
      if (taken.length > 0 || signal.aborted) return taken;
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(1_000, () => resolve());
        signal.addEventListener('abort', () => (cancel(), resolve()), { once: true });
      });
    }
  }
  #take(): QueueMessage[] {
    const taken: QueueMessage[] = [];
    for (const message of this.messages) {
      if (message.visibleAt > this.#clock.now()) continue;
      if (this.mostReceives !== undefined && message.receives >= this.mostReceives) {
        this.messages.delete(message);
        this.aside.push(message.body);
        continue;
      }
      message.receives += 1;
      message.visibleAt = this.#clock.now() + 30_000;
      message.handle = `h${(this.#handles += 1)}`;
      taken.push({ body: message.body, handle: message.handle, receives: message.receives });
    }
    return taken;
  }
  #find(handles: readonly QueueMessage[]): Stored[] {
    return [...this.messages].filter(({ handle }) => handles.some((one) => one.handle === handle));
  }
  async delete(messages: readonly QueueMessage[]): Promise<void> {
    this.#call('delete');
    for (const message of this.#find(messages)) this.messages.delete(message);
  }
  async hide(messages: readonly QueueMessage[], seconds: number): Promise<void> {
    this.#call('hide');
    for (const message of this.#find(messages)) message.visibleAt = this.#clock.now() + seconds * 1000;
  }
  async redrives(): Promise<boolean> {
    this.#call('redrives');
    return this.mostReceives !== undefined;
  }
}
