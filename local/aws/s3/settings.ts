// What can be set on a bucket, one entry a subresource: how it is read from its XML, kept, written back and removed. Each is
// validated when it is put; policy, versioning, encryption and lifecycle also take effect.
import type { AwsResponse } from '../service.ts';
import { type XmlElement, type XmlValue, child, childText, children } from '../protocol/xml.ts';
import { invalidArgument, malformedXml, type S3Call, S3Error, xmlAnswer } from './call.ts';
import { readLifecycle, writeLifecycle } from './lifecycle.ts';
import { readTagSet } from './objects.ts';
import { checkPolicy, isPublic } from './policy.ts';
import type { BucketSetting, Encryption } from './records.ts';
import type { Store } from './store.ts';

interface Setting {
  readonly name: BucketSetting;
  /** IAM action without its verb: `s3:Get<action>`, `s3:Put<action>`. */
  readonly action: string;
  /** Where IAM calls deleting by another name than putting. */
  readonly deleteAction?: string;
  readonly root: string;
  /** From the document to what is kept. */
  read(document: XmlElement): string;
  /** From what is kept to the document; `undefined` kept: a default, or the error of `missing`. */
  write(kept: string): XmlValue;
  readonly byDefault?: string;
  readonly missing?: [code: string, message: string];
}

const SETTINGS: Record<string, Setting> = {
  versioning: {
    name: 'versioning',
    action: 'BucketVersioning',
    root: 'VersioningConfiguration',
    read: (document) => oneOf(childText(document, 'Status'), ['Enabled', 'Suspended']),
    write: (kept) => (kept === '' ? {} : { Status: kept }),
    byDefault: '',
  },
  lifecycle: {
    name: 'lifecycle',
    action: 'LifecycleConfiguration',
    deleteAction: 's3:PutLifecycleConfiguration',
    root: 'LifecycleConfiguration',
    read: (document) => JSON.stringify(readLifecycle(document)),
    write: writeLifecycle,
    missing: ['NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
  },
  encryption: {
    name: 'encryption',
    action: 'EncryptionConfiguration',
    deleteAction: 's3:PutEncryptionConfiguration',
    root: 'ServerSideEncryptionConfiguration',
    read: readEncryptionRule,
    write: writeEncryptionRule,
    byDefault: JSON.stringify({ algorithm: 'AES256' }),
  },
  publicAccessBlock: {
    name: 'publicAccessBlock',
    action: 'BucketPublicAccessBlock',
    deleteAction: 's3:PutBucketPublicAccessBlock',
    root: 'PublicAccessBlockConfiguration',
    read: (document) =>
      JSON.stringify(
        Object.fromEntries(
          ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'].map((name) => [
            name,
            childText(document, name)?.toLowerCase() === 'true',
          ]),
        ),
      ),
    write: (kept) => JSON.parse(kept) as XmlValue,
    missing: ['NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found'],
  },
  ownershipControls: {
    name: 'ownershipControls',
    action: 'BucketOwnershipControls',
    deleteAction: 's3:PutBucketOwnershipControls',
    root: 'OwnershipControls',
    read: (document) =>
      oneOf(childText(child(document, 'Rule') ?? document, 'ObjectOwnership'), ['BucketOwnerEnforced']),
    write: (kept) => ({ Rule: { ObjectOwnership: kept } }),
    missing: ['OwnershipControlsNotFoundError', 'The bucket ownership controls were not found'],
  },
  logging: {
    name: 'logging',
    action: 'BucketLogging',
    root: 'BucketLoggingStatus',
    read: readLogging,
    write: (kept) => (JSON.parse(kept) ?? {}) as XmlValue,
    byDefault: '{}',
  },
  tagging: {
    name: 'tagging',
    action: 'BucketTagging',
    deleteAction: 's3:PutBucketTagging',
    root: 'Tagging',
    read: (document) => JSON.stringify(readTagSet(document)),
    write: (kept) => ({
      TagSet: {
        Tag: Object.entries(JSON.parse(kept) as Record<string, string>).map(([Key, Value]) => ({ Key, Value })),
      },
    }),
    missing: ['NoSuchTagSet', 'The TagSet does not exist'],
  },
};

/** Handles `?versioning`, `?lifecycle` and their like; undefined when the request names none of them. */
export async function bucketSetting(store: Store, call: S3Call): Promise<AwsResponse | undefined> {
  if (call.has('policy')) return bucketPolicy(store, call);
  if (call.has('policyStatus')) return policyStatus(store, call);
  const setting = Object.entries(SETTINGS).find(([parameter]) => call.has(parameter))?.[1];
  if (!setting) return undefined;
  switch (call.request.method) {
    case 'GET':
      return getSetting(store, call, setting);
    case 'PUT':
      return putSetting(store, call, setting);
    case 'DELETE':
      if (!setting.deleteAction) break;
      await store.allow(call, setting.deleteAction);
      await keep(store, call, setting.name, undefined);
      return { status: 204 };
  }
  throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405);
}

async function getSetting(store: Store, call: S3Call, setting: Setting): Promise<AwsResponse> {
  await store.allow(call, `s3:Get${setting.action}`);
  const kept = store.bucket(call.bucket).settings.get(setting.name) ?? setting.byDefault;
  if (kept !== undefined) return xmlAnswer(setting.root, setting.write(kept));
  const [code, message] = setting.missing ?? ['InternalError', ''];
  throw new S3Error(code, message, 404, { BucketName: call.bucket });
}

async function putSetting(store: Store, call: S3Call, setting: Setting): Promise<AwsResponse> {
  await store.allow(call, `s3:Put${setting.action}`);
  const value = setting.read(await call.xml(setting.root));
  await keep(store, call, setting.name, value);
  return { status: 200 };
}

async function keep(store: Store, call: S3Call, name: BucketSetting, value: string | undefined): Promise<void> {
  await store.journal.commit(() => ({ records: [{ t: 'setting', b: call.bucket, name, value }], answer: undefined }));
}

async function bucketPolicy(store: Store, call: S3Call): Promise<AwsResponse> {
  switch (call.request.method) {
    case 'GET': {
      await store.allow(call, 's3:GetBucketPolicy');
      const policy = store.bucket(call.bucket).settings.get('policy');
      if (policy === undefined)
        throw new S3Error('NoSuchBucketPolicy', 'The bucket policy does not exist', 404, { BucketName: call.bucket });
      return { status: 200, headers: { 'content-type': 'application/json' }, body: policy };
    }
    case 'PUT': {
      await allowPolicyChange(store, call, 's3:PutBucketPolicy');
      const text = (await call.request.body()).toString();
      const statements = checkPolicy(text, call.bucket);
      const block = store.bucket(call.bucket).settings.get('publicAccessBlock');
      if (
        block !== undefined &&
        (JSON.parse(block) as { BlockPublicPolicy?: boolean }).BlockPublicPolicy &&
        isPublic(statements)
      ) {
        throw new S3Error(
          'AccessDenied',
          `User: ${call.request.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::${call.bucket}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.`,
          403,
        );
      }
      await keep(store, call, 'policy', text);
      return { status: 204 };
    }
    case 'DELETE':
      await allowPolicyChange(store, call, 's3:DeleteBucketPolicy');
      await keep(store, call, 'policy', undefined);
      return { status: 204 };
    default:
      throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405);
  }
}

/** The account root can always mend a policy, even one that denies everybody everything. */
async function allowPolicyChange(store: Store, call: S3Call, action: string): Promise<void> {
  if (call.request.principal.roleName === undefined) store.bucket(call.bucket);
  else await store.allow(call, action);
}

async function policyStatus(store: Store, call: S3Call): Promise<AwsResponse> {
  await store.allow(call, 's3:GetBucketPolicyStatus');
  const policy = store.bucket(call.bucket).settings.get('policy');
  if (policy === undefined)
    throw new S3Error('NoSuchBucketPolicy', 'The bucket policy does not exist', 404, { BucketName: call.bucket });
  return xmlAnswer('PolicyStatus', { IsPublic: isPublic(checkPolicy(policy, call.bucket)) });
}

function oneOf(text: string | undefined, allowed: readonly string[]): string {
  if (text !== undefined && allowed.includes(text)) return text;
  throw malformedXml();
}

function readEncryptionRule(document: XmlElement): string {
  const [rule, second] = children(document, 'Rule');
  const byDefault = rule && child(rule, 'ApplyServerSideEncryptionByDefault');
  if (!rule || !byDefault || second) throw malformedXml();
  const algorithm = oneOf(childText(byDefault, 'SSEAlgorithm'), [
    'AES256',
    'aws:kms',
    'aws:kms:dsse',
  ]) as Encryption['algorithm'];
  const keyId = childText(byDefault, 'KMSMasterKeyID');
  if (algorithm === 'AES256' && keyId)
    throw invalidArgument(
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms',
      'ApplyServerSideEncryptionByDefault',
      keyId,
    );
  const encryption: Encryption = {
    algorithm,
    ...(keyId ? { keyId } : {}),
    ...(childText(rule, 'BucketKeyEnabled') === 'true' ? { bucketKey: true } : {}),
  };
  return JSON.stringify(encryption);
}

function writeEncryptionRule(kept: string): XmlValue {
  const { algorithm, keyId, bucketKey } = JSON.parse(kept) as Encryption;
  return {
    Rule: {
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId },
      BucketKeyEnabled: bucketKey ?? false,
    },
  };
}

function readLogging(document: XmlElement): string {
  const enabled = child(document, 'LoggingEnabled');
  if (!enabled) return '{}';
  const target = childText(enabled, 'TargetBucket');
  const prefix = childText(enabled, 'TargetPrefix');
  if (!target || prefix === undefined) throw malformedXml();
  return JSON.stringify({ LoggingEnabled: { TargetBucket: target, TargetPrefix: prefix } });
}
