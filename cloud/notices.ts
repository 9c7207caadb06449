// The interruption queue (decision 6): EventBridge puts EC2's notices into SQS, the operator takes them by long poll.
import type { Clients } from './clients.ts';
import { calling } from './errors.ts';

export interface QueueMessage {
  readonly body: string;
  readonly handle: string;
  /** How often SQS gave it out, this time included (ApproximateReceiveCount); absent: once. */
  readonly receives?: number;
}

export interface NoticeQueue {
  /** Waits up to 20 s (SQS's most); at most 10 messages. */
  receive(signal: AbortSignal): Promise<QueueMessage[]>;
  delete(messages: readonly QueueMessage[]): Promise<void>;
  /** Nobody gets the received messages for so many seconds more; 0: anybody may at once. */
  hide(messages: readonly QueueMessage[], seconds: number): Promise<void>;
  /** Whether SQS itself puts aside what was received too often (the queue has a redrive policy). */
  redrives(): Promise<boolean>;
}

/** Entries of one batch call of SQS. */
const BATCH = 10;

export function noticeQueue(clients: Clients, url: string): NoticeQueue {
  const sdk = () => import('@aws-sdk/client-sqs');
  return {
    receive: async (signal) => {
      const [sqs, { ReceiveMessageCommand }] = await Promise.all([clients.sqs(), sdk()]);
      const answer = await calling('sqs', () =>
        sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: url,
            MaxNumberOfMessages: BATCH,
            WaitTimeSeconds: 20,
            MessageSystemAttributeNames: ['ApproximateReceiveCount'],
          }),
          { abortSignal: signal },
        ),
      );
      return (answer.Messages ?? []).map(({ Body, ReceiptHandle, Attributes }) => ({
        body: Body ?? '',
        handle: ReceiptHandle ?? '',
        receives: Number(Attributes?.ApproximateReceiveCount ?? 1),
      }));
    },
    delete: async (messages) => {
      const [sqs, { DeleteMessageBatchCommand }] = await Promise.all([clients.sqs(), sdk()]);
      for (const Entries of batches(messages))
        await calling('sqs', () => sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries })));
    },
    hide: async (messages, seconds) => {
      const [sqs, { ChangeMessageVisibilityBatchCommand }] = await Promise.all([clients.sqs(), sdk()]);
      for (const some of batches(messages)) {
        const Entries = some.map((entry) => ({ ...entry, VisibilityTimeout: seconds }));
        await calling('sqs', () => sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })));
      }
    },
    redrives: async () => {
      const [sqs, { GetQueueAttributesCommand }] = await Promise.all([clients.sqs(), sdk()]);
      const { Attributes } = await calling('sqs', () =>
        sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['RedrivePolicy'] })),
      );
      return Attributes?.RedrivePolicy !== undefined;
    },
  };
}

/** Entries of at most ten. */
function batches(messages: readonly QueueMessage[]): { Id: string; ReceiptHandle: string }[][] {
  const entries = messages.map(({ handle }, at) => ({ Id: String(at), ReceiptHandle: handle }));
  return Array.from({ length: Math.ceil(entries.length / BATCH) }, (_, at) =>
    entries.slice(at * BATCH, (at + 1) * BATCH),
  );
}
