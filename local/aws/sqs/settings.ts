// Queue attributes between SQS's texts and our numbers, checked against SQS's bounds.
import { AwsServiceError, type PolicyDocument } from '../service.ts';
import type { Queue, QueueSettings } from './queue.ts';

interface Bound {
  readonly field: 'visibilitySeconds' | 'retentionSeconds' | 'delaySeconds' | 'maximumBytes' | 'waitSeconds';
  readonly least: number;
  readonly most: number;
}

const NUMBERS: Record<string, Bound> = {
  VisibilityTimeout: { field: 'visibilitySeconds', least: 0, most: 43_200 },
  MessageRetentionPeriod: { field: 'retentionSeconds', least: 60, most: 1_209_600 },
  DelaySeconds: { field: 'delaySeconds', least: 0, most: 900 },
  MaximumMessageSize: { field: 'maximumBytes', least: 1_024, most: 1_048_576 },
  ReceiveMessageWaitTimeSeconds: { field: 'waitSeconds', least: 0, most: 20 },
};
const KEPT = ['Policy', 'KmsMasterKeyId', 'KmsDataKeyReusePeriodSeconds', 'SqsManagedSseEnabled', 'RedriveAllowPolicy'];

export const DEFAULT_SETTINGS: QueueSettings = {
  visibilitySeconds: 30,
  retentionSeconds: 345_600,
  delaySeconds: 0,
  maximumBytes: 1_048_576,
  waitSeconds: 0,
  other: {},
};

/** `attributes` over `old`; throws InvalidAttributeName or InvalidAttributeValue. */
export function readSettings(attributes: Record<string, string>, old: QueueSettings): QueueSettings {
  const settings: QueueSettings = { ...old, other: { ...old.other } };
  for (const [name, value] of Object.entries(attributes)) {
    const bound = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
    if (bound) settings[bound.field] = bounded(name, value, bound.least, bound.most);
    else if (name === 'RedrivePolicy') settings.redrive = value === '' ? undefined : readRedrive(value);
    else if (KEPT.includes(name)) settings.other[name] = value;
    else throw new AwsServiceError('InvalidAttributeName', `Unknown Attribute ${name}.`);
  }
  return settings;
}

export function bounded(
  name: string,
  value: unknown,
  least: number,
  most: number,
  code = 'InvalidAttributeValue',
): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || number > most)
    throw new AwsServiceError(
      code,
      `Value ${String(value)} for parameter ${name} is invalid. Reason: Must be between ${least} and ${most}, if provided.`,
    );
  return number;
}

function readRedrive(text: string): QueueSettings['redrive'] {
  try {
    const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(text) as Record<string, unknown>;
    if (typeof deadLetterTargetArn === 'string')
      return { deadLetterTargetArn, maxReceiveCount: bounded('maxReceiveCount', maxReceiveCount, 1, 1000) };
  } catch (error) {
    if (error instanceof AwsServiceError) throw error;
  }
  throw new AwsServiceError(
    'InvalidAttributeValue',
    `Value ${text} for parameter RedrivePolicy is invalid. Reason: Redrive policy is not a valid JSON map.`,
  );
}

/** All attributes as GetQueueAttributes gives them. */
export function attributesOf(queue: Queue): Record<string, string> {
  const { settings, counts } = queue;
  const numbers = Object.entries(NUMBERS).map(([name, { field }]) => [name, String(settings[field])]);
  return {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(counts.visible),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
    CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedAt / 1000)),
    SqsManagedSseEnabled: 'true',
    ...(Object.fromEntries(numbers) as Record<string, string>),
    ...(settings.redrive ? { RedrivePolicy: JSON.stringify(settings.redrive) } : {}),
    ...settings.other,
  };
}

export function policyOf(queue: Queue | undefined): PolicyDocument | undefined {
  const policy = queue?.settings.other['Policy'];
  return policy === undefined || policy === '' ? undefined : (JSON.parse(policy) as PolicyDocument);
}
