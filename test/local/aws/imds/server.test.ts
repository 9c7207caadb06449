import { expect } from 'chai';
import type { Instance } from '../../../../local/aws/ec2/state.ts';
import { metadataTree } from '../../../../local/aws/imds/paths.ts';
import { startImds, type Imds } from '../../../../local/aws/imds/server.ts';

const instance: Instance = {
  kind: 'instance',
  id: 'i-0123456789abcdef0',
  reservationId: 'r-1',
  imageId: 'ami-1',
  type: 'm5.large',
  zone: 'us-east-1b',
  subnetId: 'subnet-1',
  securityGroupIds: ['sg-1'],
  privateIp: '172.31.1.2',
  launchedAt: Date.UTC(2025, 0, 2, 3, 4, 5),
  visibleAt: 0,
  lifecycle: 'spot',
  clientToken: '',
  volumeId: 'vol-1',
  profileArn: 'arn:aws:iam::000000000000:instance-profile/worker',
  roleName: 'worker',
  onShutdown: 'terminate',
  userData: Buffer.from('#!/bin/sh\n').toString('base64'),
  metadata: { httpTokens: 'required', httpEndpoint: 'enabled', instanceTags: 'enabled', hopLimit: 2 },
  disableApiTermination: false,
  state: 'running',
  transitionReason: '',
  tags: { job: 'a b' },
};

describe('the metadata service of an instance', () => {
  let imds: Imds;
  let now: number;
  let shown: Instance;
  const start = async (tokensRequired = true) => {
    imds = await startImds({
      now: () => now,
      tokensRequired,
      enabled: true,
      tree: () =>
        metadataTree({
          instance: shown,
          region: 'us-east-1',
          accountId: '000000000000',
          zoneId: 'use1-az2',
          architecture: 'x86_64',
          vpcId: 'vpc-1',
          securityGroups: ['default'],
          credentials: () => Promise.resolve('{"Code":"Success"}'),
        }),
    });
  };
  beforeEach(() => {
    now = 1_000_000;
    shown = structuredClone(instance);
  });
  afterEach(() => imds.close());

  const token = async (
    headers: Record<string, string> = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    method = 'PUT',
  ) => fetch(`${imds.url}/latest/api/token`, { method, headers });
  const get = async (path: string, session?: string) =>
    fetch(`${imds.url}${path}`, { headers: session === undefined ? {} : { 'x-aws-ec2-metadata-token': session } });
  const read = async (path: string) => {
    const answer = await get(`/latest/${path}`, await (await token()).text());
    return answer.status === 200 ? answer.text() : answer.status;
  };

  it('answers nothing without a session token, and nothing any more when it has expired', async () => {
    await start();
    expect((await get('/latest/meta-data/instance-id')).status).to.equal(401);
    const answer = await token();
    expect(answer.headers.get('x-aws-ec2-metadata-token-ttl-seconds')).to.equal('60');
    const session = await answer.text();
    expect(await (await get('/latest/meta-data/instance-id', session)).text()).to.equal(instance.id);
    now += 60_000;
    expect((await get('/latest/meta-data/instance-id', session)).status).to.equal(401);
    expect((await get('/latest/meta-data/instance-id', 'forged')).status).to.equal(401);
  });

  it('answers version 1 too where tokens are optional', async () => {
    await start(false);
    expect((await get('/latest/meta-data/instance-id')).status).to.equal(200);
  });

  it('gives tokens for 1 second to 6 hours, to PUT, and not through a proxy', async () => {
    await start();
    const ttl = 'x-aws-ec2-metadata-token-ttl-seconds';
    const statuses = [
      await token({}),
      await token({ [ttl]: '0' }),
      await token({ [ttl]: '21601' }),
      await token({ [ttl]: '60', 'x-forwarded-for': '1.2.3.4' }),
      await token({ [ttl]: '60' }, 'GET'),
      await fetch(`${imds.url}/latest/meta-data/`, { method: 'POST' }),
    ].map((answer) => answer.status);
    expect(statuses).to.deep.equal([400, 400, 400, 403, 405, 405]);
  });

  it('tells what the instance is and where', async () => {
    await start();
    expect(await read('meta-data/instance-type')).to.equal('m5.large');
    expect(await read('meta-data/placement/availability-zone')).to.equal('us-east-1b');
    expect(await read('meta-data/placement/region')).to.equal('us-east-1');
    expect(await read('meta-data/instance-life-cycle')).to.equal('spot');
    expect(await read('meta-data/ami-id')).to.equal('ami-1');
    expect(await read('meta-data/hostname')).to.equal('ip-172-31-1-2.ec2.internal');
    expect(await read('user-data')).to.equal('#!/bin/sh\n');
    expect(JSON.parse(String(await read('dynamic/instance-identity/document')))).to.include({
      instanceId: instance.id,
      region: 'us-east-1',
      pendingTime: '2025-01-02T03:04:05Z',
    });
  });

  it('lists folders, sub-folders with a slash', async () => {
    await start();
    expect(await read('')).to.equal('dynamic/\nmeta-data/\nuser-data');
    expect(await read('meta-data/placement/')).to.equal('availability-zone\navailability-zone-id\nregion');
    expect(await read('meta-data/iam/security-credentials/')).to.equal('worker');
    expect(String(await read('meta-data/')).split('\n')).to.include.members(['iam/', 'instance-id', 'tags/']);
    expect(await read('meta-data/constructor')).to.equal(404);
    expect((await get('/nonsense/meta-data/', await (await token()).text())).status).to.equal(404);
  });

  it('gives the role’s credentials and the instance profile', async () => {
    await start();
    expect(await read('meta-data/iam/security-credentials/worker')).to.equal('{"Code":"Success"}');
    expect(JSON.parse(String(await read('meta-data/iam/info')))).to.include({
      InstanceProfileArn: instance.profileArn,
    });
    expect(await read('meta-data/iam/security-credentials/other')).to.equal(404);
  });

  it('has no iam branch without a profile and no tags unless enabled', async () => {
    shown = {
      ...shown,
      profileArn: undefined,
      roleName: undefined,
      userData: undefined,
      metadata: { ...shown.metadata, instanceTags: 'disabled' },
    };
    await start();
    expect(await read('meta-data/iam/')).to.equal(404);
    expect(await read('meta-data/tags/instance/job')).to.equal(404);
    expect(await read('user-data')).to.equal(404);
  });

  it('shows enabled tags by key', async () => {
    await start();
    expect(await read('meta-data/tags/instance')).to.equal('job');
    expect(await read('meta-data/tags/instance/job')).to.equal('a b');
  });

  it('answers 404 for notices until there is one', async () => {
    await start();
    expect(await read('meta-data/spot/instance-action')).to.equal(404);
    expect(await read('meta-data/events/recommendations/rebalance')).to.equal(404);
    shown.interruptionAt = Date.UTC(2025, 0, 1, 12, 2, 0, 500);
    shown.rebalanceAt = Date.UTC(2025, 0, 1, 12);
    expect(await read('meta-data/spot/instance-action')).to.equal(
      '{"action":"terminate","time":"2025-01-01T12:02:00Z"}',
    );
    expect(await read('meta-data/spot/termination-time')).to.equal('2025-01-01T12:02:00Z');
    expect(await read('meta-data/events/recommendations/rebalance')).to.equal('{"noticeTime":"2025-01-01T12:00:00Z"}');
  });
});
