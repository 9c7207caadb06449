// The audit trail (row 7.5): who did what to which resource, how it came out and from where; append-only, one object an entry, put only if
// absent. Bot and operator write it; `npm run ledger -- audit` reads it.
import { createHash } from 'node:crypto';
import type { Bucket } from './bucket.ts';
import { CloudError } from './errors.ts';
import { auditKey } from './keys.ts';

export interface AuditEntry {
  readonly version: 1;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** User id in chat, the account a namespace belongs to, or `operator`. */
  readonly who: string;
  /** `chat`; `kubectl` and such: the manager that wrote the object, as it names itself; `operator`: by itself. */
  readonly from: string;
  /** CamelCase verb, e.g. CreateTrainingJob, TopUp, DeleteAccount. */
  readonly what: string;
  /** `TrainingJob/ml-user-1/name`, `Account/user-1`, an s3:// address. */
  readonly resource: string;
  readonly outcome: 'Allowed' | 'Refused' | 'Failed';
  /** Why, or details; at most MOST_DETAIL characters are kept. */
  readonly detail?: string;
}

export type Audited = Omit<AuditEntry, 'version' | 'at'>;

const MOST_DETAIL = 1000;
const MOST_RESOURCE = 500;

/** Same words in the same second are the same entry: a retry writes no second one. `once` names what must be told only once ever. */
export async function audit(
  bucket: Pick<Bucket, 'put'>,
  entry: Audited,
  now: number,
  once?: { readonly id: string; readonly at: number },
): Promise<void> {
  const at = new Date(once?.at ?? now).toISOString().replace(/\.\d{3}Z$/, 'Z');
  const whole: AuditEntry = {
    version: 1,
    at,
    who: entry.who,
    from: entry.from.slice(0, 100),
    what: entry.what,
    resource: entry.resource.slice(0, MOST_RESOURCE),
    outcome: entry.outcome,
    ...(entry.detail === undefined ? {} : { detail: entry.detail.slice(0, MOST_DETAIL) }),
  };
  const id = createHash('sha256')
    .update(once?.id ?? JSON.stringify(whole))
    .digest('hex')
    .slice(0, 24);
  try {
    await bucket.put(auditKey(at, id), JSON.stringify(whole), { ifAbsent: true });
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
  }
}
