// What a worker may do (row 7.2): its own prefix, the worker's code, its own kind of log stream. Nothing in EC2. The same role serves
// instances and, by IRSA, the pods of placement Cluster: the session's name is the instance's id or the Job's name.
import {
  bucketArn,
  bucketKey,
  objects,
  policy,
  type Facts,
  type PolicyDocument,
  type TrustDocument,
} from './document.ts';

export function workerPolicy(facts: Facts): PolicyDocument {
  const { bucket, region, accountId, logGroup } = facts;
  return policy(
    ...bucketKey(facts),
    {
      Sid: 'OwnPrefix',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject'],
      // aws:userid of an instance role is `<role id>:<instance id>`: one instance can't reach another's prefix.
      Resource: objects(bucket, 'instances/${aws:userid}/*'),
    },
    {
      // Without it S3 answers 403 instead of 404 for a ticket that is not there yet.
      Sid: 'SeeOwnPrefix',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: [bucketArn(bucket)],
      Condition: { StringLike: { 's3:prefix': ['instances/${aws:userid}/*'] } },
    },
    { Sid: 'Code', Effect: 'Allow', Action: ['s3:GetObject'], Resource: objects(bucket, 'artefacts/worker/*') },
    {
      // A stream is named `instance-<id>`, which no policy variable can express: any instance's stream of this one group.
      Sid: 'Log',
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: [`arn:aws:logs:${region}:${accountId}:log-group:${logGroup}:log-stream:instance-*`],
    },
  );
}

/**
 * Who may act as a worker: EC2 instances, and with an OIDC provider (its issuer without `https://`) the pods of the ServiceAccount
 * that the operator makes in each user's namespace. A pod names its session itself, so the name must be a Job's, never an instance's.
 */
export function workerTrust({ accountId }: Facts, oidcProvider?: string): TrustDocument {
  const statements: TrustDocument['Statement'] = [
    {
      Sid: 'Instances',
      Effect: 'Allow',
      Action: ['sts:AssumeRole'],
      Principal: { Service: ['ec2.amazonaws.com'] },
    },
  ];
  if (oidcProvider !== undefined)
    statements.push({
      Sid: 'Pods',
      Effect: 'Allow',
      Action: ['sts:AssumeRoleWithWebIdentity'],
      Principal: { Federated: [`arn:aws:iam::${accountId}:oidc-provider/${oidcProvider}`] },
      Condition: {
        StringEquals: { [`${oidcProvider}:aud`]: 'sts.amazonaws.com' },
        StringLike: {
          [`${oidcProvider}:sub`]: 'system:serviceaccount:ml-user-*:spotlearn-worker',
          'sts:RoleSessionName': 'cluster-*',
        },
      },
    });
  return { Version: '2012-10-17', Statement: statements };
}
