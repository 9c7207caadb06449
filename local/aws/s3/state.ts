// What S3 stores, in memory: buckets, keys, versions, open uploads. It changes only by applying a record of the journal, so a
// replay after a crash arrives at the same state. Data files without a reference left are reported in `freed`.
import { SortedKeys } from './keys.ts';
import type { BucketSetting, ObjectVersion, Segment, StoreRecord, UploadPart, UploadStart } from './records.ts';

export interface Bucket {
  readonly name: string;
  readonly createdAt: number;
  readonly keys: SortedKeys;
  /** Newest first; never empty. */
  readonly versions: Map<string, ObjectVersion[]>;
  readonly settings: Map<BucketSetting, string>;
}

export interface Upload extends UploadStart {
  readonly parts: Map<number, UploadPart>;
}

export class State {
  readonly buckets = new Map<string, Bucket>();
  readonly uploads = new Map<string, Upload>();
  readonly #references = new Map<string, number>();
  /** Data files that lost their last reference since the last look. */
  freed: string[] = [];

  apply(record: StoreRecord): void {
    switch (record.t) {
      case 'bucket':
        this.buckets.set(record.b, {
          name: record.b,
          createdAt: record.at,
          keys: new SortedKeys(),
          versions: new Map(),
          settings: new Map(),
        });
        return;
      case 'drop':
        this.buckets.delete(record.b);
        return;
      case 'setting': {
        const settings = this.buckets.get(record.b)?.settings;
        if (record.value === undefined) settings?.delete(record.name);
        else settings?.set(record.name, record.value);
        return;
      }
      case 'put':
        return this.#put(record.b, record.k, record.v);
      case 'del':
        return this.#remove(record.b, record.k, record.id);
      case 'change':
        return this.#change(record);
      case 'upload':
        this.uploads.set(record.u.id, { ...record.u, parts: new Map() });
        return;
      case 'part':
        return this.#part(record.id, record.p);
      case 'abort':
        return this.#endUpload(record.id);
      case 'complete':
        // The object takes its references before the parts lose theirs, so no data file is freed in between.
        this.#put(record.b, record.k, record.v);
        return this.#endUpload(record.id);
    }
  }

  current(bucket: string, key: string): ObjectVersion | undefined {
    return this.buckets.get(bucket)?.versions.get(key)?.[0];
  }

  isReferenced(blob: string): boolean {
    return this.#references.has(blob);
  }

  /** Facts that rebuild exactly this state. */
  *snapshot(): Generator<StoreRecord> {
    for (const bucket of this.buckets.values()) {
      yield { t: 'bucket', b: bucket.name, at: bucket.createdAt };
      for (const [name, value] of bucket.settings) yield { t: 'setting', b: bucket.name, name, value };
      // In the keys' order, so that a replay only appends.
      for (let index = 0; index < bucket.keys.size; index++) {
        const k = bucket.keys.at(index) as string;
        for (const v of (bucket.versions.get(k) ?? []).toReversed()) yield { t: 'put', b: bucket.name, k, v };
      }
    }
    for (const { parts, ...u } of this.uploads.values()) {
      yield { t: 'upload', u };
      for (const p of parts.values()) yield { t: 'part', id: u.id, p };
    }
  }

  get recordCount(): number {
    let count = this.uploads.size + this.buckets.size;
    for (const bucket of this.buckets.values()) count += bucket.versions.size + bucket.settings.size;
    return count;
  }

  #put(bucketName: string, key: string, version: ObjectVersion): void {
    const bucket = this.buckets.get(bucketName);
    if (!bucket) return;
    this.#hold(version.segments);
    const versions = bucket.versions.get(key);
    if (!versions) {
      bucket.versions.set(key, [version]);
      bucket.keys.add(key);
      return;
    }
    // An id is written once, but for `null`, which each put without versioning replaces.
    const replaced = version.id === 'null' ? versions.findIndex((each) => each.id === 'null') : -1;
    if (replaced >= 0) this.#release(versions.splice(replaced, 1)[0]?.segments ?? []);
    versions.unshift(version);
  }

  #remove(bucketName: string, key: string, id: string): void {
    const bucket = this.buckets.get(bucketName);
    const versions = bucket?.versions.get(key);
    const at = versions?.findIndex((each) => each.id === id) ?? -1;
    if (!bucket || !versions || at < 0) return;
    this.#release(versions.splice(at, 1)[0]?.segments ?? []);
    if (versions.length > 0) return;
    bucket.versions.delete(key);
    bucket.keys.remove(key);
  }

  #change(record: StoreRecord & { t: 'change' }): void {
    const versions = this.buckets.get(record.b)?.versions.get(record.k);
    const at = versions?.findIndex((each) => each.id === record.id) ?? -1;
    const version = versions?.[at];
    if (!versions || !version) return;
    versions[at] = {
      ...version,
      ...(record.storageClass === undefined ? {} : { storageClass: record.storageClass }),
      ...(record.tags === undefined ? {} : { tags: record.tags }),
    };
  }

  #part(id: string, part: UploadPart): void {
    const upload = this.uploads.get(id);
    if (!upload) return;
    this.#hold(part.segments);
    this.#release(upload.parts.get(part.number)?.segments ?? []);
    upload.parts.set(part.number, part);
  }

  #endUpload(id: string): void {
    for (const part of this.uploads.get(id)?.parts.values() ?? []) this.#release(part.segments);
    this.uploads.delete(id);
  }

  #hold(segments: readonly Segment[]): void {
    for (const { blob } of segments) this.#references.set(blob, (this.#references.get(blob) ?? 0) + 1);
  }

  #release(segments: readonly Segment[]): void {
    for (const { blob } of segments) {
      const left = (this.#references.get(blob) ?? 1) - 1;
      if (left > 0) this.#references.set(blob, left);
      else {
        this.#references.delete(blob);
        this.freed.push(blob);
      }
    }
  }
}
