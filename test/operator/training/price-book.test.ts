// The book of live prices: how often it asks, what it keeps, what it says when EC2 is silent.
import { expect } from 'chai';
import { LONGEST_PAST_MS, PRICE_AGE_MS, PRICE_RETRY_MS, PriceBook } from '../../../operator/training/price-book.ts';
import { FakeCompute, failure } from '../aws.ts';
import { ManualClock } from '../clock.ts';

const HOUR = 3_600_000;

function book(types: readonly string[] = ['m5.large', 'c5.large'], needSince?: () => number | undefined) {
  const time = new ManualClock();
  const compute = new FakeCompute(() => time.now());
  const asked: { types: readonly string[]; since: number }[] = [];
  const spotPrices = compute.spotPrices.bind(compute);
  compute.spotPrices = (some, since) => {
    asked.push({ types: some, since });
    return spotPrices(some, since);
  };
  const warnings: string[] = [];
  const logger = { warn: (_: object, message: string) => void warnings.push(message) };
  const say = (...points: [hour: number, usd: number][]) => {
    compute.prices.length = 0;
    for (const [hour, usd] of points)
      compute.prices.unshift({ instanceType: 'm5.large', zone: 'a', usd, at: time.now() + hour * HOUR });
  };
  const all = { types };
  const prices = new PriceBook({ compute, types: () => all.types, needSince, now: () => time.now(), logger });
  return { time, compute, prices, asked, warnings, say, all };
}

describe('The price book', () => {
  it('asks once for all types, for many callers and at most every five minutes', async () => {
    const { prices, asked, time } = book();
    await Promise.all([prices.refresh(), prices.refresh(), prices.refresh()]);
    await prices.refresh();
    expect(asked.map(({ types }) => types)).to.deep.equal([['m5.large', 'c5.large']]);
    await time.advance(PRICE_AGE_MS - 1);
    await prices.refresh();
    expect(asked).to.have.length(1);
    await time.advance(1);
    await prices.refresh();
    expect(asked).to.have.length(2);
  });

  it('asks nothing when no type is worth it', async () => {
    const { prices, asked } = book([]);
    await prices.refresh();
    expect(asked).to.deep.equal([]);
  });

  it('knows the live price of a pool, and nothing of other pools', async () => {
    const { prices, say } = book();
    say([-3, 0.02], [-1, 0.04]);
    await prices.refresh();
    expect(prices.now('m5.large', 'a')).to.equal(0.04);
    expect(prices.now('m5.large', 'b')).to.equal(undefined);
    expect(prices.usd('m5.large', 'b', 0, 1)).to.equal(undefined);
    expect(prices.series('c5.large', 'a')).to.deep.equal([]);
  });

  it('integrates over a run, with changes it learned of in several readings', async () => {
    const { prices, say, time } = book();
    const began = time.now();
    say([-1, 0.02]);
    await prices.refresh();
    await time.advance(HOUR);
    say([0, 0.06]);
    await prices.refresh();
    await time.advance(HOUR);
    expect(prices.usd('m5.large', 'a', began, time.now())).to.be.closeTo(0.02 + 0.06, 1e-12);
  });

  it('of two changes in the same second takes the newer, which EC2 names first', async () => {
    const { prices, say } = book();
    say([-1, 0.02], [-1, 0.09]);
    await prices.refresh();
    expect(prices.now('m5.large', 'a')).to.equal(0.09);
  });

  it('keeps what it knew when EC2 does not answer, says so in a constant message, and asks again after a minute', async () => {
    const { prices, compute, say, time, asked, warnings } = book();
    say([-1, 0.02]);
    await prices.refresh();
    await time.advance(PRICE_AGE_MS);
    compute.before('spotPrices', failure('throttled'));
    await prices.refresh();
    await prices.refresh();
    expect(prices.now('m5.large', 'a')).to.equal(0.02);
    expect(warnings).to.deep.equal(['spot prices not read']);
    expect(asked).to.have.length(2);
    await time.advance(PRICE_RETRY_MS);
    await prices.refresh();
    expect(asked).to.have.length(3);
  });

  it('reaches back to the oldest running attempt, then asks only for what is new', async () => {
    let oldest: number | undefined;
    const { prices, time, asked, all } = book(['m5.large'], () => oldest);
    const back = () => (time.now() - (asked.at(-1)?.since ?? 0)) / HOUR;
    const reread = async () => {
      await time.advance(PRICE_AGE_MS);
      await prices.refresh();
      return back();
    };
    await prices.refresh();
    expect(back(), 'a day, for quotes').to.equal(24);
    expect(await reread()).to.be.closeTo(20 / 60, 1e-9);
    oldest = time.now() - 50 * HOUR;
    expect(await reread()).to.be.closeTo(50 + 5 / 60, 1e-9);
    expect(await reread()).to.be.closeTo(20 / 60, 1e-9);
    oldest = time.now() - 2 * LONGEST_PAST_MS;
    expect(await reread()).to.equal(LONGEST_PAST_MS / HOUR);
    oldest = undefined;
    expect(await reread()).to.be.closeTo(20 / 60, 1e-9);
    all.types = ['m5.large', 'c6i.large'];
    expect(await reread()).to.equal(24);
  });

  it('forgets changes older than every run', async () => {
    const { prices, say, time } = book();
    say([-0.5, 0.02], [-0.25, 0.03]);
    await prices.refresh();
    expect(prices.series('m5.large', 'a')).to.have.length(2);
    say();
    await time.advance(25 * HOUR);
    await prices.refresh();
    expect(prices.series('m5.large', 'a').map(({ usd }) => usd)).to.deep.equal([0.03]);
  });

  it('asks again at once when the clock was set back', async () => {
    const { compute } = book();
    let now = 10 * HOUR;
    const prices = new PriceBook({ compute, types: () => ['m5.large'], now: () => now, logger: { warn: () => {} } });
    await prices.refresh();
    now = HOUR;
    await prices.refresh();
    expect(compute.calls).to.have.length(2);
  });
});
