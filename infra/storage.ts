// The bucket with everything users own, its protections and lifecycle, and the code that workers and the function run, uploaded under
// its content hash: a new version never replaces what a running instance wants.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { artefactKey } from '../cloud/keys.ts';
import type { Artefact, Artefacts, Bundle } from './artefacts.ts';
import type { Settings } from './configuration.ts';
import { accessLogRules, lifecycleRules } from './lifecycle.ts';
import type { Names } from './naming.ts';
import { bucketPolicy } from './policies/bucket.ts';
import type { Facts } from './policies/document.ts';
import { logsBucketPolicy } from './policies/logs-bucket.ts';

export interface StorageArgs {
  settings: Settings;
  names: Names;
  facts: Facts;
  /** ARN patterns of who beside the roles may use the bucket: whoever runs `pulumi up`, at least. */
  deployers: pulumi.Input<string[]>;
  artefacts: Artefacts;
}

export interface UploadedBundle {
  readonly bundleKey: string;
  readonly bundleSha256: string;
}

export class Storage extends pulumi.ComponentResource {
  readonly bucket: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;
  /** The worker's code in the bucket; machines that boot depend on it. */
  readonly worker: pulumi.Output<{ x86_64: UploadedBundle; arm64?: UploadedBundle }>;
  readonly handlerKey: pulumi.Output<string>;
  readonly layerKey: pulumi.Output<string> | undefined;

  readonly #settings: Settings;

  constructor(name: string, args: StorageArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:storage:Storage', name, {}, options);
    const { settings, names, facts, artefacts } = args;
    this.#settings = settings;
    const bucket = this.#bucket(`${name}-data`, names.bucket, settings.protectData);
    new aws.s3.BucketVersioning(
      `${name}-data`,
      { bucket: bucket.bucket, versioningConfiguration: { status: 'Enabled' } },
      { parent: bucket },
    );
    new aws.s3.BucketLifecycleConfiguration(
      `${name}-data`,
      { bucket: bucket.bucket, rules: lifecycleRules(settings) },
      { parent: bucket },
    );
    if (settings.accessLogging) this.#accessLogs(name, names, facts, bucket);
    const guarded = new aws.s3.BucketPolicy(
      `${name}-data`,
      {
        bucket: bucket.bucket,
        policy: pulumi.output(args.deployers).apply((deployers) => JSON.stringify(bucketPolicy(facts, deployers))),
      },
      { parent: bucket },
    );
    const upload = (what: string, kind: 'worker' | 'lambda', file: Artefact, extension: string) =>
      new aws.s3.BucketObjectv2(
        `${name}-${what}-${file.sha256.slice(0, 12)}`,
        {
          bucket: bucket.bucket,
          key: artefactKey(kind, file.sha256, extension),
          source: new pulumi.asset.FileAsset(file.path),
          sourceHash: file.sha256,
        },
        { parent: bucket, dependsOn: [guarded] },
      );
    const uploadBundle = (bundle: Bundle): pulumi.Output<UploadedBundle> => {
      const packs = bundle.packs.map((pack) => upload('pack', 'worker', pack, 'tar.gz').key);
      const { key } = upload('bundle', 'worker', bundle, 'tar.gz');
      return pulumi
        .all([key, ...packs])
        .apply(([bundleKey]) => ({ bundleKey: bundleKey ?? '', bundleSha256: bundle.sha256 }));
    };
    const { x86_64, arm64 } = artefacts.worker;
    this.worker = pulumi.output({ x86_64: uploadBundle(x86_64), ...(arm64 && { arm64: uploadBundle(arm64) }) });
    const { handler } = artefacts;
    this.handlerKey = upload('handler', 'lambda', handler, 'zip').key;
    this.layerKey = handler.layer && upload('layer', 'lambda', handler.layer, 'zip').key;
    this.bucket = bucket.bucket;
    this.bucketArn = bucket.arn;
    this.registerOutputs({ bucket: this.bucket });
  }

  /** Private, encrypted, without ACLs. `kept`: stays, with what is in it, when the stack is destroyed. */
  #bucket(name: string, bucket: string, kept: boolean): aws.s3.Bucket {
    const { kmsKeyArn } = this.#settings;
    const made = new aws.s3.Bucket(name, { bucket, forceDestroy: !kept }, { parent: this, retainOnDelete: kept });
    const parent = { parent: made, retainOnDelete: kept };
    new aws.s3.BucketPublicAccessBlock(
      name,
      {
        bucket: made.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      parent,
    );
    new aws.s3.BucketOwnershipControls(
      name,
      { bucket: made.bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } },
      parent,
    );
    // S3 delivers access logs only to buckets with SSE-S3.
    const key = name.endsWith('-log') ? undefined : kmsKeyArn;
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        bucket: made.bucket,
        rules: [
          key === undefined
            ? { applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }
            : {
                applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: key },
                bucketKeyEnabled: true,
              },
        ],
      },
      parent,
    );
    return made;
  }

  #accessLogs(name: string, names: Names, facts: Facts, bucket: aws.s3.Bucket): void {
    const logs = this.#bucket(`${name}-log`, names.accessLogBucket, false);
    const delivers = new aws.s3.BucketPolicy(
      `${name}-log`,
      { bucket: logs.bucket, policy: JSON.stringify(logsBucketPolicy(facts)) },
      { parent: logs },
    );
    new aws.s3.BucketLifecycleConfiguration(
      `${name}-log`,
      { bucket: logs.bucket, rules: accessLogRules(Number(this.#settings.logRetentionDays)) },
      { parent: logs },
    );
    new aws.s3.BucketLogging(
      `${name}-data`,
      { bucket: bucket.bucket, targetBucket: logs.bucket, targetPrefix: 'access/' },
      { parent: bucket, dependsOn: [delivers] },
    );
  }
}
