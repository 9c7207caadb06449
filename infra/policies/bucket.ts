// The bucket's own policy (row 7.1): TLS only, encrypted only, and only the roles named – without locking the account out, as the
// plan's "DenyPublicAccess" did: the account's root and its deployers stay able to administer the bucket.
import { bucketArn, objects, policy, roleArn, type Facts, type PolicyDocument, type Statement } from './document.ts';

/** `deployers`: ARN patterns of principals beside the four roles that may use the bucket (`pulumi up`, CI). */
export function bucketPolicy(
  { bucket, accountId, roles, kmsKeyArn }: Facts,
  deployers: readonly string[] = [],
): PolicyDocument {
  const everything = [bucketArn(bucket), ...objects(bucket, '*')];
  const allowed = [
    ...[roles.operator, roles.bot, roles.worker, roles.handler].map((name) => roleArn(accountId, name)),
    `arn:aws:iam::${accountId}:root`,
    ...deployers,
  ];
  const keyHeader = 's3:x-amz-server-side-encryption-aws-kms-key-id';
  const otherKey: Statement[] =
    kmsKeyArn === undefined
      ? []
      : [
          {
            Sid: 'DenyOtherKey',
            Effect: 'Deny',
            Principal: '*',
            Action: ['s3:PutObject'],
            Resource: objects(bucket, '*'),
            Condition: { StringNotEquals: { [keyHeader]: kmsKeyArn }, Null: { [keyHeader]: 'false' } },
          },
        ];
  return policy(
    {
      Sid: 'DenyWithoutTls',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:*'],
      Resource: everything,
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    {
      // A put without the header is encrypted by the bucket's default; one that names something else is refused.
      Sid: 'DenyOtherEncryption',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:PutObject'],
      Resource: objects(bucket, '*'),
      Condition: {
        StringNotEquals: { 's3:x-amz-server-side-encryption': kmsKeyArn === undefined ? ['AES256'] : ['aws:kms'] },
        Null: { 's3:x-amz-server-side-encryption': 'false' },
      },
    },
    ...otherKey,
    {
      Sid: 'DenyOthers',
      Effect: 'Deny',
      Principal: '*',
      Action: [
        ...['s3:GetObject*', 's3:PutObject*', 's3:DeleteObject*', 's3:RestoreObject', 's3:BypassGovernanceRetention'],
        ...['s3:ListBucket*', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
      ],
      Resource: everything,
      Condition: { ArnNotLike: { 'aws:PrincipalArn': allowed } },
    },
  );
}
