// Events as EC2 gives them to EventBridge, and EventBridge to an SQS queue: the real JSON shapes.
import { randomUUID } from 'node:crypto';
import type { InstanceStateName } from './state.ts';

export interface Ec2Event {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type':
    | 'EC2 Spot Instance Interruption Warning'
    | 'EC2 Instance Rebalance Recommendation'
    | 'EC2 Instance State-change Notification';
  readonly source: 'aws.ec2';
  readonly account: string;
  /** ISO, whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, string>>;
}

export interface EventPlace {
  readonly region: string;
  readonly accountId: string;
  readonly instanceId: string;
  readonly zone: string;
  readonly at: number;
}

function event(
  place: EventPlace,
  type: Ec2Event['detail-type'],
  resource: string,
  detail: Record<string, string>,
): Ec2Event {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': type,
    source: 'aws.ec2',
    account: place.accountId,
    time: seconds(place.at),
    region: place.region,
    resources: [resource],
    detail: { 'instance-id': place.instanceId, ...detail },
  };
}

export function interruptionWarning(place: EventPlace): Ec2Event {
  return event(
    place,
    'EC2 Spot Instance Interruption Warning',
    `arn:aws:ec2:${place.zone}:instance/${place.instanceId}`,
    { 'instance-action': 'terminate' },
  );
}

export function rebalanceRecommendation(place: EventPlace): Ec2Event {
  return event(
    place,
    'EC2 Instance Rebalance Recommendation',
    `arn:aws:ec2:${place.zone}:instance/${place.instanceId}`,
    {},
  );
}

export function stateChange(place: EventPlace, state: InstanceStateName): Ec2Event {
  return event(
    place,
    'EC2 Instance State-change Notification',
    `arn:aws:ec2:${place.region}:${place.accountId}:instance/${place.instanceId}`,
    { state },
  );
}

/** 2025-01-02T03:04:05Z */
export function seconds(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
