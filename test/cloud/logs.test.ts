// The border to CloudWatch Logs through the SDK against the local AWS.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { expect } from 'chai';
import { CloudError } from '../../cloud/errors.ts';
import { type LogEvents, logEvents } from '../../cloud/logs.ts';
import { logsService } from '../../local/aws/logs/service.ts';
import { type Aws, startAws } from '../../local/aws/server.ts';

const ROOT = { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'test-root-secret' };
const GROUP = '/aws/ec2/ml-training';

describe('The border to CloudWatch Logs', () => {
  let folder: string;
  let aws: Aws;
  let client: CloudWatchLogsClient;
  let logs: LogEvents;
  const now = Date.now();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'logs-border-'));
    aws = await startAws({
      stateDir: folder,
      region: 'us-east-1',
      accountId: '000000000000',
      roles: [{ name: 'nobody', policies: [] }],
      rootCredentials: ROOT,
      services: (context) => [logsService(context)],
    });
    client = connect(ROOT);
    logs = logEvents({ logs: async () => client });
  });
  after(async () => {
    client.destroy();
    await aws.close();
    await rm(folder, { recursive: true, force: true });
  });

  function connect(credentials: { accessKeyId: string; secretAccessKey: string }): CloudWatchLogsClient {
    return new CloudWatchLogsClient({ endpoint: aws.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  }
  const makeStream = (logStreamName: string) =>
    client.send(new CreateLogStreamCommand({ logGroupName: GROUP, logStreamName }));
  const put = (logStreamName: string, ...events: [age: number, message: string][]) =>
    client.send(
      new PutLogEventsCommand({
        logGroupName: GROUP,
        logStreamName,
        logEvents: events.map(([age, message]) => ({ timestamp: now - age, message })),
      }),
    );
  const kindOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'nothing',
      (error: unknown) => (error instanceof CloudError ? `${error.service} ${error.kind}` : String(error)),
    );

  it('takes a group and a stream that are not there yet for nothing yet', async () => {
    expect(await logs.follow({ group: GROUP, streamPrefix: 'instance-', since: 0 })).to.deep.equal({
      events: [],
      next: undefined,
    });
    expect(await logs.stream({ group: GROUP, stream: 'instance-i-1' })).to.equal(undefined);
    await client.send(new CreateLogGroupCommand({ logGroupName: GROUP }));
    expect(await logs.stream({ group: GROUP, stream: 'instance-i-1' })).to.equal(undefined);
    expect((await logs.follow({ group: GROUP, streamPrefix: 'instance-', since: 0 })).events).to.deep.equal([]);
  });

  it('follows a stream by its tokens, past the end of what was there', async () => {
    await makeStream('instance-i-1');
    const empty = await logs.stream({ group: GROUP, stream: 'instance-i-1' });
    expect(empty?.events).to.deep.equal([]);
    await put('instance-i-1', [20, 'one'], [10, 'two']);
    const first = await logs.stream({ group: GROUP, stream: 'instance-i-1', token: empty?.next });
    expect(first?.events).to.deep.equal([
      { at: now - 20, message: 'one' },
      { at: now - 10, message: 'two' },
    ]);
    expect(first?.end).to.equal(false);
    const end = await logs.stream({ group: GROUP, stream: 'instance-i-1', token: first?.next });
    expect(end).to.deep.equal({ events: [], next: first?.next, end: true });
    await put('instance-i-1', [5, 'three']);
    const more = await logs.stream({ group: GROUP, stream: 'instance-i-1', token: end?.next });
    expect(more?.events.map(({ message }) => message)).to.deep.equal(['three']);
  });

  it('begins at a time when asked to', async () => {
    const late = await logs.stream({ group: GROUP, stream: 'instance-i-1', since: now - 10.5 });
    expect(late?.events.map(({ message }) => message)).to.deep.equal(['two', 'three']);
  });

  it('reads all streams of a prefix together, by time, each line with an id of its own', async () => {
    await makeStream('instance-i-2');
    await makeStream('other');
    await put('instance-i-2', [15, 'between']);
    await put('other', [15, 'foreign']);
    const { events, next } = await logs.follow({ group: GROUP, streamPrefix: 'instance-', since: now - 19 });
    expect(events.map(({ stream, at, message }) => [stream, at - now, message])).to.deep.equal([
      ['instance-i-2', -15, 'between'],
      ['instance-i-1', -10, 'two'],
      ['instance-i-1', -5, 'three'],
    ]);
    expect(new Set(events.map(({ id }) => id)).size).to.equal(3);
    expect(next).to.equal(undefined);
    expect((await logs.follow({ group: GROUP, since: -5 })).events).to.have.length(5);
  });

  it('goes on page by page where there is more than a page holds', async () => {
    await makeStream('instance-i-3');
    const text = 'x'.repeat(200_000);
    for (let n = 0; n < 8; n += 1) await put('instance-i-3', [8 - n, `${n}${text}`]);
    const pages: string[][] = [];
    let token: string | undefined;
    do {
      const page = await logs.follow({ group: GROUP, streamPrefix: 'instance-i-3', since: 0, token });
      pages.push(page.events.map(({ message }) => message.slice(0, 1)));
      token = page.next;
    } while (token !== undefined);
    expect(pages.length).to.be.greaterThan(1);
    expect(pages.flat()).to.deep.equal(['0', '1', '2', '3', '4', '5', '6', '7']);
  });

  it('tells every other failure in our own words', async () => {
    expect(await kindOf(logs.follow({ group: GROUP, since: 0, token: 'made up' }))).to.equal('logs invalid');
    const refused = connect(aws.iam.issueSession('nobody', 'someone', 3600));
    const denied = logEvents({ logs: async () => refused });
    expect(await kindOf(denied.stream({ group: GROUP, stream: 'instance-i-1' }))).to.equal('logs denied');
    refused.destroy();
    const nowhere = new CloudWatchLogsClient({
      endpoint: 'http://127.0.0.1:1',
      region: 'us-east-1',
      credentials: ROOT,
      maxAttempts: 1,
    });
    const away = logEvents({ logs: async () => nowhere });
    expect(await kindOf(away.follow({ group: GROUP, since: 0 }))).to.equal('logs unreachable');
    nowhere.destroy();
  });
});
