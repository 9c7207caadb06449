import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CHECKS, type Clients, type Stack } from '../../../infra/verify/checks.ts';
import { readStack, UsageError, verify } from '../../../infra/verify/main.ts';
import { programOf } from '../mocks.ts';

interface Sent {
  readonly name: string;
  readonly input: Record<string, unknown>;
}

const GOOD: Record<string, unknown> = {
  GetCallerIdentity: { Account: '111122223333', Arn: 'arn:aws:iam::111122223333:user/me' },
  HeadBucket: {},
  GetBucketPolicyStatus: { PolicyStatus: { IsPublic: false } },
  GetBucketEncryption: {
    ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
  },
  GetBucketVersioning: { Status: 'Enabled' },
  DescribeImages: { Images: [{ Architecture: 'x86_64', RootDeviceName: '/dev/sda1', Name: 'ubuntu-noble' }] },
  DescribeLaunchTemplateVersions: {
    LaunchTemplateVersions: [
      { VersionNumber: 3, LaunchTemplateData: { InstanceInitiatedShutdownBehavior: 'terminate' } },
    ],
  },
  CreateFleet: Object.assign(new Error('Request would have succeeded'), { name: 'DryRunOperation' }),
  DescribeSubnets: { Subnets: ['a', 'b', 'c'].map((zone) => ({ AvailabilityZone: `eu-central-1${zone}` })) },
  DescribeSecurityGroups: { SecurityGroups: [{ IpPermissions: [] }] },
  DescribeSpotPriceHistory: { SpotPriceHistory: [{ SpotPrice: '0.03', AvailabilityZone: 'eu-central-1a' }] },
  GetFunctionConfiguration: { State: 'Active', LastUpdateStatus: 'Successful', Version: '7' },
  Invoke: { StatusCode: 204 },
  GetQueueAttributes: { Attributes: { Policy: '{"Service":"events.amazonaws.com"}', RedrivePolicy: '{}' } },
  DescribeLogGroups: { logGroups: [{ logGroupName: '/aws/ec2/ml-training/spotlearn-dev', retentionInDays: 30 }] },
  AssumeRole: {},
};

/** For each check an answer that makes it fail, and a word of what it then says. */
const BAD: Record<string, [command: string, answer: unknown, word: string][]> = {
  account: [['GetCallerIdentity', { Account: '9' }, 'the account 9']],
  'bucket-open-to-us': [
    ['HeadBucket', new Error('Forbidden'), 'Forbidden'],
    ['GetBucketPolicyStatus', { PolicyStatus: { IsPublic: true } }, 'public'],
  ],
  'bucket-settings': [
    ['GetBucketEncryption', {}, 'no default encryption'],
    ['GetBucketVersioning', {}, 'versioning is off'],
  ],
  image: [
    ['DescribeImages', {}, 'there is no image'],
    ['DescribeImages', { Images: [{ Architecture: 'arm64' }] }, 'arm64'],
    ['DescribeImages', { Images: [{ Architecture: 'x86_64', RootDeviceName: '/dev/xvda' }] }, '/dev/xvda'],
  ],
  template: [
    [
      'DescribeLaunchTemplateVersions',
      { LaunchTemplateVersions: [{ VersionNumber: 1 }, { VersionNumber: 2 }] },
      '1, 2',
    ],
    ['DescribeLaunchTemplateVersions', { LaunchTemplateVersions: [{ VersionNumber: 1 }] }, 'would stay'],
  ],
  launch: [
    ['CreateFleet', new Error('You are not authorized'), 'not authorized'],
    ['CreateFleet', {}, 'nothing of a dry run'],
  ],
  network: [
    ['DescribeSubnets', { Subnets: [] }, '0 zones'],
    ['DescribeSecurityGroups', { SecurityGroups: [{ IpPermissions: [{}] }] }, 'come in'],
  ],
  'spot-prices': [['DescribeSpotPriceHistory', {}, 'no price']],
  function: [
    ['GetFunctionConfiguration', { State: 'Pending' }, 'Pending'],
    ['GetFunctionConfiguration', { State: 'Active', LastUpdateStatus: 'Failed' }, 'failed'],
    ['Invoke', { StatusCode: 500 }, '500'],
  ],
  notices: [
    ['GetQueueAttributes', {}, 'EventBridge'],
    ['GetQueueAttributes', { Attributes: { Policy: 'events.amazonaws.com' } }, 'dead letters'],
  ],
  logs: [['DescribeLogGroups', {}, 'for ever']],
  roles: [['AssumeRole', new Error('not authorized to perform: sts:AssumeRole'), 'AssumeRole']],
};

function clientsWith(answers: Record<string, unknown>): { clients: Clients; sent: Sent[] } {
  const sent: Sent[] = [];
  const send = (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
    const name = command.constructor.name.replace(/Command$/, '');
    sent.push({ name, input: command.input });
    const answer = { ...GOOD, ...answers }[name];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const client = { send } as never;
  return { clients: { s3: client, ec2: client, lambda: client, logs: client, sqs: client, sts: client }, sent };
}

describe('npm run verify:aws', () => {
  let stack: Stack;
  before(async () => {
    stack = (await programOf({ configuration: { 'spotlearn:cluster': 'none' } })).outputs as unknown as Stack;
  });
  const run = async (answers: Record<string, unknown> = {}, of = stack) => {
    const { clients, sent } = clientsWith(answers);
    const lines: string[] = [];
    const code = await verify(clients, of, (line) => lines.push(line));
    return { code, said: lines.join('\n'), sent };
  };

  it('says what it costs before it asks, and that all is well', async () => {
    const { code, said } = await run();
    expect(code, said).to.equal(0);
    expect(said).to.match(/^12 checks of spotlearn-dev, which read and change nothing\. They cost less than /);
    expect(said).to.include('All well.');
  });

  it('reads, or asks for a dry run, and nothing else', async () => {
    const { sent } = await run();
    for (const { name, input } of sent) {
      if (name === 'CreateFleet') expect(input['DryRun']).to.equal(true);
      else if (name === 'Invoke') expect(input['InvocationType']).to.equal('DryRun');
      else if (name === 'AssumeRole') expect(input['DurationSeconds']).to.equal(900);
      else expect(name).to.match(/^(Get|Describe|Head)/);
    }
    expect(sent.filter(({ name }) => /Bucket/.test(name))).to.have.length(4);
  });

  for (const [id, cases] of Object.entries(BAD))
    for (const [command, answer, word] of cases)
      it(`${id} sees when it is not so (${word})`, async () => {
        const { code, said } = await run({ [command]: answer });
        expect(code).to.equal(3);
        const line = said.split('\n').find((one) => one.includes(`WRONG   ${id}:`));
        expect(line, said).to.include(word);
        expect(said).to.include('are not well');
      });

  it('has a row of docs/unverified.md for every check, and a way to fail', () => {
    const rows = [...readFileSync('docs/unverified.md', 'utf8').matchAll(/^\| `([\w-]+)` \|/gm)].map(([, id]) => id);
    expect(CHECKS.map(({ id }) => id)).to.deep.equal(rows);
    expect(Object.keys(BAD)).to.have.members(rows);
  });

  it('asks for no role where a cluster has it', async () => {
    const { sent } = await run({}, { ...stack, clusterName: 'ours' });
    expect(sent.map(({ name }) => name)).not.to.include('AssumeRole');
  });

  it('reads the saved outputs, and says what is wrong with them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'spotlearn-verify-'));
    const file = join(folder, 'outputs.json');
    try {
      writeFileSync(file, JSON.stringify(stack));
      expect(readStack(['--stack', file]).bucket).to.equal(stack.bucket);
      writeFileSync(file, '{"region":"x"}');
      expect(() => readStack(['--stack', file])).to.throw(UsageError, 'lacks installation');
      for (const args of [[], ['--stack', join(folder, 'none')], ['--what']])
        expect(() => readStack(args)).to.throw(UsageError, 'Usage');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
