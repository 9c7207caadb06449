// What a job owes the ledger, and the month of its account that runs out: decided, confirmed, decided again.
import { expect } from 'chai';
import { condition } from '../../../crds/conditions.ts';
import type { TrainingJobStatus } from '../../../crds/crds.generated.ts';
import { confirm } from '../../../operator/training/confirm.ts';
import { decide } from '../../../operator/training/decide.ts';
import { stopUnderWay } from '../../../operator/training/transitions.ts';
import { trainingLive } from '../../../operator/training/exposure.ts';
import { attempt, context, jobOf, machine, NOW, status } from './setting.ts';

const MIDNIGHT = Date.parse('2026-12-01T00:00:00Z');
const running = (more: object = {}) =>
  status('Running', [attempt({ startedAt: '2026-11-24T09:59:00Z', ticketAt: '2026-11-24T09:58:00Z', ...more })], {
    cost: { actualUsd: 1, reservedUsd: 5 },
  });
const later = (now: number, more: object = {}) =>
  context({ at: now - 1000, instances: [machine()], quietMs: 0 }, { now, ...more });
const confirmed = (before: TrainingJobStatus, outcome: Parameters<typeof confirm>[2], now = MIDNIGHT) =>
  confirm({ job: jobOf(before), now }, before, outcome);

describe('What a job owes the ledger', () => {
  it('is the month behind, as soon as the month is over and the ledger answers', () => {
    const job = jobOf(running());
    expect(decide(job, later(MIDNIGHT - 1000)).action?.do).to.not.equal('bill');
    expect(decide(job, later(MIDNIGHT + 1000)).action).to.deep.include({ do: 'bill' });
    expect(decide(job, later(MIDNIGHT + 1000, { ledgerAway: true })).action?.do).to.not.equal('bill');
  });

  it('is nothing once that is billed, and nothing of it is counted twice', () => {
    const before = running({ costUsd: 0.5 });
    const [ran] = before.attempts ?? [];
    if (!ran) throw new Error('no attempt');
    const after = confirmed(before, { of: 'billed', attempt: ran, usd: 0.6, until: MIDNIGHT });
    expect(after.attempts?.[0]).to.include({ billedUsd: 0.6, billedUntil: '2026-12-01T00:00:00Z', costUsd: 0.6 });
    expect(after.cost?.actualUsd).to.equal(1.1);
    expect(decide(jobOf(after), later(MIDNIGHT + 1000)).action?.do).to.not.equal('bill');
    // Metered beyond midnight before the month was billed: that stays.
    const metered = confirmed(running({ costUsd: 0.7 }), {
      of: 'billed',
      attempt: { ...ran, costUsd: 0.7 },
      usd: 0.6,
      until: MIDNIGHT,
    });
    expect(metered.attempts?.[0]).to.include({ billedUsd: 0.6, costUsd: 0.7 });
  });

  const late = (phase: TrainingJobStatus['phase'], more: object = {}) =>
    status(phase, [
      attempt({ endedAt: '2026-11-24T09:59:30Z', endReason: 'Interrupted', costUsd: 0.2, unbilled: true, ...more }),
    ]);

  it('is an end that could not be written: delivered later, while the job goes on', () => {
    const away = decide(jobOf(late('Recovering')), context({}, { ledgerAway: true }));
    expect(away.status.attempts).to.have.length(2);
    expect(decide(jobOf(late('Recovering')), context()).action).to.deep.include({ do: 'deliver' });
    const [ended] = late('Recovering').attempts ?? [];
    if (!ended) throw new Error('no attempt');
    const after = confirmed(late('Recovering'), { of: 'delivered', attempt: ended, usd: 0.2 });
    expect(after.attempts?.[0]?.unbilled).to.equal(undefined);
  });

  it('holds a finished job’s ttl and a deleted one’s finalizer until it is delivered', () => {
    const away = context({}, { ledgerAway: true });
    const finished = { ...late('Succeeded'), completionTime: '2026-11-24T09:59:30Z' };
    expect(decide(jobOf(finished, { ttlSecondsAfterFinished: 0 }), away)).to.include({ requeueAfterMs: 15_000 });
    expect(decide(jobOf(finished, { ttlSecondsAfterFinished: 0 }), context()).action?.do).to.equal('deliver');
    const deleted = jobOf(finished, {}, { deletionTimestamp: '2026-11-24T09:59:50Z' });
    expect(decide(deleted, away)).to.include({ requeueAfterMs: 15_000 });
    expect(decide(deleted, context()).action?.do).to.equal('deliver');
  });

  it('is never dropped from the list of attempts', () => {
    const old = Array.from({ length: 25 }, (_, at) =>
      attempt({ number: at + 1, endedAt: '2026-11-24T09:59:30Z', endReason: 'Interrupted', unbilled: at === 0 }),
    );
    const { status: next } = decide(jobOf(status('Recovering', old)), context({}, { ledgerAway: true }));
    expect(next.attempts?.[0]?.number).to.equal(1);
    expect(next.attempts?.length).to.be.at.most(20);
  });
});

describe('A training as far as money goes', () => {
  it('has cost what is charged and what runs, of which the ledger has what is billed', () => {
    const job = jobOf({
      ...running({ costUsd: 0.001, billedUsd: 0.0005 }),
      cost: { actualUsd: 0.501, reservedUsd: 5 },
      attempts: [
        attempt({ number: 1, endedAt: '2026-11-24T09:00:00Z', costUsd: 0.3 }),
        attempt({ number: 2, endedAt: '2026-11-24T09:30:00Z', costUsd: 0.2, unbilled: true }),
        attempt({ number: 3, costUsd: 0.001, billedUsd: 0.0005 }),
      ],
    });
    const live = trainingLive(job, NOW);
    const now = live.actualUsd - 0.5;
    expect(now).to.be.closeTo(((0.036 + (0.08 * 50) / 730) * 100) / 3600, 1e-6);
    expect(live.unbilledUsd).to.be.closeTo(0.2 + now - 0.0005, 1e-9);
    expect(live.stopUsd).to.be.greaterThan(0);
    expect(live).to.include({ uid: 'uid-1', final: false, reservedUsd: 5 });
    expect(trainingLive(jobOf(undefined), NOW)).to.include({ actualUsd: 0, unbilledUsd: 0, stopUsd: 0 });
  });
});

describe('A month that runs out', () => {
  it('stops a running job after a checkpoint, before the limit is passed', () => {
    const stop = decide(jobOf(running()), context({ instances: [machine()], quietMs: 0 }, { monthLeftUsd: 0 })).status;
    expect(stop.phase).to.equal('Stopping');
    expect(stopUnderWay(stop)?.cause).to.equal('MonthExhausted');
    const enough = context({ instances: [machine()], quietMs: 0 }, { monthLeftUsd: 0.01 });
    expect(decide(jobOf(running()), enough).status.phase).to.equal('Running');
    const free = running({ market: 'cluster' });
    expect(
      decide(jobOf(free), context({ instances: [machine()], quietMs: 0 }, { monthLeftUsd: 0 })).status.phase,
    ).to.equal('Running');
  });

  it('lets it go on when there is room again', () => {
    const ended = status('Stopping', [], {
      conditions: [
        {
          type: 'BudgetExhausted',
          status: 'Unknown',
          reason: 'MonthExhausted',
          message: '',
          lastTransitionTime: '2026-11-24T09:59:00Z',
        },
      ],
      cost: { actualUsd: 2, reservedUsd: 5 },
    });
    const { status: stopped } = decide(jobOf(ended), context());
    expect(stopped).to.include({ phase: 'Suspended' });
    expect(stopped.cost?.reservedUsd).to.equal(0);
    expect(condition(stopped.conditions, 'BudgetExhausted')).to.include({ status: 'True', reason: 'MonthExhausted' });
    expect(stopped.message).to.match(/next month|top-up/);
    expect(decide(jobOf(stopped), context()).action?.do).to.equal('admit');
    const again = confirm({ job: jobOf(stopped), now: NOW }, stopped, {
      of: 'admit',
      verdict: { is: 'admitted', admission: { dataset: {}, estimatedUsd: 1, reservedUsd: 3, message: 'ok' } },
    });
    expect(condition(again.conditions, 'BudgetExhausted')).to.include({ status: 'False', reason: 'BudgetRaised' });
    expect(again.phase).to.equal('Launching');
  });
});
