import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DeleteLogStreamCommand,
  DeleteRetentionPolicyCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  paginateFilterLogEvents,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
  type FilterLogEventsCommandInput,
} from '@aws-sdk/client-cloudwatch-logs';
import { expect } from 'chai';
import fc from 'fast-check';
import { filterPattern } from '../../../../local/aws/logs/pattern.ts';
import { logsService } from '../../../../local/aws/logs/service.ts';
import { startAws, type Aws } from '../../../../local/aws/server.ts';
import { failure, ROOT } from '../ec2/cloud.ts';

const GROUP = '/aws/ec2/ml-training';
const HOUR = 3_600_000;

describe('CloudWatch Logs', () => {
  let stateDir: string;
  let aws: Aws;
  let client: CloudWatchLogsClient;
  let now: number;

  const start = async () => {
    aws = await startAws({
      stateDir,
      region: 'us-east-1',
      accountId: '000000000000',
      roles: [
        {
          name: 'worker',
          policies: [
            {
              Version: '2012-10-17',
              Statement: {
                Effect: 'Allow',
                Action: 'logs:PutLogEvents',
                Resource: `arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}:log-stream:instance-i-1`,
              },
            },
          ],
        },
      ],
      rootCredentials: ROOT,
      clock: { now: () => now, after: () => () => undefined },
      services: (context) => [logsService(context)],
    });
    client = new CloudWatchLogsClient({ endpoint: aws.url, region: 'us-east-1', credentials: ROOT, maxAttempts: 1 });
  };
  const stop = async () => {
    client.destroy();
    await aws.close();
  };
  beforeEach(async () => {
    now = Date.now();
    stateDir = await mkdtemp(join(tmpdir(), 'spotlearn-logs-'));
    await start();
    await client.send(new CreateLogGroupCommand({ logGroupName: GROUP }));
  });
  afterEach(async () => {
    await stop();
    await rm(stateDir, { recursive: true, force: true });
  });

  const stream = (name: string) =>
    client.send(new CreateLogStreamCommand({ logGroupName: GROUP, logStreamName: name }));
  const put = (name: string, ...events: [age: number, message: string][]) =>
    client.send(
      new PutLogEventsCommand({
        logGroupName: GROUP,
        logStreamName: name,
        logEvents: events.map(([age, message]) => ({ timestamp: now - age, message })),
      }),
    );
  const get = (name: string, more: object = {}) =>
    client.send(new GetLogEventsCommand({ logGroupName: GROUP, logStreamName: name, startFromHead: true, ...more }));
  const messages = (answer: { events?: { message?: string }[] }) => answer.events?.map((each) => each.message);
  const filter = async (more: Partial<FilterLogEventsCommandInput>) =>
    messages(await client.send(new FilterLogEventsCommand({ logGroupName: GROUP, ...more })));

  it('follows a stream by forward tokens, and repeats the token at the end', async () => {
    await stream('s');
    await put('s', [30, 'one'], [20, 'two'], [10, 'three']);
    const first = await get('s', { limit: 2 });
    expect(messages(first)).to.deep.equal(['one', 'two']);
    const second = await get('s', { nextToken: first.nextForwardToken });
    expect(messages(second)).to.deep.equal(['three']);
    const end = await get('s', { nextToken: second.nextForwardToken });
    expect(messages(end)).to.deep.equal([]);
    expect(end.nextForwardToken).to.equal(second.nextForwardToken);
    await put('s', [0, 'four']);
    expect(messages(await get('s', { nextToken: end.nextForwardToken }))).to.deep.equal(['four']);
  });

  it('gives the newest events without startFromHead, and pages backwards', async () => {
    await stream('s');
    await put('s', [3, 'a'], [2, 'b'], [1, 'c']);
    const newest = await get('s', { startFromHead: false, limit: 2 });
    expect(messages(newest)).to.deep.equal(['b', 'c']);
    expect(messages(await get('s', { nextToken: newest.nextBackwardToken }))).to.deep.equal(['a']);
    expect(messages(await get('s', { startTime: now - 2, endTime: now - 1 }))).to.deep.equal(['b']);
  });

  it('gives stable tokens for an empty stream, so that a reader may wait for the first line', async () => {
    await stream('s');
    const empty = await get('s');
    expect(empty.events).to.deep.equal([]);
    await put('s', [0, 'first']);
    expect(messages(await get('s', { nextToken: empty.nextForwardToken }))).to.deep.equal(['first']);
    expect(await failure(get('s', { nextToken: 'nonsense' }))).to.equal('InvalidParameterException');
  });

  it('filters many streams interleaved by time, by name, prefix, time and pattern', async () => {
    for (const name of ['instance-1', 'instance-2', 'other']) await stream(name);
    await put('instance-1', [40, 'Epoch 1 Loss: 0.5'], [20, 'Epoch 2 Loss: 0.4']);
    await put('instance-2', [30, 'Epoch 1 ERROR'], [10, 'done']);
    await put('other', [25, 'noise']);
    expect(await filter({ logStreamNamePrefix: 'instance-' })).to.deep.equal([
      'Epoch 1 Loss: 0.5',
      'Epoch 1 ERROR',
      'Epoch 2 Loss: 0.4',
      'done',
    ]);
    expect(await filter({ logStreamNames: ['other', 'instance-2'] })).to.deep.equal(['Epoch 1 ERROR', 'noise', 'done']);
    expect(await filter({ startTime: now - 30, endTime: now - 20 })).to.deep.equal([
      'Epoch 1 ERROR',
      'noise',
      'Epoch 2 Loss: 0.4',
    ]);
    expect(await filter({ filterPattern: '"Epoch 1" -ERROR' })).to.deep.equal(['Epoch 1 Loss: 0.5']);
    expect(await failure(filter({ logStreamNames: ['x'], logStreamNamePrefix: 'y' }))).to.equal(
      'InvalidParameterException',
    );
  });

  it('pages FilterLogEvents without losing or repeating an event', async () => {
    await stream('a');
    await stream('b');
    for (const name of ['a', 'b'])
      await put(name, ...Array.from({ length: 25 }, (_, i): [number, string] => [50 - i, `${name}${i}`]));
    const seen: string[] = [];
    for await (const page of paginateFilterLogEvents({ client, pageSize: 7 }, { logGroupName: GROUP }))
      for (const event of page.events ?? []) seen.push(event.message ?? '');
    expect(seen).to.have.length(50);
    expect(new Set(seen).size).to.equal(50);
    expect(seen.slice(0, 4)).to.deep.equal(['a0', 'b0', 'a1', 'b1']);
  });

  it('refuses batches out of order, spanning a day, too large or empty', async () => {
    await stream('s');
    expect(await failure(put('s', [1, 'new'], [2, 'old']))).to.equal('InvalidParameterException');
    expect(await failure(put('s', [25 * HOUR, 'x'], [0, 'y']))).to.equal('InvalidParameterException');
    expect(await failure(put('s', [0, 'x'.repeat(1_048_600)]))).to.equal('InvalidParameterException');
    expect(await failure(put('s'))).to.equal('InvalidParameterException');
    expect(await failure(put('s', [0, '']))).to.equal('InvalidParameterException');
  });

  it('takes what is neither too old nor too new and says what it rejected', async () => {
    await stream('s');
    const old = await put('s', [15 * 24 * HOUR, 'ancient']);
    expect(old.rejectedLogEventsInfo?.tooOldLogEventEndIndex).to.equal(1);
    const future = await put('s', [0, 'now'], [-3 * HOUR, 'tomorrow']);
    expect(future.rejectedLogEventsInfo?.tooNewLogEventStartIndex).to.equal(1);
    expect(messages(await get('s'))).to.deep.equal(['now']);
  });

  it('names what is missing and what is there already', async () => {
    expect(await failure(get('nope'))).to.equal('ResourceNotFoundException');
    expect(await failure(put('nope', [0, 'x']))).to.equal('ResourceNotFoundException');
    await stream('s');
    expect(await failure(stream('s'))).to.equal('ResourceAlreadyExistsException');
    expect(await failure(client.send(new CreateLogGroupCommand({ logGroupName: GROUP })))).to.equal(
      'ResourceAlreadyExistsException',
    );
    expect(await failure(client.send(new CreateLogGroupCommand({ logGroupName: 'a b' })))).to.equal(
      'InvalidParameterException',
    );
    expect(await failure(stream('a:b'))).to.equal('InvalidParameterException');
  });

  it('describes groups and streams in pages, newest event first when asked', async () => {
    for (const name of ['a', 'b', 'c']) await stream(name);
    await put('b', [5, 'x']);
    await put('a', [1, 'y']);
    const streams = async (more: object) =>
      client.send(new DescribeLogStreamsCommand({ logGroupName: GROUP, ...more }));
    const page = await streams({ limit: 2 });
    expect(page.logStreams?.map((each) => each.logStreamName)).to.deep.equal(['a', 'b']);
    expect((await streams({ nextToken: page.nextToken })).logStreams?.map((each) => each.logStreamName)).to.deep.equal([
      'c',
    ]);
    const recent = await streams({ orderBy: 'LastEventTime', descending: true });
    expect(recent.logStreams?.map((each) => each.logStreamName)).to.deep.equal(['a', 'b', 'c']);
    expect(recent.logStreams?.[0]?.lastEventTimestamp).to.equal(now - 1);
    const groups = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/aws/ec2' }));
    expect(groups.logGroups?.[0]).to.include({
      logGroupName: GROUP,
      arn: `arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}:*`,
    });
  });

  it('forgets events after the retention time', async () => {
    await stream('s');
    await put('s', [24 * HOUR - 60_000, 'kept a while']);
    await client.send(new PutRetentionPolicyCommand({ logGroupName: GROUP, retentionInDays: 1 }));
    expect(
      await failure(client.send(new PutRetentionPolicyCommand({ logGroupName: GROUP, retentionInDays: 2 }))),
    ).to.equal('InvalidParameterException');
    now += 120_000;
    expect(messages(await get('s'))).to.deep.equal([]);
    await stop();
    await start();
    await client.send(new DeleteRetentionPolicyCommand({ logGroupName: GROUP }));
    expect(messages(await get('s'))).to.deep.equal([]);
  });

  it('keeps everything over a restart', async () => {
    await stream('s');
    await put('s', [2, 'ünï'], [1, 'two']);
    const first = await get('s', { limit: 1 });
    await stop();
    await start();
    await put('s', [0, 'three']);
    expect(messages(await get('s', { nextToken: first.nextForwardToken }))).to.deep.equal(['two', 'three']);
    await client.send(new DeleteLogStreamCommand({ logGroupName: GROUP, logStreamName: 's' }));
    expect(await failure(get('s'))).to.equal('ResourceNotFoundException');
    await client.send(new DeleteLogGroupCommand({ logGroupName: GROUP }));
    expect((await client.send(new DescribeLogGroupsCommand({}))).logGroups).to.deep.equal([]);
  });

  it('lets a worker write to its own stream only', async () => {
    await stream('instance-i-1');
    await stream('instance-i-2');
    const worker = new CloudWatchLogsClient({
      endpoint: aws.url,
      region: 'us-east-1',
      credentials: aws.iam.issueSession('worker', 'i-1', 900),
    });
    const write = (name: string) =>
      worker.send(
        new PutLogEventsCommand({
          logGroupName: GROUP,
          logStreamName: name,
          logEvents: [{ timestamp: now, message: 'x' }],
        }),
      );
    await write('instance-i-1');
    expect(await failure(write('instance-i-2'))).to.equal('AccessDeniedException');
    worker.destroy();
  });

  it('reads only the part of a long stream that a time range needs', async () => {
    await stream('s');
    for (let batch = 20; batch > 0; batch -= 1)
      await put(
        's',
        ...Array.from({ length: 100 }, (_, i): [number, string] => [
          batch * 100 - i,
          `${batch}-${i} ${'x'.repeat(100)}`,
        ]),
      );
    const part = await get('s', { startTime: now - 150, endTime: now - 149 });
    expect(messages(part)?.[0]).to.match(/^2-50 /);
    expect((await get('s')).events).to.have.length(2000);
  });
});

describe('a filter pattern', () => {
  for (const [pattern, message, matches] of [
    ['', 'anything', true],
    ['ERROR', 'an ERROR here', true],
    ['ERROR', 'an error here', false],
    ['ERROR disk', 'disk ERROR', true],
    ['ERROR disk', 'ERROR', false],
    ['?ERROR ?WARN', 'WARN', true],
    ['?ERROR ?WARN', 'INFO', false],
    ['ERROR -ignored', 'ERROR ignored', false],
    ['"two words"', 'in two words', true],
    ['"two words"', 'words two', false],
    ['%Epoch \\d+%', 'Epoch 12', true],
    ['%Epoch \\d+%', 'Epoch x', false],
  ] as [string, string, boolean][])
    it(`${pattern === '' ? 'that is empty' : pattern} ${matches ? 'matches' : 'does not match'} "${message}"`, () => {
      expect(filterPattern(pattern)(message)).to.equal(matches);
    });

  it('finds any single word in a text that has it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}$/), fc.string(), fc.string(), (word, before, after) =>
        filterPattern(word)(before + word + after),
      ),
    );
  });
});
