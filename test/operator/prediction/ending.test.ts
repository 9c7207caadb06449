// What a prediction owes the ledger, also one that runs through midnight of a month.
import { expect } from 'chai';
import { LedgerBook } from '../../../cloud/ledger/book.ts';
import type { LedgerEntry } from '../../../cloud/ledger/entries.ts';
import type { PredictionJob, PredictionJobStatus } from '../../../crds/crds.generated.ts';
import { Ending } from '../../../operator/prediction/ending.ts';
import { predictionLive } from '../../../operator/prediction/exposure.ts';
import type { PredictionOptions } from '../../../operator/prediction/options.ts';
import { FakeBucket } from '../aws.ts';

const LATE = Date.parse('2026-11-30T23:59:50Z');
const EARLY = Date.parse('2026-12-01T00:00:20Z');
const started = '2026-11-30T23:59:00Z';

describe('The ledger entry of a prediction', () => {
  let bucket: FakeBucket;
  let ending: Ending;
  beforeEach(() => {
    bucket = new FakeBucket();
    const given = { ledger: new LedgerBook(bucket), functionName: 'predict', functionMemoryMib: 1769 };
    ending = new Ending(given as unknown as PredictionOptions);
  });
  const job = (status: PredictionJobStatus): PredictionJob =>
    ({ metadata: { namespace: 'ml-user-1', name: 'p', uid: 'u' }, status }) as PredictionJob;
  const entry = (month: string) => bucket.json<LedgerEntry>(`ledger/user_1/${month}/u-0-prediction.json`);
  const spent = (actualUsd: number, more: object = {}): PredictionJobStatus => ({
    phase: 'Succeeded',
    startTime: started,
    cost: { actualUsd, ...more },
  });

  it('is one, by the month it began in, and none of what cost nothing', async () => {
    await ending.charge(job({}), LATE, spent(0.5));
    await ending.charge(job({}), LATE + 1000, spent(0.5));
    expect(bucket.keys()).to.have.length(1);
    expect(entry('2026-11')).to.include({ usd: 0.5, seconds: 50, outcome: 'Succeeded', what: 'predict 1769 MiB' });
    bucket.objects.clear();
    await ending.charge(job({}), LATE, spent(0));
    expect(bucket.keys()).to.deep.equal([]);
  });

  it('is split at midnight: what it cost until then, and the rest at its end', async () => {
    expect(await ending.bill(job({}), LATE, spent(0.2))).to.equal(undefined);
    const cost = await ending.bill(job({}), EARLY, spent(0.2));
    expect(cost).to.deep.equal({ actualUsd: 0.2, billedUsd: 0.2, billedUntil: '2026-12-01T00:00:00Z' });
    expect(
      await ending.bill(job({}), EARLY, { ...spent(0.3), cost: { ...(cost as object), actualUsd: 0.3 } }),
    ).to.equal(undefined);
    await ending.charge(job({}), EARLY + 30_000, { ...spent(0.3), cost: { ...(cost as object), actualUsd: 0.3 } });
    expect(entry('2026-11')).to.include({ usd: 0.2, outcome: 'Running', at: '2026-11-30T23:59:59.000Z' });
    expect(entry('2026-12')).to.include({ usd: 0.1, outcome: 'Succeeded' });
    expect(bucket.keys()).to.have.length(2);
  });

  it('is split also when the end is the first to see the new month', async () => {
    await ending.charge(job({}), EARLY, spent(0.3));
    expect(entry('2026-11')?.usd).to.equal(0.3);
    expect(bucket.keys()).to.have.length(1);
  });

  it('takes an end that was told before midnight for the end', async () => {
    await ending.charge(job({}), LATE, spent(0.2));
    await ending.charge(job({}), EARLY, spent(0.2));
    expect(bucket.keys()).to.have.length(1);
    expect(entry('2026-11')).to.include({ outcome: 'Succeeded' });
  });

  it('is what of its money is not exposed any more', () => {
    expect(
      predictionLive(job({ phase: 'Running', cost: { actualUsd: 0.3, billedUsd: 0.2, reservedUsd: 1 } })),
    ).to.deep.equal({
      ...{ uid: 'u', final: false, reservedUsd: 1, actualUsd: 0.3, unbilledUsd: 0.1, stopUsd: 0 },
    });
    expect(predictionLive(job({ phase: 'Failed', cost: { actualUsd: 0.3 } }))).to.include({
      final: true,
      unbilledUsd: 0,
    });
  });
});
