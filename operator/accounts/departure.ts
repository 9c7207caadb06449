// An account that is deleted: its jobs are ended in order, all its data is copied to exports/ and then removed, and its namespace goes with
// it. Ledger and audit trail stay. A finalizer holds the Account until then; every step may be repeated.
import { audit } from '../../cloud/audit.ts';
import type { Bucket, ListedObject } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import { datasetsOf, exportFolder, modelsOf, predictionsOf, s3Uri, type Prefixes } from '../../cloud/keys.ts';
import type { Account } from '../../crds/crds.generated.ts';
import { GROUP, isMoved, namespaceOf, type ObjectMeta } from '../../crds/objects.ts';
import type { Cache } from '../runtime/cache.ts';
import type { EventRecorder } from '../runtime/events.ts';
import { failed, type Kubernetes, type Resource } from '../runtime/kubernetes.ts';
import { ACCOUNTS, NAMESPACES } from '../runtime/resources.ts';

export const ACCOUNT_FINALIZER = `${GROUP}/account`;
const AGAIN_MS = 3_000;

interface Job {
  readonly metadata?: ObjectMeta;
}

export interface DepartureOptions {
  kubernetes: Kubernetes;
  cache: Cache<Account>;
  bucket: Pick<Bucket, 'name' | 'list' | 'copy' | 'put' | 'head' | 'deleteMany'>;
  prefixes: Prefixes;
  /** The jobs of a user that still exist, by kind. */
  jobs: (userId: string) => readonly { readonly resource: Resource; readonly job: Job }[];
  events: EventRecorder;
  clock: Clock;
}

export interface Leaving {
  readonly message: string;
  readonly againMs: number;
}

export class Departure {
  readonly #options: DepartureOptions;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** The account with the finalizer that its deletion waits for. */
  async prepared(account: Account): Promise<Account> {
    const finalizers = account.metadata?.finalizers ?? [];
    if (finalizers.includes(ACCOUNT_FINALIZER) || isMoved(account)) return account;
    return this.#finalizers(account, [...finalizers, ACCOUNT_FINALIZER]);
  }

  /** The next steps of a deletion; undefined: it is done. */
  async step(account: Account): Promise<Leaving | undefined> {
    const { finalizers = [] } = account.metadata ?? {};
    if (!finalizers.includes(ACCOUNT_FINALIZER)) return undefined;
    if (isMoved(account)) return this.#released(account);
    const { userId } = account.spec;
    const left = await this.#endJobs(userId);
    if (left > 0)
      return { message: `Its ${left === 1 ? 'last job is' : `${left} jobs are`} being ended.`, againMs: AGAIN_MS };
    const folder = await this.#export(account);
    await this.#remove(userId);
    await this.#namespaceGoes(userId);
    await this.#told(account, folder);
    return this.#released(account);
  }

  async #released(account: Account): Promise<undefined> {
    const { finalizers = [] } = account.metadata ?? {};
    await this.#finalizers(
      account,
      finalizers.filter((name) => name !== ACCOUNT_FINALIZER),
    );
  }

  /** Deletes what is not being deleted yet; returns how many are left. */
  async #endJobs(userId: string): Promise<number> {
    const { kubernetes, jobs } = this.#options;
    const left = jobs(userId);
    for (const { resource, job } of left) {
      const { name = '', namespace, uid, deletionTimestamp } = job.metadata ?? {};
      if (deletionTimestamp) continue;
      try {
        await kubernetes.delete(resource, name, { namespace, uid });
      } catch (error) {
        if (!failed(error, 'NotFound', 'Conflict')) throw error;
      }
    }
    return left.length;
  }

  async #owned(userId: string): Promise<ListedObject[]> {
    const { bucket, prefixes } = this.#options;
    const folders = [datasetsOf, modelsOf, predictionsOf].map((folder) => folder(prefixes, userId));
    return (await Promise.all(folders.map((folder) => bucket.list(folder)))).flat();
  }

  /** Copies everything on the server's side; the list of it comes last and says that all is there. Returns the folder. */
  async #export(account: Account): Promise<string> {
    const { bucket, clock } = this.#options;
    const { userId } = account.spec;
    const folder = exportFolder(userId, account.metadata?.uid ?? '');
    const there = new Map((await bucket.list(folder)).map(({ key, bytes }) => [key, bytes]));
    const owned = await this.#owned(userId);
    for (const { key, bytes, etag } of owned) {
      const to = `${folder}files/${key}`;
      if (there.get(to) !== bytes) await bucket.copy(key, to, { ifMatch: etag });
    }
    const list = `${folder}export.json`;
    // Written by an earlier try that had begun to remove: it names more than is left now.
    if (there.has(list)) return folder;
    const { spec, status, metadata } = account;
    const told = {
      version: 1,
      exportedAt: new Date(clock.now()).toISOString(),
      account: { name: metadata?.name, spec, month: status?.month, history: status?.history },
      files: owned.map(({ key, bytes, etag }) => ({ key, bytes, etag })),
      note: 'Entries of the ledger and of the audit trail stay where they are.',
    };
    await bucket.put(list, JSON.stringify(told, undefined, 2), { contentType: 'application/json' });
    return folder;
  }

  async #remove(userId: string): Promise<void> {
    await this.#options.bucket.deleteMany((await this.#owned(userId)).map(({ key }) => key));
  }

  async #namespaceGoes(userId: string): Promise<void> {
    try {
      await this.#options.kubernetes.delete(NAMESPACES, namespaceOf(userId), {});
    } catch (error) {
      // Conflict: it is going already.
      if (!failed(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  async #told(account: Account, folder: string): Promise<void> {
    const { bucket, clock, events } = this.#options;
    const { name = '', uid = '', deletionTimestamp = '' } = account.metadata ?? {};
    const where = s3Uri(bucket.name, folder);
    await audit(
      bucket,
      {
        ...{ who: account.spec.userId, from: 'operator', what: 'RemoveAccount', outcome: 'Allowed' },
        resource: `Account/${name}`,
        detail: `Exported to ${where}, then removed.`,
      },
      clock.now(),
      { id: `${uid} removed`, at: Date.parse(deletionTimestamp) },
    );
    await events.record(account, {
      type: 'Normal',
      reason: 'AccountExported',
      message: `Exported to ${where} for 30 days.`,
    });
    await events.record(account, {
      type: 'Normal',
      reason: 'AccountRemoved',
      message: 'Jobs, data and namespace are gone.',
    });
  }

  async #finalizers(account: Account, finalizers: string[]): Promise<Account> {
    const { kubernetes, cache } = this.#options;
    const { name = '', resourceVersion } = account.metadata ?? {};
    try {
      const written = await kubernetes.mergePatch<Account>(
        ACCOUNTS,
        name,
        { metadata: { resourceVersion, finalizers } },
        {},
      );
      if (finalizers.length > 0) cache.put(written);
      return written;
    } catch (error) {
      if (finalizers.length === 0 && failed(error, 'NotFound')) return account;
      throw error;
    }
  }
}
