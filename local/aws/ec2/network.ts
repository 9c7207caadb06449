// The account's default VPC: three zones, a subnet each, one security group. Fixed and derived from account and region,
// so that ids stay the same over restarts.
import { createHash } from 'node:crypto';
import type { Xml } from './wire.ts';

export interface Subnet {
  readonly id: string;
  readonly zone: string;
  readonly zoneId: string;
  readonly cidr: string;
  /** 0, 1, 2 for zones a, b, c. */
  readonly index: number;
}

export interface SecurityGroup {
  readonly id: string;
  readonly name: string;
}

export class Network {
  readonly region: string;
  readonly accountId: string;
  readonly vpcId: string;
  readonly subnets: readonly Subnet[];
  readonly groups: readonly SecurityGroup[];

  constructor(region: string, accountId: string, group?: SecurityGroup) {
    this.region = region;
    this.accountId = accountId;
    const id = (name: string) => createHash('sha1').update(`${accountId}/${region}/${name}`).digest('hex').slice(0, 17);
    this.vpcId = `vpc-${id('vpc')}`;
    this.subnets = ['a', 'b', 'c'].map((letter, index) => ({
      id: `subnet-${id(letter)}`,
      zone: `${region}${letter}`,
      zoneId: `${shortRegion(region)}-az${index + 1}`,
      cidr: `172.31.${index * 16}.0/20`,
      index,
    }));
    const own = { id: `sg-${id('default')}`, name: 'default' };
    this.groups = group ? [group, own] : [own];
  }

  arn(resource: string): string {
    return `arn:aws:ec2:${this.region}:${this.accountId}:${resource}`;
  }

  subnet(id: string): Subnet | undefined {
    return this.subnets.find((subnet) => subnet.id === id);
  }

  inZone(zone: string): Subnet | undefined {
    return this.subnets.find((subnet) => subnet.zone === zone || subnet.zoneId === zone);
  }

  group(idOrName: string): SecurityGroup | undefined {
    return this.groups.find((group) => group.id === idOrName || group.name === idOrName);
  }

  /** A private address inside the subnet, spread by `seed`. */
  address(subnet: Subnet, seed: string): string {
    const bytes = createHash('sha1').update(seed).digest();
    return `172.31.${subnet.index * 16 + ((bytes[0] ?? 0) & 15)}.${4 + ((bytes[1] ?? 0) % 250)}`;
  }

  vpcXml(): Xml {
    return [
      {
        vpcId: this.vpcId,
        ownerId: this.accountId,
        state: 'available',
        cidrBlock: '172.31.0.0/16',
        dhcpOptionsId: `dopt-${this.vpcId.slice(4)}`,
        instanceTenancy: 'default',
        isDefault: true,
        cidrBlockAssociationSet: [
          {
            cidrBlock: '172.31.0.0/16',
            associationId: `vpc-cidr-assoc-${this.vpcId.slice(4)}`,
            cidrBlockState: { state: 'associated' },
          },
        ],
        tagSet: [],
      },
    ];
  }

  subnetXml(subnet: Subnet): Xml {
    return {
      subnetId: subnet.id,
      subnetArn: this.arn(`subnet/${subnet.id}`),
      state: 'available',
      vpcId: this.vpcId,
      ownerId: this.accountId,
      cidrBlock: subnet.cidr,
      availableIpAddressCount: 4091,
      availabilityZone: subnet.zone,
      availabilityZoneId: subnet.zoneId,
      defaultForAz: true,
      mapPublicIpOnLaunch: true,
      assignIpv6AddressOnCreation: false,
      tagSet: [],
    };
  }

  groupXml(group: SecurityGroup): Xml {
    const everywhere = [{ cidrIp: '0.0.0.0/0' }];
    return {
      groupId: group.id,
      groupName: group.name,
      groupDescription: group.name === 'default' ? 'default VPC security group' : group.name,
      ownerId: this.accountId,
      vpcId: this.vpcId,
      securityGroupArn: this.arn(`security-group/${group.id}`),
      ipPermissions: [],
      ipPermissionsEgress: [{ ipProtocol: '-1', groups: [], ipRanges: everywhere, ipv6Ranges: [], prefixListIds: [] }],
      tagSet: [],
    };
  }

  zonesXml(): Xml {
    return this.subnets.map((subnet) => ({
      optInStatus: 'opt-in-not-required',
      messageSet: [],
      regionName: this.region,
      zoneName: subnet.zone,
      zoneId: subnet.zoneId,
      groupName: `${this.region}-zg-1`,
      networkBorderGroup: this.region,
      zoneType: 'availability-zone',
      zoneState: 'available',
    }));
  }
}

/** us-east-1 → use1, as in zone ids. */
function shortRegion(region: string): string {
  const [area = '', direction = '', number = ''] = region.split('-');
  const short = direction.replace('north', 'n').replace('south', 's').replace('east', 'e').replace('west', 'w');
  return `${area}${short.replace('central', 'c')}${number}`;
}
