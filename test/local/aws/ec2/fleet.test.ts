import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  DescribeFleetsCommand,
  DescribeInstancesCommand,
  DescribeSpotInstanceRequestsCommand,
  DescribeVolumesCommand,
  paginateDescribeInstances,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type CreateFleetCommandInput,
  type FleetLaunchTemplateOverridesRequest,
} from '@aws-sdk/client-ec2';
import { expect } from 'chai';
import { AMI, failure, REGION, startCloud, type Cloud, type CloudOptions } from './cloud.ts';

describe('CreateFleet', () => {
  let cloud: Cloud;
  const open = async (options: CloudOptions = {}) => {
    cloud = await startCloud({ ...options, ec2: { machines: false, throttling: false, ...options.ec2 } });
    await cloud.client.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: 'worker',
        LaunchTemplateData: {
          ImageId: AMI,
          InstanceInitiatedShutdownBehavior: 'terminate',
          IamInstanceProfile: { Name: 'worker' },
          BlockDeviceMappings: [
            { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 50, VolumeType: 'gp3', Encrypted: true } },
          ],
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'from', Value: 'template' }] }],
        },
      }),
    );
  };
  afterEach(() => cloud.close());

  const request = (
    overrides: FleetLaunchTemplateOverridesRequest[],
    count: number,
    more: Partial<CreateFleetCommandInput> = {},
  ): CreateFleetCommand =>
    new CreateFleetCommand({
      Type: 'instant',
      LaunchTemplateConfigs: [
        { LaunchTemplateSpecification: { LaunchTemplateName: 'worker', Version: '$Latest' }, Overrides: overrides },
      ],
      TargetCapacitySpecification: { TotalTargetCapacity: count, DefaultTargetCapacityType: 'spot' },
      SpotOptions: { AllocationStrategy: 'price-capacity-optimized' },
      ...more,
    });
  const m5a = { InstanceType: 'm5.large', AvailabilityZone: `${REGION}a` } as const;
  const m5b = { InstanceType: 'm5.large', AvailabilityZone: `${REGION}b` } as const;

  it('launches Spot instances from the launch template and describes them with tags, volume and Spot request', async () => {
    await open();
    const fleet = await cloud.client.send(
      request([m5a], 2, {
        TagSpecifications: [
          { ResourceType: 'instance', Tags: [{ Key: 'job', Value: 'a<b>&"c' }] },
          { ResourceType: 'volume', Tags: [{ Key: 'job', Value: 'v' }] },
          { ResourceType: 'fleet', Tags: [{ Key: 'job', Value: 'f' }] },
        ],
      }),
    );
    const ids = fleet.Instances?.[0]?.InstanceIds ?? [];
    expect(ids).to.have.length(2);
    expect(fleet.Instances?.[0]).to.include({
      InstanceType: 'm5.large',
      Lifecycle: 'spot',
      AvailabilityZone: `${REGION}a`,
    });
    await cloud.ec2.settled();
    const found = await cloud.client.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:job', Values: ['a<b>*'] }] }),
    );
    const instances = found.Reservations?.flatMap((each) => each.Instances ?? []) ?? [];
    expect(instances.map((each) => each.InstanceId)).to.have.members(ids);
    const [one] = instances;
    expect(one?.InstanceLifecycle).to.equal('spot');
    expect(one?.MetadataOptions?.HttpTokens).to.equal('required');
    expect(one?.IamInstanceProfile?.Arn).to.equal('arn:aws:iam::000000000000:instance-profile/worker');
    const tags = Object.fromEntries((one?.Tags ?? []).map((tag) => [tag.Key, tag.Value]));
    expect(tags).to.include({ job: 'a<b>&"c', from: 'template', 'aws:ec2:fleet-id': fleet.FleetId });
    const volumes = await cloud.client.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: ids }] }),
    );
    expect(volumes.Volumes).to.have.length(2);
    expect(volumes.Volumes?.[0]).to.include({ Size: 50, VolumeType: 'gp3', Encrypted: true, State: 'in-use' });
    const spot = await cloud.client.send(new DescribeSpotInstanceRequestsCommand({}));
    expect(spot.SpotInstanceRequests?.map((each) => each.InstanceId)).to.have.members(ids);
    const fleets = await cloud.client.send(new DescribeFleetsCommand({ FleetIds: [fleet.FleetId ?? ''] }));
    expect(fleets.Fleets?.[0]?.Tags).to.deep.equal([{ Key: 'job', Value: 'f' }]);
  });

  it('answers a repeated client token with the same fleet and refuses it for other parameters, also after a restart', async () => {
    await open();
    const first = await cloud.client.send(request([m5a], 1, { ClientToken: 'attempt-1' }));
    const again = await cloud.client.send(request([m5a], 1, { ClientToken: 'attempt-1' }));
    expect(again.FleetId).to.equal(first.FleetId);
    expect(again.Instances).to.deep.equal(first.Instances);
    expect(await failure(cloud.client.send(request([m5a], 2, { ClientToken: 'attempt-1' })))).to.equal(
      'IdempotentParameterMismatch',
    );
    cloud = await cloud.restart();
    const later = await cloud.client.send(request([m5a], 1, { ClientToken: 'attempt-1' }));
    expect(later.Instances).to.deep.equal(first.Instances);
    const all = await cloud.client.send(new DescribeInstancesCommand({}));
    expect(all.Reservations).to.have.length(1);
  });

  it('starts a type of another architecture with the image of its override, and refuses it without', async () => {
    const arm = 'ami-0fedcba9876543210';
    await open({
      ec2: { images: { [AMI]: { path: [], env: {} }, [arm]: { path: [], env: {}, architecture: 'arm64' } } },
    });
    const m6g = { InstanceType: 'm6g.large', AvailabilityZone: `${REGION}a` } as const;
    const fleet = await cloud.client.send(request([{ ...m6g, ImageId: arm }], 1));
    const InstanceIds = fleet.Instances?.[0]?.InstanceIds ?? [];
    expect(fleet.Instances?.[0]?.LaunchTemplateAndOverrides?.Overrides?.ImageId).to.equal(arm);
    const { Reservations } = await cloud.client.send(new DescribeInstancesCommand({ InstanceIds }));
    expect(Reservations?.[0]?.Instances?.[0]).to.include({ ImageId: arm, InstanceType: 'm6g.large' });
    const wrong = await cloud.client.send(request([m6g], 1));
    expect([wrong.Instances ?? [], wrong.Errors?.[0]?.ErrorCode]).to.deep.equal([[], 'InvalidParameterValue']);
  });

  it('serves from the next pool when one has no capacity, and says which had none', async () => {
    await open();
    cloud.ec2.admin.setCapacity({ type: 'm5.large', zone: `${REGION}a` });
    const fleet = await cloud.client.send(
      request(
        [
          { ...m5a, Priority: 1 },
          { ...m5b, Priority: 2 },
        ],
        3,
        {
          SpotOptions: { AllocationStrategy: 'capacity-optimized-prioritized' },
        },
      ),
    );
    expect(fleet.Instances?.[0]?.LaunchTemplateAndOverrides?.Overrides?.AvailabilityZone).to.equal(`${REGION}b`);
    expect(fleet.Instances?.[0]?.InstanceIds).to.have.length(3);
    const [error] = fleet.Errors ?? [];
    expect(error).to.include({ ErrorCode: 'InsufficientInstanceCapacity', Lifecycle: 'spot' });
    expect(error?.LaunchTemplateAndOverrides?.Overrides).to.include(m5a);
  });

  it('fulfils partly when the market gives only a part', async () => {
    await open();
    cloud.ec2.admin.setCapacity({ type: '*', zone: '*', capacity: 2 });
    const fleet = await cloud.client.send(request([m5a], 5));
    expect(fleet.Instances?.[0]?.InstanceIds).to.have.length(2);
    expect(fleet.Errors?.[0]?.ErrorCode).to.equal('InsufficientInstanceCapacity');
    const next = await cloud.client.send(request([m5a], 1));
    expect(next.Instances ?? []).to.be.empty;
  });

  it('launches nothing when the minimum capacity cannot be reached', async () => {
    await open();
    cloud.ec2.admin.setCapacity({ type: '*', zone: '*', capacity: 2 });
    const fleet = await cloud.client.send(
      request([m5a], 5, {
        SpotOptions: { AllocationStrategy: 'lowest-price', MinTargetCapacity: 5, SingleInstanceType: true },
      }),
    );
    expect(fleet.Instances ?? []).to.be.empty;
  });

  for (const [what, override, code] of [
    [
      'a type that does not exist',
      { InstanceType: 'z9.huge' as never, AvailabilityZone: `${REGION}a` },
      'InvalidInstanceType',
    ],
    [
      'a zone that does not offer the type',
      { InstanceType: 'p3.2xlarge', AvailabilityZone: `${REGION}c` },
      'InvalidFleetConfiguration',
    ],
    ['a price cap under the market', { ...m5a, MaxPrice: '0.0001' }, 'SpotMaxPriceTooLow'],
    [
      'a type of another architecture than the image',
      { InstanceType: 'm6g.large', AvailabilityZone: `${REGION}a` },
      'InvalidParameterValue',
    ],
  ] as [string, FleetLaunchTemplateOverridesRequest, string][])
    it(`reports ${what} as the error ${code} of that override`, async () => {
      await open();
      const fleet = await cloud.client.send(request([override], 1));
      expect(fleet.Errors?.map((each) => each.ErrorCode)).to.include(code);
    });

  it('keeps to the vCPU quotas of each market', async () => {
    await open({ ec2: { vcpuLimits: { spot: 4, onDemand: 2 } } });
    const spot = await cloud.client.send(request([m5a], 3));
    expect(spot.Instances?.[0]?.InstanceIds).to.have.length(2);
    expect(spot.Errors?.[0]?.ErrorCode).to.equal('MaxSpotInstanceCountExceeded');
    const onDemand = await cloud.client.send(
      request([{ ...m5a, InstanceType: 'm5.xlarge' }], 1, {
        TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'on-demand' },
        SpotOptions: undefined,
      }),
    );
    expect(onDemand.Errors?.[0]).to.include({ ErrorCode: 'VcpuLimitExceeded', Lifecycle: 'on-demand' });
  });

  it('splits the target between on-demand and Spot', async () => {
    await open();
    const fleet = await cloud.client.send(
      request([m5a], 3, {
        TargetCapacitySpecification: {
          TotalTargetCapacity: 3,
          OnDemandTargetCapacity: 1,
          SpotTargetCapacity: 2,
          DefaultTargetCapacityType: 'spot',
        },
      }),
    );
    expect(fleet.Instances?.map((each) => [each.Lifecycle, each.InstanceIds?.length])).to.deep.equal([
      ['on-demand', 1],
      ['spot', 2],
    ]);
  });

  it('terminates on request; the volume goes with the instance and the Spot request closes', async () => {
    await open();
    const fleet = await cloud.client.send(request([m5a], 1));
    const ids = fleet.Instances?.[0]?.InstanceIds ?? [];
    await cloud.ec2.settled();
    const ended = await cloud.client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    expect(ended.TerminatingInstances?.[0]?.CurrentState?.Name).to.equal('shutting-down');
    await cloud.ec2.settled();
    const found = await cloud.client.send(new DescribeInstancesCommand({ InstanceIds: ids }));
    const instance = found.Reservations?.[0]?.Instances?.[0];
    expect(instance?.State).to.deep.equal({ Code: 48, Name: 'terminated' });
    expect(instance?.StateReason?.Code).to.equal('Client.UserInitiatedShutdown');
    expect(instance?.StateTransitionReason).to.match(/^User initiated \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\)$/);
    expect((await cloud.client.send(new DescribeVolumesCommand({}))).Volumes).to.be.empty;
    const spot = await cloud.client.send(new DescribeSpotInstanceRequestsCommand({}));
    expect(spot.SpotInstanceRequests?.[0]).to.include({ State: 'closed' });
    expect(spot.SpotInstanceRequests?.[0]?.Status?.Code).to.equal('instance-terminated-by-user');
  });

  it('pages DescribeInstances over a fleet of hundreds', async () => {
    await open();
    await cloud.client.send(request([m5a], 230));
    const ids = new Set<string>();
    let pages = 0;
    for await (const page of paginateDescribeInstances({ client: cloud.client, pageSize: 100 }, {})) {
      pages += 1;
      for (const each of page.Reservations ?? []) for (const one of each.Instances ?? []) ids.add(one.InstanceId ?? '');
    }
    expect([pages, ids.size]).to.deep.equal([3, 230]);
  });

  it('hides a new instance from describing while the cloud is not yet consistent', async () => {
    let now = Date.now();
    await open({ clock: { now: () => now, after: () => () => undefined }, ec2: { visibilityDelayMs: 5_000 } });
    const ids = (await cloud.client.send(request([m5a], 1))).Instances?.[0]?.InstanceIds;
    expect(await failure(cloud.client.send(new DescribeInstancesCommand({ InstanceIds: ids })))).to.equal(
      'InvalidInstanceID.NotFound',
    );
    now += 5_000;
    expect((await cloud.client.send(new DescribeInstancesCommand({ InstanceIds: ids }))).Reservations).to.have.length(
      1,
    );
  });

  it('runs single instances on demand, once for a token', async () => {
    await open();
    const run = () =>
      cloud.client.send(
        new RunInstancesCommand({
          LaunchTemplate: { LaunchTemplateName: 'worker' },
          InstanceType: 'm5.large',
          MinCount: 1,
          MaxCount: 1,
          ClientToken: 'once',
        }),
      );
    const [first, again] = [await run(), await run()];
    expect(first.Instances?.[0]?.InstanceId).to.match(/^i-[0-9a-f]{17}$/);
    expect(again.Instances?.[0]?.InstanceId).to.equal(first.Instances?.[0]?.InstanceId);
  });

  it('lets a role launch only what its policy allows', async () => {
    const statement = (resource: string[], condition?: object) => ({
      Effect: 'Allow',
      Action: ['ec2:RunInstances', 'ec2:CreateFleet', 'ec2:CreateTags'],
      Resource: resource,
      ...(condition ? { Condition: condition } : {}),
    });
    const role = (name: string, passRole: boolean): never =>
      ({
        name,
        policies: [
          {
            Version: '2012-10-17',
            Statement: [
              statement(['*'], { StringEqualsIfExists: { 'aws:RequestTag/app': 'spotlearn' } }),
              ...(passRole
                ? [{ Effect: 'Allow', Action: 'iam:PassRole', Resource: 'arn:aws:iam::000000000000:role/worker' }]
                : []),
            ],
          },
        ],
      }) as never;
    await open({ roles: [role('operator', true), role('intern', false)] });
    const tags = (value: string) => [{ ResourceType: 'instance' as const, Tags: [{ Key: 'app', Value: value }] }];
    const operator = cloud.as('operator');
    const good = await operator.send(request([m5a], 1, { TagSpecifications: tags('spotlearn') }));
    expect(good.Errors ?? []).to.be.empty;
    expect(good.Instances).to.have.length(1);
    const wrongTag = await operator.send(request([m5a], 1, { TagSpecifications: tags('other') }));
    expect(wrongTag.Errors?.[0]?.ErrorCode).to.equal('UnauthorizedOperation');
    const noPass = await cloud.as('intern').send(request([m5a], 1, { TagSpecifications: tags('spotlearn') }));
    expect(noPass.Errors?.[0]?.ErrorMessage).to.contain('iam:PassRole');
    const ids = good.Instances?.[0]?.InstanceIds;
    expect(await failure(operator.send(new TerminateInstancesCommand({ InstanceIds: ids })))).to.equal(
      'UnauthorizedOperation',
    );
  });
});
