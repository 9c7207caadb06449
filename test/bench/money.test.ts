// The benchmark of money: the independent bill by hand, the comparison on a small replay, the witness of a month's limit, and that limit
// under a few dozen jobs at once; never how long things took.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Measurement } from '../../bench/measurement.ts';
import { benchmark, measure, type Scale } from '../../bench/money.ts';
import { awsBill, billedSeconds, lambdaBill, perSecond, type Run, total } from '../../bench/money/bill.ts';
import { apart, compare, type Compared, groupsOf, largestOf, replay, rowsOf } from '../../bench/money/comparison.ts';
import { generated, type Market, recorded } from '../../bench/money/histories.ts';
import { drawn, lambda, lineOf, meteredLine, RECORDED } from '../../bench/money/lambda.ts';
import {
  matrix,
  type Outcome,
  play,
  rowsOf as outcomeRows,
  type Scenario,
  scenarios,
} from '../../bench/money/overshoot.ts';
import { CLASSES, pointsOf, type Replayed, runsOf } from '../../bench/money/replay.ts';
import { Witness } from '../../bench/money/witness.ts';
import { misses } from '../../bench/target.ts';

const HOUR = 3_600_000;
const at = (time: string): number => Date.parse(`2026-${time}Z`);
/** 0.10 USD an hour, from 10:45 on 0.20. */
const PRICES = [
  { at: at('11-24T00:00:00'), usd: 0.1 },
  { at: at('11-24T10:45:00'), usd: 0.2 },
];
const run = (launched: string, ended: string, more: Partial<Run> = {}): Run => ({
  launched: at(launched),
  ended: at(ended),
  prices: PRICES,
  volumeGb: 0,
  ...more,
});

describe('The independent bill', () => {
  const sum = (one: Run) => total(awsBill(one));

  it('counts a minute at least, then every second begun', () => {
    expect(sum(run('11-24T10:00:00', '11-24T10:00:01'))).to.be.closeTo(0.1 / 60, 1e-12);
    expect(sum(run('11-24T10:00:00', '11-24T10:01:40.2'))).to.be.closeTo((0.1 * 101) / 3600, 1e-12);
    expect(billedSeconds(run('11-24T10:00:00', '11-24T10:00:00'))).to.equal(60);
  });

  it('takes the price at the beginning of each hour since the launch, or of each hour of the clock', () => {
    const long = run('11-24T10:30:00', '11-24T12:00:00');
    expect(sum(long)).to.be.closeTo(0.1 + 0.2 / 2, 1e-9);
    expect(total(awsBill(long, 'clock'))).to.be.closeTo(0.1 / 2 + 0.2, 1e-9);
    expect(total(perSecond(long))).to.be.closeTo(0.1 / 4 + 0.2 * 1.25, 1e-9);
  });

  it('takes the first known price before the first change', () => {
    expect(sum(run('11-23T10:00:00', '11-23T11:00:00'))).to.be.closeTo(0.1, 1e-9);
  });

  it('bills the volume by the length of its month', () => {
    const free = { prices: [{ at: 0, usd: 0 }], volumeGb: 50 };
    const day = (month: string) => sum(run(`${month}-10T00:00:00`, `${month}-11T00:00:00`, free));
    expect(day('11')).to.be.closeTo((0.08 * 50) / 30, 1e-9);
    expect(day('02')).to.be.closeTo((0.08 * 50) / 28, 1e-9);
  });

  it('puts each second into its month', () => {
    const over = run('11-30T23:00:00', '12-01T02:00:00', { volumeGb: 50 });
    const months = awsBill(over);
    expect([...months.keys()]).to.deep.equal(['2026-11', '2026-12']);
    expect(months.get('2026-11')).to.be.closeTo(0.2 + (0.08 * 50) / 30 / 24, 1e-9);
    expect(months.get('2026-12')).to.be.closeTo(0.4 + (2 * 0.08 * 50) / 31 / 24, 1e-9);
    expect([...perSecond(over).values()]).to.deep.equal([...months.values()]);
  });

  it('knows what a public address costs', () => {
    const two = run('11-24T10:00:00', '11-24T12:00:00');
    expect(total(awsBill({ ...two, publicAddress: true })) - total(awsBill(two))).to.be.closeTo(0.01, 1e-9);
  });

  it('prices a REPORT line by its billed milliseconds and its memory', () => {
    const line = lineOf({ durationMs: 900.4, billedMs: 1000, memoryMb: 2048, usedMb: 99, initMs: 99 }, 1);
    expect(line).to.match(
      /^REPORT RequestId: \S+\tDuration: 900\.40 ms\tBilled Duration: 1000 ms\tMemory Size: 2048 MB\t/,
    );
    expect(lambdaBill(line, 'x86_64')).to.be.closeTo(2 * 0.0000166667 + 0.0000002, 1e-15);
    expect(lambdaBill(line, 'arm64')).to.be.closeTo(2 * 0.0000133334 + 0.0000002, 1e-15);
  });
});

describe('Histories of prices', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-prices-'));
  after(() => rmSync(folder, { recursive: true }));

  it('are the same for the same seed, go forward, and move by per cents or wildly', () => {
    expect(generated(3)).to.deep.equal(generated(3));
    expect(generated(3)).to.not.deep.equal(generated(4));
    const [calm, wild] = generated(3) as [Market, Market];
    expect([calm.wild, wild.wild]).to.deep.equal([false, true]);
    const steps = ({ pools }: Market) =>
      pools.flatMap(({ changes }) => changes.slice(1).map(({ usd }, n) => usd / (changes[n]?.usd ?? usd)));
    const largest = (market: Market) => steps(market).reduce((most, step) => Math.max(most, step));
    expect(largest(calm)).to.be.within(1.01, 1.1);
    expect(largest(wild)).to.be.greaterThan(5);
    for (const { pools } of [calm, wild])
      for (const { changes } of pools)
        expect(changes.every((change, n) => n === 0 || change.at > (changes[n - 1]?.at ?? 0))).to.equal(true);
  });

  it('are read as the command line of EC2 prints them', () => {
    const line = (zone: string, product: string, usd: string, time: string) =>
      [zone, 'm5.large', product, usd, `2026-01-${time}:00+00:00`].join('\t');
    const lines = [
      line('a', 'Linux/UNIX', '0.0401', '01T06:00'),
      line('a', 'Linux/UNIX', '0.0400', '01T00:00'),
      line('a', 'Windows', '0.2', '01T01:00'),
      line('a', 'Linux/UNIX', 'dear', '01T02:00'),
      line('late', 'Linux/UNIX', '0.04', '02T00:00'),
      '',
    ];
    writeFileSync(join(folder, 'calm.tsv'), lines.join('\n'));
    const jumps = Array.from({ length: 20 }, (_, n) =>
      line('b', 'Linux/UNIX', n % 2 ? '0.4' : '0.04', `01T${10 + (n % 10)}:0${Math.floor(n / 10)}`),
    );
    writeFileSync(join(folder, 'wild.tsv'), jumps.join('\n'));
    writeFileSync(join(folder, 'empty.tsv'), '\n');
    writeFileSync(join(folder, 'notes.md'), 'no prices');
    const markets = recorded(folder);
    expect(markets.map(({ name, wild }) => [name, wild])).to.deep.equal([
      ['calm (recorded)', false],
      ['wild (recorded)', true],
    ]);
    expect(markets[0]?.pools).to.deep.equal([
      {
        zone: 'a',
        type: 'm5.large',
        changes: [
          { at: at('01-01T00:00:00'), usd: 0.04 },
          { at: at('01-01T06:00:00'), usd: 0.0401 },
        ],
      },
    ]);
    expect(groupsOf(generated(1), markets).map(({ name }) => name)).to.include.members([
      'calm recordings (1)',
      'wild recordings (1)',
    ]);
  });
});

describe('Runs that are replayed', () => {
  const [calm, wild] = generated(1) as [Market, Market];

  it('are of every duration, within what is known, some of them interrupted or over a month’s end', () => {
    const runs = runsOf(calm, 400, 5);
    expect(runs).to.deep.equal(runsOf(calm, 400, 5));
    for (const { name, from, to } of CLASSES) {
      const those = runs.filter(({ duration }) => duration === name);
      expect(those).to.have.length(100);
      for (const { run: one } of those) expect(one.ended - one.launched).to.be.within(from, to);
    }
    expect(runs.filter(({ interrupted }) => interrupted).length).to.be.within(40, 120);
    expect(runs.filter(({ run: one }) => awsBill(one).size > 1).length).to.be.greaterThan(10);
    for (const { run: one, pool } of runs)
      expect(one.launched).to.be.within(pool.changes[0]?.at ?? Infinity, calm.until - (one.ended - one.launched));
  });

  it('leave out what is longer than the history', () => {
    const short = { ...calm, until: (calm.pools[0]?.changes[0]?.at ?? 0) + 2 * HOUR };
    expect(runsOf(short, 40, 1).some(({ duration }) => duration === 'days')).to.equal(false);
  });

  it('are told prices as EC2 tells them: the newest first, and the one in force at the beginning', () => {
    const pool = { type: 'm5.large', zone: 'a', changes: PRICES };
    const asked = pointsOf(pool, at('11-24T10:00:00'), at('11-24T11:00:00'));
    expect(asked.map(({ usd }) => usd)).to.deep.equal([0.2, 0.1]);
    expect(pointsOf(pool, at('11-24T10:00:00'), at('11-24T10:30:00')).map(({ usd }) => usd)).to.deep.equal([0.1]);
  });

  it('cost within 5 % of AWS’s rule by our meter, each of them and by month, however prices move', async () => {
    for (const group of groupsOf([calm, wild], [])) {
      const compared = await replay(group, 80, 2);
      expect(compared).to.have.length(80);
      const rows = rowsOf(group, compared);
      expect(rows.length).to.be.greaterThan(14);
      expect(misses(rows)).to.deep.equal([]);
      for (const { ours, bill } of compared) expect(apart(ours, total(bill))).to.be.at.most(5);
      for (const one of compared)
        expect(total(one.oursByMonth), 'the ledger and the attempt').to.be.closeTo(one.ours, 1e-6);
    }
  });

  it('would not by the price of each second, where prices are wild', async () => {
    const compared = await replay({ name: 'w', markets: [wild], wild: true }, 80, 2);
    expect(
      Math.max(...compared.map(({ perSecond: theirs, bill }) => apart(total(theirs), total(bill)))),
    ).to.be.greaterThan(5);
  });

  it('miss the limit when the meter is off', async () => {
    const [first] = runsOf(calm, 1, 1) as [Replayed];
    const right = await compare(first);
    const off: Compared = { ...right, ours: right.ours * 1.1, oursByMonth: new Map() };
    expect(misses([largestOf([off])])).to.have.length(1);
    const group = { name: 'calm', markets: [calm], wild: false };
    expect(misses(rowsOf(group, [off])).map((miss) => miss.split(':')[0])).to.include.members([
      'calm, under a minute (1 runs)',
      'calm',
    ]);
  });

  it('say what EC2 takes off of what it interrupted in the first hour', async () => {
    const [first] = runsOf(calm, 1, 1) as [Replayed];
    const rows = async (interrupted: boolean) =>
      rowsOf({ name: 'calm', markets: [calm], wild: false }, [await compare({ ...first, interrupted })]);
    const off = (all: Measurement[]) => all.find(({ name }) => name.includes('takes off'))?.value;
    expect(off(await rows(false))).to.equal(0);
    expect(off(await rows(true))).to.be.within(50, 99);
  });
});

describe('REPORT lines', () => {
  it('that people published bill the initialisation', () => {
    for (const { durationMs, initMs = 0, billedMs } of RECORDED)
      expect(billedMs).to.equal(Math.ceil(durationMs + initMs));
  });

  it('cost the same by our meter and by AWS’s rule on x86_64', () => {
    for (const [n, figures] of [...RECORDED, ...drawn(200, 7)].entries()) {
      const line = lineOf(figures, n);
      expect(apart(meteredLine(line, 'x86_64'), lambdaBill(line, 'x86_64')), line).to.be.at.most(1);
    }
    expect(misses(lambda(50, 1).filter(({ name }) => name.includes('x86_64')))).to.deep.equal([]);
    expect(drawn(300, 7).some(({ status }) => status === undefined)).to.equal(true);
  });

  it('that are none are not priced', () => {
    expect(() => meteredLine('END RequestId: x', 'arm64')).to.throw(/no REPORT line/);
  });
});

describe('The witness of a month’s limit', () => {
  const held = (reservedUsd: number, more: object = {}) =>
    ({ cost: { reservedUsd }, phase: 'Running', ...more }) as never;

  it('adds up what is spent and what everything that goes on may still cost', () => {
    const witness = new Witness(10, 4);
    witness.sees('a', held(3));
    witness.sees('b', held(3));
    expect(witness).to.include({ admitted: 2, heldUsd: 6, spentUsd: 4, exposureUsd: 10, overshootUsd: 0 });
    witness.charges('a', 1);
    expect(witness).to.include({ heldUsd: 5, spentUsd: 5, overshootUsd: 0 });
    witness.sees('a', held(0, { phase: 'Succeeded' }));
    expect(witness).to.include({ heldUsd: 3, spentUsd: 5, exposureUsd: 8 });
  });

  it('remembers the worst moment', () => {
    const witness = new Witness(10, 4);
    witness.sees('a', held(6.5));
    witness.sees('a', held(0, { phase: 'Cancelled' }));
    expect(witness.exposureUsd).to.equal(4);
    expect(witness.overshootUsd).to.be.closeTo(0.5, 1e-9);
    expect(new Witness(0.3, 0.1 + 0.2).overshootUsd).to.equal(0);
  });

  it('notices who is paid for without a reservation, and who was told nothing', () => {
    const witness = new Witness(10, 0);
    witness.sees('a', held(0, { attempts: [{}] }));
    witness.charges('b', 0.1);
    witness.sees('c', undefined);
    witness.sees('d', { message: 'It waits for room.' });
    witness.sees('e', {
      conditions: [{ type: 'Accepted', status: 'True', reason: 'Admitted', message: '', lastTransitionTime: '' }],
    });
    witness.charges('f', 0);
    expect([...witness.uncovered]).to.deep.equal(['a', 'b']);
    expect(witness.told).to.equal(2);
    expect(witness.news).to.equal(4);
  });

  it('is shown as a matrix, and as rows with a limit of none', () => {
    const [scenario] = scenarios(1000) as [Scenario];
    const outcome: Outcome = {
      scenario,
      ...{ admitted: 12, heldUsd: 6, spentUsd: 4, overshootUsd: 0.5, uncovered: 0, untold: 1, seconds: 1 },
    };
    expect(matrix([outcome])).to.match(
      /^scenario +admitted .*\n1000 trainings +12 +6\.0000 +4\.0000 +10\.0000 +0\.5000$/,
    );
    expect(misses(outcomeRows(outcome))).to.have.length(2);
    expect(misses(outcomeRows({ ...outcome, overshootUsd: 0, untold: 0 }))).to.deep.equal([]);
  });
});

describe('A month’s limit', function () {
  this.timeout(240_000);

  for (const scenario of scenarios(40))
    it(`is kept by ${scenario.name}`, async () => {
      const outcome = await play(scenario);
      expect(outcome).to.include({ overshootUsd: 0, uncovered: 0, untold: 0 });
      expect(outcome.spentUsd + outcome.heldUsd).to.be.within(4, 10);
      if (scenario.predictions === 0) expect(outcome).to.include({ admitted: 12, heldUsd: 6, spentUsd: 4 });
      if (scenario.trainings === 0) {
        expect(outcome.admitted).to.equal(40);
        expect(outcome.spentUsd).to.be.closeTo(4 + 40 * (300 * (1769 / 1024) * 0.0000166667 + 0.0000002), 1e-6);
      }
    });
});

describe('The benchmark of money', function () {
  this.timeout(120_000);
  const TINY: Scale = {
    ...{ runs: 8, lines: 20, jobs: 20, decisions: 20, rounds: 1, appends: 20, entries: 1000 },
    prices: undefined,
  };
  const said: string[] = [];
  const say = (text: string) => void said.push(text);

  it('measures each part that is asked for, and says what is beyond its limit', async () => {
    const rows = await measure(TINY, ['bill', 'admissions', 'ledger'], say);
    const named = (part: string) => rows.some(({ name }) => name.includes(part));
    for (const part of [
      'largest difference to the independent bill',
      'admissions judged',
      'ledger: append',
      'summary of a month',
    ])
      expect(named(part), part).to.equal(true);
    expect(said.join('\n'))
      .to.match(/^— bill\n/)
      .and.match(/every limit is kept|beyond a limit/);
  });

  it('replays recorded prices from the folder it is given', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-prices-'));
    try {
      const lines = [0, 1, 2, 3].map((day) =>
        ['a', 'm5.large', 'Linux/UNIX', `0.04${day}`, `2026-01-0${day + 1}T00:00:00Z`].join('\t'),
      );
      writeFileSync(join(folder, 'one.tsv'), lines.join('\n'));
      const rows = await measure({ ...TINY, prices: folder }, ['bill'], say);
      expect(rows.some(({ name }) => name.startsWith('calm recordings (1), hours'))).to.equal(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses a part that there is not', async () => {
    const error = await measure(TINY, ['gold'], say).catch((thrown: unknown) => thrown);
    expect(String(error)).to.match(/no part “gold”/);
  });

  it('takes the parts from the words after its name', async () => {
    const rows = await benchmark.run({ rounds: 1, rows: 1, more: ['predictions'], say });
    expect(rows).to.have.length(6);
    expect(rows[0]?.name).to.match(/^predictions on x86_64 \(1003 REPORT lines\)/);
  });
});
