// The sweep's account over AWS's own protocol: a server that answers as the tagging API and Cloud Control do.
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { accountOf } from '../../../infra/sweep/account.ts';
import { ManualClock } from '../../operator/clock.ts';

describe('The account that is swept', () => {
  let server: Server;
  let asked: [target: string, body: Record<string, unknown>][];
  let answers: ((target: string, body: Record<string, unknown>) => [status: number, body: object])[];
  const before: Record<string, string | undefined> = {};
  beforeEach(async () => {
    asked = [];
    answers = [];
    server = createServer((request, response) => {
      void text(request).then((sent) => {
        const target = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
        const body = JSON.parse(sent) as Record<string, unknown>;
        asked.push([target, body]);
        const [status, answer] = answers.shift()?.(target, body) ?? [500, {}];
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const settings = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
    };
    for (const [name, value] of Object.entries(settings)) {
      before[name] = process.env[name];
      process.env[name] = value;
    }
  });
  afterEach(async () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const progress = (OperationStatus: string, more: object = {}): [number, object] => [
    200,
    { ProgressEvent: { OperationStatus, RequestToken: 'token', ...more } },
  ];

  it('finds by tag, page after page', async () => {
    const account = accountOf('eu-central-1');
    const page = (...arns: string[]) => arns.map((ResourceARN) => ({ ResourceARN, Tags: [] }));
    answers.push(
      () => [200, { ResourceTagMappingList: page('a', 'b'), PaginationToken: 'more' }],
      () => [200, { ResourceTagMappingList: page('c'), PaginationToken: '' }],
    );
    expect(await account.tagged('spotlearn:installation', 'ours')).to.deep.equal(['a', 'b', 'c']);
    expect(asked[0]?.[1]).to.deep.include({ TagFilters: [{ Key: 'spotlearn:installation', Values: ['ours'] }] });
    expect(asked[1]?.[1]).to.include({ PaginationToken: 'more' });
    account.close();
  });

  it('looks for what has a name', async () => {
    const account = accountOf('eu-central-1');
    answers.push(
      () => [200, { TypeName: 'AWS::IAM::Role', ResourceDescription: { Identifier: 'ours-bot' } }],
      () => [400, { __type: 'ResourceNotFoundException', message: 'no such role' }],
      () => [400, { __type: 'AccessDeniedException', message: 'not you' }],
    );
    expect(await account.exists('AWS::IAM::Role', 'ours-bot')).to.equal(true);
    expect(await account.exists('AWS::IAM::Role', 'ours-bot')).to.equal(false);
    const refusal = await account.exists('AWS::IAM::Role', 'ours-bot').catch((error: Error) => error.message);
    expect(refusal).to.equal('not you');
    account.close();
  });

  it('removes, and waits until it is gone; says why when it can’t', async () => {
    const clock = new ManualClock();
    const account = accountOf('eu-central-1', clock);
    answers.push(
      () => progress('IN_PROGRESS'),
      () => progress('IN_PROGRESS'),
      () => progress('SUCCESS'),
    );
    const removal = account.remove('AWS::SQS::Queue', 'url');
    while (answers.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(3_000);
    }
    await removal;
    expect(asked.map(([target]) => target)).to.deep.equal([
      ...['DeleteResource', 'GetResourceRequestStatus', 'GetResourceRequestStatus'],
    ]);
    answers.push(() => progress('FAILED', { ErrorCode: 'ResourceConflict', StatusMessage: 'it is in use' }));
    const failure = await account.remove('AWS::EC2::VPC', 'vpc-1').catch((error: Error) => error.message);
    expect(failure).to.equal('it is in use');
    answers.push(() => progress('FAILED', { ErrorCode: 'NotFound' }));
    await account.remove('AWS::EC2::VPC', 'vpc-1');
    account.close();
  });
});
