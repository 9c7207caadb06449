// A batch as it is written down before its fleet is asked: `batches/<batch id>.json`, put only if absent. Whoever put it may send; whoever
// finds it there sends the same call with the same token, and so gets the same instances.
import { readJson, type Bucket } from '../../cloud/bucket.ts';
import type { FleetRequest, Market, Offer } from '../../cloud/compute.ts';
import { CloudError } from '../../cloud/errors.ts';
import { batchKey } from '../../cloud/keys.ts';

export interface BatchMember {
  /** Uid of the job. */
  readonly uid: string;
  /** Number of its attempt. */
  readonly attempt: number;
}

export interface BatchRecord {
  readonly version: 1;
  readonly id: string;
  readonly at: string;
  readonly market: Market;
  readonly offers: readonly Offer[];
  readonly launchTemplateId: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Those the call is for; empty: the batch was given up before it was sent, and never will be. */
  readonly members: readonly BatchMember[];
}

/** Returns the record that holds: the one given, or the one that was there before. */
export async function writeDown(
  bucket: Pick<Bucket, 'get' | 'put'>,
  record: BatchRecord,
): Promise<{ record: BatchRecord; ours: boolean }> {
  try {
    await bucket.put(batchKey(record.id), JSON.stringify(record), { ifAbsent: true });
    return { record, ours: true };
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
    const there = await readJson<BatchRecord>(bucket, batchKey(record.id));
    if (!there) throw error;
    return { record: there, ours: false };
  }
}

export const fleetOf = (record: BatchRecord): FleetRequest => ({
  launchTemplateId: record.launchTemplateId,
  market: record.market,
  count: record.members.length,
  offers: record.offers,
  token: record.id,
  tags: record.tags,
});
