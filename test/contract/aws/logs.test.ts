import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { expect } from 'chai';
import { describeCompute, refusal, type Connection } from './compute.ts';

let groups = 0;
async function setUp(connection: Connection, streams: Record<string, [age: number, message: string][]>) {
  const client = new CloudWatchLogsClient(connection);
  groups += 1;
  const logGroupName = `/contract/${groups}`;
  const now = Date.now();
  await client.send(new CreateLogGroupCommand({ logGroupName }));
  for (const [logStreamName, events] of Object.entries(streams)) {
    await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const logEvents = events.map(([age, message]) => ({ timestamp: now - age, message }));
    if (logEvents.length > 0) await client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
  }
  return { client, logGroupName, now };
}
const messages = (answer: { events?: { message?: string }[] }) => answer.events?.map((each) => each.message);

describeCompute(
  'CloudWatch Logs',
  {
    'the forward token stays the same at the end of a stream': async (connection) => {
      const { client, logGroupName } = await setUp(connection, {
        s: [
          [2, 'one'],
          [1, 'two'],
        ],
      });
      const get = (nextToken?: string) =>
        client.send(new GetLogEventsCommand({ logGroupName, logStreamName: 's', startFromHead: true, nextToken }));
      const first = await get();
      expect(messages(first)).to.deep.equal(['one', 'two']);
      const end = await get(first.nextForwardToken);
      expect(messages(end)).to.deep.equal([]);
      expect(end.nextForwardToken).to.equal(first.nextForwardToken);
    },
    'events of many streams are interleaved by time': async (connection) => {
      const { client, logGroupName } = await setUp(connection, {
        a: [
          [40, 'a1'],
          [20, 'a2'],
        ],
        b: [
          [30, 'b1'],
          [10, 'b2'],
        ],
      });
      const found = await client.send(new FilterLogEventsCommand({ logGroupName }));
      expect(messages(found)).to.deep.equal(['a1', 'b1', 'a2', 'b2']);
    },
    'a filter excludes with a minus': async (connection) => {
      const { client, logGroupName } = await setUp(connection, {
        a: [
          [2, 'ERROR real'],
          [1, 'ERROR ignored'],
        ],
      });
      const found = await client.send(new FilterLogEventsCommand({ logGroupName, filterPattern: 'ERROR -ignored' }));
      expect(messages(found)).to.deep.equal(['ERROR real']);
    },
    'start and end of a filter are inclusive': async (connection) => {
      const { client, logGroupName, now } = await setUp(connection, {
        a: [
          [3, 'x'],
          [2, 'y'],
          [1, 'z'],
        ],
      });
      const found = await client.send(
        new FilterLogEventsCommand({ logGroupName, startTime: now - 3, endTime: now - 2 }),
      );
      expect(messages(found)).to.deep.equal(['x', 'y']);
    },
    'errors have their names': async (connection) => {
      const { client, logGroupName } = await setUp(connection, { a: [] });
      const stream = { logGroupName, logStreamName: 'a' };
      expect(await refusal(client.send(new CreateLogStreamCommand(stream)))).to.equal('ResourceAlreadyExistsException');
      expect(await refusal(client.send(new CreateLogGroupCommand({ logGroupName })))).to.equal(
        'ResourceAlreadyExistsException',
      );
      expect(await refusal(client.send(new GetLogEventsCommand({ logGroupName, logStreamName: 'none' })))).to.equal(
        'ResourceNotFoundException',
      );
      expect(await refusal(client.send(new DescribeLogStreamsCommand({ logGroupName: '/none' })))).to.equal(
        'ResourceNotFoundException',
      );
    },
  },
  {
    'events of many streams are interleaved by time': 'moto gives them stream by stream',
    'a filter excludes with a minus': 'moto does not know exclusion',
  },
);
