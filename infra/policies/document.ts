// The shape of an IAM policy and the facts about an installation that every policy is made from. Pure: the Pulumi program renders
// these into roles, and the local AWS and the simulator tests decide requests with the very same documents.
import { DEFAULT_PREFIXES, type Prefixes } from '../../cloud/keys.ts';

export type Conditions = Record<string, Record<string, string | string[]>>;

export interface Statement {
  Sid: string;
  Effect: 'Allow' | 'Deny';
  Action: string[];
  Resource: string[];
  Principal?: '*' | { AWS?: string[]; Service?: string[] };
  Condition?: Conditions;
}

export interface PolicyDocument {
  Version: '2012-10-17';
  Statement: Statement[];
}

/** Who may assume a role: a policy without resources. */
export interface TrustDocument {
  Version: '2012-10-17';
  Statement: (Omit<Statement, 'Resource' | 'Principal'> & {
    Principal: { Service?: string[]; Federated?: string[]; AWS?: string[] };
  })[];
}

/** What the policies need to know of an installation, known before anything is made. */
export interface Facts {
  readonly name: string;
  readonly region: string;
  readonly accountId: string;
  readonly bucket: string;
  readonly logGroup: string;
  readonly functionName: string;
  readonly queueName: string;
  readonly roles: RoleNames;
  /** Of the bucket's encryption; absent: SSE-S3. */
  readonly kmsKeyArn?: string;
  /** First segments of users' keys; absent: the defaults. */
  readonly prefixes?: Prefixes;
}

/** With what only the provider knows. */
export interface Installation extends Facts {
  readonly launchTemplateId: string;
  /** Images that may be launched; absent: any (the launch template names one anyway). */
  readonly imageIds?: readonly string[];
}

export interface RoleNames {
  readonly operator: string;
  readonly bot: string;
  readonly worker: string;
  readonly handler: string;
}

export const roleNames = (installation: string): RoleNames => ({
  operator: `${installation}-operator`,
  bot: `${installation}-bot`,
  worker: `${installation}-worker`,
  handler: `${installation}-handler`,
});

export const policy = (...statements: Statement[]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: statements,
});
export const roleArn = (accountId: string, name: string): string => `arn:aws:iam::${accountId}:role/${name}`;
export const bucketArn = (bucket: string): string => `arn:aws:s3:::${bucket}`;
export const objects = (bucket: string, ...patterns: string[]): string[] =>
  patterns.map((pattern) => `${bucketArn(bucket)}/${pattern}`);

/** Patterns of what belongs to users; IAM sees all of them as one, whose is whose is the access rule's (cloud/access.ts). */
export function usersOf({ prefixes = DEFAULT_PREFIXES }: Pick<Facts, 'prefixes'>) {
  const { datasetPrefix, modelPrefix, predictionPrefix } = prefixes;
  return {
    datasets: `${datasetPrefix}/user_*`,
    models: `${modelPrefix}/user_*`,
    predictions: `${predictionPrefix}/user_*`,
  };
}

/** The use of the bucket's key, by S3 for this bucket alone, for whoever reads or writes objects; nothing without one. */
export const bucketKey = ({
  bucket,
  region,
  kmsKeyArn,
}: Pick<Facts, 'bucket' | 'region' | 'kmsKeyArn'>): Statement[] =>
  kmsKeyArn === undefined
    ? []
    : [
        {
          Sid: 'BucketKey',
          Effect: 'Allow',
          Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
          Resource: [kmsKeyArn],
          Condition: {
            StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` },
            // With a bucket key S3 names the bucket, without one the object.
            StringLike: { 'kms:EncryptionContext:aws:s3:arn': [bucketArn(bucket), `${bucketArn(bucket)}/*`] },
          },
        },
      ];
