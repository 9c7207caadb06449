// The operator's part of the audit trail: what became of each job that was created, however it was created, and its deletion. Who created it
// is the account of its namespace; by what program is what that calls itself (the API server's own audit log has the user's name).
import { audit } from '../../cloud/audit.ts';
import type { Bucket } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { AuditEntry } from '../../cloud/audit.ts';
import { createdAt, identityOf, userOf, type ObjectMeta } from '../../crds/objects.ts';

interface Job {
  readonly metadata?: ObjectMeta;
  readonly status?: { readonly origin?: { uid: string; createdAt: string } };
}

export interface Happened {
  readonly kind: 'TrainingJob' | 'PredictionJob';
  readonly what: 'Create' | 'Delete';
  readonly outcome: AuditEntry['outcome'];
  readonly detail: string;
}

export class Trail {
  readonly #bucket: Pick<Bucket, 'put'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #madeBy: (job: Job) => string | undefined;

  /** `madeBy`: the program that created an object, as it calls itself. */
  constructor(bucket: Pick<Bucket, 'put'>, clock: Pick<Clock, 'now'>, madeBy: (job: Job) => string | undefined) {
    this.#bucket = bucket;
    this.#clock = clock;
    this.#madeBy = madeBy;
  }

  /** Writes one entry, once ever for a job, what happened to it and how that came out. Throws CloudError. */
  tell(job: Job, { kind, what, outcome, detail }: Happened): Promise<void> {
    const { namespace = '', name = '', deletionTimestamp } = job.metadata ?? {};
    const at = Date.parse(what === 'Delete' ? (deletionTimestamp ?? '') : createdAt(job));
    const now = this.#clock.now();
    return audit(
      this.#bucket,
      {
        who: userOf(namespace) ?? namespace,
        from: what === 'Delete' ? 'kubernetes' : (this.#madeBy(job) ?? 'kubernetes'),
        what: `${what}${kind}`,
        resource: `${kind}/${namespace}/${name}`,
        outcome,
        detail,
      },
      now,
      { id: `${identityOf(job)} ${what} ${outcome}`, at: Number.isFinite(at) ? at : now },
    );
  }
}
