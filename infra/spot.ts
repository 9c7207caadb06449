// What a Spot worker is launched from: a template with the static user data (decision 2), its security group that nothing comes in
// through, and the instance profile of the worker's role.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { Settings } from './configuration.ts';
import { tagsOf, type Names } from './naming.ts';
import type { UploadedBundle } from './storage.ts';
import { userData } from './userdata.ts';

export interface SpotArgs {
  settings: Settings;
  names: Names;
  vpcId: pulumi.Input<string>;
  workerRole: { name: pulumi.Input<string>; uniqueId: pulumi.Input<string> };
  bundles: pulumi.Input<{ x86_64: UploadedBundle; arm64?: UploadedBundle }>;
}

/** Canonical's own parameters for the newest image of Ubuntu 24.04 LTS. */
const ubuntu = (arch: 'amd64' | 'arm64') =>
  `/aws/service/canonical/ubuntu/server/24.04/stable/current/${arch}/hvm/ebs-gp3/ami-id`;

export class Spot extends pulumi.ComponentResource {
  readonly launchTemplateId: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  readonly imageId: pulumi.Output<string>;
  /** Undefined when no arm64 bundle was built: a Graviton machine would have nothing to run. */
  readonly imageArm64Id: pulumi.Output<string | undefined>;

  constructor(name: string, args: SpotArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:spot:Spot', name, {}, options);
    const parent = { parent: this };
    const { settings, names, workerRole } = args;
    const image = (given: string | undefined, arch: 'amd64' | 'arm64'): pulumi.Output<string> =>
      given === undefined ? aws.ssm.getParameterOutput({ name: ubuntu(arch) }, parent).value : pulumi.output(given);
    this.imageId = image(settings.imageId, 'amd64');
    this.imageArm64Id = pulumi
      .output(args.bundles)
      .apply(
        ({ arm64 }): pulumi.Output<string | undefined> =>
          arm64 ? image(settings.imageArm64Id, 'arm64') : pulumi.output(undefined),
      );
    const group = new aws.ec2.SecurityGroup(
      `${name}-worker`,
      {
        name: `${settings.name}-worker`,
        description: 'Spotlearn workers: nothing comes in, HTTPS goes out',
        vpcId: args.vpcId,
        ingress: [],
        egress: [{ protocol: 'tcp', fromPort: 443, toPort: 443, cidrBlocks: ['0.0.0.0/0'], description: 'AWS APIs' }],
        tags: { Name: `${settings.name}-worker` },
      },
      parent,
    );
    const profile = new aws.iam.InstanceProfile(
      `${name}-worker`,
      { name: names.roles.worker, role: workerRole.name },
      parent,
    );
    const script = pulumi.all([workerRole.uniqueId, args.bundles]).apply(([roleId, { x86_64, arm64 }]) =>
      userData({
        bucket: names.bucket,
        region: settings.region,
        roleId,
        ...x86_64,
        arm64,
        logGroup: names.logGroup,
      }),
    );
    const tags = tagsOf(settings.name);
    const template = new aws.ec2.LaunchTemplate(
      `${name}-worker`,
      {
        name: names.launchTemplate,
        description: 'Spotlearn workers; the job comes as a ticket in the bucket',
        imageId: this.imageId,
        userData: script.apply((text) => Buffer.from(text).toString('base64')),
        iamInstanceProfile: { arn: profile.arn },
        vpcSecurityGroupIds: [group.id],
        instanceInitiatedShutdownBehavior: 'terminate',
        updateDefaultVersion: true,
        metadataOptions: {
          httpEndpoint: 'enabled',
          httpTokens: 'required',
          httpPutResponseHopLimit: 1,
          instanceMetadataTags: 'disabled',
        },
        blockDeviceMappings: [
          {
            deviceName: '/dev/sda1',
            ebs: {
              volumeSize: settings.volumeGib,
              volumeType: 'gp3',
              encrypted: 'true',
              deleteOnTermination: 'true',
            },
          },
        ],
        // Not of Spot requests: EC2 refuses an on-demand launch from a template that names tags for them.
        tagSpecifications: ['instance', 'volume'].map((resourceType) => ({
          resourceType,
          tags,
        })),
      },
      parent,
    );
    this.launchTemplateId = template.id;
    this.securityGroupId = group.id;
    this.registerOutputs({ launchTemplateId: this.launchTemplateId, securityGroupId: this.securityGroupId });
  }
}
