// The facts that S3's journal keeps, one line each. state.ts applies them; nothing else changes what is stored.

/** A piece of a data file. Objects are lists of pieces, so completing a multipart upload and copying move no bytes. */
export interface Segment {
  readonly blob: string;
  readonly offset: number;
  readonly length: number;
}

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
  /** Base64; a composite one ends in `-<parts>`. */
  readonly value: string;
}

export interface Encryption {
  readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  readonly keyId?: string;
  readonly bucketKey?: boolean;
}

/** What the writer of an object says about it, fixed when it is put or when its multipart upload starts. */
export interface ObjectHead {
  /** content-type, cache-control, content-disposition, content-encoding, content-language, expires */
  readonly headers: Readonly<Record<string, string>>;
  /** User metadata, names without `x-amz-meta-`. */
  readonly meta: Readonly<Record<string, string>>;
  readonly storageClass?: string;
  readonly encryption: Encryption;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface PartSize {
  readonly number: number;
  readonly size: number;
  readonly checksum?: string;
}

export interface ObjectVersion extends ObjectHead {
  /** `null` for objects of an unversioned or suspended bucket. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** A delete marker has no data. */
  readonly deleted?: true;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly segments: readonly Segment[];
  readonly checksum?: Checksum;
  /** Of a multipart upload. */
  readonly parts?: readonly PartSize[];
  /** The upload that made it, so that completing twice answers twice. */
  readonly uploadId?: string;
}

export interface UploadPart {
  readonly number: number;
  readonly at: number;
  readonly size: number;
  readonly etag: string;
  readonly segments: readonly Segment[];
  readonly checksum?: string;
}

export interface UploadStart {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly at: number;
  readonly head: ObjectHead;
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: 'FULL_OBJECT' | 'COMPOSITE';
}

/** Settings of a bucket, kept as the text that was put. */
export type BucketSetting =
  | 'versioning'
  | 'lifecycle'
  | 'encryption'
  | 'publicAccessBlock'
  | 'ownershipControls'
  | 'policy'
  | 'logging'
  | 'tagging';

export type StoreRecord =
  | { readonly t: 'bucket'; readonly b: string; readonly at: number }
  | { readonly t: 'drop'; readonly b: string }
  | { readonly t: 'setting'; readonly b: string; readonly name: BucketSetting; readonly value?: string }
  | { readonly t: 'put'; readonly b: string; readonly k: string; readonly v: ObjectVersion }
  | { readonly t: 'del'; readonly b: string; readonly k: string; readonly id: string }
  | {
      readonly t: 'change';
      readonly b: string;
      readonly k: string;
      readonly id: string;
      readonly storageClass?: string;
      readonly tags?: Readonly<Record<string, string>>;
    }
  | { readonly t: 'upload'; readonly u: UploadStart }
  | { readonly t: 'part'; readonly id: string; readonly p: UploadPart }
  | { readonly t: 'abort'; readonly id: string }
  | { readonly t: 'complete'; readonly id: string; readonly b: string; readonly k: string; readonly v: ObjectVersion };
