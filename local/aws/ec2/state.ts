// What exists in this EC2: instances, templates, fleets, volumes, Spot requests and remembered client tokens, durable.
// Records are plain data; the machines behind instances are hypervisor.ts's, the changes of state are lifecycle.ts's.
import { join } from 'node:path';
import { Journal } from './journal.ts';

export type Tags = Record<string, string>;
export type InstanceStateName = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';
export const STATE_CODES: Record<InstanceStateName, number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** Times are milliseconds since the epoch throughout. */
export interface Instance {
  readonly kind: 'instance';
  readonly id: string;
  readonly reservationId: string;
  readonly imageId: string;
  readonly type: string;
  readonly zone: string;
  readonly subnetId: string;
  readonly securityGroupIds: readonly string[];
  readonly privateIp: string;
  readonly keyName?: string;
  readonly launchedAt: number;
  /** Describe answers know nothing of it before. */
  readonly visibleAt: number;
  readonly lifecycle: 'spot' | 'on-demand';
  readonly spotRequestId?: string;
  readonly fleetId?: string;
  readonly clientToken: string;
  readonly volumeId: string;
  /** ARN of the instance profile and the role in it. */
  readonly profileArn?: string;
  readonly roleName?: string;
  readonly onShutdown: 'terminate' | 'stop';
  /** Base64, as given. */
  readonly userData?: string;
  readonly metadata: MetadataOptions;
  readonly disableApiTermination: boolean;
  state: InstanceStateName;
  stateReason?: { code: string; message: string };
  transitionReason: string;
  terminatedAt?: number;
  /** Interruption notice: when EC2 will take it back. */
  interruptionAt?: number;
  rebalanceAt?: number;
  /** Status checks that fail. */
  impaired?: { system: boolean; instance: boolean };
  /** What EC2 means to do with it, and when. */
  scheduled?: { code: ScheduledEvent; notBefore: number };
  tags: Tags;
}

export const SCHEDULED_EVENTS = [
  'instance-retirement',
  'instance-stop',
  'instance-reboot',
  'system-reboot',
  'system-maintenance',
] as const;
export type ScheduledEvent = (typeof SCHEDULED_EVENTS)[number];

export interface MetadataOptions {
  readonly httpTokens: 'required' | 'optional';
  readonly httpEndpoint: 'enabled' | 'disabled';
  readonly instanceTags: 'enabled' | 'disabled';
  readonly hopLimit: number;
}

export interface LaunchTemplate {
  readonly kind: 'template';
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly createdBy: string;
  defaultVersion: number;
  versions: TemplateVersion[];
  tags: Tags;
}

export interface TemplateVersion {
  readonly number: number;
  readonly description?: string;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Launch template data by wire names, as Fields.toTree() gives it. */
  readonly data: WireTree;
}
export type WireTree = { [name: string]: string | WireTree };

export interface Volume {
  readonly kind: 'volume';
  readonly id: string;
  readonly zone: string;
  readonly sizeGiB: number;
  readonly type: string;
  readonly iops?: number;
  readonly throughput?: number;
  readonly encrypted: boolean;
  readonly kmsKeyId?: string;
  readonly createdAt: number;
  readonly device: string;
  deleteOnTermination: boolean;
  /** Undefined once detached: the volume is then `available`. */
  instanceId?: string;
  tags: Tags;
}

export interface SpotRequest {
  readonly kind: 'spot-request';
  readonly id: string;
  readonly instanceId: string;
  readonly type: string;
  readonly imageId: string;
  readonly zone: string;
  readonly createdAt: number;
  readonly maxPrice: string;
  state: 'active' | 'closed' | 'cancelled';
  statusCode: string;
  statusMessage: string;
  statusAt: number;
  tags: Tags;
}

export interface Fleet {
  readonly kind: 'fleet';
  readonly id: string;
  readonly createdAt: number;
  readonly clientToken: string;
  readonly request: WireTree;
  /** The answer given, by wire names: also what DescribeFleets and a repeated token get. */
  readonly answer: FleetAnswer;
  tags: Tags;
}

export interface FleetAnswer {
  readonly errorSet: FleetAnswerEntry[];
  readonly fleetInstanceSet: FleetAnswerEntry[];
}
export interface FleetAnswerEntry {
  readonly launchTemplateAndOverrides: {
    readonly launchTemplateSpecification: { readonly launchTemplateId: string; readonly version: string };
    readonly overrides: { readonly [name: string]: string };
  };
  readonly lifecycle: 'spot' | 'on-demand';
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly instanceIds?: readonly string[];
  readonly instanceType?: string;
  readonly availabilityZone?: string;
  readonly subnetId?: string;
}

/** A client token once used: equal requests get the same answer, different ones an error. */
export interface UsedToken {
  readonly kind: 'token';
  readonly fingerprint: string;
  /** Fleet or reservation it made. */
  readonly made: string;
  readonly at: number;
}

export type Resource = Instance | LaunchTemplate | Volume | SpotRequest | Fleet;

export class Ec2State {
  readonly #journal: Journal<Resource | UsedToken>;
  readonly instances = new Map<string, Instance>();
  readonly templates = new Map<string, LaunchTemplate>();
  readonly volumes = new Map<string, Volume>();
  readonly spotRequests = new Map<string, SpotRequest>();
  readonly fleets = new Map<string, Fleet>();
  readonly #tokens = new Map<string, UsedToken>();

  constructor(folder: string) {
    this.#journal = new Journal(join(folder, 'state.jsonl'));
    for (const [key, record] of this.#journal.entries()) this.#place(key, record);
  }

  #place(key: string, record: Resource | UsedToken): void {
    switch (record.kind) {
      case 'instance':
        this.instances.set(key, record);
        break;
      case 'template':
        this.templates.set(key, record);
        break;
      case 'volume':
        this.volumes.set(key, record);
        break;
      case 'spot-request':
        this.spotRequests.set(key, record);
        break;
      case 'fleet':
        this.fleets.set(key, record);
        break;
      case 'token':
        this.#tokens.set(key, record);
        break;
    }
  }

  /** Writes the record as it now is; call after every change. */
  save(record: Resource): void {
    this.#place(record.id, record);
    // A machine never outlives this process, so what it booted from needn't either (20 KB an entry otherwise).
    this.#journal.set(record.id, record.kind === 'instance' ? { ...record, userData: undefined } : record);
  }

  remove(id: string): void {
    for (const map of [this.instances, this.templates, this.volumes, this.spotRequests, this.fleets]) map.delete(id);
    this.#journal.delete(id);
  }

  resource(id: string): Resource | undefined {
    return (
      this.instances.get(id) ??
      this.volumes.get(id) ??
      this.templates.get(id) ??
      this.spotRequests.get(id) ??
      this.fleets.get(id)
    );
  }

  resources(): Resource[] {
    return [this.instances, this.volumes, this.templates, this.spotRequests, this.fleets].flatMap((map) => [
      ...map.values(),
    ]);
  }

  token(action: string, clientToken: string): UsedToken | undefined {
    return this.#tokens.get(`${action}/${clientToken}`);
  }

  rememberToken(action: string, clientToken: string, used: UsedToken): void {
    this.#tokens.set(`${action}/${clientToken}`, used);
    this.#journal.set(`${action}/${clientToken}`, used);
  }

  /** Forgets client tokens used, and fleets made, before `time`. */
  forget(time: number): void {
    for (const [key, used] of this.#tokens)
      if (used.at < time) {
        this.#tokens.delete(key);
        this.#journal.delete(key);
      }
    for (const fleet of this.fleets.values()) if (fleet.createdAt < time) this.remove(fleet.id);
  }

  close(): void {
    this.#journal.close();
  }
}
