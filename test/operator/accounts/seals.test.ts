// The daily seal of ledger and audit trail: once a day, tried again, its head in the status, damage told.
import { expect } from 'chai';
import { audit } from '../../../cloud/audit.ts';
import { LedgerBook } from '../../../cloud/ledger/book.ts';
import type { LedgerEntry } from '../../../cloud/ledger/entries.ts';
import { compactAudit } from '../../../cloud/ledger/trail.ts';
import type { Account } from '../../../crds/crds.generated.ts';
import { Seals } from '../../../operator/accounts/seals.ts';
import type { EventText } from '../../../operator/runtime/events.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { FakeBucket } from '../aws.ts';
import { ManualClock } from '../clock.ts';

const DAY = 86_400_000;

describe('The seals of an account', () => {
  let clock: ManualClock;
  let bucket: FakeBucket;
  let told: EventText[];
  let seals: Seals;
  beforeEach(() => {
    clock = new ManualClock(Date.parse('2026-11-24T10:00:00Z'));
    bucket = new FakeBucket(() => clock.now());
    told = [];
    seals = started();
  });
  const started = () =>
    new Seals({
      book: new LedgerBook(bucket),
      audit: (period, now) => compactAudit(bucket, period, now, { keep: true }),
      events: { record: async (_: unknown, text: EventText) => void told.push(text) },
      clock,
      logger: SILENT,
    });
  const account = (ledger?: object) =>
    ({ metadata: { name: 'user-1' }, spec: { userId: '1' }, status: { ledger } }) as unknown as Account;
  const spend = (uid: string, at: string) => {
    const entry: LedgerEntry = {
      ...{ version: 1, userId: '1', at, operation: 'training', service: 'ec2', attempt: 1 },
      job: { namespace: 'ml-user-1', name: 'j', uid },
      ...{ usd: 0.5, onDemandUsd: 1, seconds: 10, what: 'x', outcome: 'Succeeded' },
    };
    bucket.set(`ledger/user_1/${at.slice(0, 7)}/${uid}-1-training.json`, entry);
  };

  it('hold what is a day old, once a day, and remove nothing', async () => {
    spend('a', '2026-11-23T09:00:00Z');
    spend('b', '2026-11-24T09:00:00Z');
    const head = await seals.of(account());
    expect(head).to.include({ period: '2026-11', packs: 1 });
    expect(await seals.of(account(head))).to.equal(undefined);
    expect(bucket.keys('ledger/').filter((key) => key.endsWith('-training.json'))).to.have.length(2);
    await clock.advance(DAY);
    expect(await seals.of(account(head))).to.include({ packs: 2 });
    expect(told).to.deep.equal([]);
  });

  it('take in the last entries of the month before, on the first days of a month', async () => {
    await clock.advance(Date.parse('2026-12-01T01:00:00Z') - clock.now());
    spend('late', '2026-11-30T23:59:59Z');
    await seals.of(account());
    expect(bucket.keys('ledger/user_1/2026-11/packs/')).to.not.deep.equal([]);
  });

  it('are made later when the bucket is away', async () => {
    spend('a', '2026-11-23T09:00:00Z');
    bucket.lost = 'ledger/';
    expect(await seals.of(account())).to.equal(undefined);
    bucket.lost = undefined;
    expect(await seals.of(account())).to.include({ packs: 1 });
  });

  it('show what was changed or lost since, by the head that is known', async () => {
    spend('a', '2026-11-23T09:00:00Z');
    const head = await seals.of(account());
    for (const key of bucket.keys('ledger/user_1/2026-11/packs/')) bucket.objects.delete(key);
    for (const key of bucket.keys('ledger/')) bucket.objects.delete(key);
    await clock.advance(DAY);
    await started().of(account(head));
    expect(told[0]).to.include({ type: 'Warning', reason: 'LedgerDamaged' });
  });

  it('hold the audit trail, too', async () => {
    const entry = { who: '1', from: 'chat', what: 'X', resource: 'y', outcome: 'Allowed' } as const;
    await audit(bucket, entry, clock.now() - DAY);
    await seals.of(account());
    expect(bucket.keys('audit/').some((key) => key.includes('/packs/') || key.startsWith('audit/packs/'))).to.equal(
      true,
    );
    expect(bucket.keys('audit/2026-11-23/')).to.have.length(1);
  });
});
