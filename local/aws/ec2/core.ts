// What every EC2 action works with: the account's state and market, the machines, and the caller's permissions.
// service.ts builds one Core and gives each action a Call.
import type { Principal, ServiceContext } from '../service.ts';
import { AwsServiceError } from '../service.ts';
import type { Faults } from './faults.ts';
import type { Machines } from './lifecycle.ts';
import type { Network, SecurityGroup } from './network.ts';
import type { SpotPrices } from './prices.ts';
import type { Ec2State, Tags } from './state.ts';
import type { Throttle } from './throttle.ts';
import type { Fields, Xml } from './wire.ts';
import type { Ec2Event } from './events.ts';

/** A machine image is configuration: what its PATH holds and what its environment says. */
export interface Image {
  /** Folders put before the system's PATH. */
  readonly path: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly name?: string;
  /** Default x86_64. */
  readonly architecture?: 'x86_64' | 'arm64';
}

export interface Ec2Options {
  /** By AMI id; default none. */
  readonly images?: Readonly<Record<string, Image>>;
  /** A security group beside the default one. */
  readonly securityGroup?: SecurityGroup;
  /** Role in each instance profile, by profile name; a profile not listed holds the role of its own name. */
  readonly instanceProfiles?: Readonly<Record<string, string>>;
  /** From launch to running; default 200. */
  readonly bootMs?: number;
  /** Between an instance's SIGTERM and SIGKILL; default 2,000. */
  readonly shutdownGraceMs?: number;
  /** Describe answers don't know a new instance for so long (eventual consistency); default 0. */
  readonly visibilityDelayMs?: number;
  /** EC2's request limits; default true. */
  readonly throttling?: boolean;
  readonly priceSeed?: string;
  /** vCPU quotas; default none. */
  readonly vcpuLimits?: { readonly spot?: number; readonly onDemand?: number };
  /** False: instances have states but no processes and no metadata service (simulations, benchmarks). */
  readonly machines?: boolean;
  /** EventBridge: state changes, interruption warnings, rebalance recommendations. */
  readonly onEvent?: (event: Ec2Event) => void;
}

export interface Core {
  readonly context: ServiceContext;
  readonly images: Readonly<Record<string, Image>>;
  readonly options: Ec2Options;
  readonly state: Ec2State;
  readonly network: Network;
  readonly prices: SpotPrices;
  readonly throttle: Throttle;
  readonly faults: Faults;
  readonly machines: Machines;
}

export interface Call {
  readonly action: string;
  readonly fields: Fields;
  readonly principal: Principal;
}

export type Action = (core: Core, call: Call) => { readonly [name: string]: Xml };

/** Checks one permission and turns a refusal into EC2's own words. */
export function authorize(
  core: Core,
  principal: Principal,
  action: string,
  resource: string,
  conditions: Record<string, string | string[]> = {},
): void {
  try {
    core.context.authorizer.authorize(principal, action, resource, conditions);
  } catch (error) {
    if (!(error instanceof AwsServiceError) || error.status !== 403) throw error;
    throw new AwsServiceError(
      'UnauthorizedOperation',
      `You are not authorized to perform this operation. User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource}`,
      403,
    );
  }
}

/** After the permission was checked: a dry run ends here. */
export function endDryRun(call: Call): void {
  if (call.fields.flag('DryRun'))
    throw new AwsServiceError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
}

export function requestTagConditions(tags: Tags): Record<string, string | string[]> {
  const conditions: Record<string, string | string[]> = {};
  for (const [key, value] of Object.entries(tags)) conditions[`aws:RequestTag/${key}`] = value;
  if (Object.keys(tags).length > 0) conditions['aws:TagKeys'] = Object.keys(tags);
  return conditions;
}

export function resourceTagConditions(tags: Tags): Record<string, string> {
  const conditions: Record<string, string> = {};
  for (const [key, value] of Object.entries(tags)) {
    conditions[`aws:ResourceTag/${key}`] = value;
    conditions[`ec2:ResourceTag/${key}`] = value;
  }
  return conditions;
}

export function tagXml(tags: Tags): Xml {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

/** At most 50 tags a resource, keys of 1–127 and values of up to 255 characters; `aws:` is AWS's own. */
export function readTags(list: readonly Fields[]): Tags {
  const tags: Tags = {};
  for (const tag of list) {
    const key = tag.required('Key');
    const value = tag.text('Value') ?? '';
    if (key.startsWith('aws:'))
      throw new AwsServiceError('InvalidParameterValue', 'Tag keys starting with aws: are reserved for internal use');
    if (key.length > 127)
      throw new AwsServiceError('InvalidParameterValue', `Tag key exceeds the maximum length of 127 characters`);
    if (value.length > 255)
      throw new AwsServiceError('InvalidParameterValue', `Tag value exceeds the maximum length of 255 characters`);
    tags[key] = value;
  }
  if (Object.keys(tags).length > 50)
    throw new AwsServiceError('TagLimitExceeded', 'The maximum number of Tags for a resource has been reached.');
  return tags;
}

/** Tags of a TagSpecification list for one resource type. */
export function tagSpecification(specifications: readonly Fields[], type: string): Tags {
  return Object.assign(
    {},
    ...specifications.filter((each) => each.text('ResourceType') === type).map((each) => readTags(each.groups('Tag'))),
  ) as Tags;
}
