import { expect } from 'chai';
import fc from 'fast-check';
import {
  BOOT_SECONDS,
  chooseMarket,
  estimateWork,
  FINISHING_SECONDS,
  longestChangeover,
  type MarketInput,
  type WorkInput,
} from '../../../operator/training/deadline.ts';

const HOUR = 3600;
const NOON = Date.parse('2026-11-24T12:00:00Z');

/** Ten hours of work in 20 hours, half of the time over, half of the work done. */
const HALFWAY: MarketInput = {
  now: NOON,
  start: NOON - 10 * HOUR * 1000,
  deadline: NOON + 10 * HOUR * 1000,
  workSeconds: 5 * HOUR,
  totalSeconds: 10 * HOUR,
  doneSeconds: 5 * HOUR,
  changeoverSeconds: 300,
  market: undefined,
  spotAvailable: false,
  onDemandPrice: 0.2,
  spotPrice: 0.06,
  budgetLeftUsd: Infinity,
};
const done = (seconds: number): Partial<MarketInput> => ({
  doneSeconds: seconds,
  workSeconds: 10 * HOUR - seconds,
});
/** Time left, in seconds. */
const left = (seconds: number): Partial<MarketInput> => ({ deadline: NOON + seconds * 1000 });
const onDemand: Partial<MarketInput> = { market: 'on-demand' };
const spot: Partial<MarketInput> = { market: 'spot', spotAvailable: true };
const there: Partial<MarketInput> = { spotAvailable: true };

const CHOICES: [title: string, change: Partial<MarketInput>, choice: string, reason: RegExp][] = [
  ['on the line and no Spot: wait', {}, 'Wait', /ahead of an even progress/],
  ['behind the line and no Spot: on-demand catches up', done(5 * HOUR - 1), 'OnDemand', /behind an even progress/],
  ['behind the line with Spot: the risk is taken', { ...done(HOUR), ...there }, 'Spot', /time to try it/],
  ['ahead with Spot: Spot', there, 'Spot', /time to try it/],
  ['at the very start without Spot: wait', { start: NOON, ...left(20 * HOUR), ...done(0) }, 'Wait', /ahead/],

  ['on Spot: stay', spot, 'Spot', /as long as it lasts/],
  ['on Spot, far behind: stay', { ...spot, ...done(0) }, 'Spot', /as long as it lasts/],
  ['on Spot, inside the safety net: stay', { ...spot, ...left(5 * HOUR) }, 'Spot', /as long as it lasts/],
  ['on Spot that others are refused: stay', { ...spot, spotAvailable: false }, 'Spot', /as long as it lasts/],
  ['on Spot after the deadline: stay', { ...spot, ...left(-1) }, 'Spot', /as long as it lasts/],

  ['two changeovers left: the safety net', left(5 * HOUR + 600), 'OnDemand', /another try of Spot/],
  ['… whatever Spot there is', { ...left(5 * HOUR + 600), ...there }, 'OnDemand', /another try of Spot/],
  ['a second more: a last try of Spot', { ...left(5 * HOUR + 601), ...there }, 'Spot', /time to try/],
  ['in the net on on-demand: to the end', { ...left(5 * HOUR), ...there, ...onDemand }, 'OnDemand', /to the end/],

  ['on on-demand, behind: stay, Spot or not', { ...onDemand, ...there, ...done(4 * HOUR) }, 'OnDemand', /catches up/],
  ['on on-demand, on the line: stay', { ...onDemand, ...there }, 'OnDemand', /catches up/],
  ['… until two changeovers ahead', { ...onDemand, ...there, ...done(5 * HOUR + 299) }, 'OnDemand', /catches up/],
  ['two changeovers ahead: back to Spot', { ...onDemand, ...there, ...done(5 * HOUR + 300) }, 'Spot', /time to try/],
  [
    'two changeovers ahead and no Spot: stay',
    { ...onDemand, ...done(6 * HOUR) },
    'OnDemand',
    /no Spot capacity to change/,
  ],
  [
    'on on-demand, far ahead, but the rest is less than a changeover is worth: stay',
    { ...onDemand, ...there, ...done(10 * HOUR - 100) },
    'OnDemand',
    /would save nothing/,
  ],
  [
    'on on-demand where Spot is dearer: stay',
    { ...onDemand, ...there, ...done(9 * HOUR), spotPrice: 0.3 },
    'OnDemand',
    /would save nothing/,
  ],

  [
    'behind, but the rest on demand costs more than is left: wait',
    { ...done(4 * HOUR), budgetLeftUsd: 1.2 },
    'Wait',
    /about 1\.22 USD, more than the 1\.20 USD that the budget has left: the job waits/,
  ],
  [
    '… exactly what is left: on-demand',
    { ...done(4 * HOUR), budgetLeftUsd: (0.2 * (6 * HOUR + 300)) / HOUR },
    'OnDemand',
    /behind/,
  ],
  [
    'in the net without the money: Spot if there is any',
    { ...left(5 * HOUR + 600), ...there, budgetLeftUsd: 0.5 },
    'Spot',
    /more than the 0\.50 USD .*: Spot is used/,
  ],
  [
    'on on-demand that grew too dear: release it',
    { ...onDemand, budgetLeftUsd: 0.9 },
    'Wait',
    /about 1\.00 USD, more than the 0\.90/,
  ],
  [
    'on on-demand that can be paid for to the end: stay',
    { ...onDemand, ...done(6 * HOUR), budgetLeftUsd: 0.8 },
    'OnDemand',
    /goes on/,
  ],

  ['too late even on demand: no money for it', left(5 * HOUR - 1), 'Wait', /cannot be met, not even on demand/],
  ['… Spot as without a deadline', { ...left(5 * HOUR - 1), ...there }, 'Spot', /cannot be met.*: Spot is used/],
  ['a little short on on-demand: doubt is for it', { ...left(5 * HOUR - 299), ...onDemand }, 'OnDemand', /to the end/],
  ['far too short on on-demand: no more money', { ...left(5 * HOUR - 301), ...onDemand }, 'Wait', /cannot be met/],
  ['the deadline has passed', left(0), 'Wait', /has passed: the job waits for Spot/],
  ['the deadline has passed on on-demand', { ...left(-1), ...onDemand, ...there }, 'Spot', /has passed: Spot is used/],
  ['… a moment before the end', { ...left(-1), ...onDemand, ...done(10 * HOUR - 60) }, 'OnDemand', /it ends the job/],
  ['a deadline before the start', { start: NOON, ...left(-HOUR) }, 'Wait', /has passed/],
];

describe('The market under a deadline', () => {
  for (const [title, change, choice, reason] of CHOICES)
    it(title, () => {
      const chosen = chooseMarket({ ...HALFWAY, ...change });
      expect(chosen.choice).to.equal(choice);
      expect(chosen.reason).to.match(reason);
    });

  it('tells the slack, also when it is negative', () => {
    expect(chooseMarket(HALFWAY).slackSeconds).to.equal(5 * HOUR);
    expect(chooseMarket({ ...HALFWAY, ...left(HOUR) }).slackSeconds).to.equal(-4 * HOUR);
  });

  it('never pays on demand more than the budget has, nor names Spot where there is none', () => {
    const seconds = fc.integer({ min: 0, max: 100_000 });
    const price = fc.double({ min: 0.001, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        fc.record({
          elapsed: seconds,
          left: fc.integer({ min: -1000, max: 100_000 }),
          work: seconds,
          doneSeconds: seconds,
          changeoverSeconds: fc.integer({ min: 1, max: 3000 }),
          market: fc.constantFrom('spot', 'on-demand', undefined),
          spotAvailable: fc.boolean(),
          onDemandPrice: price,
          spotPrice: price,
          budgetLeftUsd: fc.double({ min: 0, max: 100, noNaN: true }),
        }),
        ({ elapsed, left: rest, work, ...more }) => {
          const input: MarketInput = {
            ...more,
            now: NOON,
            start: NOON - elapsed * 1000,
            deadline: NOON + rest * 1000,
            workSeconds: work,
            totalSeconds: work + more.doneSeconds,
          };
          const { choice, slackSeconds, reason } = chooseMarket(input);
          expect(slackSeconds).to.equal(rest - work);
          expect(reason).to.not.equal('');
          if (choice === 'OnDemand') expect((input.onDemandPrice * work) / 3600).to.be.at.most(input.budgetLeftUsd);
          if (choice === 'Spot') expect(input.market === 'spot' || input.spotAvailable).to.equal(true);
          if (input.market === 'spot') expect(choice).to.equal('Spot');
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('counts a changeover with the work that may be lost and the time until it is noticed', () => {
    expect(longestChangeover(60, 10)).to.equal(BOOT_SECONDS + 70);
  });
});

describe('The work left', () => {
  const at = (minutes: number): string => new Date(NOON + minutes * 60_000).toISOString();
  const training = (step: number, more: object = {}) => ({
    stage: 'Training',
    step,
    steps: 100,
    percent: step,
    ...more,
  });
  const base: WorkInput = { now: NOON + 20 * 60_000, progress: undefined, attempts: [], guessSeconds: 1000 };
  const first = { startedAt: at(0) };

  const CASES: [title: string, change: Partial<WorkInput>, work: object][] = [
    [
      'nothing measured: the guess',
      {},
      {
        workSeconds: 1000 + FINISHING_SECONDS,
        totalSeconds: 1000 + FINISHING_SECONDS,
        doneSeconds: 0,
        source: 'Guessed',
      },
    ],
    [
      'before the first step: the guess',
      { progress: training(0), attempts: [{ startedAt: at(19.9) }] },
      { workSeconds: 1060, totalSeconds: 1060, doneSeconds: 0, source: 'Guessed' },
    ],
    [
      'while it trains: the worker’s own speed',
      { progress: training(25, { etaSeconds: 600, lastHeartbeatTime: at(20) }), attempts: [first] },
      { workSeconds: 660, totalSeconds: 860, doneSeconds: 200, source: 'Measured' },
    ],
    [
      '… as of the heartbeat',
      { progress: training(25, { etaSeconds: 600, lastHeartbeatTime: at(19) }), attempts: [first] },
      { workSeconds: 600, totalSeconds: 860, doneSeconds: 260, source: 'Measured' },
    ],
    [
      '… of which nothing is left when the worker is slower than it thought',
      { progress: training(99, { etaSeconds: 10, lastHeartbeatTime: at(19) }), attempts: [first] },
      { workSeconds: 60, totalSeconds: 1060, doneSeconds: 1000, source: 'Measured' },
    ],
    [
      'without the worker’s word: the time the steps took',
      { progress: training(50), attempts: [first] },
      { workSeconds: 1260, totalSeconds: 2460, doneSeconds: 1200, source: 'Measured' },
    ],
    [
      'after a resume: what this attempt gained in its own time',
      {
        progress: training(60),
        attempts: [
          { startedAt: at(-60), endedAt: at(0), lostSeconds: 60 },
          { startedAt: at(10), resumedFromStep: 50 },
        ],
      },
      { workSeconds: 2460, totalSeconds: 6060, doneSeconds: 3600, source: 'Measured' },
    ],
    [
      'just resumed: the speed of the attempt before, without what it lost',
      {
        progress: training(51),
        attempts: [
          { startedAt: at(-10), endedAt: at(0), lostSeconds: 100 },
          { startedAt: at(19.9), resumedFromStep: 50 },
        ],
      },
      { workSeconds: 550, totalSeconds: 1060, doneSeconds: 510, source: 'Measured' },
    ],
    [
      'a new instance that has not told yet: what it was last',
      {
        progress: { stage: 'Downloading', step: 0, steps: 0, percent: 0, lastCheckpointStep: 50 },
        attempts: [{ startedAt: at(0), endedAt: at(10), lostSeconds: 60 }, { startedAt: at(19) }, {}],
        lastWorkSeconds: 700,
      },
      { workSeconds: 700, totalSeconds: 700 + 540 + 60, doneSeconds: 600, source: 'Remembered' },
    ],
    [
      'no instance: what the checkpoint holds',
      {
        progress: training(60, { lastCheckpointStep: 50, etaSeconds: 1 }),
        attempts: [{ startedAt: at(0), endedAt: at(10), lostSeconds: 100 }],
      },
      { workSeconds: 560, totalSeconds: 1060, doneSeconds: 500, source: 'Measured' },
    ],
    [
      'no instance and no checkpoint: all of it',
      { progress: training(60), attempts: [{ startedAt: at(0), endedAt: at(10) }] },
      { workSeconds: 1060, totalSeconds: 1060, doneSeconds: 0, source: 'Guessed' },
    ],
    [
      'an attempt too short to tell: the guess for what is left',
      { progress: training(50), attempts: [{ startedAt: at(19.9) }] },
      { workSeconds: 560, totalSeconds: 1060, doneSeconds: 500, source: 'Guessed' },
    ],
    [
      'the last step done: evaluating and uploading',
      { progress: training(100), attempts: [first] },
      { workSeconds: 60, totalSeconds: 1260, doneSeconds: 1200, source: 'Measured' },
    ],
    [
      'a step beyond the last: no less than that',
      { progress: training(120), attempts: [first] },
      { workSeconds: 60, totalSeconds: 1260, doneSeconds: 1200, source: 'Measured' },
    ],
  ];
  for (const [title, change, work] of CASES)
    it(title, () => {
      const found = estimateWork({ ...base, ...change });
      expect(
        Object.fromEntries(Object.entries(found).map(([k, v]) => [k, typeof v === 'number' ? Math.round(v) : v])),
      ).to.deep.equal(work);
    });

  it('is never negative, never without a number, and adds up', () => {
    const minutes = fc.double({ min: -600, max: 40, noNaN: true });
    const attempt = fc.record(
      {
        startedAt: minutes.map(at),
        endedAt: minutes.map(at),
        resumedFromStep: fc.nat(120),
        lostSeconds: fc.nat(10_000),
      },
      { requiredKeys: [] },
    );
    const progress = fc.record(
      {
        step: fc.nat(120),
        steps: fc.nat(120),
        etaSeconds: fc.nat(100_000),
        lastCheckpointStep: fc.nat(120),
        lastHeartbeatTime: minutes.map(at),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.option(progress, { nil: undefined }),
        fc.array(attempt, { maxLength: 5 }),
        fc.option(fc.nat(100_000), { nil: undefined }),
        (told, attempts, lastWorkSeconds) => {
          const work = estimateWork({ ...base, progress: told, attempts, lastWorkSeconds });
          for (const value of [work.workSeconds, work.totalSeconds, work.doneSeconds])
            expect(value).to.be.at.least(0).and.satisfy(Number.isFinite);
          expect(work.workSeconds + work.doneSeconds).to.be.closeTo(work.totalSeconds, 1e-6);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
