// The audit trail: each entry once, cut to size, and told when it can't be written.
import { expect } from 'chai';
import { audit, type Audited, type AuditEntry } from '../../cloud/audit.ts';
import { failure, FakeBucket } from '../operator/aws.ts';

const NOW = Date.parse('2026-11-03T08:00:00.123Z');
const entry: Audited = { who: '42', from: 'chat', what: 'TopUp', resource: 'Account/user-42', outcome: 'Allowed' };

describe('The audit trail', () => {
  let bucket: FakeBucket;
  beforeEach(() => {
    bucket = new FakeBucket();
  });

  it('has one entry of the same words in the same second', async () => {
    for (const now of [NOW, NOW + 500]) await audit(bucket, entry, now);
    await audit(bucket, { ...entry, outcome: 'Refused' }, NOW);
    await audit(bucket, entry, NOW + 1000);
    expect(bucket.keys('audit/2026-11-03/')).to.have.length(3);
    expect(bucket.json(bucket.keys()[2] ?? '')).to.deep.equal({ version: 1, at: '2026-11-03T08:00:01Z', ...entry });
  });

  it('has one entry ever of what is told once, whatever the words', async () => {
    const once = { id: 'uid-1 Create', at: NOW };
    await audit(bucket, { ...entry, detail: 'first' }, NOW, once);
    await audit(bucket, { ...entry, detail: 'again' }, NOW + 86_400_000, once);
    expect(bucket.keys().map((key) => bucket.json<AuditEntry>(key)?.detail)).to.deep.equal(['first']);
  });

  it('cuts what is too long', async () => {
    const long = 'x'.repeat(5000);
    await audit(bucket, { ...entry, from: long, resource: long, detail: long }, NOW);
    const { from, resource, detail } = bucket.json<AuditEntry>(bucket.keys()[0] ?? '') ?? {};
    expect([from, resource, detail].map((text) => text?.length)).to.deep.equal([100, 500, 1000]);
  });

  it('tells when it can’t be written', async () => {
    bucket.before('put', failure('unreachable'));
    expect(await audit(bucket, entry, NOW).catch(String)).to.match(/unreachable/);
  });
});
