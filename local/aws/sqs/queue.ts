// One queue: messages, who has them in flight, dead letters, and receivers that wait. Time comes from the clock; every
// change is written before it is answered. service.ts speaks the protocol.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Cancel, Clock } from '../../../cloud/clock.ts';
import { AwsServiceError } from '../service.ts';

export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  /** Base64. */
  readonly BinaryValue?: string;
}

export interface Message {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly senderId: string;
  readonly sentAt: number;
  firstReceivedAt?: number;
  receives: number;
  visibleAt: number;
  /** Of the newest receive. */
  receipt?: string;
  /** ARN of the queue it was moved from. */
  sourceArn?: string;
}

export interface QueueSettings {
  visibilitySeconds: number;
  retentionSeconds: number;
  delaySeconds: number;
  maximumBytes: number;
  waitSeconds: number;
  redrive?: { deadLetterTargetArn: string; maxReceiveCount: number };
  /** Kept as given: Policy, KmsMasterKeyId, SqsManagedSseEnabled … */
  other: Record<string, string>;
}

export interface QueueOptions {
  readonly name: string;
  readonly arn: string;
  readonly clock: Clock;
  readonly createdAt: number;
  settings: QueueSettings;
  readonly write: (message: Message) => void;
  readonly erase: (messageId: string) => void;
  /** Takes a message received too often; false: there is no such queue. */
  readonly toDeadLetters: (targetArn: string, message: Message) => boolean;
}

interface Waiter {
  readonly wake: () => void;
}

export class Queue {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  modifiedAt: number;
  settings: QueueSettings;
  readonly #options: QueueOptions;
  readonly #messages = new Map<string, Message>();
  readonly #waiters = new Set<Waiter>();
  #alarm: Cancel | undefined;
  purgedAt = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.name = options.name;
    this.arn = options.arn;
    this.createdAt = options.createdAt;
    this.modifiedAt = options.createdAt;
    this.settings = options.settings;
  }

  /** A message read back from disk. */
  restore(message: Message): void {
    this.#messages.set(message.id, message);
  }

  get counts(): { visible: number; inFlight: number; delayed: number } {
    const now = this.#options.clock.now();
    const counts = { visible: 0, inFlight: 0, delayed: 0 };
    for (const message of this.#messages.values())
      counts[message.visibleAt <= now ? 'visible' : message.receives > 0 ? 'inFlight' : 'delayed'] += 1;
    return counts;
  }

  send(
    body: string,
    attributes: Message['attributes'],
    senderId: string,
    delaySeconds = this.settings.delaySeconds,
  ): Message {
    const now = this.#options.clock.now();
    return this.#add({
      id: randomUUID(),
      body,
      attributes,
      senderId,
      sentAt: now,
      receives: 0,
      visibleAt: now + delaySeconds * 1000,
    });
  }

  /** From another queue; it starts anew but stays itself. */
  takeIn(message: Message): void {
    this.#add({ ...message, receives: 0, visibleAt: this.#options.clock.now(), receipt: undefined });
  }

  #add(message: Message): Message {
    this.#options.write(message);
    this.#messages.set(message.id, message);
    this.#wake();
    return message;
  }

  /** Up to `most` messages; waits for the first of them, `waitSeconds` at most. */
  async receive(most: number, waitSeconds: number, visibilitySeconds: number): Promise<Message[]> {
    const { clock } = this.#options;
    const end = clock.now() + waitSeconds * 1000;
    for (;;) {
      const taken = this.#take(most, visibilitySeconds);
      if (taken.length > 0 || clock.now() >= end || this.#closed) return taken;
      await this.#change(end - clock.now());
    }
  }

  #take(most: number, visibilitySeconds: number): Message[] {
    const now = this.#options.clock.now();
    const taken: Message[] = [];
    for (const message of this.#messages.values()) {
      if (taken.length >= most) break;
      if (message.sentAt + this.settings.retentionSeconds * 1000 <= now) this.#drop(message.id);
      else if (message.visibleAt <= now && !this.#isDeadLetter(message)) {
        message.receives += 1;
        message.firstReceivedAt ??= now;
        message.visibleAt = now + visibilitySeconds * 1000;
        message.receipt = randomBytes(12).toString('base64url');
        this.#options.write(message);
        taken.push(message);
      }
    }
    return taken;
  }

  /** Received as often as it may be: it goes to the dead letters instead. */
  #isDeadLetter(message: Message): boolean {
    const { redrive } = this.settings;
    if (!redrive || message.receives < redrive.maxReceiveCount) return false;
    if (!this.#options.toDeadLetters(redrive.deadLetterTargetArn, { ...message, sourceArn: this.arn })) return false;
    this.#drop(message.id);
    return true;
  }

  /** Waits for a message to come, or to become visible again. */
  #change(atMostMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const waiter = { wake: () => finish() };
      const cancel = clock.after(atMostMs, () => finish());
      const finish = () => {
        cancel();
        this.#waiters.delete(waiter);
        resolve();
      };
      this.#waiters.add(waiter);
      this.#setAlarm();
    });
  }

  #setAlarm(): void {
    this.#alarm?.();
    this.#alarm = undefined;
    if (this.#waiters.size === 0) return;
    const now = this.#options.clock.now();
    const times = [...this.#messages.values()].map((each) => each.visibleAt).filter((time) => time > now);
    if (times.length === 0) return;
    const next = times.reduce((least, time) => Math.min(least, time));
    this.#alarm = this.#options.clock.after(next - now, () => this.#wake());
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter.wake();
  }

  /** Deletes by receipt; what is gone already is no error. */
  delete(handle: string): void {
    const { id } = this.#parse(handle);
    if (this.#messages.has(id)) this.#drop(id);
  }

  changeVisibility(handle: string, seconds: number): void {
    const { id, receipt } = this.#parse(handle);
    const message = this.#messages.get(id);
    const now = this.#options.clock.now();
    if (!message)
      throw new AwsServiceError(
        'InvalidParameterValue',
        `Value ${handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
      );
    if (message.visibleAt <= now || message.receipt !== receipt)
      throw new AwsServiceError(
        'MessageNotInflight',
        `Value ${handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
      );
    message.visibleAt = now + seconds * 1000;
    this.#options.write(message);
    if (seconds === 0) this.#wake();
    else this.#setAlarm();
  }

  handle(message: Message): string {
    return Buffer.from(JSON.stringify([this.name, message.id, message.receipt])).toString('base64');
  }

  #parse(handle: string): { id: string; receipt: string } {
    try {
      const [name, id, receipt] = JSON.parse(Buffer.from(handle, 'base64').toString()) as [string, string, string];
      if (name === this.name && typeof id === 'string') return { id, receipt };
    } catch {
      // Not one of ours.
    }
    throw new AwsServiceError('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
  }

  purge(): void {
    for (const id of [...this.#messages.keys()]) this.#drop(id);
  }

  #drop(id: string): void {
    this.#messages.delete(id);
    this.#options.erase(id);
  }

  #closed = false;
  /** Lets every waiting receiver go. */
  close(): void {
    this.#closed = true;
    this.#alarm?.();
    this.#wake();
  }
}

export const md5 = (text: string | Buffer) => createHash('md5').update(text).digest('hex');

/** MD5 of message attributes as SQS documents it: names in order, each length-prefixed with type and value. */
export function attributesMd5(attributes: Message['attributes']): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const hash = createHash('md5');
  const add = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const attribute = attributes[name];
    if (!attribute) continue;
    add(Buffer.from(name));
    add(Buffer.from(attribute.DataType));
    const binary = attribute.BinaryValue !== undefined;
    hash.update(Buffer.from([binary ? 2 : 1]));
    add(binary ? Buffer.from(attribute.BinaryValue ?? '', 'base64') : Buffer.from(attribute.StringValue ?? ''));
  }
  return hash.digest('hex');
}
