// The ledger entry of an ended attempt: put only if absent, so that a repeated end, or a late leader, can't charge twice. When the
// entry is there already, its amount is the truth.
import { readJson, type Bucket } from '../../cloud/bucket.ts';
import { CloudError } from '../../cloud/errors.ts';
import { ledgerKey } from '../../cloud/keys.ts';
import type { LedgerEntry } from '../../cloud/ledger.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { userOf } from '../../crds/objects.ts';
import { attemptCost, billedSeconds, onDemandUntil, type PriceSource } from './costs.ts';
import { uidOf } from './job.ts';

export async function chargeFor(
  bucket: Pick<Bucket, 'put' | 'get'>,
  job: TrainingJob,
  attempt: Attempt,
  outcome: string,
  now: number,
  prices?: PriceSource,
): Promise<{ usd: number; at: number }> {
  const { namespace = '', name = '' } = job.metadata ?? {};
  const userId = userOf(namespace) ?? '';
  const usd = attemptCost(attempt, now, prices);
  const cluster = attempt.market === 'cluster';
  const entry: LedgerEntry = {
    version: 1,
    userId,
    at: new Date(now).toISOString(),
    operation: 'training',
    service: cluster ? 'cluster' : 'ec2',
    job: { namespace, name, uid: uidOf(job) },
    attempt: attempt.number,
    usd,
    onDemandUsd: onDemandUntil(attempt, now),
    seconds: billedSeconds(attempt, now),
    what: cluster ? 'a pod on the cluster' : `${attempt.instanceType} ${attempt.zone} ${attempt.market}`,
    outcome,
  };
  // The month of the launch: the same for every try, also around midnight of the last day.
  const key = ledgerKey(
    userId,
    new Date(attempt.launchedAt ?? attempt.requestedAt).toISOString(),
    uidOf(job),
    attempt.number,
    'training',
  );
  try {
    await bucket.put(key, JSON.stringify(entry), { ifAbsent: true });
    return { usd, at: now };
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
    const there = await readJson<LedgerEntry>(bucket, key);
    return there ? { usd: there.usd, at: Date.parse(there.at) } : { usd, at: now };
  }
}
