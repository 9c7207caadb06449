import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  CreateLaunchTemplateCommand,
  DescribeInstancesCommand,
  GetConsoleOutputCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type Instance,
  type RequestLaunchTemplateData,
} from '@aws-sdk/client-ec2';
import { expect } from 'chai';
import type { Ec2Event } from '../../../../local/aws/ec2/service.ts';
import { AMI, eventually, failure, order, startCloud, type Cloud, type CloudOptions } from './cloud.ts';

describe('an instance as a process', () => {
  let cloud: Cloud;
  let templates = 0;
  const open = async (options: CloudOptions = {}) => {
    const role = { name: 'worker', policies: [] };
    cloud = await startCloud({ roles: [role], ...options });
  };
  afterEach(() => cloud.close());

  const boot = async (script: string, data: RequestLaunchTemplateData = {}): Promise<string> => {
    templates += 1;
    const name = `machine-${templates}`;
    await cloud.client.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: name,
        LaunchTemplateData: {
          ImageId: AMI,
          IamInstanceProfile: { Name: 'worker' },
          InstanceInitiatedShutdownBehavior: 'terminate',
          UserData: Buffer.from(script).toString('base64'),
          ...data,
        },
      }),
    );
    const run = await cloud.client.send(
      new RunInstancesCommand({
        LaunchTemplate: { LaunchTemplateName: name },
        InstanceType: 'm5.large',
        MinCount: 1,
        MaxCount: 1,
        InstanceMarketOptions: { MarketType: 'spot' },
      }),
    );
    return run.Instances?.[0]?.InstanceId ?? '';
  };
  const describeOne = async (id: string): Promise<Instance> => {
    const found = await cloud.client.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    return found.Reservations?.[0]?.Instances?.[0] ?? {};
  };
  const inState = (id: string, state: string) =>
    eventually(async () => {
      const instance = await describeOne(id);
      return instance.State?.Name === state && instance;
    });
  const consoleText = async (id: string) => {
    const output = await cloud.client.send(new GetConsoleOutputCommand({ InstanceId: id }));
    return Buffer.from(output.Output ?? '', 'base64').toString();
  };
  const says = (id: string, text: string) =>
    eventually(async () => {
      const console = await consoleText(id);
      return console.includes(text) && console;
    });

  it('runs the user data in a private folder with nothing of our environment', async () => {
    process.env['SPOTLEARN_TEST_SECRET'] = 'must not leak';
    await open({ ec2: { images: { [AMI]: { path: ['/opt/image/bin'], env: { FLAVOUR: 'vanilla' } } } } });
    const id = await boot('#!/bin/bash\npwd; env | sort; echo done');
    delete process.env['SPOTLEARN_TEST_SECRET'];
    const text = await says(id, 'done');
    expect(text).to.contain(join('ec2', 'instances', id, 'disk', 'work'));
    // The one variable Node itself hands on, when coverage is measured.
    const names = [...text.matchAll(/^(?!NODE_V8_COVERAGE)(\w+)=/gm)].map((match) => match[1]);
    expect(names).to.have.members([
      ...['AWS_EC2_METADATA_SERVICE_ENDPOINT', 'AWS_ENDPOINT_URL', 'AWS_REGION', 'FLAVOUR'],
      ...['HOME', 'PATH', 'PWD', 'SHLVL', 'TMPDIR', '_'],
    ]);
    expect(text).to.match(/^PATH=[^:]+\/power:\/opt\/image\/bin:\/usr/m);
  });

  it('stays running and idle after its script has ended, and its background processes live on', async () => {
    await open();
    const id = await boot('#!/bin/bash\n(sleep 0.2; echo still here) &\nexit 3');
    const text = await says(id, 'still here');
    expect(text).to.contain('user-data finished with exit code 3');
    expect((await describeOne(id)).State?.Name).to.equal('running');
  });

  for (const command of ['shutdown -h now', 'poweroff', 'systemctl poweroff', 'init 0'])
    it(`ends by \`${command}\` from inside, which reaches the hypervisor and not the real machine`, async () => {
      await open();
      const id = await boot(`#!/bin/bash\n${command}\necho "exit $?"\nsleep 60`);
      const instance = await inState(id, 'terminated');
      expect(instance.StateReason?.Code).to.equal('Client.InstanceInitiatedShutdown');
    });

  it('stops instead, when its shutdown behaviour is stop', async () => {
    await open();
    const id = await boot('#!/bin/bash\nshutdown now', { InstanceInitiatedShutdownBehavior: 'stop' });
    expect((await inState(id, 'stopped')).State?.Code).to.equal(80);
  });

  it('can call off a shutdown that was planned', async () => {
    await open();
    const id = await boot('#!/bin/bash\nshutdown -h +1 && shutdown -c && systemctl status x && echo called off');
    await says(id, 'called off');
    expect((await describeOne(id)).State?.Name).to.equal('running');
  });

  it('refuses to boot a script that names the real shutdown by its path', async () => {
    await open();
    const id = await boot('#!/bin/bash\n/sbin/shutdown -h now');
    expect((await inState(id, 'terminated')).StateReason?.Code).to.equal('Server.InternalError');
    expect(await consoleText(id)).to.equal('');
  });

  it('does not run user data that is no script', async () => {
    await open();
    const id = await boot('echo hello');
    const text = await says(id, 'user-data finished');
    expect(text).to.contain('not a script');
  });

  it('gives the script a SIGTERM and a grace when it is terminated, then removes its disk', async () => {
    await open({ ec2: { shutdownGraceMs: 3_000 } });
    const id = await boot(
      '#!/bin/bash\ntrap "sleep 0.1; echo saved; exit" TERM\necho ready\nwhile :; do sleep 0.05; done',
    );
    await says(id, 'ready');
    const started = Date.now();
    await cloud.client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await inState(id, 'terminated');
    expect(Date.now() - started).to.be.below(2_500);
    expect(await consoleText(id)).to.contain('saved');
    expect(existsSync(join(cloud.stateDir, 'ec2', 'instances', id, 'disk'))).to.equal(false);
  });

  it('kills what ignores the SIGTERM after the grace', async () => {
    await open({ ec2: { shutdownGraceMs: 100 } });
    const id = await boot('#!/bin/bash\ntrap "" TERM\necho $$ > pid\necho ready\nwhile :; do sleep 0.05; done');
    await says(id, 'ready');
    const pid = Number(readFileSync(join(cloud.stateDir, 'ec2', 'instances', id, 'disk', 'work', 'pid'), 'utf8'));
    await cloud.client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await inState(id, 'terminated');
    await eventually(() => !alive(pid));
  });

  it('is terminated, with a reason, when the local AWS was restarted', async () => {
    await open();
    const id = await boot('#!/bin/bash\nsleep 60');
    await inState(id, 'running');
    cloud = await cloud.restart();
    const instance = await describeOne(id);
    expect(instance.State?.Name).to.equal('terminated');
    expect(instance.StateReason?.Code).to.equal('Server.InternalError');
  });

  it('hears of a Spot interruption by metadata and by event, and goes when the time is up', async () => {
    const events: Ec2Event[] = [];
    const image = { path: [dirname(process.execPath)], env: {} };
    await open({ ec2: { onEvent: (event) => events.push(event), images: { [AMI]: image } } });
    const id = await boot(`#!/bin/bash
node --input-type=module -e '
  const imds = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT + "/latest/";
  const asked = { method: "PUT", headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" } };
  const token = await (await fetch(imds + "api/token", asked)).text();
  console.log("watching");
  for (;;) {
    const answer = await fetch(imds + "meta-data/spot/instance-action", { headers: { "x-aws-ec2-metadata-token": token } });
    if (answer.ok) console.log("noticed", await answer.text());
    if (answer.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }'
sleep 60`);
    await says(id, 'watching');
    cloud.ec2.admin.rebalance(id);
    cloud.ec2.admin.interrupt(id, 0.6);
    const text = await says(id, 'noticed');
    expect(text).to.match(/{"action":"terminate","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"}/);
    const instance = await inState(id, 'terminated');
    expect(instance.StateReason?.Code).to.equal('Server.SpotInstanceTermination');
    expect(events.map((event) => event['detail-type'])).to.deep.equal([
      'EC2 Instance State-change Notification',
      'EC2 Instance State-change Notification',
      'EC2 Instance Rebalance Recommendation',
      'EC2 Spot Instance Interruption Warning',
      'EC2 Instance State-change Notification',
      'EC2 Instance State-change Notification',
    ]);
    const warning = events.find((event) => event['detail-type'] === 'EC2 Spot Instance Interruption Warning');
    expect(warning).to.deep.include({
      source: 'aws.ec2',
      region: 'us-east-1',
      detail: { 'instance-id': id, 'instance-action': 'terminate' },
      resources: [`arn:aws:ec2:us-east-1a:instance/${id}`],
    });
  });

  it('vanishes without a word when its host is killed', async () => {
    await open();
    const id = await boot('#!/bin/bash\ntrap "echo warned" TERM\necho up\nwhile :; do sleep 0.05; done');
    await says(id, 'up');
    cloud.ec2.admin.kill(id);
    await inState(id, 'terminated');
    expect(await consoleText(id)).not.to.contain('warned');
  });

  it('takes orders for the cloud itself over HTTP from the account root only', async () => {
    await open();
    const id = await boot('#!/bin/bash\nsleep 60');
    await inState(id, 'running');
    const now = { instanceId: id, noticeSeconds: 0 };
    expect(await order(cloud, 'interrupt', now, cloud.aws.iam.issueSession('worker', 'x', 900))).to.equal(403);
    expect(await order(cloud, 'interrupt', now)).to.equal(200);
    await inState(id, 'terminated');
  });

  it('answers a wrong token for a metadata service that is switched off', async () => {
    await open();
    const id = await boot('#!/bin/bash\nsleep 60', { MetadataOptions: { HttpEndpoint: 'disabled' } });
    await inState(id, 'running');
    const answer = await fetch(`${cloud.ec2.imdsUrl(id)}/latest/meta-data/`);
    expect(answer.status).to.equal(403);
    expect(await failure(cloud.client.send(new DescribeInstancesCommand({ InstanceIds: ['i-nonsense'] })))).to.equal(
      'InvalidInstanceID.Malformed',
    );
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
