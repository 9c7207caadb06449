// Every row of docs/life-of-a-job.md: from a status and what is seen to the next status and action.
import { expect } from 'chai';
import { condition, timestamp } from '../../../crds/conditions.ts';
import type { TrainingJob, TrainingJobStatus } from '../../../crds/crds.generated.ts';
import { outgrownGiB } from '../../../operator/training/outgrown.ts';
import { confirm, type Outcome } from '../../../operator/training/confirm.ts';
import type { Context } from '../../../operator/training/context.ts';
import { decide } from '../../../operator/training/decide.ts';
import { pauseUntil } from '../../../operator/training/pause.ts';
import { heartbeat } from '../worker.ts';
import { accepted, ago, asked, attempt, context, jobOf, machine, noPlan, NOW, result, status } from './setting.ts';

interface Row {
  when: string;
  job: TrainingJob;
  context?: Context;
  phase?: string;
  does?: object | undefined;
  reason?: [type: string, reason: string];
  again?: [from: number, to: number];
}

const begunAt = { startedAt: ago(80) };
const stoppingSince = (seconds: number, type = 'Suspended') => [
  ...accepted,
  { type, status: 'Unknown' as const, reason: 'x', message: '', lastTransitionTime: ago(seconds) },
];

const rows: Row[] = [
  { when: 'a job without finalizer', job: jobOf(undefined, {}, { finalizers: [] }), does: { do: 'addFinalizer' } },
  { when: 'a new job', job: jobOf(undefined), phase: 'Pending', does: { do: 'admit' } },
  {
    when: 'a new job that is suspended',
    job: jobOf(undefined, { suspend: true }),
    phase: 'Suspended',
    does: undefined,
  },
  {
    when: 'a job waiting for money',
    job: jobOf(status('Queued', [], { conditions: [] })),
    does: { do: 'admit' },
    again: [30_000, 30_000],
  },
  {
    when: 'a job waiting for capacity that is back',
    job: jobOf(status('Queued')),
    phase: 'Launching',
    reason: ['Provisioned', 'Launching'],
  },
  {
    when: 'a job waiting for capacity that is not back',
    job: jobOf(status('Queued')),
    context: context({}, noPlan(NOW + 60_000)),
    phase: 'Queued',
    reason: ['Provisioned', 'NoCapacity'],
    again: [60_000, 60_000],
  },
  { when: 'a waiting job that is suspended', job: jobOf(status('Queued'), { suspend: true }), phase: 'Suspended' },
  {
    when: 'an attempt written and nothing launched',
    job: jobOf(status('Launching', [attempt(asked)])),
    does: { do: 'launch' },
  },
  {
    when: 'an attempt whose instance is found by its tag',
    job: jobOf(status('Launching', [attempt(asked)])),
    context: context({ instances: [machine()] }),
    phase: 'Launching',
    does: { do: 'launch' },
  },
  {
    when: 'an instance without ticket',
    job: jobOf(status('Launching', [attempt()])),
    context: context({ instances: [machine()] }),
    does: { do: 'putTicket', instanceId: 'i-1' },
  },
  {
    when: 'an instance of another batch with our tag',
    job: jobOf(status('Booting', [attempt()])),
    context: context({ instances: [machine(), machine({ id: 'i-2', batch: 'b0' })] }),
    does: { do: 'terminate', ids: ['i-2'], reason: 'Stray' },
  },
  {
    when: 'an instance that ended before its ticket',
    job: jobOf(status('Launching', [attempt()])),
    context: context({ instances: [machine({ state: 'terminated' })] }),
    does: { do: 'end', reason: 'InstanceLost', cause: 'interruption' },
  },
  {
    when: 'a launch that was suspended meanwhile',
    job: jobOf(status('Launching', [attempt()]), { suspend: true }),
    phase: 'Stopping',
  },
  {
    when: 'a suspended launch without an attempt',
    job: jobOf(status('Recovering'), { suspend: true }),
    phase: 'Suspended',
  },
  {
    when: 'a booting instance without report',
    job: jobOf(status('Booting', [attempt()])),
    context: context({ instances: [machine()] }),
    phase: 'Booting',
    does: undefined,
    again: [1000, 300_000],
  },
  {
    when: 'the first heartbeat',
    job: jobOf(status('Booting', [attempt()])),
    context: context({ instances: [machine()], heartbeat: heartbeat(), heardAt: NOW }),
    phase: 'Running',
    reason: ['Running', 'WorkerReports'],
  },
  {
    when: 'five silent minutes after the ticket',
    job: jobOf(status('Booting', [attempt({ launchedAt: ago(320), ticketAt: ago(301) })])),
    context: context({ at: NOW, instances: [machine()], quietMs: 300_000 }),
    does: { do: 'end', reason: 'BootTimeout', cause: 'platform' },
  },
  {
    when: 'five silent minutes, the ticket put late among them',
    job: jobOf(status('Booting', [attempt({ launchedAt: ago(320), ticketAt: ago(100) })])),
    context: context({ at: NOW, instances: [machine()], quietMs: 300_000 }),
    does: undefined,
    phase: 'Booting',
  },
  {
    when: 'five minutes after the ticket in which nobody listened',
    job: jobOf(status('Booting', [attempt({ launchedAt: ago(320), ticketAt: ago(301) })])),
    context: context({ at: NOW, instances: [machine()], quietMs: 20_000 }),
    does: undefined,
    phase: 'Booting',
  },
  {
    when: 'ten silent minutes',
    job: jobOf(
      status('Running', [attempt({ startedAt: ago(700), launchedAt: ago(800) })], {
        progress: { lastHeartbeatTime: ago(601) },
      }),
    ),
    context: context({ at: NOW, instances: [machine()], quietMs: 600_000 }),
    does: { do: 'end', reason: 'HeartbeatLost', cause: 'interruption' },
  },
  {
    when: 'ten silent minutes in which nothing could be looked at',
    job: jobOf(
      status('Running', [attempt({ startedAt: ago(700), launchedAt: ago(800) })], {
        progress: { lastHeartbeatTime: ago(601) },
      }),
    ),
    context: context({ at: NOW - 900_000, instances: [machine()], quietMs: 600_000 }),
    does: undefined,
    phase: 'Running',
  },
  {
    when: 'an instance that is gone and whose last word could not be read',
    job: jobOf(status('Running', [attempt({ startedAt: ago(50) })])),
    context: context({ instances: [machine({ state: 'terminated' })], unread: true }),
    phase: 'Running',
    does: undefined,
  },
  {
    when: 'an instance EC2 does not list',
    job: jobOf(status('Running', [attempt({ startedAt: ago(50) })], { progress: { lastHeartbeatTime: ago(5) } })),
    does: undefined,
    phase: 'Running',
  },
  {
    when: 'an interruption notice',
    job: jobOf(status('Running', [attempt({ startedAt: ago(50) })])),
    context: context({ instances: [machine()], notice: { kind: 'interruption', at: NOW } }),
    phase: 'Recovering',
    reason: ['Interrupted', 'SpotInterruption'],
  },
  {
    when: 'an instance EC2 took back',
    job: jobOf(status('Running', [attempt({ startedAt: ago(50) })])),
    context: context({ instances: [machine({ state: 'terminated', stateReason: 'Server.SpotInstanceTermination' })] }),
    does: { do: 'end', reason: 'Interrupted', cause: 'interruption' },
  },
  {
    when: 'a pod that the kernel ended for want of memory',
    job: jobOf(status('Running', [attempt({ startedAt: ago(50) })])),
    context: context({ instances: [machine({ state: 'terminated', stateReason: 'OOMKilled' })] }),
    does: { do: 'end', reason: 'OutOfMemory', cause: 'user' },
  },
  {
    when: 'an instance somebody ended',
    job: jobOf(status('Running', [attempt({ startedAt: ago(50) })])),
    context: context({ instances: [machine({ state: 'terminated', stateReason: 'Client.UserInitiatedShutdown' })] }),
    does: { do: 'end', reason: 'InstanceLost' },
  },
  {
    when: 'a result of success',
    job: jobOf(status('Running', [attempt()])),
    context: context({ result: result('Succeeded', 0) }),
    phase: 'Finishing',
  },
  {
    when: 'a result of success from an instance that is gone',
    job: jobOf(status('Running', [attempt()])),
    context: context({ instances: [machine({ state: 'terminated' })], result: result('Succeeded', 0) }),
    phase: 'Finishing',
  },
  ...(
    [
      [10, 'UserError', 'user'],
      [11, 'DataError', 'user'],
      [12, 'OutOfMemory', 'user'],
      [20, 'PlatformError', 'platform'],
      [30, 'Interrupted', 'interruption'],
      [31, 'Stopped', 'platform'],
      [137, 'PlatformError', 'platform'],
    ] as const
  ).map(
    ([code, reason, cause]): Row => ({
      when: `exit code ${code}`,
      job: jobOf(status('Running', [attempt()])),
      context: context({ result: result('Failed', code) }),
      does: { do: 'end', reason, cause, message: 'It broke.' },
    }),
  ),
  {
    when: 'an attempt that has lasted a day',
    job: jobOf(status('Running', [attempt()])),
    context: context({
      result: { ...result('Stopped', 31), error: { code: 'NotAfter', message: 'Over.', hint: '' } },
    }),
    does: { do: 'end', reason: 'Moved', cause: 'move', saved: true },
  },
  {
    when: 'a worker that downloads with addresses of five minutes ago',
    job: jobOf(
      status('Running', [attempt({ startedAt: ago(300), ticketAt: ago(300) })], { progress: { stage: 'Downloading' } }),
    ),
    context: context({ instances: [machine()], heartbeat: heartbeat({ stage: 'Downloading' }), heardAt: NOW }),
    does: { do: 'refreshTicket', instanceId: 'i-1' },
  },
  {
    when: 'a worker that trains and needs no addresses any more',
    job: jobOf(status('Running', [attempt({ startedAt: ago(300), ticketAt: ago(300) })])),
    context: context({ instances: [machine()], heartbeat: heartbeat(), heardAt: NOW }),
    does: undefined,
    phase: 'Running',
  },
  {
    when: 'a deadline that passed',
    job: jobOf(status('Running', [attempt()]), { activeDeadlineSeconds: 100 }),
    context: context({ instances: [machine()] }),
    phase: 'Stopping',
    reason: ['Failed', 'DeadlineExceeded'],
  },
  {
    when: 'a budget that the next 90 seconds would pass',
    job: jobOf(status('Running', [attempt()])),
    context: context({ instances: [machine()] }, { budgetUsd: 0.0011 }),
    phase: 'Stopping',
    reason: ['BudgetExhausted', 'BudgetReached'],
  },
  {
    when: 'a suspended account',
    job: jobOf(status('Running', [attempt()])),
    context: context({ instances: [machine()] }, { accountSuspended: true }),
    phase: 'Stopping',
    reason: ['Suspended', 'Suspending'],
  },
  {
    when: 'a stop that was not told yet',
    job: jobOf(status('Stopping', [attempt(begunAt)], { conditions: stoppingSince(5) })),
    context: context({ instances: [machine()] }),
    does: { do: 'control', instanceId: 'i-1' },
    again: [85_000, 85_000],
  },
  {
    when: 'a stop of an instance that has done nothing yet',
    job: jobOf(status('Stopping', [attempt()], { conditions: stoppingSince(5) })),
    context: context({ instances: [machine()] }),
    does: { do: 'end', reason: 'Stopped', cause: 'stop' },
  },
  {
    when: 'a stop that was told',
    job: jobOf(status('Stopping', [attempt(begunAt)], { conditions: stoppingSince(5) })),
    context: context({ instances: [machine()], controlled: true }),
    does: undefined,
    again: [85_000, 85_000],
  },
  {
    when: 'a stop that was not heeded for 90 seconds',
    job: jobOf(status('Stopping', [attempt()], { conditions: stoppingSince(90) })),
    context: context({ instances: [machine()], controlled: true }),
    does: { do: 'end', reason: 'Stopped', cause: 'stop' },
  },
  {
    when: 'a stop that came too late',
    job: jobOf(status('Stopping', [attempt()], { conditions: stoppingSince(5) })),
    context: context({ result: result('Succeeded', 0) }),
    phase: 'Finishing',
  },
  {
    when: 'a stop whose attempt is over',
    job: jobOf(status('Stopping', [], { conditions: stoppingSince(5, 'BudgetExhausted') })),
    phase: 'Suspended',
    reason: ['BudgetExhausted', 'BudgetReached'],
  },
  { when: 'a suspended job', job: jobOf(status('Suspended'), { suspend: true }), phase: 'Suspended', does: undefined },
  { when: 'a job to be continued', job: jobOf(status('Suspended')), does: { do: 'admit' } },
  {
    when: 'a job whose budget was not raised',
    job: jobOf(
      status('Suspended', [], {
        cost: { actualUsd: 1 },
        conditions: [
          { type: 'BudgetExhausted', status: 'True', reason: 'BudgetReached', message: '', lastTransitionTime: ago(1) },
        ],
      }),
    ),
    context: context({}, { budgetUsd: 1 }),
    does: undefined,
  },
  {
    when: 'a job whose budget was raised',
    job: jobOf(
      status('Suspended', [], {
        cost: { actualUsd: 1 },
        conditions: [
          { type: 'BudgetExhausted', status: 'True', reason: 'BudgetReached', message: '', lastTransitionTime: ago(1) },
        ],
      }),
    ),
    context: context({}, { budgetUsd: 2 }),
    does: { do: 'admit' },
  },
  {
    when: 'results that are not copied',
    job: jobOf(status('Finishing', [attempt()])),
    does: { do: 'collect', instanceId: 'i-1' },
  },
  {
    when: 'results that are copied',
    job: jobOf(status('Finishing', [attempt()], { model: { manifestSha256: 'x' } })),
    does: { do: 'end', reason: 'Succeeded', cause: 'none' },
  },
  {
    when: 'a finished attempt whose end was written',
    job: jobOf(status('Finishing', [attempt({ endedAt: ago(1) })], { model: { manifestSha256: 'x' } })),
    does: { do: 'complete' },
  },
  { when: 'a finished job', job: jobOf(status('Succeeded', [], { completionTime: ago(5) })), does: undefined },
  {
    when: 'a finished job whose instance still runs',
    job: jobOf(status('Failed', [], { completionTime: ago(5) })),
    context: context({ instances: [machine()] }),
    does: { do: 'terminate', ids: ['i-1'] },
  },
  {
    when: 'a finished job before its ttl',
    job: jobOf(status('Succeeded', [], { completionTime: ago(5) }), { ttlSecondsAfterFinished: 60 }),
    does: undefined,
    again: [55_000, 55_000],
  },
  {
    when: 'a finished job after its ttl',
    job: jobOf(status('Succeeded', [], { completionTime: ago(61) }), { ttlSecondsAfterFinished: 60 }),
    does: { do: 'deleteJob' },
  },
  {
    when: 'a deleted job that runs',
    job: jobOf(status('Running', [attempt()]), {}, { deletionTimestamp: ago(1) }),
    context: context({ instances: [machine()] }),
    does: { do: 'terminate', ids: ['i-1'], reason: 'Deleted' },
  },
  {
    when: 'a deleted job whose fleet call is unanswered',
    job: jobOf(status('Launching', [attempt({ ...asked, requestedAt: ago(10) })]), {}, { deletionTimestamp: ago(1) }),
    does: { do: 'withdraw' },
  },
  {
    when: 'a deleted job whose attempt must be billed',
    job: jobOf(status('Running', [attempt()]), {}, { deletionTimestamp: ago(1) }),
    context: context({ instances: [machine({ state: 'terminated' })] }),
    does: { do: 'end', reason: 'Deleted', cause: 'deletion' },
  },
  {
    when: 'a deleted job whose instance is shutting down',
    job: jobOf(status('Running', [attempt({ endedAt: ago(2) })]), {}, { deletionTimestamp: ago(1) }),
    context: context({ instances: [machine({ state: 'shutting-down' })] }),
    does: undefined,
    again: [2_000, 2_000],
  },
  {
    when: 'a deleted job whose instance ended after the last look',
    job: jobOf(status('Running', [attempt({ endedAt: ago(0) })]), {}, { deletionTimestamp: ago(1) }),
    does: undefined,
    again: [2_000, 2_000],
  },
  {
    when: 'a deleted job with nothing left',
    job: jobOf(status('Running', [attempt({ endedAt: ago(2) })]), {}, { deletionTimestamp: ago(1) }),
    context: context({ instances: [machine({ state: 'terminated' })] }),
    does: { do: 'removeFinalizer' },
  },
  {
    when: 'a deleted job that others hold',
    job: jobOf(status('Running'), {}, { deletionTimestamp: ago(1), finalizers: ['other'] }),
    does: undefined,
  },
];

describe('What is decided of a training job', () => {
  for (const { when, job, context: seen = context(), ...wanted } of rows)
    it(`for ${when}`, () => {
      const decision = decide(job, seen);
      if (wanted.phase) expect(decision.status.phase).to.equal(wanted.phase);
      if (wanted.does) expect(decision.action).to.deep.include(wanted.does);
      else if ('does' in wanted) expect(decision.action).to.equal(undefined);
      if (wanted.reason)
        expect(condition(decision.status.conditions, wanted.reason[0])?.reason).to.equal(wanted.reason[1]);
      if (wanted.again) expect(decision.requeueAfterMs).to.be.within(...wanted.again);
    });

  it('writes the attempt with its batch before the fleet is asked, and recovers when one had an instance', () => {
    const { status: next, action } = decide(
      jobOf(
        status('Recovering', [attempt({ endedAt: ago(1), endReason: 'Interrupted' })], {
          progress: { lastCheckpointStep: 4 },
        }),
      ),
      context(),
    );
    expect(action).to.equal(undefined);
    expect(next).to.include({ phase: 'Recovering', attemptCount: 2 });
    expect(next.attempts?.[1]).to.include({ number: 2, market: 'spot', resumedFromStep: 4 });
    expect(next.attempts?.[1]?.batch).to.equal('b9');
  });

  it('knows by the ticket what an attempt resumes, also a checkpoint that no heartbeat told of', () => {
    const job = jobOf(undefined);
    const before = status('Recovering', [
      attempt({ endedAt: ago(1), endReason: 'Interrupted' }),
      attempt({ number: 2 }),
    ]);
    const resumedFromStep = 7;
    const next = confirm({ job, now: NOW }, before, { of: 'ticket', attempt: attempt({ number: 2 }), resumedFromStep });
    expect(next.phase).to.equal('Booting');
    expect(next.attempts?.map((one) => one.resumedFromStep)).to.deep.equal([undefined, 7]);
  });

  it('hears the heartbeat that comes together with the result of an interruption', () => {
    const told = heartbeat({ checkpoint: { key: 'k', step: 9, at: ago(2), bytes: 1 } });
    const { status: next, action } = decide(
      jobOf(status('Running', [attempt()])),
      context({ result: result('Interrupted', 30), heartbeat: told, heardAt: NOW }),
    );
    expect(action).to.include({ do: 'end', reason: 'Interrupted' });
    expect(next.progress?.lastCheckpointStep).to.equal(9);
  });

  it('pauses 10, 20, 40 … 360 seconds after errors, and not at all after an interruption', () => {
    const paused = (user: number, endReason = 'UserError') =>
      (pauseUntil(status('Recovering', [attempt({ endedAt: ago(0), endReason })], { counts: { user } })) - NOW) / 1000;
    expect([1, 2, 3, 10].map((user) => paused(user))).to.deep.equal([10, 20, 40, 360]);
    expect(
      pauseUntil(
        status('Recovering', [attempt({ endedAt: ago(0), endReason: 'Interrupted' })], { counts: { user: 1 } }),
      ),
    ).to.equal(0);
    expect(
      decide(
        jobOf(status('Recovering', [attempt({ endedAt: ago(4), endReason: 'UserError' })], { counts: { user: 1 } })),
        context(),
      ).requeueAfterMs,
    ).to.equal(6_000);
  });

  it('marks a checkpoint that grows old while training', () => {
    const old = heartbeat({ checkpoint: { key: 'k', step: 3, at: ago(200), bytes: 1 } });
    const stale = decide(
      jobOf(status('Running', [attempt({ startedAt: ago(250) })])),
      context({ heartbeat: old, heardAt: NOW }),
    ).status;
    expect(condition(stale.conditions, 'CheckpointStale')?.status).to.equal('True');
    const fresh = heartbeat({ checkpoint: { key: 'k', step: 4, at: ago(1), bytes: 1 } });
    const mended = decide(jobOf(stale), context({ heartbeat: fresh, heardAt: NOW })).status;
    expect(condition(mended.conditions, 'CheckpointStale')?.reason).to.equal('CheckpointWritten');
    expect(mended.progress).to.include({ lastCheckpointStep: 4 });
  });
});

describe('What follows from the end of an attempt', () => {
  const at = (job: TrainingJob) => ({ job, now: NOW });
  const ended = (more: Partial<Extract<Outcome, { of: 'ended' }>>): Outcome => ({
    of: 'ended',
    attempt: attempt({ startedAt: ago(90) }),
    reason: 'Interrupted',
    cause: 'interruption',
    message: 'Taken.',
    endedAt: NOW,
    costUsd: 0.001,
    ...more,
  });
  const begun = (more: TrainingJobStatus = {}) => status('Running', [attempt({ startedAt: ago(90) })], more);

  it('is another attempt after an interruption, with the work that was lost', () => {
    const next = confirm(
      at(jobOf(undefined)),
      begun({ progress: { lastCheckpointTime: ago(30), lastCheckpointStep: 8 } }),
      ended({}),
    );
    expect(next).to.include({ phase: 'Recovering' });
    expect(next.message).to.match(/continues from step 8/);
    expect(next.attempts?.[0]).to.include({ endReason: 'Interrupted', lostSeconds: 30, costUsd: 0.001 });
    expect(next.counts).to.deep.equal({ interruptions: 1 });
    expect(next.cost?.actualUsd).to.equal(0.001);
  });

  it('is failure after too many interruptions or platform errors', () => {
    const many = confirm(at(jobOf(undefined)), begun({ counts: { interruptions: 2 } }), ended({}));
    expect(condition(many.conditions, 'Failed')?.reason).to.equal('TooManyInterruptions');
    const broken = confirm(
      at(jobOf(undefined)),
      begun({ counts: { platform: 5 } }),
      ended({ reason: 'PlatformError', cause: 'platform' }),
    );
    expect(condition(broken.conditions, 'Failed')?.reason).to.equal('PlatformErrors');
    expect(broken.completionTime).to.equal(timestamp(NOW));
    const once = confirm(at(jobOf(undefined)), begun(), ended({ reason: 'BootTimeout', cause: 'platform' }));
    expect(once.message).to.match(/Trying again in 10 s/);
  });

  it('is another try after the user’s error while backoffLimit lasts', () => {
    const first = confirm(
      at(jobOf(undefined)),
      begun(),
      ended({ reason: 'UserError', cause: 'user', message: 'Wrong.' }),
    );
    expect(first.phase).to.equal('Recovering');
    expect(first.message).to.equal('Wrong. Trying again in 10 s (retry 1 of 2).');
    for (const [reason, expected] of [
      ['UserError', 'InvalidSpec'],
      ['DataError', 'InvalidData'],
      ['OutOfMemory', 'OutOfMemory'],
    ] as const) {
      const last = confirm(
        at(jobOf(undefined)),
        begun({ counts: { user: 2 } }),
        ended({ reason, cause: 'user', message: 'Wrong.' }),
      );
      expect(condition(last.conditions, 'Failed')?.reason).to.equal(expected);
      expect(last.cost?.reservedUsd).to.equal(0);
    }
  });

  it('is twice the memory after too little of it, unless the user said how much', () => {
    const outOfMemory = (spec: object, more: TrainingJobStatus = {}) =>
      confirm(
        at(jobOf(undefined, spec)),
        begun(more),
        ended({ reason: 'OutOfMemory', cause: 'user', message: 'Too little.' }),
      );
    const again = outOfMemory({});
    expect(again.phase).to.equal('Recovering');
    expect(again.message).to.equal(
      'Too little. It had 8 GiB (m5.large). Trying again in 10 s (retry 1 of 2) with twice the memory.',
    );
    expect(outgrownGiB(again)).to.equal(8);
    for (const [spec, more, words] of [
      [{}, { counts: { user: 2 } }, /memoryGiB of at least 16, or with fewer columns or a smaller model\.$/],
      [{ resources: { memoryGiB: 8 } }, {}, /memoryGiB of at least 16, or/],
      [
        { resources: { instanceTypes: ['m5.large'] } },
        {},
        /memoryGiB of at least 16 in place of spec\.resources\.instanceTypes \(m5\.large\)/,
      ],
    ] as const) {
      const over = outOfMemory(spec, more);
      expect(condition(over.conditions, 'Failed')?.reason).to.equal('OutOfMemory');
      expect(over.message).to.match(words);
    }
  });

  it('is the end where nothing larger can be had', () => {
    const plan = () => ({
      market: 'spot' as const,
      selection: { offers: [], reason: 'No instance type has 2000 GiB.', impossible: true },
    });
    const small = attempt({ endReason: 'OutOfMemory', endedAt: ago(60) });
    const { status: next } = decide(jobOf(status('Recovering', [small])), context({}, { plan }));
    expect(condition(next.conditions, 'Failed')?.reason).to.equal('OutOfMemory');
    expect(next.message).to.equal('It ran out of memory. No instance type has 2000 GiB.');
  });

  it('is what the stop was for', () => {
    const stop = (type: string) =>
      confirm(
        at(jobOf(undefined, { activeDeadlineSeconds: 5 })),
        status('Stopping', [attempt()], { conditions: stoppingSince(5, type) }),
        ended({ reason: 'Stopped', cause: 'stop' }),
      );
    expect(stop('Suspended').phase).to.equal('Suspended');
    expect(condition(stop('BudgetExhausted').conditions, 'BudgetExhausted')?.status).to.equal('True');
    expect(condition(stop('Failed').conditions, 'Failed')).to.include({ status: 'True', reason: 'DeadlineExceeded' });
  });

  it('is nothing more for a deleted job', () => {
    const next = confirm(at(jobOf(undefined)), begun(), ended({ reason: 'Deleted', cause: 'deletion' }));
    expect(next).to.include({ phase: 'Running' });
    expect(next.attempts?.[0]?.endReason).to.equal('Deleted');
  });

  it('sums costs over more attempts than are kept', () => {
    let sum = status('Running', []);
    for (let number = 1; number <= 25; number += 1) {
      const one = attempt({ number });
      sum = { ...sum, attempts: [...(sum.attempts ?? []), one].slice(-20) };
      sum = confirm(at(jobOf(undefined, { maxInterruptions: 99 })), sum, ended({ attempt: one, costUsd: 0.01 }));
    }
    expect(sum.cost?.actualUsd).to.equal(0.25);
    expect(sum.attempts).to.have.length(20);
    expect(sum.counts?.interruptions).to.equal(25);
  });

  it('is a new beginning of activeDeadlineSeconds when a suspended job resumes', () => {
    const admission = { dataset: { bytes: 1, etag: 'e', columns: 2 }, estimatedUsd: 1, reservedUsd: 1, message: 'm' };
    const suspended = status('Suspended', [], { startTime: ago(5_000), cost: { actualUsd: 0.3 } });
    const next = confirm(at(jobOf(undefined)), suspended, { of: 'admit', verdict: { is: 'admitted', admission } });
    expect(next).to.include({ phase: 'Launching', startTime: timestamp(NOW) });
    expect(next.cost).to.include({ actualUsd: 0.3 });
    const limited = jobOf(next, { activeDeadlineSeconds: 600 });
    expect(decide(limited, context({}, { now: NOW + 599_000 })).status.phase).to.equal('Launching');
    expect(decide(limited, context({}, { now: NOW + 600_000 })).status.phase).to.equal('Failed');
  });

  it('keeps a suspended job suspended while it may not go on', () => {
    const next = confirm(at(jobOf(undefined)), status('Suspended'), {
      of: 'admit',
      verdict: { is: 'waiting', reason: 'QuotaExceeded', message: 'full' },
    });
    expect(next.phase).to.equal('Suspended');
  });
});
