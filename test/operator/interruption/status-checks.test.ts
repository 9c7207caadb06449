import { expect } from 'chai';
import { CHECK_EVERY_MS, StatusChecks, troubles } from '../../../operator/interruption/status-checks.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { failure, FakeCompute } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { instance } from '../collection/jobs.ts';

describe('EC2’s status checks', () => {
  type Row = [what: string, words: string[], before: string[], told: string[], failing: string[]];
  const rows: Row[] = [
    ['a scheduled retirement', ['instance-retirement'], [], ['instance-retirement'], []],
    ['a scheduled stop', ['instance-stop'], [], ['instance-stop'], []],
    ['a check that fails for the first time', ['system-status'], [], [], ['i-1']],
    ['a check that fails again', ['instance-status'], ['i-1'], ['instance-status'], ['i-1']],
    ['both checks at once', ['system-status', 'instance-status'], [], [], ['i-1']],
    ['both checks again', ['system-status', 'instance-status'], ['i-1'], ['system-status'], ['i-1']],
    ['a check that passes again', [], ['i-1'], [], []],
    [
      'a failing check of one that is to retire',
      ['system-status', 'instance-stop'],
      ['i-1'],
      ['instance-stop'],
      ['i-1'],
    ],
  ];
  for (const [what, words, before, told, failing] of rows)
    it(`take ${what} for ${told[0] ?? 'nothing yet'}`, () => {
      const found = troubles(
        words.map((word) => ({ id: 'i-1', what: word })),
        new Set(before),
      );
      expect(found.troubles.map(({ what: word }) => word)).to.deep.equal(told);
      expect([...found.failing]).to.deep.equal(failing);
    });

  const world = () => {
    const clock = new ManualClock();
    const compute = new FakeCompute(() => clock.now());
    compute.machines.set('i-1', instance('i-1'));
    const noticed: string[] = [];
    const words: string[] = [];
    const checks = new StatusChecks({
      compute,
      observation: {
        instances: () => [...compute.machines.values()],
        notice: (id, kind) => compute.machines.has(id) && noticed.push(`${kind} ${id}`) > 0,
      },
      clock,
      logger: SILENT,
      onTrouble: (what) => words.push(what),
    });
    checks.start();
    return { clock, compute, noticed, words, checks };
  };

  it('are read every ten minutes; own instances are told of once, foreign ones never', async () => {
    const { clock, compute, noticed, words, checks } = world();
    compute.trouble.push({ id: 'i-1', what: 'instance-retirement' }, { id: 'i-2', what: 'instance-stop' });
    await clock.advance(CHECK_EVERY_MS - 1);
    expect(compute.calls).to.deep.equal([]);
    await clock.advance(1);
    expect(noticed).to.deep.equal(['impaired i-1']);
    await clock.advance(2 * CHECK_EVERY_MS);
    expect([noticed.length, words, compute.calls.length]).to.deep.equal([1, ['instance-retirement'], 3]);
    compute.machines.set('i-2', instance('i-2'));
    await clock.advance(CHECK_EVERY_MS);
    expect(noticed).to.deep.equal(['impaired i-1', 'impaired i-2']);
    await checks.stop();
    expect(clock.pending).to.equal(0);
  });

  it('are told of anew when trouble came back', async () => {
    const { clock, compute, noticed, checks } = world();
    const failing = { id: 'i-1', what: 'system-status' };
    compute.trouble.push(failing);
    await clock.advance(3 * CHECK_EVERY_MS);
    expect(noticed).to.deep.equal(['impaired i-1']);
    compute.trouble.pop();
    await clock.advance(CHECK_EVERY_MS);
    compute.trouble.push(failing);
    await clock.advance(CHECK_EVERY_MS);
    expect(noticed).to.have.length(1);
    await clock.advance(CHECK_EVERY_MS);
    expect(noticed).to.have.length(2);
    await checks.stop();
  });

  it('that can’t be read count neither for nor against an instance', async () => {
    const { clock, compute, noticed, checks } = world();
    compute.trouble.push({ id: 'i-1', what: 'system-status' });
    await clock.advance(CHECK_EVERY_MS);
    compute.before('impaired', failure('throttled'), failure('throttled'));
    await clock.advance(2 * CHECK_EVERY_MS);
    expect(noticed).to.deep.equal([]);
    await clock.advance(CHECK_EVERY_MS);
    expect(noticed).to.deep.equal(['impaired i-1']);
    await checks.stop();
  });

  it('are not asked for when nothing runs', async () => {
    const { clock, compute, checks } = world();
    compute.set('i-1', { state: 'terminated' });
    await clock.advance(10 * CHECK_EVERY_MS);
    expect(compute.calls).to.deep.equal([]);
    await checks.stop();
  });
});
