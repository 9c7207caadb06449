// The bucket's own policy (row 7.1): TLS only, encrypted only, and only the roles named – without locking the account out, as the
// plan's "DenyPublicAccess" did: its administrators still administer the bucket, its root and the deployers also read it. It allows nothing,
// so no AWS service comes in by it; a presigned URL comes as the role that signed it.
import {
  bucketArn,
  objects,
  policy,
  roleArn,
  type Conditions,
  type Facts,
  type PolicyDocument,
  type Statement,
} from './document.ts';

const ALGORITHM = 's3:x-amz-server-side-encryption';
const KEY = `${ALGORITHM}-aws-kms-key-id`;
const CUSTOMERS = `${ALGORITHM}-customer-algorithm`;

/** `deployers`: ARN patterns of principals beside the roles that may use the bucket (`pulumi up`, CI). */
export function bucketPolicy(
  { bucket, accountId, roles, kmsKeyArn }: Facts,
  deployers: readonly string[] = [],
): PolicyDocument {
  const everything = [bucketArn(bucket), ...objects(bucket, '*')];
  const allowed = [
    // The handler comes by URLs that the operator signed, never by itself.
    ...[roles.operator, roles.bot, roles.worker].map((name) => roleArn(accountId, name)),
    `arn:aws:iam::${accountId}:root`,
    ...deployers,
  ];
  const deny = (Sid: string, Action: string[], Resource: string[], Condition: Conditions): Statement => ({
    Sid,
    Effect: 'Deny',
    Principal: '*',
    Action,
    Resource,
    Condition,
  });
  const denyPut = (Sid: string, Condition: Conditions) => deny(Sid, ['s3:PutObject'], objects(bucket, '*'), Condition);
  return policy(
    deny('DenyWithoutTls', ['s3:*'], everything, { Bool: { 'aws:SecureTransport': 'false' } }),
    // A put without the header is encrypted by the bucket's default; one that names something else is refused.
    denyPut('DenyOtherEncryption', {
      StringNotEquals: { [ALGORITHM]: kmsKeyArn === undefined ? 'AES256' : 'aws:kms' },
      Null: { [ALGORITHM]: 'false' },
    }),
    // aws:kms without a key is not the bucket's default but the key that AWS keeps for S3.
    ...(kmsKeyArn === undefined
      ? []
      : [denyPut('DenyOtherKey', { StringNotEquals: { [KEY]: kmsKeyArn }, Null: { [ALGORITHM]: 'false' } })]),
    // What is encrypted by a key that only its writer has is lost to its owner.
    denyPut('DenyCustomerKeys', { Null: { [CUSTOMERS]: 'false' } }),
    deny(
      'DenyOthers',
      [
        ...['s3:GetObject*', 's3:PutObject*', 's3:DeleteObject*', 's3:RestoreObject', 's3:BypassGovernanceRetention'],
        ...['s3:ListBucket*', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
      ],
      everything,
      { ArnNotLike: { 'aws:PrincipalArn': allowed } },
    ),
    // Whatever a later statement should allow.
    deny('DenyOtherAccounts', ['s3:*'], everything, { StringNotEquals: { 'aws:PrincipalAccount': accountId } }),
  );
}
