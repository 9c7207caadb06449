// Where workers and nodes live: a VPC with one public subnet a zone that nothing comes into and a way to S3 that costs nothing; with a
// NAT gateway private subnets in their place; or a network that is there already.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { split } from './cidr.ts';

export interface NetworkArgs {
  /** e.g. `10.64.0.0/16`. */
  cidr: string;
  /** Zones by name, one subnet each. */
  zones: readonly string[];
  natGateway: boolean;
  region: string;
  existing?: { vpcId: string; subnetIds: readonly string[] };
}

/** Subnets a new network is cut into: room for 8 public and 8 private ones. */
const SUBNET_BITS = 4;

export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** Of workers and nodes, one a zone, in the order of the zones. */
  readonly subnetIds: pulumi.Output<string>[];

  constructor(name: string, args: NetworkArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:network:Network', name, {}, options);
    if (args.existing) {
      this.vpcId = pulumi.output(args.existing.vpcId);
      this.subnetIds = args.existing.subnetIds.map((id) => pulumi.output(id));
    } else {
      const made = this.#make(name, args);
      this.vpcId = made.vpcId;
      this.subnetIds = made.subnetIds;
    }
    this.registerOutputs({ vpcId: this.vpcId, subnetIds: this.subnetIds });
  }

  #make(name: string, { cidr, zones, natGateway, region }: NetworkArgs) {
    const parent = { parent: this };
    const named = (what: string) => ({ Name: `${name}-${what}` });
    const vpc = new aws.ec2.Vpc(
      name,
      { cidrBlock: cidr, enableDnsHostnames: true, enableDnsSupport: true, tags: { Name: name } },
      parent,
    );
    // Whoever forgets to name a security group gets one that lets nothing in or out.
    new aws.ec2.DefaultSecurityGroup(
      `${name}-default`,
      { vpcId: vpc.id, ingress: [], egress: [], tags: named('default-closed') },
      parent,
    );
    const gateway = new aws.ec2.InternetGateway(name, { vpcId: vpc.id, tags: { Name: name } }, parent);
    const open = new aws.ec2.RouteTable(
      `${name}-public`,
      { vpcId: vpc.id, routes: [{ cidrBlock: '0.0.0.0/0', gatewayId: gateway.id }], tags: named('public') },
      parent,
    );
    const subnets = (kind: 'public' | 'private', table: aws.ec2.RouteTable, first: number) =>
      zones.map((zone, index) => {
        const subnet = new aws.ec2.Subnet(
          `${name}-${kind}-${index}`,
          {
            vpcId: vpc.id,
            availabilityZone: zone,
            cidrBlock: split(cidr, SUBNET_BITS, first + index),
            mapPublicIpOnLaunch: kind === 'public',
            tags: named(`${kind}-${zone}`),
          },
          parent,
        );
        new aws.ec2.RouteTableAssociation(
          `${name}-${kind}-${index}`,
          { subnetId: subnet.id, routeTableId: table.id },
          parent,
        );
        return subnet;
      });
    const publicSubnets = subnets('public', open, 0);
    const tables = [open];
    let used = publicSubnets;
    const first = publicSubnets[0];
    if (natGateway && first) {
      const address = new aws.ec2.Eip(`${name}-nat`, { domain: 'vpc', tags: named('nat') }, parent);
      const nat = new aws.ec2.NatGateway(
        `${name}-nat`,
        { subnetId: first.id, allocationId: address.id, tags: named('nat') },
        { ...parent, dependsOn: [gateway] },
      );
      const closed = new aws.ec2.RouteTable(
        `${name}-private`,
        { vpcId: vpc.id, routes: [{ cidrBlock: '0.0.0.0/0', natGatewayId: nat.id }], tags: named('private') },
        parent,
      );
      tables.push(closed);
      used = subnets('private', closed, 2 ** (SUBNET_BITS - 1));
    }
    new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: vpc.id,
        vpcEndpointType: 'Gateway',
        serviceName: `com.amazonaws.${region}.s3`,
        routeTableIds: tables.map((table) => table.id),
        tags: named('s3'),
      },
      parent,
    );
    return { vpcId: vpc.id, subnetIds: used.map((subnet) => subnet.id) };
  }
}
