// SQS behind the front (AWS JSON 1.0): standard queues with real long polls, visibility, dead letters; durable. EC2's
// events enter by `deliver`, as EventBridge's would.
import { join } from 'node:path';
import { Journal } from '../ec2/journal.ts';
import { jsonAnswer, jsonBody, jsonError, jsonTarget } from '../protocol/json.ts';
import { AwsServiceError, type AwsResponse, type AwsService, type Principal, type ServiceContext } from '../service.ts';
import { attributesMd5, md5, Queue, type Message, type MessageAttribute, type QueueSettings } from './queue.ts';
import { attributesOf, bounded, DEFAULT_SETTINGS, policyOf, readSettings } from './settings.ts';

/** A batch: ten entries, 1 MiB together. */
const BATCH_ENTRIES = 10;
const BATCH_BYTES = 1_048_576;
/** A queue may be purged once a minute. */
const PURGE_PAUSE_MS = 60_000;

/** The names of the older query protocol, which the JSON protocol still tells in a header. */
const QUERY_CODES: Record<string, string> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
  PurgeQueueInProgress: 'AWS.SimpleQueueService.PurgeQueueInProgress',
  MessageNotInflight: 'AWS.SimpleQueueService.MessageNotInflight',
  EmptyBatchRequest: 'AWS.SimpleQueueService.EmptyBatchRequest',
  TooManyEntriesInBatchRequest: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
  BatchEntryIdsNotDistinct: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
  BatchRequestTooLong: 'AWS.SimpleQueueService.BatchRequestTooLong',
};

export interface SqsService extends AwsService {
  /** Puts a message into a queue by name, as another AWS service does; false: no such queue. */
  deliver(queueName: string, body: string): boolean;
  close(): Promise<void>;
}

interface StoredQueue {
  readonly name: string;
  readonly createdAt: number;
  readonly settings: QueueSettings;
}

type Body = Readonly<Record<string, unknown>>;
type Action = (body: Body, principal: Principal) => object | Promise<object>;

export function sqsService(context: ServiceContext): SqsService {
  const queues = new Queues(context);
  const actions = actionsOf(queues);
  return {
    name: 'sqs',
    deliver: (name, body) => queues.deliver(name, body),
    async handle(request): Promise<AwsResponse> {
      const name = jsonTarget(request);
      const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
      if (!action) throw new AwsServiceError('UnsupportedOperation', `There is no operation ${name}.`);
      return jsonAnswer(await action(await jsonBody(request), request.principal), '1.0');
    },
    error(error, request) {
      const named =
        error.code === 'AccessDenied' ? new AwsServiceError('AccessDeniedException', error.message, 403) : error;
      const answer = jsonError(named, request.requestId, '1.0');
      const code = QUERY_CODES[named.code] ?? named.code;
      return { ...answer, headers: { ...answer.headers, 'x-amzn-query-error': `${code};Sender` } };
    },
    async close() {
      queues.close();
    },
  };
}

class Queues {
  readonly context: ServiceContext;
  readonly #definitions: Journal<StoredQueue>;
  readonly #messages: Journal<Message>;
  readonly #queues = new Map<string, Queue>();

  constructor(context: ServiceContext) {
    this.context = context;
    const folder = join(context.stateDir, 'sqs');
    this.#definitions = new Journal(join(folder, 'queues.jsonl'));
    this.#messages = new Journal(join(folder, 'messages.jsonl'));
    for (const stored of this.#definitions.values()) this.#open(stored);
    for (const [key, message] of this.#messages.entries())
      this.#queues.get(key.slice(0, key.indexOf('/')))?.restore(message);
  }

  #open(stored: StoredQueue): Queue {
    const { name } = stored;
    const queue = new Queue({
      ...stored,
      arn: this.arn(name),
      clock: this.context.clock,
      write: (message) => this.#messages.set(`${name}/${message.id}`, message),
      erase: (id) => void this.#messages.delete(`${name}/${id}`),
      toDeadLetters: (arn, message) => {
        const target = this.#queues.get(arn.split(':').at(-1) ?? '');
        target?.takeIn(message);
        return target !== undefined;
      },
    });
    this.#queues.set(name, queue);
    return queue;
  }

  arn(name: string): string {
    return `arn:aws:sqs:${this.context.region}:${this.context.accountId}:${name}`;
  }

  url(name: string): string {
    return `${this.context.endpoint()}/${this.context.accountId}/${name}`;
  }

  find(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  names(): string[] {
    return [...this.#queues.keys()].sort();
  }

  save(queue: Queue): void {
    this.#definitions.set(queue.name, { name: queue.name, createdAt: queue.createdAt, settings: queue.settings });
  }

  create(name: string, settings: QueueSettings): void {
    this.save(this.#open({ name, createdAt: this.context.clock.now(), settings }));
  }

  remove(queue: Queue): void {
    queue.purge();
    queue.close();
    this.#queues.delete(queue.name);
    this.#definitions.delete(queue.name);
  }

  /** The queue of a request, once the caller may do `action` on it. */
  permitted(body: Body, principal: Principal, action: string): Queue {
    const url = body['QueueUrl'];
    if (typeof url !== 'string' || url === '')
      throw new AwsServiceError(
        'MissingRequiredParameterException',
        'The request must contain the parameter QueueUrl.',
      );
    const name = url.split('/').at(-1) ?? '';
    this.permit(principal, action, name);
    const queue = this.#queues.get(name);
    if (!queue) throw new AwsServiceError('QueueDoesNotExist', 'The specified queue does not exist.');
    return queue;
  }

  permit(principal: Principal, action: string, name: string): void {
    this.context.authorizer.authorize(principal, `sqs:${action}`, this.arn(name), {}, policyOf(this.#queues.get(name)));
  }

  deliver(name: string, body: string): boolean {
    const queue = this.#queues.get(name);
    queue?.send(body, {}, 'events.amazonaws.com');
    return queue !== undefined;
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#definitions.close();
    this.#messages.close();
  }
}

function actionsOf(queues: Queues): Record<string, Action> {
  return {
    CreateQueue: (body, principal) => createQueue(queues, body, principal),
    DeleteQueue(body, principal) {
      queues.remove(queues.permitted(body, principal, 'DeleteQueue'));
      return {};
    },
    ListQueues(body, principal) {
      queues.permit(principal, 'ListQueues', '*');
      const prefix = typeof body['QueueNamePrefix'] === 'string' ? body['QueueNamePrefix'] : '';
      return {
        QueueUrls: queues
          .names()
          .filter((name) => name.startsWith(prefix))
          .map((name) => queues.url(name)),
      };
    },
    GetQueueUrl(body, principal) {
      const name = String(body['QueueName']);
      queues.permit(principal, 'GetQueueUrl', name);
      if (!queues.find(name)) throw new AwsServiceError('QueueDoesNotExist', 'The specified queue does not exist.');
      return { QueueUrl: queues.url(name) };
    },
    GetQueueAttributes(body, principal) {
      const queue = queues.permitted(body, principal, 'GetQueueAttributes');
      const wanted = (body['AttributeNames'] ?? []) as string[];
      const all = attributesOf(queue);
      if (wanted.includes('All')) return { Attributes: all };
      return { Attributes: Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name))) };
    },
    SetQueueAttributes(body, principal) {
      const queue = queues.permitted(body, principal, 'SetQueueAttributes');
      queue.settings = readSettings((body['Attributes'] ?? {}) as Record<string, string>, queue.settings);
      queue.modifiedAt = queues.context.clock.now();
      queues.save(queue);
      return {};
    },
    PurgeQueue(body, principal) {
      const queue = queues.permitted(body, principal, 'PurgeQueue');
      const now = queues.context.clock.now();
      if (now - queue.purgedAt < PURGE_PAUSE_MS)
        throw new AwsServiceError(
          'PurgeQueueInProgress',
          `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
          403,
        );
      queue.purgedAt = now;
      queue.purge();
      return {};
    },
    SendMessage: (body, principal) => sendOne(queues.permitted(body, principal, 'SendMessage'), body, principal),
    SendMessageBatch(body, principal) {
      const queue = queues.permitted(body, principal, 'SendMessage');
      const entries = batch(body);
      const bytes = entries.reduce((sum, entry) => sum + textBytes(entry['MessageBody']), 0);
      if (bytes > BATCH_BYTES)
        throw new AwsServiceError(
          'BatchRequestTooLong',
          `Batch requests cannot be longer than ${BATCH_BYTES} bytes. You have sent ${bytes} bytes.`,
        );
      return each(entries, (entry) => sendOne(queue, entry, principal));
    },
    ReceiveMessage: (body, principal) => receive(queues.permitted(body, principal, 'ReceiveMessage'), body),
    DeleteMessage(body, principal) {
      queues.permitted(body, principal, 'DeleteMessage').delete(String(body['ReceiptHandle']));
      return {};
    },
    DeleteMessageBatch(body, principal) {
      const queue = queues.permitted(body, principal, 'DeleteMessage');
      return each(batch(body), (entry) => {
        queue.delete(String(entry['ReceiptHandle']));
        return {};
      });
    },
    ChangeMessageVisibility(body, principal) {
      changeVisibility(queues.permitted(body, principal, 'ChangeMessageVisibility'), body);
      return {};
    },
    ChangeMessageVisibilityBatch(body, principal) {
      const queue = queues.permitted(body, principal, 'ChangeMessageVisibility');
      return each(batch(body), (entry) => {
        changeVisibility(queue, entry);
        return {};
      });
    },
  };
}

function createQueue(queues: Queues, body: Body, principal: Principal): object {
  const name = String(body['QueueName']);
  queues.permit(principal, 'CreateQueue', name);
  if (name.endsWith('.fifo'))
    throw new AwsServiceError('UnsupportedOperation', 'FIFO queues are not supported by this endpoint.');
  if (!/^[a-zA-Z0-9_-]{1,80}$/.test(name))
    throw new AwsServiceError(
      'InvalidParameterValue',
      'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
    );
  const attributes = (body['Attributes'] ?? {}) as Record<string, string>;
  const existing = queues.find(name);
  if (!existing) {
    queues.create(name, readSettings(attributes, DEFAULT_SETTINGS));
    return { QueueUrl: queues.url(name) };
  }
  // Creating again is fine unless it asks for something else.
  const have = attributesOf(existing);
  const wanted = readSettings(attributes, DEFAULT_SETTINGS);
  const differing = Object.keys(attributes).find((key) =>
    key === 'RedrivePolicy' ? JSON.stringify(wanted.redrive) !== have[key] : have[key] !== attributes[key],
  );
  if (differing !== undefined)
    throw new AwsServiceError(
      'QueueNameExists',
      `A queue already exists with the same name and a different value for attribute ${differing}`,
    );
  return { QueueUrl: queues.url(name) };
}

const textBytes = (value: unknown) => (typeof value === 'string' ? Buffer.byteLength(value) : 0);

function sendOne(queue: Queue, entry: Body, principal: Principal): object {
  const text = entry['MessageBody'];
  if (typeof text !== 'string' || text === '')
    throw new AwsServiceError(
      'MissingRequiredParameterException',
      'The request must contain the parameter MessageBody.',
    );
  if (Buffer.byteLength(text) > queue.settings.maximumBytes)
    throw new AwsServiceError(
      'InvalidParameterValue',
      `One or more parameters are invalid. Reason: Message must be shorter than ${queue.settings.maximumBytes} bytes.`,
    );
  // What XML 1.0 can't hold, SQS doesn't take.

  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text))
    throw new AwsServiceError(
      'InvalidMessageContents',
      'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
    );
  const delay = entry['DelaySeconds'];
  const attributes = (entry['MessageAttributes'] ?? {}) as Record<string, MessageAttribute>;
  const seconds = delay === undefined ? undefined : bounded('DelaySeconds', delay, 0, 900, 'InvalidParameterValue');
  const message = queue.send(text, attributes, principal.userId, seconds);
  return { MessageId: message.id, MD5OfMessageBody: md5(text), MD5OfMessageAttributes: attributesMd5(attributes) };
}

async function receive(queue: Queue, body: Body): Promise<object> {
  const given = (name: string, otherwise: number) => body[name] ?? otherwise;
  const most = bounded('MaxNumberOfMessages', given('MaxNumberOfMessages', 1), 1, 10, 'InvalidParameterValue');
  const wait = bounded(
    'WaitTimeSeconds',
    given('WaitTimeSeconds', queue.settings.waitSeconds),
    0,
    20,
    'InvalidParameterValue',
  );
  const visibility = bounded(
    'VisibilityTimeout',
    given('VisibilityTimeout', queue.settings.visibilitySeconds),
    0,
    43_200,
    'InvalidParameterValue',
  );
  const messages = await queue.receive(most, wait, visibility);
  if (messages.length === 0) return {};
  const system = [
    ...((body['MessageSystemAttributeNames'] ?? []) as string[]),
    ...((body['AttributeNames'] ?? []) as string[]),
  ];
  const names = (body['MessageAttributeNames'] ?? []) as string[];
  return { Messages: messages.map((message) => messageJson(queue, message, system, names)) };
}

function messageJson(queue: Queue, message: Message, system: readonly string[], names: readonly string[]): object {
  const all: Record<string, string | undefined> = {
    SenderId: message.senderId,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receives),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    DeadLetterQueueSourceArn: message.sourceArn,
  };
  const wanted = (name: string) =>
    names.some(
      (each) =>
        each === 'All' || each === '.*' || each === name || (each.endsWith('.*') && name.startsWith(each.slice(0, -1))),
    );
  const chosen = Object.entries(all).filter(
    ([name, value]) => value !== undefined && (system.includes('All') || system.includes(name)),
  );
  const attributes = Object.fromEntries(Object.entries(message.attributes).filter(([name]) => wanted(name)));
  return {
    MessageId: message.id,
    ReceiptHandle: queue.handle(message),
    Body: message.body,
    MD5OfBody: md5(message.body),
    ...(chosen.length > 0 ? { Attributes: Object.fromEntries(chosen) } : {}),
    ...(Object.keys(attributes).length > 0
      ? { MessageAttributes: attributes, MD5OfMessageAttributes: attributesMd5(attributes) }
      : {}),
  };
}

function changeVisibility(queue: Queue, entry: Body): void {
  const seconds = bounded('VisibilityTimeout', entry['VisibilityTimeout'], 0, 43_200, 'InvalidParameterValue');
  queue.changeVisibility(String(entry['ReceiptHandle']), seconds);
}

function batch(body: Body): Body[] {
  const entries = (body['Entries'] ?? []) as Body[];
  if (entries.length === 0)
    throw new AwsServiceError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  if (entries.length > BATCH_ENTRIES)
    throw new AwsServiceError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${BATCH_ENTRIES}. You have sent ${entries.length}.`,
    );
  const ids = entries.map((entry) => String(entry['Id']));
  if (new Set(ids).size < ids.length)
    throw new AwsServiceError('BatchEntryIdsNotDistinct', 'Two or more batch entries in the request have the same Id.');
  return entries;
}

/** Each entry by itself: one's failure is told in its own place. */
function each(entries: readonly Body[], act: (entry: Body) => object): object {
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const entry of entries)
    try {
      Successful.push({ Id: entry['Id'], ...act(entry) });
    } catch (error) {
      if (!(error instanceof AwsServiceError)) throw error;
      Failed.push({ Id: entry['Id'], SenderFault: true, Code: error.code, Message: error.message });
    }
  return { Successful, ...(Failed.length > 0 ? { Failed } : {}) };
}
