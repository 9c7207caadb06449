// The bot's part of the audit trail: an administrator's deed waits for its entry, a user's does not, and what is lost is counted.
import { expect } from 'chai';
import { createMetrics } from '../../bot/health.ts';
import { SILENT } from '../../bot/logging.ts';
import { Trail } from '../../bot/trail.ts';
import type { AuditEntry } from '../../cloud/audit.ts';
import { CloudError } from '../../cloud/errors.ts';

const NOW = Date.parse('2026-11-24T10:00:00.250Z');
const away = () => Promise.reject(new CloudError('S3 is away', { kind: 'unreachable', errorCode: 'x' }));
const deed = { what: 'CreateTrainingJob', resource: 'TrainingJob/ml-user-12/a' };

function trail(put: (key: string, body: string | Uint8Array) => Promise<string>, onLost?: () => void): Trail {
  return new Trail({ bucket: { put }, clock: { now: () => NOW }, logger: SILENT, ...(onLost ? { onLost } : {}) });
}

describe('The audit trail of the bot', () => {
  it('says who did what with which outcome, from chat', async () => {
    const written: [string, AuditEntry][] = [];
    const put = async (key: string, body: string | Uint8Array) => {
      written.push([key, JSON.parse(String(body)) as AuditEntry]);
      return '';
    };
    await trail(put).note('12', deed);
    await trail(put).write('12', { ...deed, outcome: 'Refused', detail: 'no' });
    expect(written[0]?.[0]).to.match(/^audit\/2026-11-24\/2026-11-24T10:00:00Z-[0-9a-f]{24}\.json$/);
    const entry = { version: 1, at: '2026-11-24T10:00:00Z', who: '12', from: 'chat', ...deed };
    expect(written.map(([, one]) => one)).to.deep.equal([
      { ...entry, outcome: 'Allowed' },
      { ...entry, outcome: 'Refused', detail: 'no' },
    ]);
  });

  it('holds up nobody when it can’t be written, but an administrator; what is lost is counted', async () => {
    const metrics = createMetrics();
    const lost = trail(away, () => metrics.untold());
    await lost.note('12', deed);
    await trail(away).note('12', deed);
    expect(await metrics.registry.metrics()).to.contain('spotlearn_bot_audit_lost_total 1');
    expect(await lost.write('12', deed).catch((error: unknown) => error)).to.be.an.instanceOf(CloudError);
    expect(await metrics.registry.metrics()).to.contain('spotlearn_bot_audit_lost_total 1');
  });

  it('does not hide what is no trouble with the storage', async () => {
    const odd = trail(() => Promise.reject(new TypeError('odd')));
    expect(await odd.note('12', deed).catch((error: unknown) => error)).to.be.an.instanceOf(TypeError);
  });
});
