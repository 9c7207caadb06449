// The interruption queue (decision 6): EventBridge puts EC2's notices into SQS, the operator takes them by long poll.
import type { Clients } from './clients.ts';
import { calling } from './errors.ts';

export interface QueueMessage {
  readonly body: string;
  readonly handle: string;
}

export interface NoticeQueue {
  /** Waits up to 20 s (SQS's most); at most 10 messages. */
  receive(signal: AbortSignal): Promise<QueueMessage[]>;
  delete(messages: readonly QueueMessage[]): Promise<void>;
}

export function noticeQueue(clients: Clients, url: string): NoticeQueue {
  const sdk = () => import('@aws-sdk/client-sqs');
  return {
    receive: async (signal) => {
      const [sqs, { ReceiveMessageCommand }] = await Promise.all([clients.sqs(), sdk()]);
      const answer = await calling('sqs', () =>
        sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }), {
          abortSignal: signal,
        }),
      );
      return (answer.Messages ?? []).map(({ Body, ReceiptHandle }) => ({
        body: Body ?? '',
        handle: ReceiptHandle ?? '',
      }));
    },
    delete: async (messages) => {
      if (messages.length === 0) return;
      const [sqs, { DeleteMessageBatchCommand }] = await Promise.all([clients.sqs(), sdk()]);
      await calling('sqs', () =>
        sqs.send(
          new DeleteMessageBatchCommand({
            QueueUrl: url,
            Entries: messages.map(({ handle }, at) => ({ Id: String(at), ReceiptHandle: handle })),
          }),
        ),
      );
    },
  };
}
