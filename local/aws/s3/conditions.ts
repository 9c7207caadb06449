// Conditional requests, pure: RFC 9110's order for reads, S3's rules for writes and copies.
import { S3Error } from './call.ts';
import type { ObjectVersion } from './records.ts';

export interface Conditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly ifModifiedSince?: string;
  readonly ifUnmodifiedSince?: string;
}

type Header = (name: string) => string | undefined;

export function readConditions(header: Header, prefix: '' | 'x-amz-copy-source-' = ''): Conditions {
  return {
    ifMatch: header(`${prefix}if-match`),
    ifNoneMatch: header(`${prefix}if-none-match`),
    ifModifiedSince: header(`${prefix}if-modified-since`),
    ifUnmodifiedSince: header(`${prefix}if-unmodified-since`),
  };
}

/** `failed` is 412, `unchanged` is 304 for reads and 412 for copies. */
export function checkRead(
  conditions: Conditions,
  version: Pick<ObjectVersion, 'etag' | 'at'>,
): 'ok' | 'failed' | 'unchanged' {
  const second = Math.floor(version.at / 1000);
  if (conditions.ifMatch !== undefined) {
    if (!matches(conditions.ifMatch, version.etag)) return 'failed';
  } else if (seconds(conditions.ifUnmodifiedSince) < second) return 'failed';
  if (conditions.ifNoneMatch !== undefined) {
    if (matches(conditions.ifNoneMatch, version.etag)) return 'unchanged';
  } else if (seconds(conditions.ifModifiedSince) >= second) return 'unchanged';
  return 'ok';
}

/** Throws unless a write may replace `current` (undefined or a delete marker: nothing is there). */
export function checkWrite(conditions: Conditions, current: ObjectVersion | undefined, key: string): void {
  const there = current && !current.deleted ? current : undefined;
  if (conditions.ifNoneMatch !== undefined) {
    if (conditions.ifNoneMatch.trim() !== '*')
      throw new S3Error('NotImplemented', 'A header you provided implies functionality that is not implemented', 501, {
        Header: 'If-None-Match',
      });
    if (there) throw preconditionFailed('If-None-Match');
  }
  if (conditions.ifMatch !== undefined) {
    if (!there) throw new S3Error('NoSuchKey', 'The specified key does not exist.', 404, { Key: key });
    if (!matches(conditions.ifMatch, there.etag)) throw preconditionFailed('If-Match');
  }
}

export function preconditionFailed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412, {
    Condition: condition,
  });
}

function matches(list: string, etag: string): boolean {
  return list.split(',').some((each) => {
    const tag = each.trim().replace(/^W\//, '');
    return tag === '*' || tag.replace(/^"|"$/g, '') === etag;
  });
}

/** Seconds since the epoch; NaN (which compares false) when absent or not a date, as HTTP says. */
function seconds(date: string | undefined): number {
  return date === undefined ? Number.NaN : Math.floor(Date.parse(date) / 1000);
}
