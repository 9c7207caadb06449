// Names of everything an installation has in AWS, from its configuration and account alone: the same at every update, and never those
// of another installation in the account. Policies, resources and the sweep use them.
import { TAG } from '../cloud/tags.ts';
import type { Settings } from './configuration.ts';
import { roleNames, type RoleNames } from './policies/document.ts';

export interface Names {
  readonly bucket: string;
  readonly accessLogBucket: string;
  /** CloudWatch log group of the workers. */
  readonly logGroup: string;
  readonly functionName: string;
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  readonly launchTemplate: string;
  readonly cluster: string;
  readonly repository: (image: ImageName) => string;
  readonly roles: RoleNames;
}

/** The images of an installation. */
export const IMAGES = ['operator', 'bot', 'worker', 'prediction'] as const;
export type ImageName = (typeof IMAGES)[number];

/** Alias through which the prediction function is called. */
export const ALIAS = 'live';

/** Namespace of operator and bot. */
export const NAMESPACE = 'spotlearn-system';

export function names(
  settings: Pick<Settings, 'name' | 'bucket' | 'region' | 'clusterName'>,
  accountId: string,
): Names {
  const { name } = settings;
  const bucket = settings.bucket ?? `${name}-${accountId}-${settings.region}`;
  return {
    bucket,
    // S3 takes 63 characters; the longest bucket name that is computed has 59.
    accessLogBucket: `${bucket}-log`,
    logGroup: `/aws/ec2/ml-training/${name}`,
    functionName: `${name}-prediction`,
    queueName: `${name}-interruptions`,
    deadLetterQueueName: `${name}-interruptions-dead-letters`,
    launchTemplate: `${name}-worker`,
    cluster: settings.clusterName ?? name,
    repository: (image) => `${name}/${image}`,
    roles: roleNames(name),
  };
}

/** On instances, volumes and interfaces of a cluster's nodes, in place of the installation's tag: what carries that is the operator's to end. */
export const NODE_TAG = 'spotlearn:nodes-of';

/** On everything else that can carry a tag. */
export const tagsOf = (name: string): Record<string, string> => ({
  [TAG.installation]: name,
  'spotlearn:made-by': 'pulumi',
});
