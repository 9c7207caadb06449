// Lifecycle rules: read, checked, kept, and carried out when asked (`runLifecycle`). S3 rounds every age up to the next
// midnight UTC; so does this. The caller brings the time, so a test lives through 180 days in one call.
import { type XmlElement, type XmlValue, child, childText, children } from '../protocol/xml.ts';
import { malformedXml, S3Error } from './call.ts';
import type { ObjectVersion, StoreRecord } from './records.ts';
import type { Bucket } from './state.ts';
import { nextVersionId, type Store } from './store.ts';

const DAY_MS = 86_400_000;
const TRANSITIONS = ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'];

interface Transition {
  readonly days: number;
  readonly storageClass: string;
}

export interface LifecycleRule {
  readonly id: string;
  readonly enabled: boolean;
  /** Written in `Filter`, or at the rule's top as the old schema has it. */
  readonly prefix: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly largerThan?: number;
  readonly smallerThan?: number;
  readonly expirationDays?: number;
  readonly expirationDate?: string;
  readonly expiredMarker?: boolean;
  readonly transitions: readonly Transition[];
  readonly noncurrentDays?: number;
  readonly newerNoncurrent?: number;
  readonly noncurrentTransitions: readonly Transition[];
  readonly abortDays?: number;
}

export function readLifecycle(document: XmlElement): LifecycleRule[] {
  const rules = children(document, 'Rule').map(readRule);
  if (rules.length === 0 || rules.length > 1000) throw malformedXml();
  const ids = rules.map((rule) => rule.id);
  if (new Set(ids).size < ids.length) throw invalid('Rule ID must be unique. Found same ID for more than one rule');
  return rules;
}

function readRule(element: XmlElement, index: number): LifecycleRule {
  const status = childText(element, 'Status');
  if (status !== 'Enabled' && status !== 'Disabled') throw malformedXml();
  const filter = child(element, 'Filter');
  if (!filter && !child(element, 'Prefix')) throw malformedXml();
  const scope = (filter && child(filter, 'And')) ?? filter ?? element;
  const expiration = child(element, 'Expiration');
  const noncurrent = child(element, 'NoncurrentVersionExpiration');
  const abort = child(element, 'AbortIncompleteMultipartUpload');
  const id = childText(element, 'ID') || `rule-${index + 1}`;
  if (id.length > 255) throw invalid('ID length should not exceed allowed limit of 255');
  const rule: LifecycleRule = {
    id,
    enabled: status === 'Enabled',
    prefix: child(scope, 'Prefix')?.text ?? '',
    tags: Object.fromEntries(
      children(scope, 'Tag').map((tag) => [child(tag, 'Key')?.text ?? '', child(tag, 'Value')?.text ?? '']),
    ),
    largerThan: number(scope, 'ObjectSizeGreaterThan', 0),
    smallerThan: number(scope, 'ObjectSizeLessThan', 1),
    expirationDays: expiration && number(expiration, 'Days', 1),
    expirationDate: expiration && midnight(childText(expiration, 'Date')),
    expiredMarker: expiration && childText(expiration, 'ExpiredObjectDeleteMarker') === 'true',
    transitions: children(element, 'Transition').map((each) => transition(each, 'Days', 0)),
    noncurrentDays: noncurrent && number(noncurrent, 'NoncurrentDays', 1),
    newerNoncurrent: noncurrent && number(noncurrent, 'NewerNoncurrentVersions', 1),
    noncurrentTransitions: children(element, 'NoncurrentVersionTransition').map((each) =>
      transition(each, 'NoncurrentDays', 0),
    ),
    abortDays: abort && number(abort, 'DaysAfterInitiation', 1),
  };
  checkRule(rule);
  return rule;
}

function checkRule(rule: LifecycleRule): void {
  const acts =
    [rule.expirationDays, rule.expirationDate, rule.noncurrentDays, rule.abortDays].some(
      (each) => each !== undefined,
    ) || rule.expiredMarker;
  if (!acts && rule.transitions.length === 0 && rule.noncurrentTransitions.length === 0)
    throw invalid('At least one action needs to be specified in a rule');
  if (rule.abortDays !== undefined && Object.keys(rule.tags).length > 0)
    throw invalid('AbortIncompleteMultipartUpload cannot be specified with Tags');
  for (const { days, storageClass } of rule.transitions) {
    if (storageClass.endsWith('_IA') && days < 30)
      throw argument(
        `'Days' in Transition action must be greater than or equal to 30 for storageClass '${storageClass}'`,
      );
    if (rule.expirationDays !== undefined && rule.expirationDays <= days) {
      throw argument("'Days' in the Expiration action for filter must be greater than 'Days' in the Transition action");
    }
  }
}

function transition(element: XmlElement, name: string, least: number): Transition {
  const storageClass = childText(element, 'StorageClass') ?? '';
  const days = number(element, name, least);
  if (!TRANSITIONS.includes(storageClass) || days === undefined) throw malformedXml();
  return { days, storageClass };
}

function number(element: XmlElement, name: string, least: number): number | undefined {
  const text = childText(element, name);
  if (text === undefined) return undefined;
  if (!/^-?\d+$/.test(text)) throw malformedXml();
  if (Number(text) < least)
    throw argument(`'${name}' for the action must be a ${least === 0 ? 'nonnegative' : 'positive'} integer`);
  return Number(text);
}

function midnight(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw malformedXml();
  if (at % DAY_MS !== 0) throw argument("'Date' must be at midnight GMT");
  return new Date(at).toISOString();
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', message, 400);
}

function argument(message: string): S3Error {
  return new S3Error('InvalidArgument', message, 400);
}

export function writeLifecycle(kept: string): XmlValue {
  const filter = (rule: LifecycleRule): XmlValue => {
    const tags = Object.entries(rule.tags).map(([Key, Value]) => ({ Key, Value }));
    const all = {
      Prefix: rule.prefix === '' ? undefined : rule.prefix,
      Tag: tags,
      ObjectSizeGreaterThan: rule.largerThan,
      ObjectSizeLessThan: rule.smallerThan,
    };
    const conditions =
      tags.length + [all.Prefix, rule.largerThan, rule.smallerThan].filter((each) => each !== undefined).length;
    if (conditions === 0) return { Prefix: '' };
    return conditions > 1 ? { And: all } : all;
  };
  return {
    Rule: (JSON.parse(kept) as LifecycleRule[]).map((rule) => ({
      ID: rule.id,
      Filter: filter(rule),
      Status: rule.enabled ? 'Enabled' : 'Disabled',
      Transition: rule.transitions.map(({ days, storageClass }) => ({ Days: days, StorageClass: storageClass })),
      Expiration:
        rule.expirationDays === undefined && rule.expirationDate === undefined && !rule.expiredMarker
          ? undefined
          : {
              Days: rule.expirationDays,
              Date: rule.expirationDate,
              ExpiredObjectDeleteMarker: rule.expiredMarker ? true : undefined,
            },
      NoncurrentVersionTransition: rule.noncurrentTransitions.map(({ days, storageClass }) => ({
        NoncurrentDays: days,
        StorageClass: storageClass,
      })),
      NoncurrentVersionExpiration:
        rule.noncurrentDays === undefined
          ? undefined
          : { NoncurrentDays: rule.noncurrentDays, NewerNoncurrentVersions: rule.newerNoncurrent },
      AbortIncompleteMultipartUpload:
        rule.abortDays === undefined ? undefined : { DaysAfterInitiation: rule.abortDays },
    })),
  };
}

export interface LifecycleReport {
  expired: number;
  transitioned: number;
  noncurrentExpired: number;
  aborted: number;
}

/** Does what every bucket's rules say is due at `now` (milliseconds since the epoch). */
export async function runLifecycle(store: Store, now: number): Promise<LifecycleReport> {
  const report: LifecycleReport = { expired: 0, transitioned: 0, noncurrentExpired: 0, aborted: 0 };
  for (const name of [...store.state.buckets.keys()]) {
    await store.journal.commit((state) => {
      const bucket = state.buckets.get(name);
      const kept = bucket?.settings.get('lifecycle');
      if (!bucket || kept === undefined) return { records: [], answer: undefined };
      const rules = (JSON.parse(kept) as LifecycleRule[]).filter((rule) => rule.enabled);
      const records: StoreRecord[] = [];
      for (const [key, versions] of bucket.versions)
        records.push(...dueOfKey(bucket, key, versions, rules, now, report));
      for (const upload of state.uploads.values()) {
        const due =
          upload.bucket === name &&
          rules.some(
            (rule) =>
              rule.abortDays !== undefined &&
              upload.key.startsWith(rule.prefix) &&
              dueAt(upload.at, rule.abortDays) <= now,
          );
        if (!due) continue;
        records.push({ t: 'abort', id: upload.id });
        report.aborted++;
      }
      return { records, answer: undefined };
    });
  }
  return report;
}

function dueOfKey(
  bucket: Bucket,
  key: string,
  versions: readonly ObjectVersion[],
  rules: readonly LifecycleRule[],
  now: number,
  report: LifecycleReport,
): StoreRecord[] {
  const records: StoreRecord[] = [];
  const matching = (version: ObjectVersion) => rules.filter((rule) => applies(rule, key, version));
  const [current, ...older] = versions;
  if (!current) return records;
  const expired = !current.deleted && matching(current).some((rule) => expiryOf(rule, current) <= now);
  const lonelyMarker = current.deleted && older.length === 0 && matching(current).some((rule) => rule.expiredMarker);
  if (expired || lonelyMarker) {
    report.expired++;
    if (expired && bucket.settings.has('versioning')) {
      const v: ObjectVersion = {
        id: nextVersionId(bucket),
        at: now,
        deleted: true,
        size: 0,
        etag: '',
        segments: [],
        headers: {},
        meta: {},
        encryption: { algorithm: 'AES256' },
      };
      records.push({ t: 'put', b: bucket.name, k: key, v });
    } else records.push({ t: 'del', b: bucket.name, k: key, id: current.id });
  } else if (!current.deleted) {
    records.push(
      ...moved(
        bucket,
        key,
        current,
        current.at,
        matching(current).flatMap((rule) => rule.transitions),
        now,
        report,
      ),
    );
  }
  older.forEach((version, index) => {
    // A version is noncurrent since its successor was written.
    const since = versions[index]?.at ?? version.at;
    const due = matching(version).some(
      (rule) =>
        rule.noncurrentDays !== undefined &&
        dueAt(since, rule.noncurrentDays) <= now &&
        index >= (rule.newerNoncurrent ?? 0),
    );
    if (due) {
      records.push({ t: 'del', b: bucket.name, k: key, id: version.id });
      report.noncurrentExpired++;
    } else if (!version.deleted)
      records.push(
        ...moved(
          bucket,
          key,
          version,
          since,
          matching(version).flatMap((rule) => rule.noncurrentTransitions),
          now,
          report,
        ),
      );
  });
  return records;
}

function moved(
  bucket: Bucket,
  key: string,
  version: ObjectVersion,
  since: number,
  transitions: readonly Transition[],
  now: number,
  report: LifecycleReport,
): StoreRecord[] {
  const [latest] = transitions
    .filter((each) => dueAt(since, each.days) <= now)
    .sort((a, b) => TRANSITIONS.indexOf(b.storageClass) - TRANSITIONS.indexOf(a.storageClass));
  if (!latest || TRANSITIONS.indexOf(latest.storageClass) <= TRANSITIONS.indexOf(version.storageClass ?? '')) return [];
  report.transitioned++;
  return [{ t: 'change', b: bucket.name, k: key, id: version.id, storageClass: latest.storageClass }];
}

function applies(rule: LifecycleRule, key: string, version: ObjectVersion): boolean {
  return (
    key.startsWith(rule.prefix) &&
    Object.entries(rule.tags).every(([name, value]) => version.tags?.[name] === value) &&
    (rule.largerThan === undefined || version.size > rule.largerThan) &&
    (rule.smallerThan === undefined || version.size < rule.smallerThan)
  );
}

function expiryOf(rule: LifecycleRule, version: ObjectVersion): number {
  if (rule.expirationDate !== undefined) return Date.parse(rule.expirationDate);
  return rule.expirationDays === undefined ? Number.POSITIVE_INFINITY : dueAt(version.at, rule.expirationDays);
}

/** The midnight UTC that follows `days` days after `at`. */
function dueAt(at: number, days: number): number {
  return Math.ceil((at + days * DAY_MS) / DAY_MS) * DAY_MS;
}
