// An instance is replaced while it still runs: from EC2's notice (or a move of our own) to its end and its successor's ticket.
import { expect } from 'chai';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../../crds/crds.generated.ts';
import { condition } from '../../../crds/conditions.ts';
import { confirm } from '../../../operator/training/confirm.ts';
import type { Context } from '../../../operator/training/context.ts';
import { decide } from '../../../operator/training/decide.ts';
import type { Choice } from '../../../operator/training/timing.ts';
import { heartbeat } from '../worker.ts';
import { ago, asked, attempt, context, jobOf, machine, noPlan, NOW, result, status } from './setting.ts';

const working = { startedAt: ago(50) };
const leaving = (reason = 'Interruption', seconds = 10, more: Partial<Attempt> = {}): Attempt =>
  attempt({ ...working, leavingAt: ago(seconds), leavingReason: reason, ...more });
const successor = (more: Partial<Attempt> = {}): Attempt =>
  attempt({ number: 2, batch: 'b2', instanceId: 'i-2', requestedAt: ago(9), launchedAt: ago(8), ...more });
const unanswered = successor({ ...asked });
const both = [machine(), machine({ id: 'i-2', batch: 'b2' })];
const choice = (of: Choice['choice']): Choice => ({
  choice: of,
  slackSeconds: 900,
  workSeconds: 300,
  reason: 'Because.',
});
const notice = (kind: 'interruption' | 'rebalance' | 'impaired') => ({ kind, at: NOW });
const recovering = (attempts: Attempt[], spec: object = {}, more: TrainingJobStatus = {}): TrainingJob =>
  jobOf(status('Recovering', attempts, more), spec);

interface Row {
  when: string;
  job: TrainingJob;
  context?: Context;
  phase?: string;
  does?: object;
  /** The new state of the first attempt. */
  leaves?: string | undefined;
  attempts?: number;
}

const running = (spec: object = {}, first: Partial<Attempt> = {}) =>
  jobOf(status('Running', [attempt({ ...working, ...first })]), spec);

const rows: Row[] = [
  {
    when: 'a notice of interruption',
    job: running(),
    context: context({ instances: [machine()], notice: notice('interruption') }),
    phase: 'Recovering',
    leaves: 'Interruption',
  },
  {
    when: 'a notice to an instance that only boots',
    job: jobOf(status('Booting', [attempt()])),
    context: context({ instances: [machine()], notice: notice('interruption') }),
    phase: 'Recovering',
    leaves: 'Interruption',
  },
  {
    when: 'an instance that EC2 is taking without a notice: its worker may still save',
    job: running(),
    context: context({
      instances: [machine({ state: 'shutting-down', stateReason: 'Server.SpotInstanceTermination' })],
    }),
    phase: 'Recovering',
    leaves: 'Interruption',
  },
  {
    when: 'an instance that somebody is ending',
    job: running(),
    context: context({ instances: [machine({ state: 'shutting-down', stateReason: 'Client.UserInitiatedShutdown' })] }),
    phase: 'Recovering',
    leaves: 'Lost',
  },
  {
    when: 'an instance that is being ended before its worker has said anything',
    job: jobOf(status('Booting', [attempt()])),
    context: context({ instances: [machine({ state: 'shutting-down' })] }),
    does: { do: 'end', reason: 'InstanceLost' },
  },
  {
    when: 'a predecessor that is shutting down and may still save',
    job: recovering([leaving('Lost'), successor()]),
    context: context({ instances: [machine({ state: 'shutting-down' }), both[1]!] }),
    does: undefined,
    phase: 'Recovering',
  },
  {
    when: 'a predecessor that somebody ended and that is gone',
    job: recovering([leaving('Lost'), successor()]),
    context: context({ instances: [machine({ state: 'terminated' }), both[1]!] }),
    does: { do: 'end', reason: 'InstanceLost', cause: 'interruption', saved: false },
  },
  {
    when: 'a recommendation to rebalance, for a job that stays',
    job: running(),
    context: context({ instances: [machine()], notice: notice('rebalance') }),
    phase: 'Running',
    leaves: undefined,
  },
  {
    when: 'a recommendation to rebalance, for a job that migrates',
    job: running({ onRebalance: 'Migrate' }),
    context: context({ instances: [machine()], notice: notice('rebalance') }),
    phase: 'Recovering',
    leaves: 'Rebalance',
  },
  {
    when: 'a recommendation to rebalance, and no other pool',
    job: running({ onRebalance: 'Migrate' }),
    context: context({ instances: [machine()], notice: notice('rebalance') }, noPlan()),
    phase: 'Running',
    leaves: undefined,
  },
  {
    when: 'failing status checks',
    job: running(),
    context: context({ instances: [machine()], notice: notice('impaired') }),
    phase: 'Recovering',
    leaves: 'Impaired',
  },
  {
    when: 'on-demand for the deadline, and Spot will do again',
    job: running({ deadline: '2026-11-24T12:00:00Z' }, { market: 'on-demand' }),
    context: context({ instances: [machine()] }, { choice: choice('Spot') }),
    phase: 'Recovering',
    leaves: 'SpotAgain',
  },
  {
    when: 'on-demand by the user’s wish',
    job: running({ placement: 'OnDemand' }, { market: 'on-demand' }),
    context: context({ instances: [machine()] }, { choice: choice('Spot') }),
    phase: 'Running',
    leaves: undefined,
  },
  {
    when: 'a notice without a replacement yet',
    job: recovering([leaving()]),
    context: context({ instances: [machine()] }),
    phase: 'Recovering',
    attempts: 2,
  },
  {
    when: 'a replacement that was asked for',
    job: recovering([leaving(), unanswered]),
    context: context({ instances: [machine()] }),
    does: { do: 'launch' },
  },
  {
    when: 'a replacement whose predecessor still checkpoints',
    job: recovering([leaving(), successor()]),
    context: context({ instances: both }),
    does: undefined,
    phase: 'Recovering',
  },
  ...(
    [
      ['whose worker checkpointed', { leaving: { result: result('Interrupted', 30) } }],
      ['that EC2 took', { instances: [machine({ state: 'terminated' }), both[1]!] }],
    ] as const
  ).map(
    ([when, seen]): Row => ({
      when: `a predecessor ${when}`,
      job: recovering([leaving(), successor()]),
      context: context({ instances: both, ...seen }),
      does: { do: 'end', reason: 'Interrupted', cause: 'interruption' },
    }),
  ),
  {
    when: 'a predecessor that is still there long after its notice',
    job: recovering([leaving('Interruption', 151), successor()]),
    context: context({ instances: both }),
    does: { do: 'end', reason: 'Interrupted' },
  },
  {
    when: 'a replacement whose predecessor is over',
    job: recovering([leaving('Interruption', 20, { endedAt: ago(1), endReason: 'Interrupted' }), successor()]),
    context: context({ instances: [machine({ state: 'shutting-down' }), both[1]!] }),
    does: { do: 'putTicket', instanceId: 'i-2' },
  },
  {
    when: 'a predecessor that finished in time, its replacement unanswered',
    job: recovering([leaving(), unanswered]),
    context: context({ instances: [machine()], leaving: { result: result('Succeeded', 0) } }),
    does: { do: 'withdraw' },
  },
  {
    when: 'a predecessor that finished in time, its replacement there',
    job: recovering([leaving(), successor()]),
    context: context({ instances: both, leaving: { result: result('Succeeded', 0) } }),
    does: { do: 'end', reason: 'Superseded', cause: 'spare' },
  },
  {
    when: 'a predecessor that finished in time, its replacement gone',
    job: recovering([leaving()]),
    context: context({ instances: [machine()], leaving: { result: result('Succeeded', 0) } }),
    phase: 'Running',
    leaves: undefined,
  },
  {
    when: 'a move of our own, before there is a place to go',
    job: recovering([leaving('Rebalance'), unanswered]),
    context: context({ instances: [machine()] }),
    does: { do: 'launch' },
  },
  {
    when: 'a move of our own, with a place to go',
    job: recovering([leaving('Rebalance'), successor()]),
    context: context({ instances: both }),
    does: { do: 'control', instanceId: 'i-1' },
  },
  {
    when: 'a move of our own that was told',
    job: recovering([leaving('Rebalance'), successor()]),
    context: context({ instances: both, leaving: { controlled: true } }),
    does: undefined,
    phase: 'Recovering',
  },
  {
    when: 'a move of our own that was not heeded',
    job: recovering([leaving('Impaired', 200), successor({ launchedAt: ago(121) })]),
    context: context({ instances: both, leaving: { controlled: true } }),
    does: { do: 'end', reason: 'Impaired', cause: 'interruption' },
  },
  {
    when: 'a move of our own without any place to go',
    job: recovering([leaving('Rebalance')]),
    context: context({ instances: [machine()] }, noPlan()),
    phase: 'Running',
    leaves: undefined,
  },
  {
    when: 'a move back to Spot',
    job: recovering([leaving('SpotAgain'), successor()]),
    context: context({ instances: both, leaving: { result: result('Stopped', 31) } }),
    does: { do: 'end', reason: 'Moved', cause: 'move' },
  },
  {
    when: 'the last interruption that is allowed, which gets no replacement',
    job: recovering([leaving()], {}, { counts: { interruptions: 2 } }),
    context: context({ instances: [machine()] }),
    does: undefined,
    attempts: 1,
    leaves: 'Interruption',
  },
  {
    when: 'no pool for a replacement: the predecessor is watched on',
    job: recovering([leaving()]),
    context: context({ instances: [machine()] }, noPlan()),
    phase: 'Recovering',
    attempts: 1,
  },
  {
    when: 'a suspension while the replacement is unanswered',
    job: recovering([leaving(), unanswered], { suspend: true }),
    context: context({ instances: [machine()] }),
    does: { do: 'withdraw' },
  },
  {
    when: 'a suspension while both are there',
    job: recovering([leaving(), successor()], { suspend: true }),
    context: context({ instances: both }),
    phase: 'Stopping',
  },
  {
    when: 'a stop while both are there: the replacement goes first',
    job: jobOf(
      status('Stopping', [leaving(), successor()], {
        conditions: [{ type: 'Suspended', status: 'Unknown', reason: 'x', message: '', lastTransitionTime: ago(1) }],
      }),
      { suspend: true },
    ),
    context: context({ instances: both }),
    does: { do: 'end', reason: 'Superseded', cause: 'spare' },
  },
  {
    when: 'a replacement that is lost while its predecessor checkpoints',
    job: recovering([leaving(), successor()]),
    context: context({ instances: [machine(), machine({ id: 'i-2', batch: 'b2', state: 'terminated' })] }),
    does: { do: 'end', reason: 'InstanceLost' },
  },
  {
    when: 'a deletion while both are there',
    job: jobOf(status('Recovering', [leaving(), successor()]), {}, { deletionTimestamp: ago(1) }),
    context: context({ instances: both }),
    does: { do: 'terminate', ids: ['i-1', 'i-2'] },
  },
];

describe('What is decided of an instance that is being replaced', () => {
  for (const { when, job, context: seen = context(), ...wanted } of rows)
    it(`for ${when}`, () => {
      const decision = decide(job, seen);
      if (wanted.phase) expect(decision.status.phase).to.equal(wanted.phase);
      if (wanted.does) expect(decision.action).to.deep.include(wanted.does);
      else if ('does' in wanted) expect(decision.action).to.equal(undefined);
      if ('leaves' in wanted) expect(decision.status.attempts?.[0]?.leavingReason).to.equal(wanted.leaves);
      if (wanted.attempts) expect(decision.status.attempts).to.have.length(wanted.attempts);
    });

  it('remembers the checkpoint that the predecessor tells of last', () => {
    const told = heartbeat({ checkpoint: { key: 'k', step: 9, at: ago(2), bytes: 1 } });
    const { status: next } = decide(
      recovering([leaving(), successor()]),
      context({ instances: both, leaving: { heartbeat: told } }),
    );
    expect(next.progress).to.include({ lastCheckpointStep: 9 });
  });

  it('says once that the instance is at risk and the job stays', () => {
    const seen = context({ instances: [machine()], notice: notice('rebalance') });
    const first = decide(running(), seen).status;
    expect(condition(first.conditions, 'Interrupted')).to.include({ status: 'False', reason: 'RebalanceRecommended' });
    expect(decide(jobOf(first), seen).status).to.deep.equal(first);
  });

  it('goes on in its phase when the predecessor has ended, its work saved and nothing lost', () => {
    const job = recovering([leaving(), successor()], {}, { instanceId: 'i-2', counts: { interruptions: 1 } });
    const next = confirm({ job, now: NOW }, job.status ?? {}, {
      ...{ of: 'ended', attempt: leaving(), reason: 'Interrupted', cause: 'interruption', message: 'Taken.' },
      ...{ saved: true, endedAt: NOW, costUsd: 0.002 },
    });
    expect(next).to.include({ phase: 'Recovering', instanceId: 'i-2', message: 'Taken. i-2 takes over.' });
    expect(next.attempts?.[0]).to.include({ endReason: 'Interrupted', lostSeconds: 0 });
    expect(next.counts).to.deep.equal({ interruptions: 2 });
  });

  it('charges what an unsaved end has lost', () => {
    const job = recovering([leaving(), successor()], {}, { progress: { lastCheckpointTime: ago(30) } });
    const next = confirm({ job, now: NOW }, job.status ?? {}, {
      ...{ of: 'ended', attempt: leaving(), reason: 'Interrupted', cause: 'interruption', message: 'Taken.' },
      ...{ endedAt: NOW, costUsd: 0.002 },
    });
    expect(next.attempts?.[0]?.lostSeconds).to.equal(30);
    expect(next.attempts?.[0]?.lostUsd).to.be.within(0.0003, 0.0004);
    expect(next.cost?.lostUsd).to.equal(next.attempts?.[0]?.lostUsd);
  });

  it('never drops an attempt that still runs from the list', () => {
    const over = Array.from({ length: 19 }, (_, at) => attempt({ number: at + 1, endedAt: ago(1) }));
    const job = recovering([...over, leaving('Interruption', 5, { number: 20 })]);
    const { status: next } = decide(job, context({ instances: [machine()] }));
    expect(next.attempts).to.have.length(20);
    expect(next.attempts?.map(({ number }) => number)).to.include.members([20, 2]);
    expect(next.attempts?.some(({ leavingAt }) => leavingAt !== undefined)).to.equal(true);
  });
});
