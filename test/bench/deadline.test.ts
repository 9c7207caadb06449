import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { benchmark, cell, mean, scenarioOf, SLACKS } from '../../bench/deadline.ts';
import { alwaysOnDemand, greedySpot, play, type Scenario, uniformProgress } from '../../bench/deadline/simulation.ts';
import { GENERATED, markov, randomNumbers, recorded, STEP_SECONDS, type Trace } from '../../bench/deadline/traces.ts';

const HOUR = 3600;
const SCENARIO: Scenario = {
  workSeconds: 4 * HOUR,
  deadlineSeconds: 6 * HOUR,
  changeoverSeconds: 300,
  onDemandPrice: 0.2,
  spotPrice: 0.06,
};
/** Minutes with (1) and without (0) Spot, then as `rest` says to the end of ten hours. */
const trace = (spells: readonly [minutes: number, is: 0 | 1][], rest: 0 | 1 = 0): Trace => ({
  available: Uint8Array.from([
    ...spells.flatMap(([minutes, is]) => Array<number>(minutes).fill(is)),
    ...Array<number>(600).fill(rest),
  ]),
});

describe('A job played over a trace', () => {
  it('costs the work and one changeover on demand', () => {
    const played = play(alwaysOnDemand, SCENARIO, trace([]));
    expect(played).to.deep.equal({
      costUsd: played.costUsd,
      seconds: 4 * HOUR + 300,
      missed: false,
      instances: 1,
      onDemandSeconds: 4 * HOUR + 300,
    });
    expect(played.costUsd).to.be.closeTo((0.2 * (4 * HOUR + 300)) / HOUR, 1e-9);
  });

  it('costs the Spot price where Spot lasts', () => {
    for (const policy of [greedySpot, uniformProgress]) {
      const played = play(policy, SCENARIO, trace([], 1));
      expect(played).to.include({ instances: 1, onDemandSeconds: 0, missed: false });
      expect(played.costUsd).to.be.closeTo((0.06 * (4 * HOUR + 300)) / HOUR, 1e-9);
    }
  });

  it('goes on after a lost instance from where it was, and pays for another start', () => {
    const played = play(
      greedySpot,
      SCENARIO,
      trace(
        [
          [65, 1],
          [10, 0],
        ],
        1,
      ),
    );
    expect(played).to.include({ instances: 2, missed: false, seconds: 4 * HOUR + 600 + 600 });
  });

  it('without any Spot ends just in time, greedy and by the rule, at the price of on-demand', () => {
    for (const policy of [greedySpot, uniformProgress]) {
      const played = play(policy, SCENARIO, trace([]));
      expect(played).to.include({ missed: false, instances: 1 });
      expect(played.costUsd).to.equal(play(alwaysOnDemand, SCENARIO, trace([])).costUsd);
    }
    expect(play(greedySpot, SCENARIO, trace([])).seconds).to.be.within(6 * HOUR - 600, 6 * HOUR);
  });

  it('by the rule is ahead in time to change to Spot that comes late, where greedy has to stay on demand', () => {
    const late = trace([[120, 0]], 1);
    const [ours, greedy] = [uniformProgress, greedySpot].map((policy) => play(policy, SCENARIO, late).costUsd);
    expect(ours).to.be.below((greedy ?? 0) * 0.75);
  });

  it('is missed where even on-demand is too late', () => {
    const tooLate = { ...SCENARIO, deadlineSeconds: 3 * HOUR };
    expect(play(alwaysOnDemand, tooLate, trace([]))).to.include({ missed: true, seconds: 4 * HOUR + 300 });
    expect(play(uniformProgress, tooLate, trace([]))).to.include({ missed: true, seconds: Infinity, costUsd: 0 });
  });

  it('with a budget under the price of on-demand waits for Spot, and keeps to the money', () => {
    const poor = { ...SCENARIO, budgetUsd: 0.5 };
    const played = play(uniformProgress, poor, trace([[240, 0]], 1));
    expect(played).to.include({ onDemandSeconds: 0, missed: true });
    expect(played.costUsd).to.be.below(0.5);
  });

  it('refuses a policy that takes Spot where there is none', () => {
    expect(() => play(() => 'Spot', SCENARIO, trace([]))).to.throw('where there is none');
  });

  it('never misses a deadline that on-demand from the start would meet, whatever Spot does', () => {
    const spells = fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.constantFrom(0 as const, 1 as const)), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        spells,
        fc.integer({ min: 60, max: 6 * HOUR }),
        fc.integer({ min: 0, max: 4 * HOUR }),
        fc.integer({ min: 1, max: 20 }),
        (minutes, workSeconds, slack, changeoverMinutes) => {
          const changeoverSeconds = changeoverMinutes * STEP_SECONDS;
          const scenario = {
            ...SCENARIO,
            workSeconds,
            changeoverSeconds,
            deadlineSeconds: workSeconds + changeoverSeconds + slack,
          };
          const bare = { available: new Uint8Array(24 * 60) };
          bare.available.set(trace(minutes).available.subarray(0, bare.available.length));
          for (const policy of [uniformProgress, greedySpot]) {
            const played = play(policy, scenario, bare);
            expect(played.missed).to.equal(false);
            const changeovers = (played.instances * changeoverSeconds * scenario.onDemandPrice) / HOUR;
            const onDemand = (workSeconds * scenario.onDemandPrice) / HOUR;
            expect(played.costUsd).to.be.at.most(onDemand + changeovers + 1e-9);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('Traces of Spot availability', () => {
  const shareOf = ({ available }: Trace) => available.reduce((sum, one) => sum + one, 0) / available.length;

  it('are the same for the same seed, and others for others', () => {
    for (const regime of GENERATED) {
      expect(regime.trace(1, 1e5)).to.deep.equal(regime.trace(1, 1e5));
      expect(regime.trace(1, 1e6)).to.not.deep.equal(regime.trace(2, 1e6));
    }
  });

  it('have the share and the length of spells that they are named after', () => {
    const found = markov(randomNumbers(7), 2 * HOUR, HOUR, 3e7);
    expect(shareOf(found)).to.be.closeTo(2 / 3, 0.02);
    const changes = found.available.reduce(
      (sum, one, at) => sum + (at > 0 && one !== found.available[at - 1] ? 1 : 0),
      0,
    );
    expect(3e7 / changes / HOUR).to.be.closeTo(1.5, 0.1);
    for (const regime of GENERATED)
      expect(shareOf(regime.trace(3, 1e8)) * 100).to.be.closeTo(Number(/(\d+) %/.exec(regime.name)?.[1]), 2);
  });

  it('are read from recordings, from a random moment on and round their end', () => {
    const folder = mkdtempSync(join(tmpdir(), 'traces-'));
    try {
      writeFileSync(
        join(folder, 'zone_a.json'),
        JSON.stringify({ metadata: { gap_seconds: 120 }, data: [1, 0, 2, 0] }),
      );
      writeFileSync(join(folder, 'notes.txt'), 'no trace');
      const [regime, ...rest] = recorded(folder);
      expect(rest).to.deep.equal([]);
      expect(regime?.name).to.equal('zone_a (recorded), 50 %');
      const seen = new Set(Array.from({ length: 20 }, (_, seed) => regime?.trace(seed, 480).available.join('')));
      expect([...seen].sort()).to.deep.equal(['00110011', '11001100']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('The benchmark of the deadline rule', () => {
  const { SPOTLEARN_BENCH_TRACES: folderBefore } = process.env;
  before(() => delete process.env.SPOTLEARN_BENCH_TRACES);
  after(() => {
    if (folderBefore !== undefined) process.env.SPOTLEARN_BENCH_TRACES = folderBefore;
  });

  it('misses none, never costs more than on-demand and changeovers, and on average less than greedy Spot', () => {
    const cells = GENERATED.flatMap((regime) => SLACKS.map((slack) => cell(regime, slack, 30)));
    expect(cells).to.have.length(12);
    const price = scenarioOf(1).onDemandPrice;
    const cost = (of: 'ours' | 'greedy' | 'onDemand') =>
      cells.reduce((sum, one) => sum + mean(one[of], (run) => run.costUsd), 0);
    for (const { name, ours, greedy, onDemand } of cells) {
      expect(
        [...ours, ...greedy, ...onDemand].filter(({ missed }) => missed),
        name,
      ).to.deep.equal([]);
      ours.forEach((run, at) =>
        expect(run.costUsd, name).to.be.at.most((onDemand[at]?.costUsd ?? 0) + (run.instances * 300 * price) / HOUR),
      );
    }
    expect(cost('ours')).to.be.below(cost('greedy') * 0.95);
    expect(cost('ours')).to.be.below(cost('onDemand') * 0.65);
  });

  it('gives a row of cost, savings and instances for each regime and slack, and the sums', async () => {
    const said: string[] = [];
    const rows = await benchmark.run({ rounds: 1, rows: 1, say: (text) => said.push(text) });
    expect(rows).to.have.length(12 * 3 + 4);
    expect(said.join('\n')).to.match(/SPOTLEARN_BENCH_TRACES/);
    expect(rows.find(({ name }) => name === 'all: deadlines missed')).to.include({ value: 0, unit: 'of 240' });
    expect(rows.find(({ name }) => name === 'high availability, 90 %, slack 100 %: cost')?.ratio).to.be.greaterThan(
      2.5,
    );
  });

  it('plays recordings as well where there are any', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'traces-'));
    writeFileSync(join(folder, 'zone.json'), JSON.stringify({ metadata: { gap_seconds: 600 }, data: [1, 1, 1, 0] }));
    process.env.SPOTLEARN_BENCH_TRACES = folder;
    try {
      const rows = await benchmark.run({ rounds: 1, rows: 1, say: () => undefined });
      expect(rows.map(({ name }) => name)).to.include('zone (recorded), 75 %, slack 10 %: cost');
    } finally {
      delete process.env.SPOTLEARN_BENCH_TRACES;
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
