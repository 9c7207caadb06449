import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { expect } from 'chai';
import { describeCompute, IMAGE, refusal, REGION, type Connection } from './compute.ts';

let templates = 0;
async function template(connection: Connection) {
  const client = new EC2Client(connection);
  templates += 1;
  const made = await client.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: `contract-${templates}`,
      LaunchTemplateData: {
        ImageId: IMAGE,
        InstanceType: 'm5.large',
        UserData: 'IyEvYmluL3No',
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'from', Value: 'template' }] }],
      },
    }),
  );
  return { client, id: made.LaunchTemplate?.LaunchTemplateId ?? '', name: `contract-${templates}` };
}
const fleet = (LaunchTemplateId: string, count: number, ClientToken?: string) =>
  new CreateFleetCommand({
    Type: 'instant',
    ClientToken,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId, Version: '$Latest' },
        Overrides: [{ InstanceType: 'm5.large', AvailabilityZone: `${REGION}a` }],
      },
    ],
    TargetCapacitySpecification: { TotalTargetCapacity: count, DefaultTargetCapacityType: 'spot' },
    SpotOptions: { AllocationStrategy: 'lowest-price' },
  });

describeCompute(
  'EC2',
  {
    'a launch template gives back its data': async (connection) => {
      const { client, name } = await template(connection);
      const found = await client.send(new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName: name }));
      expect(found.LaunchTemplateVersions?.[0]).to.include({ VersionNumber: 1, DefaultVersion: true });
      expect(found.LaunchTemplateVersions?.[0]?.LaunchTemplateData).to.deep.include({
        ImageId: IMAGE,
        UserData: 'IyEvYmluL3No',
      });
    },
    'an instant fleet launches its instances, which are found by id and by tag': async (connection) => {
      const { client, id } = await template(connection);
      const made = await client.send(fleet(id, 2));
      const ids = made.Instances?.flatMap((each) => each.InstanceIds ?? []) ?? [];
      expect(ids).to.have.length(2);
      const found = await client.send(
        new DescribeInstancesCommand({ InstanceIds: ids, Filters: [{ Name: 'tag:from', Values: ['temp*'] }] }),
      );
      expect(found.Reservations?.flatMap((each) => each.Instances ?? [])).to.have.length(2);
    },
    'a fleet’s client token launches once': async (connection) => {
      const { client, id } = await template(connection);
      const first = await client.send(fleet(id, 1, 'once'));
      const again = await client.send(fleet(id, 1, 'once'));
      expect(again.FleetId).to.equal(first.FleetId);
    },
    'termination ends in terminated': async (connection) => {
      const { client, id } = await template(connection);
      const run = await client.send(
        new RunInstancesCommand({ LaunchTemplate: { LaunchTemplateId: id }, MinCount: 1, MaxCount: 1 }),
      );
      const InstanceIds = [run.Instances?.[0]?.InstanceId ?? ''];
      const ended = await client.send(new TerminateInstancesCommand({ InstanceIds }));
      expect(ended.TerminatingInstances?.[0]?.CurrentState?.Name).to.equal('shutting-down');
      const found = await client.send(new DescribeInstancesCommand({ InstanceIds }));
      expect(found.Reservations?.[0]?.Instances?.[0]?.State?.Name).to.be.oneOf(['shutting-down', 'terminated']);
      expect(found.Reservations?.[0]?.Instances?.[0]?.StateReason?.Code).to.equal('Client.UserInitiatedShutdown');
    },
    'the default VPC has a subnet in each zone': async (connection) => {
      const found = await new EC2Client(connection).send(
        new DescribeSubnetsCommand({ Filters: [{ Name: 'availability-zone', Values: [`${REGION}b`] }] }),
      );
      expect(found.Subnets?.[0]).to.include({ DefaultForAz: true, AvailabilityZone: `${REGION}b` });
    },
    'errors have their names': async (connection) => {
      const { client, name } = await template(connection);
      const again = new CreateLaunchTemplateCommand({
        LaunchTemplateName: name,
        LaunchTemplateData: { ImageId: IMAGE },
      });
      expect(await refusal(client.send(again))).to.equal('InvalidLaunchTemplateName.AlreadyExistsException');
      const unknown = ['i-0123456789abcdef0'];
      expect(await refusal(client.send(new DescribeInstancesCommand({ InstanceIds: unknown })))).to.equal(
        'InvalidInstanceID.NotFound',
      );
      expect(await refusal(client.send(new TerminateInstancesCommand({ InstanceIds: unknown })))).to.equal(
        'InvalidInstanceID.NotFound',
      );
      const missing = new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: 'lt-0123456789abcdef0' });
      expect(await refusal(client.send(missing))).to.equal('InvalidLaunchTemplateId.NotFound');
    },
  },
  { 'a fleet’s client token launches once': 'moto ignores the token' },
);
