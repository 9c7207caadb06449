import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { expect } from 'chai';
import { describeCompute, refusal } from './compute.ts';

let queues = 0;
async function queue(client: SQSClient, attributes: Record<string, string> = {}): Promise<string> {
  queues += 1;
  const made = await client.send(new CreateQueueCommand({ QueueName: `contract-${queues}`, Attributes: attributes }));
  return made.QueueUrl ?? '';
}

describeCompute('SQS', {
  'a message is given once while it is invisible': async (connection) => {
    const client = new SQSClient(connection);
    const QueueUrl = await queue(client);
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'one' }));
    const first = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MessageSystemAttributeNames: ['ApproximateReceiveCount'] }),
    );
    expect(first.Messages?.[0]).to.include({ Body: 'one' });
    expect(first.Messages?.[0]?.Attributes?.ApproximateReceiveCount).to.equal('1');
    const second = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(second.Messages ?? []).to.be.empty;
  },
  'a deleted message does not come back': async (connection) => {
    const client = new SQSClient(connection);
    const QueueUrl = await queue(client, { VisibilityTimeout: '0' });
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'one' }));
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages?.[0]?.ReceiptHandle }));
    expect((await client.send(new ReceiveMessageCommand({ QueueUrl }))).Messages ?? []).to.be.empty;
  },
  'visibility 0 gives a message back': async (connection) => {
    const client = new SQSClient(connection);
    const QueueUrl = await queue(client);
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'one' }));
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    await client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl,
        ReceiptHandle: Messages?.[0]?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    expect((await client.send(new ReceiveMessageCommand({ QueueUrl }))).Messages).to.have.length(1);
  },
  'too many receives move a message to the dead letters': async (connection) => {
    const client = new SQSClient(connection);
    const dead = await queue(client);
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['QueueArn'] }),
    );
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 1 });
    const QueueUrl = await queue(client, { VisibilityTimeout: '0', RedrivePolicy });
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }));
    await client.send(new ReceiveMessageCommand({ QueueUrl }));
    await client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect((await client.send(new ReceiveMessageCommand({ QueueUrl: dead }))).Messages?.[0]?.Body).to.equal('poison');
  },
  'errors have their names': async (connection) => {
    const client = new SQSClient(connection);
    expect(await refusal(client.send(new GetQueueUrlCommand({ QueueName: 'none' })))).to.equal('QueueDoesNotExist');
    const QueueUrl = await queue(client);
    expect(await refusal(client.send(new SendMessageBatchCommand({ QueueUrl, Entries: [] })))).to.equal(
      'EmptyBatchRequest',
    );
    const twice = [1, 2].map(() => ({ Id: 'same', MessageBody: 'x' }));
    expect(await refusal(client.send(new SendMessageBatchCommand({ QueueUrl, Entries: twice })))).to.equal(
      'BatchEntryIdsNotDistinct',
    );
    expect(await refusal(client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'x' })))).to.equal(
      'ReceiptHandleIsInvalid',
    );
  },
});
