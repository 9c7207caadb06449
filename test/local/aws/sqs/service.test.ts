import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  type ReceiveMessageCommandInput,
} from '@aws-sdk/client-sqs';
import { expect } from 'chai';
import { startAws, type Aws } from '../../../../local/aws/server.ts';
import { sqsService, type SqsService } from '../../../../local/aws/sqs/service.ts';
import { failure, ROOT } from '../ec2/cloud.ts';

describe('SQS', () => {
  let stateDir: string;
  let aws: Aws;
  let service: SqsService;
  let client: SQSClient;
  let url: string;

  const start = async () => {
    aws = await startAws({
      stateDir,
      region: 'us-east-1',
      accountId: '000000000000',
      roles: [{ name: 'nobody', policies: [] }],
      rootCredentials: ROOT,
      services: (context) => {
        service = sqsService(context);
        return [service];
      },
    });
    client = new SQSClient({ endpoint: aws.url, region: 'us-east-1', credentials: ROOT, maxAttempts: 1 });
  };
  const stop = async () => {
    client.destroy();
    await aws.close();
  };
  const create = async (name: string, attributes: Record<string, string> = {}) =>
    (await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))).QueueUrl ?? '';
  const send = (body: string, more: object = {}) =>
    client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body, ...more }));
  const receive = async (more: Partial<ReceiveMessageCommandInput> = {}) =>
    (await client.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, ...more }))).Messages ?? [];
  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'spotlearn-sqs-'));
    await start();
    url = await create('interruptions');
  });
  afterEach(async () => {
    await stop();
    await rm(stateDir, { recursive: true, force: true });
  });

  it('gives a message once, hides it while in flight and forgets it when deleted', async () => {
    await send('hello', { MessageAttributes: { kind: { DataType: 'String', StringValue: 'x' } } });
    const [message] = await receive({ MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] });
    expect(message?.Body).to.equal('hello');
    expect(message?.MessageAttributes).to.deep.equal({ kind: { DataType: 'String', StringValue: 'x' } });
    expect(message?.Attributes).to.include({ ApproximateReceiveCount: '1', SenderId: '000000000000' });
    expect(await receive()).to.be.empty;
    await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }));
    const attributes = await client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
    expect(attributes.Attributes).to.include({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
      VisibilityTimeout: '30',
      QueueArn: 'arn:aws:sqs:us-east-1:000000000000:interruptions',
    });
  });

  it('answers a long poll the moment a message comes', async () => {
    const started = Date.now();
    const waiting = receive({ WaitTimeSeconds: 20 });
    setTimeout(() => service.deliver('interruptions', '{"detail-type":"EC2 Spot Instance Interruption Warning"}'), 100);
    const [message] = await waiting;
    expect(message?.Body).to.contain('Interruption');
    expect(Date.now() - started).to.be.within(90, 3_000);
  });

  it('answers a long poll with nothing when the time is up', async () => {
    const started = Date.now();
    expect(await receive({ WaitTimeSeconds: 1 })).to.be.empty;
    expect(Date.now() - started).to.be.within(950, 3_000);
  });

  it('shows a message again when its visibility ends, to a receiver that waits for it', async () => {
    await send('again');
    const [first] = await receive({ VisibilityTimeout: 1 });
    const [second] = await receive({ WaitTimeSeconds: 5, MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
    expect(second?.MessageId).to.equal(first?.MessageId);
    expect(second?.Attributes?.ApproximateReceiveCount).to.equal('2');
  });

  it('lets a receiver give a message back at once, and only while it has it', async () => {
    await send('mine');
    const [message] = await receive();
    const change = () =>
      client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url,
          ReceiptHandle: message?.ReceiptHandle,
          VisibilityTimeout: 0,
        }),
      );
    await change();
    expect(await failure(change())).to.equal('MessageNotInflight');
    expect(await receive()).to.have.length(1);
  });

  it('moves what was received too often to the dead letters', async () => {
    const dead = await create('dead');
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
      maxReceiveCount: 2,
    });
    await client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { RedrivePolicy } }));
    await send('poison');
    for (let time = 0; time < 2; time += 1) expect(await receive({ VisibilityTimeout: 0 })).to.have.length(1);
    expect(await receive()).to.be.empty;
    const [message] = await receive({ QueueUrl: dead, MessageSystemAttributeNames: ['All'] });
    expect(message?.Body).to.equal('poison');
    expect(message?.Attributes).to.include({
      DeadLetterQueueSourceArn: 'arn:aws:sqs:us-east-1:000000000000:interruptions',
    });
  });

  it('holds back a delayed message', async () => {
    await send('later', { DelaySeconds: 1 });
    expect(await receive()).to.be.empty;
    const counts = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessagesDelayed'] }),
    );
    expect(counts.Attributes).to.deep.equal({ ApproximateNumberOfMessagesDelayed: '1' });
    expect(await receive({ WaitTimeSeconds: 3 })).to.have.length(1);
  });

  it('sends and deletes in batches, telling each entry’s fate', async () => {
    const sent = await client.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: 'a', MessageBody: 'one' },
          { Id: 'b', MessageBody: 'bad \u0001' },
        ],
      }),
    );
    expect(sent.Successful?.map((each) => each.Id)).to.deep.equal(['a']);
    expect(sent.Failed?.[0]).to.include({ Id: 'b', Code: 'InvalidMessageContents', SenderFault: true });
    const [message] = await receive();
    const deleted = await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: 'x', ReceiptHandle: message?.ReceiptHandle },
          { Id: 'y', ReceiptHandle: 'nonsense' },
        ],
      }),
    );
    expect(deleted.Successful?.map((each) => each.Id)).to.deep.equal(['x']);
    expect(deleted.Failed?.[0]?.Code).to.equal('ReceiptHandleIsInvalid');
    const batchOf = (ids: string[]) =>
      failure(
        client.send(
          new SendMessageBatchCommand({ QueueUrl: url, Entries: ids.map((Id) => ({ Id, MessageBody: 'x' })) }),
        ),
      );
    expect(await batchOf([])).to.equal('EmptyBatchRequest');
    expect(await batchOf(['a', 'a'])).to.equal('BatchEntryIdsNotDistinct');
    expect(await batchOf([...'abcdefghijk'])).to.equal('TooManyEntriesInBatchRequest');
  });

  it('refuses what SQS refuses', async () => {
    expect(await failure(receive({ QueueUrl: `${aws.url}/000000000000/none` }))).to.equal('QueueDoesNotExist');
    expect(await failure(client.send(new GetQueueUrlCommand({ QueueName: 'none' })))).to.equal('QueueDoesNotExist');
    expect(await failure(create('a b'))).to.equal('InvalidParameterValue');
    expect(await failure(create('q.fifo'))).to.equal('UnsupportedOperation');
    expect(await failure(create('q', { VisibilityTimeout: '50000' }))).to.equal('InvalidAttributeValue');
    expect(await failure(create('q', { Speed: '1' }))).to.equal('InvalidAttributeName');
    expect(await failure(send('x'.repeat(1_048_577)))).to.equal('InvalidParameterValue');
    expect(await failure(receive({ WaitTimeSeconds: 21 }))).to.equal('InvalidParameterValue');
  });

  it('creates a queue again only with the same attributes', async () => {
    expect(await create('interruptions', { VisibilityTimeout: '30' })).to.equal(url);
    expect(await failure(create('interruptions', { VisibilityTimeout: '31' }))).to.equal('QueueNameExists');
    expect((await client.send(new ListQueuesCommand({ QueueNamePrefix: 'inter' }))).QueueUrls).to.deep.equal([url]);
  });

  it('purges once a minute, and deletes a queue with what is in it', async () => {
    await send('x');
    await client.send(new PurgeQueueCommand({ QueueUrl: url }));
    expect(await receive()).to.be.empty;
    expect(await failure(client.send(new PurgeQueueCommand({ QueueUrl: url })))).to.equal('PurgeQueueInProgress');
    await client.send(new DeleteQueueCommand({ QueueUrl: url }));
    expect(await failure(receive())).to.equal('QueueDoesNotExist');
    expect(service.deliver('interruptions', 'x')).to.equal(false);
  });

  it('keeps queues and messages, with their receive counts, over a restart', async () => {
    await send('kept');
    await receive({ VisibilityTimeout: 0 });
    await stop();
    await start();
    url = (await client.send(new GetQueueUrlCommand({ QueueName: 'interruptions' }))).QueueUrl ?? '';
    const [message] = await receive({ MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
    expect(message?.Body).to.equal('kept');
    expect(message?.Attributes?.ApproximateReceiveCount).to.equal('2');
  });

  it('asks for permission, and takes the queue’s own policy into account', async () => {
    const stranger = new SQSClient({
      endpoint: aws.url,
      region: 'us-east-1',
      credentials: aws.iam.issueSession('nobody', 'x', 900),
    });
    const attempt = () => stranger.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
    expect(await failure(attempt())).to.equal('AccessDeniedException');
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::000000000000:role/nobody' },
          Action: 'sqs:SendMessage',
          Resource: 'arn:aws:sqs:us-east-1:000000000000:interruptions',
        },
      ],
    });
    await client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { Policy } }));
    expect((await attempt()).MessageId).to.be.a('string');
    stranger.destroy();
  });
});
