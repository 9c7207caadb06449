// S3: finds the operation that method, path and subresource name, and runs it. Path-style addresses only. The index lives in
// memory and in `<state>/s3/journal.log`, the data in `<state>/s3/data`; a bucket or key is never a path on disk.
import { join } from 'node:path';
import type { PolicyAuthorizer } from '../iam/authorizer.ts';
import type { AwsResponse, AwsService, ServiceContext } from '../service.ts';
import { Blobs } from './blobs.ts';
import { bucketLocation, createBucket, deleteBucket, headBucket, listBuckets } from './buckets.ts';
import { errorAnswer, notImplemented, S3Call, S3Error } from './call.ts';
import { completeUpload } from './completion.ts';
import { copyObject } from './copy.ts';
import { Journal } from './journal.ts';
import { type LifecycleReport, runLifecycle } from './lifecycle.ts';
import { listObjectsV1, listObjectsV2, listUploads, listVersions } from './listing.ts';
import { abortUpload, createUpload, listParts, uploadPart, uploadPartCopy } from './multipart.ts';
import { deleteObject, deleteObjects, getObject, objectTagging, putObject } from './objects.ts';
import { bucketSetting } from './settings.ts';
import { Store } from './store.ts';

export interface S3Service extends AwsService {
  /** Carries out lifecycle rules as of `now` (default: the clock); call it daily, or with any time in a test. */
  runLifecycle(now?: number): Promise<LifecycleReport>;
}

export interface S3Options {
  readonly policyEngine: PolicyAuthorizer;
}

/** Subresources that exist in S3 and are not needed here: refused clearly instead of misread as something else. */
const NOT_HERE = [
  'accelerate',
  'acl',
  'analytics',
  'cors',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'metrics',
  'notification',
  'object-lock',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'torrent',
  'website',
  'attributes',
  'append',
  'renameObject',
];

export async function s3Service(context: ServiceContext, options: S3Options): Promise<S3Service> {
  const folder = join(context.stateDir, 's3');
  const blobs = new Blobs(join(folder, 'data'));
  const journal = await Journal.open(join(folder, 'journal.log'), (freed) => blobs.remove(freed));
  const swept = await blobs.sweep((blob) => journal.state.isReferenced(blob));
  if (swept > 0) context.logger.info({ swept }, 'unfinished S3 uploads removed');
  const store = new Store({
    journal,
    blobs,
    now: () => context.clock.now(),
    region: context.region,
    accountId: context.accountId,
    policyEngine: options.policyEngine,
  });
  return {
    name: 's3',
    handle: (request) => dispatch(store, new S3Call(request)),
    error: errorAnswer,
    runLifecycle: (now = context.clock.now()) => runLifecycle(store, now),
    close: () => journal.close(),
  };
}

async function dispatch(store: Store, call: S3Call): Promise<AwsResponse> {
  const missing = NOT_HERE.find((name) => call.has(name));
  if (missing !== undefined) throw notImplemented(`the subresource ${missing}`);
  if (call.bucket === '') return onAccount(store, call);
  return call.key === '' ? onBucket(store, call) : onObject(store, call);
}

function onAccount(store: Store, call: S3Call): Promise<AwsResponse> {
  if (call.request.method === 'GET') return listBuckets(store, call);
  throw methodNotAllowed(call);
}

async function onBucket(store: Store, call: S3Call): Promise<AwsResponse> {
  const setting = await bucketSetting(store, call);
  if (setting) return setting;
  switch (call.request.method) {
    case 'GET':
      if (call.has('location')) return bucketLocation(store, call);
      if (call.has('versions')) return listVersions(store, call);
      if (call.has('uploads')) return listUploads(store, call);
      return call.parameter('list-type') === '2' ? listObjectsV2(store, call) : listObjectsV1(store, call);
    case 'HEAD':
      return headBucket(store, call);
    case 'PUT':
      return createBucket(store, call);
    case 'DELETE':
      return deleteBucket(store, call);
    case 'POST':
      if (call.has('delete')) return deleteObjects(store, call);
      throw notImplemented('browser uploads by POST');
    default:
      throw methodNotAllowed(call);
  }
}

async function onObject(store: Store, call: S3Call): Promise<AwsResponse> {
  if (call.has('tagging')) return objectTagging(store, call);
  const isPart = call.has('uploadId');
  const isCopy = call.header('x-amz-copy-source') !== undefined;
  switch (call.request.method) {
    case 'GET':
      return isPart ? listParts(store, call) : getObject(store, call);
    case 'HEAD':
      return getObject(store, call);
    case 'PUT':
      if (isPart) return isCopy ? uploadPartCopy(store, call) : uploadPart(store, call);
      return isCopy ? copyObject(store, call) : putObject(store, call);
    case 'DELETE':
      return isPart ? abortUpload(store, call) : deleteObject(store, call);
    case 'POST':
      if (call.has('uploads')) return createUpload(store, call);
      if (isPart) return completeUpload(store, call);
      throw methodNotAllowed(call);
    default:
      throw methodNotAllowed(call);
  }
}

function methodNotAllowed(call: S3Call): S3Error {
  return new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405, {
    Method: call.request.method,
  });
}
