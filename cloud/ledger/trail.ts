// The audit trail's side of packs: audit.ts writes entries, the operator has a month packed here, `npm run ledger -- audit` reads.
import { compactFolder, type Compacted, type CompactedBucket, type CompactOptions } from './compaction.ts';
import { auditFolder } from './folders.ts';
import { Shelf } from './shelf.ts';

/** Packs entries of the month's days before `now`'s (UTC); idempotent. Reads today's entries, so once an hour is often enough. */
export const compactAudit = (
  bucket: CompactedBucket,
  period: string,
  now: number,
  options?: CompactOptions,
): Promise<Compacted> => compactFolder(bucket, new Shelf(bucket, auditFolder(period)), now, options);
