import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateTagsCommand,
  DeleteLaunchTemplateCommand,
  DeleteLaunchTemplateVersionsCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  ModifyLaunchTemplateCommand,
  paginateDescribeInstanceTypes,
  paginateDescribeSpotPriceHistory,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { expect } from 'chai';
import { AMI, eventually, failure, order, REGION, startCloud, type Cloud, type CloudOptions } from './cloud.ts';

describe('EC2 around its instances', () => {
  let cloud: Cloud;
  const open = async (options: CloudOptions = {}) => {
    cloud = await startCloud({ ...options, ec2: { machines: false, ...options.ec2 } });
  };
  afterEach(() => cloud.close());

  const run = async (more: Partial<RunInstancesCommandInput> = {}) => {
    const started = await cloud.client.send(
      new RunInstancesCommand({ ImageId: AMI, InstanceType: 'm5.large', MinCount: 1, MaxCount: 1, ...more }),
    );
    return started.Instances?.[0]?.InstanceId ?? '';
  };

  describe('launch templates', () => {
    const name = { LaunchTemplateName: 'worker' };
    const versions = async (Versions?: string[]) =>
      (await cloud.client.send(new DescribeLaunchTemplateVersionsCommand({ ...name, Versions })))
        .LaunchTemplateVersions;

    it('keep their data version by version and give it back as it came', async () => {
      await open();
      const data = {
        ImageId: AMI,
        UserData: 'IyEvYmluL3No',
        InstanceInitiatedShutdownBehavior: 'terminate' as const,
        IamInstanceProfile: { Name: 'worker' },
        MetadataOptions: { HttpTokens: 'required' as const, HttpPutResponseHopLimit: 1 },
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 50, Encrypted: true } }],
        NetworkInterfaces: [{ DeviceIndex: 0, Groups: ['sg-1'], AssociatePublicIpAddress: true }],
        TagSpecifications: [{ ResourceType: 'instance' as const, Tags: [{ Key: 'k', Value: 'v' }] }],
      };
      const made = await cloud.client.send(
        new CreateLaunchTemplateCommand({ ...name, LaunchTemplateData: data, VersionDescription: 'first' }),
      );
      expect(made.LaunchTemplate).to.include({ LatestVersionNumber: 1, DefaultVersionNumber: 1 });
      const [first] = (await versions()) ?? [];
      expect(first?.LaunchTemplateData).to.deep.equal(data);
      expect(first).to.include({ VersionDescription: 'first', DefaultVersion: true });
      await cloud.client.send(
        new CreateLaunchTemplateVersionCommand({
          ...name,
          SourceVersion: '1',
          LaunchTemplateData: { ImageId: 'ami-2' },
        }),
      );
      const [latest] = (await versions(['$Latest'])) ?? [];
      expect(latest?.LaunchTemplateData).to.include({ ImageId: 'ami-2', UserData: 'IyEvYmluL3No' });
      expect(((await versions(['$Default'])) ?? [])[0]?.VersionNumber).to.equal(1);
      await cloud.client.send(new ModifyLaunchTemplateCommand({ ...name, DefaultVersion: '2' }));
      expect(((await versions(['$Default'])) ?? [])[0]?.VersionNumber).to.equal(2);
      const gone = await cloud.client.send(
        new DeleteLaunchTemplateVersionsCommand({ ...name, Versions: ['1', '2', '7'] }),
      );
      expect(gone.SuccessfullyDeletedLaunchTemplateVersions?.map((each) => each.VersionNumber)).to.deep.equal([1]);
      expect(gone.UnsuccessfullyDeletedLaunchTemplateVersions).to.have.length(2);
    });

    it('survive a restart, keep their names unique and are missed by name and id', async () => {
      await open();
      const create = () =>
        cloud.client.send(new CreateLaunchTemplateCommand({ ...name, LaunchTemplateData: { ImageId: AMI } }));
      await create();
      expect(await failure(create())).to.equal('InvalidLaunchTemplateName.AlreadyExistsException');
      cloud = await cloud.restart();
      const found = await cloud.client.send(new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: ['worker'] }));
      expect(found.LaunchTemplates).to.have.length(1);
      expect(await failure(versions(['9']))).to.equal('InvalidLaunchTemplateId.VersionNotFound');
      await cloud.client.send(new DeleteLaunchTemplateCommand(name));
      expect(await failure(versions())).to.equal('InvalidLaunchTemplateName.NotFoundException');
      const byId = new DescribeLaunchTemplatesCommand({ LaunchTemplateIds: ['lt-00000000000000000'] });
      expect(await failure(cloud.client.send(byId))).to.equal('InvalidLaunchTemplateId.NotFound');
    });

    it('are created once for a client token', async () => {
      await open();
      const create = (ImageId: string) =>
        cloud.client.send(
          new CreateLaunchTemplateCommand({ ...name, ClientToken: 't', LaunchTemplateData: { ImageId } }),
        );
      const first = await create(AMI);
      expect((await create(AMI)).LaunchTemplate?.LaunchTemplateId).to.equal(first.LaunchTemplate?.LaunchTemplateId);
      expect(await failure(create('ami-2'))).to.equal('IdempotentParameterMismatch');
    });
  });

  it('offers a default VPC with three zones and the given security group', async () => {
    await open({ ec2: { securityGroup: { id: 'sg-0123456789abcdef0', name: 'training' } } });
    const zones = await cloud.client.send(new DescribeAvailabilityZonesCommand({}));
    expect(zones.AvailabilityZones?.map((each) => [each.ZoneName, each.ZoneId, each.State])).to.deep.equal([
      [`${REGION}a`, 'use1-az1', 'available'],
      [`${REGION}b`, 'use1-az2', 'available'],
      [`${REGION}c`, 'use1-az3', 'available'],
    ]);
    const [vpc] = (await cloud.client.send(new DescribeVpcsCommand({}))).Vpcs ?? [];
    expect(vpc?.IsDefault).to.equal(true);
    const inVpc = [{ Name: 'vpc-id', Values: [vpc?.VpcId ?? ''] }];
    expect((await cloud.client.send(new DescribeSubnetsCommand({ Filters: inVpc }))).Subnets).to.have.length(3);
    const groups = await cloud.client.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: ['train*'] }] }),
    );
    expect(groups.SecurityGroups?.[0]?.GroupId).to.equal('sg-0123456789abcdef0');
    const images = await cloud.client.send(new DescribeImagesCommand({ ImageIds: [AMI] }));
    expect(images.Images?.[0]).to.include({ State: 'available', Architecture: 'x86_64' });
  });

  for (const [what, call, code] of [
    [
      'a subnet',
      (c: Cloud) => c.client.send(new DescribeSubnetsCommand({ SubnetIds: ['subnet-1'] })),
      'InvalidSubnetID.NotFound',
    ],
    [
      'a security group',
      (c: Cloud) => c.client.send(new DescribeSecurityGroupsCommand({ GroupIds: ['sg-1'] })),
      'InvalidGroup.NotFound',
    ],
    [
      'an image',
      (c: Cloud) => c.client.send(new DescribeImagesCommand({ ImageIds: ['ami-1'] })),
      'InvalidAMIID.NotFound',
    ],
    [
      'a volume',
      (c: Cloud) => c.client.send(new DescribeVolumesCommand({ VolumeIds: ['vol-1'] })),
      'InvalidVolume.NotFound',
    ],
    [
      'an instance type',
      (c: Cloud) => c.client.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['x.y' as never] })),
      'InvalidInstanceType',
    ],
    [
      'an instance to tag',
      (c: Cloud) =>
        c.client.send(new CreateTagsCommand({ Resources: ['i-0123456789abcdef0'], Tags: [{ Key: 'a', Value: 'b' }] })),
      'InvalidInstanceID.NotFound',
    ],
    [
      'a filter',
      (c: Cloud) => c.client.send(new DescribeInstancesCommand({ Filters: [{ Name: 'colour', Values: ['x'] }] })),
      'InvalidParameterValue',
    ],
    ['a page token', (c: Cloud) => c.client.send(new DescribeInstancesCommand({ NextToken: 'x' })), 'InvalidNextToken'],
    [
      'an instance to end',
      (c: Cloud) => c.client.send(new TerminateInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] })),
      'InvalidInstanceID.NotFound',
    ],
    [
      'a reasonable page',
      (c: Cloud) => c.client.send(new DescribeInstancesCommand({ MaxResults: 1001 })),
      'InvalidParameterValue',
    ],
  ] as [string, (cloud: Cloud) => Promise<unknown>, string][])
    it(`answers ${code} where ${what} is not known`, async () => {
      await open();
      expect(await failure(call(cloud))).to.equal(code);
    });

  it('describes instance types with their shape, in pages, and where they are offered', async () => {
    await open();
    const [gpu] =
      (await cloud.client.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['p3.2xlarge'] }))).InstanceTypes ??
      [];
    expect(gpu?.VCpuInfo?.DefaultVCpus).to.equal(8);
    expect(gpu?.GpuInfo?.Gpus?.[0]).to.include({ Name: 'V100', Count: 1 });
    const names: string[] = [];
    for await (const page of paginateDescribeInstanceTypes(
      { client: cloud.client, pageSize: 30 },
      { Filters: [{ Name: 'processor-info.supported-architecture', Values: ['arm64'] }] },
    ))
      names.push(...(page.InstanceTypes ?? []).map((each) => String(each.InstanceType)));
    expect(names).to.include.members(['m6g.large', 't4g.medium']).and.not.include('m5.large');
    const offers = await cloud.client.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        Filters: [{ Name: 'instance-type', Values: ['p3.2xlarge'] }],
      }),
    );
    expect(offers.InstanceTypeOfferings?.map((each) => each.Location)).to.deep.equal([`${REGION}a`, `${REGION}b`]);
  });

  it('has a Spot price history around the listed price, the newest first, that follows an injected price', async () => {
    await open();
    const history = async () => {
      const points: { price: number; at: number; zone: string }[] = [];
      const query = {
        InstanceTypes: ['m5.large' as const],
        ProductDescriptions: ['Linux/UNIX'],
        StartTime: new Date(Date.now() - 7 * 86_400_000),
      };
      for await (const page of paginateDescribeSpotPriceHistory({ client: cloud.client, pageSize: 50 }, query))
        for (const each of page.SpotPriceHistory ?? [])
          points.push({
            price: Number(each.SpotPrice),
            at: each.Timestamp?.getTime() ?? 0,
            zone: each.AvailabilityZone ?? '',
          });
      return points;
    };
    const points = await history();
    expect(points.length).to.be.within(60, 300);
    expect(points.map((each) => each.at)).to.deep.equal(points.map((each) => each.at).sort((a, b) => b - a));
    expect(new Set(points.map((each) => each.zone)).size).to.equal(3);
    for (const { price } of points) expect(price).to.be.within(0.018, 0.045);
    expect(new Set(points.map((each) => each.price)).size).to.be.above(10);
    expect(await history()).to.deep.equal(points);
    cloud.ec2.admin.setPrice('m5.large', `${REGION}a`, 0.5);
    expect((await history()).find((each) => each.zone === `${REGION}a`)?.price).to.equal(0.5);
  });

  it('tags and untags what exists, finds it by tag, and keeps AWS’s own tags', async () => {
    await open();
    const id = await run({ TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a', Value: '1' }] }] });
    const tags = async () =>
      Object.fromEntries(
        (
          (await cloud.client.send(new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id] }] })))
            .Tags ?? []
        ).map((each) => [each.Key ?? '', each.Value ?? '']),
      );
    await cloud.client.send(
      new CreateTagsCommand({
        Resources: [id],
        Tags: [
          { Key: 'b', Value: '2' },
          { Key: 'a', Value: '3' },
        ],
      }),
    );
    expect(await tags()).to.deep.equal({ a: '3', b: '2' });
    await cloud.client.send(
      new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'a', Value: 'other' }, { Key: 'b' }] }),
    );
    expect(await tags()).to.deep.equal({ a: '3' });
    const reserved = new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'aws:x', Value: '' }] });
    expect(await failure(cloud.client.send(reserved))).to.equal('InvalidParameterValue');
    const many = Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
    expect(await failure(cloud.client.send(new CreateTagsCommand({ Resources: [id], Tags: many })))).to.equal(
      'TagLimitExceeded',
    );
  });

  it('keeps a root volume that should outlive its instance, until it is deleted', async () => {
    await open();
    const mapping = { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 20, DeleteOnTermination: false } };
    const id = await run({ BlockDeviceMappings: [mapping] });
    const [volume] = (await cloud.client.send(new DescribeVolumesCommand({}))).Volumes ?? [];
    const remove = () => cloud.client.send(new DeleteVolumeCommand({ VolumeId: volume?.VolumeId }));
    expect(await failure(remove())).to.equal('VolumeInUse');
    await cloud.client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await cloud.ec2.settled();
    const left = await cloud.client.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'status', Values: ['available'] }] }),
    );
    expect(left.Volumes?.[0]?.VolumeId).to.equal(volume?.VolumeId);
    await remove();
    expect((await cloud.client.send(new DescribeVolumesCommand({}))).Volumes).to.be.empty;
  });

  it('reports the status of running instances, and of all when asked', async () => {
    await open();
    const id = await run();
    const statuses = async (IncludeAllInstances = false) =>
      (await cloud.client.send(new DescribeInstanceStatusCommand({ IncludeAllInstances }))).InstanceStatuses ?? [];
    await eventually(async () => (await statuses())[0]?.InstanceStatus?.Status === 'ok');
    await cloud.client.send(new StopInstancesCommand({ InstanceIds: [id] }));
    await cloud.ec2.settled();
    expect(await statuses()).to.be.empty;
    expect((await statuses(true))[0]?.InstanceState?.Name).to.equal('stopped');
  });

  it('finds what is in trouble by the filters of its status, and forgets nothing of it', async () => {
    await open();
    const [failing, retiring, well] = [await run(), await run(), await run()];
    await cloud.ec2.settled();
    const by = async (Name: string, ...Values: string[]) =>
      (
        (await cloud.client.send(new DescribeInstanceStatusCommand({ Filters: [{ Name, Values }], MaxResults: 1000 })))
          .InstanceStatuses ?? []
      ).map((each) => each.InstanceId);
    await eventually(async () => (await by('instance-state-name', 'running')).length === 3);
    cloud.ec2.admin.impair(failing, 'instance');
    cloud.ec2.admin.schedule(retiring, 'instance-stop', 3_600);
    expect(await by('instance-status.status', 'impaired')).to.deep.equal([failing]);
    expect(await by('instance-status.reachability', 'failed')).to.deep.equal([failing]);
    expect(await by('system-status.status', 'impaired')).to.deep.equal([]);
    expect(await by('system-status.status', 'ok')).to.have.members([failing, retiring, well]);
    expect(await by('system-status.reachability', 'passed')).to.have.length(3);
    expect(await by('event.code', 'instance-retirement', 'instance-stop')).to.deep.equal([retiring]);
    expect(await by('event.description', '*degraded*')).to.deep.equal([retiring]);
    expect(await by('instance-state-code', '16')).to.have.length(3);
    expect(await by('availability-zone', 'mars-1a')).to.deep.equal([]);
    expect(await failure(by('instance-type', 'm5.large'))).to.equal('InvalidParameterValue');
    const statusOf = async (InstanceId: string) =>
      (await cloud.client.send(new DescribeInstanceStatusCommand({ InstanceIds: [InstanceId] }))).InstanceStatuses?.[0];
    const status = await statusOf(failing);
    expect([status?.InstanceStatus?.Status, status?.SystemStatus?.Status]).to.deep.equal(['impaired', 'ok']);
    expect(status?.InstanceStatus?.Details?.[0]?.Status).to.equal('failed');
    const [planned] = (await statusOf(retiring))?.Events ?? [];
    expect(planned?.Code).to.equal('instance-stop');
    expect((planned?.NotBefore?.getTime() ?? 0) - Date.now()).to.be.within(3_500_000, 3_600_000);
    cloud.ec2.admin.impair(failing, 'instance', false);
    expect(await by('instance-status.status', 'impaired')).to.deep.equal([]);
  });

  it('leaves a volume behind when told to, and has none to keep once it is gone', async () => {
    await open();
    const [kept, gone] = [await run(), await run()];
    cloud.ec2.admin.keepVolume(kept);
    for (const id of [kept, gone]) cloud.ec2.admin.kill(id);
    await cloud.ec2.settled();
    const { Volumes = [] } = await cloud.client.send(new DescribeVolumesCommand({}));
    expect(Volumes.map((volume) => volume.State)).to.deep.equal(['available']);
    expect(() => cloud.ec2.admin.keepVolume(gone)).to.throw('does not exist');
  });

  for (const [what, input, code] of [
    ['an image that is not there', { ImageId: 'ami-00000000' }, 'InvalidAMIID.NotFound'],
    ['a malformed image id', { ImageId: 'image' }, 'InvalidAMIID.Malformed'],
    ['an unknown subnet', { SubnetId: 'subnet-1' }, 'InvalidSubnetID.NotFound'],
    ['an unknown security group', { SecurityGroupIds: ['sg-1'] }, 'InvalidGroup.NotFound'],
    ['user data over 16 KiB', { UserData: Buffer.alloc(16_385).toString('base64') }, 'InvalidParameterValue'],
    ['a count of none', { MinCount: 0 }, 'InvalidParameterValue'],
    ['an unknown zone', { Placement: { AvailabilityZone: 'mars-1a' } }, 'InvalidParameterValue'],
    ['a dry run', { DryRun: true }, 'DryRunOperation'],
  ] as [string, Partial<RunInstancesCommandInput>, string][])
    it(`answers RunInstances with ${code} for ${what}`, async () => {
      await open();
      expect(await failure(run(input))).to.equal(code);
    });

  it('does not end what is protected, nor stop a Spot instance', async () => {
    await open();
    const kept = await run({ DisableApiTermination: true });
    expect(await failure(cloud.client.send(new TerminateInstancesCommand({ InstanceIds: [kept] })))).to.equal(
      'OperationNotPermitted',
    );
    const spot = await run({ InstanceMarketOptions: { MarketType: 'spot' } });
    expect(await failure(cloud.client.send(new StopInstancesCommand({ InstanceIds: [spot] })))).to.equal(
      'UnsupportedOperation',
    );
  });

  it('answers an on-demand launch without capacity with the pool’s error', async () => {
    await open();
    cloud.ec2.admin.setCapacity({ type: 'm5.large', zone: '*', lifecycle: 'on-demand' });
    expect(await failure(run())).to.equal('InsufficientInstanceCapacity');
    expect(await run({ InstanceMarketOptions: { MarketType: 'spot' } })).to.match(/^i-/);
    cloud.ec2.admin.clearCapacity();
    expect(await run()).to.match(/^i-/);
  });

  it('limits requests by EC2’s token buckets, and refills them', async () => {
    let now = Date.now();
    await open({ clock: { now: () => now, after: () => () => undefined } });
    for (let call = 0; call < 5; call += 1) await run();
    expect(await failure(run())).to.equal('RequestLimitExceeded');
    now += 500;
    await run();
    expect(await failure(run())).to.equal('RequestLimitExceeded');
    cloud.ec2.admin.limits(false);
    await run();
  });

  it('fails on demand: throttled, out of service, frozen', async () => {
    await open();
    const id = await run();
    const describeAll = () => cloud.client.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    cloud.ec2.admin.throttle('DescribeInstances');
    expect(await failure(describeAll())).to.equal('RequestLimitExceeded');
    cloud.ec2.admin.throttle('DescribeInstances', false);
    cloud.ec2.admin.outage();
    expect(await failure(describeAll())).to.equal('Unavailable');
    cloud.ec2.admin.outage('*', false);
    await eventually(async () => (await describeAll()).Reservations?.[0]?.Instances?.[0]?.State?.Name === 'running');
    cloud.ec2.admin.freeze();
    cloud.ec2.admin.kill(id);
    await cloud.ec2.settled();
    expect((await describeAll()).Reservations?.[0]?.Instances?.[0]?.State?.Name).to.equal('running');
    cloud.ec2.admin.thaw();
    expect((await describeAll()).Reservations?.[0]?.Instances?.[0]?.State?.Name).to.equal('terminated');
  });

  it('takes every order over HTTP too, and refuses what it does not understand', async () => {
    await open();
    const id = await run({ InstanceMarketOptions: { MarketType: 'spot' } });
    const orders: [string, object, number][] = [
      ['capacity', { type: 'm5.large', zone: '*', lifecycle: 'on-demand', errorCode: 'UnfulfillableCapacity' }, 200],
      ['faults', {}, 200],
      ['price', { type: 'm5.large', zone: `${REGION}a`, price: 0.04 }, 200],
      ['rebalance', { instanceId: id }, 200],
      ['limits', { on: false }, 200],
      ['freeze', {}, 200],
      ['freeze', { on: false }, 200],
      ['impair', { instanceId: id }, 200],
      ['impair', { instanceId: id, check: 'instance', on: false }, 200],
      ['schedule', { instanceId: id }, 200],
      ['schedule', { instanceId: id, code: 'instance-stop', afterSeconds: 60 }, 200],
      ['schedule', { instanceId: id, code: 'party' }, 400],
      ['keep-volume', { instanceId: id }, 200],
      ['kill', { instanceId: 'i-none' }, 400],
      ['interrupt', {}, 400],
      ['dance', {}, 404],
    ];
    for (const [method, body, status] of orders)
      expect([method, await order(cloud, method, body)]).to.deep.equal([method, status]);
    expect(await failure(run())).to.equal('UnfulfillableCapacity');
    await order(cloud, 'clear-capacity', {});
    await order(cloud, 'throttle', { action: 'RunInstances' });
    expect(await failure(run())).to.equal('RequestLimitExceeded');
    await order(cloud, 'throttle', { action: 'RunInstances', on: false });
    await order(cloud, 'outage', { action: 'RunInstances' });
    expect(await failure(run())).to.equal('Unavailable');
    await order(cloud, 'outage', { action: 'RunInstances', on: false });
    await order(cloud, 'kill', { instanceId: await run() });
  });
});
