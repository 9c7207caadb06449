// Money of an attempt: pure, then against the Spot prices of the embedded EC2, then in the ledger.
import { expect } from 'chai';
import { computeOf } from '../../../cloud/compute.ts';
import type { Clients } from '../../../cloud/clients.ts';
import { AwsError } from '../../../cloud/errors.ts';
import { LedgerBook } from '../../../cloud/ledger/book.ts';
import { addUsd } from '../../../cloud/money.ts';
import type { LedgerEntry } from '../../../cloud/ledger/entries.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../../crds/crds.generated.ts';
import { chargeFor, chargeMonths, monthsBehind } from '../../../operator/training/charging.ts';
import {
  attemptCost,
  billedSeconds,
  chargeAttempt,
  chargeLost,
  extraUsd,
  hourlyCost,
  lostUsd,
  onDemandCost,
  onDemandUntil,
  minuteCost,
  STOP_SECONDS,
  stopReserve,
  VOLUME_PER_HOUR,
  type PriceSource,
} from '../../../operator/training/costs.ts';
import { PriceBook } from '../../../operator/training/price-book.ts';
import { usdBetween, type Series } from '../../../operator/training/price-series.ts';
import { INSTANCE_TYPES as EC2_TYPES, type InstanceType as EC2Type } from '../../../local/aws/ec2/catalogue.ts';
import { SpotPrices } from '../../../local/aws/ec2/prices.ts';
import { startCloud, type Cloud } from '../../local/aws/ec2/cloud.ts';
import { FakeBucket, failure } from '../aws.ts';

const LAUNCH = Date.parse('2026-11-24T10:00:00Z');
const HOUR = 3_600_000;
const attempt: Attempt = {
  number: 2,
  batch: 'b',
  market: 'spot',
  requestedAt: '2026-11-24T09:59:50Z',
  instanceId: 'i-1',
  instanceType: 'm5.large',
  zone: 'a',
  pricePerHour: 0.03,
  launchedAt: '2026-11-24T10:00:00Z',
};
const onDemand: Attempt = { ...attempt, market: 'on-demand', pricePerHour: 0.096, extraPerHour: 0.066 };
const cluster: Attempt = { ...attempt, market: 'cluster', instanceType: undefined, zone: undefined };

/** The pool m5.large in zone a, and no other. */
function source(series: Series, live = series.at(-1)?.usd): PriceSource {
  const known = (type: string, zone: string) => type === 'm5.large' && zone === 'a';
  return {
    usd: (type, zone, from, to, launch) => (known(type, zone) ? usdBetween(series, from, to, launch) : undefined),
    now: (type, zone) => (known(type, zone) ? live : undefined),
  };
}
const rising = source([
  { at: LAUNCH - HOUR, usd: 0.03 },
  { at: LAUNCH + HOUR, usd: 0.05 },
]);

describe('The cost of an attempt', () => {
  const volume = (seconds: number) => (VOLUME_PER_HOUR * seconds) / 3600;
  const rows: [what: string, attempt: Attempt, seconds: number, prices: PriceSource | undefined, usd: number][] = [
    ['nothing before the launch', { ...attempt, launchedAt: undefined }, 3600, rising, 0],
    ['a minute at least', attempt, 1, undefined, 0.03 / 60 + volume(60)],
    ['a minute at least, by live prices', attempt, 1, rising, 0.03 / 60 + volume(60)],
    ['then every second begun', attempt, 100.2, undefined, (0.03 * 101) / 3600 + volume(101)],
    ['then every second begun, by live prices', attempt, 100.2, rising, (0.03 * 101) / 3600 + volume(101)],
    ['an hour at the launch price without a book', attempt, 3600, undefined, 0.03 + volume(3600)],
    ['a change of the price inside the run', attempt, 7200, rising, 0.03 + 0.05 + volume(7200)],
    ['the launch price in a pool unknown to the book', { ...attempt, zone: 'b' }, 3600, rising, 0.03 + volume(3600)],
    ['the list price on demand, whatever Spot does', onDemand, 7200, rising, 2 * 0.096 + volume(7200)],
    [
      'the launch price of an unlisted type',
      { ...onDemand, instanceType: 'x9.huge' },
      3600,
      rising,
      0.096 + volume(3600),
    ],
    ['nothing on the cluster', cluster, 7200, rising, 0],
    [
      'an address beside it, where it has one',
      { ...attempt, addressPerHour: 0.005 },
      3600,
      rising,
      0.035 + volume(3600),
    ],
  ];
  for (const [what, one, seconds, prices, usd] of rows)
    it(`is ${what}`, () => {
      expect(attemptCost(one, LAUNCH + seconds * 1000, prices)).to.be.closeTo(usd, 1e-6);
    });

  it('counts whole seconds, sixty at least', () => {
    expect(billedSeconds(attempt, LAUNCH + 30_000)).to.equal(60);
    expect(billedSeconds(attempt, LAUNCH + 61_001)).to.equal(62);
    expect(billedSeconds({ ...attempt, launchedAt: undefined }, LAUNCH)).to.equal(0);
  });

  it('is compared with the same time on demand', () => {
    expect(onDemandCost(attempt, 0.03 + VOLUME_PER_HOUR)).to.be.closeTo(0.096 + VOLUME_PER_HOUR, 1e-5);
    expect(onDemandCost(attempt, 0.05 + VOLUME_PER_HOUR, rising)).to.be.closeTo(0.096 + VOLUME_PER_HOUR, 1e-5);
    expect(onDemandCost(onDemand, 1, rising)).to.be.closeTo(1, 1e-6);
    expect(onDemandCost(cluster, 0)).to.equal(0);
    expect(onDemandUntil(attempt, LAUNCH + 2 * HOUR)).to.be.closeTo(2 * (0.096 + VOLUME_PER_HOUR), 1e-5);
    expect(onDemandUntil(cluster, LAUNCH + 2 * HOUR)).to.equal(0);
  });

  it('says what on-demand cost above the cheapest Spot pool', () => {
    expect(extraUsd(onDemand, LAUNCH + 2 * HOUR)).to.equal(0.132);
    expect(extraUsd(attempt, LAUNCH + 2 * HOUR)).to.equal(0);
  });

  it('says what lost work had cost, at the prices of that time', () => {
    const ended = { ...attempt, endedAt: '2026-11-24T11:30:00Z' };
    expect(lostUsd(ended, 3600, rising)).to.be.closeTo(0.03 / 2 + 0.05 / 2 + volume(3600), 1e-6);
    expect(lostUsd(ended, 3600)).to.be.closeTo(0.03 + volume(3600), 1e-6);
    expect(lostUsd(attempt, 3600, rising)).to.be.closeTo(0.05 + volume(3600), 1e-6);
    expect(lostUsd({ ...onDemand, endedAt: ended.endedAt }, 3600, rising)).to.be.closeTo(0.096 + volume(3600), 1e-6);
    expect(lostUsd(attempt, 0)).to.equal(0);
    expect(lostUsd(cluster, 60)).to.equal(0);
  });
});

describe('What must be left to stop in time', () => {
  const reserve = (price: number) => ((price + VOLUME_PER_HOUR) * STOP_SECONDS) / 3600;
  it('follows the price up, never down', () => {
    expect(stopReserve(attempt)).to.be.closeTo(reserve(0.03), 1e-12);
    expect(stopReserve(attempt, source([], 0.09))).to.be.closeTo(reserve(0.09), 1e-12);
    expect(stopReserve(attempt, source([], 0.01))).to.be.closeTo(reserve(0.03), 1e-12);
    expect(stopReserve(onDemand, source([], 0.5))).to.be.closeTo(reserve(0.096), 1e-12);
    expect(stopReserve(cluster, source([], 0.5))).to.equal(0);
  });

  it('and the first minute are the smallest budget', () => {
    expect(minuteCost(0.03)).to.be.closeTo(reserve(0.03) + (0.03 + VOLUME_PER_HOUR) / 60, 1e-9);
  });

  it('stops a job before its limit although the price tripled on the way', () => {
    const budget = 0.1;
    const prices = source([
      { at: LAUNCH, usd: 0.03 },
      { at: LAUNCH + HOUR, usd: 0.09 },
    ]);
    let second = 0;
    while (attemptCost(attempt, LAUNCH + second * 1000, prices) + stopReserve(attempt, prices) < budget) second += 5;
    expect(second).to.be.greaterThan(3600);
    expect(attemptCost(attempt, LAUNCH + (second + STOP_SECONDS) * 1000, prices)).to.be.within(
      0.99 * budget,
      1.002 * budget,
    );
    expect(attemptCost(attempt, LAUNCH + (second + STOP_SECONDS - 5) * 1000, prices)).to.be.at.most(budget);
  });
});

describe('The sums in the status', () => {
  const begun: TrainingJobStatus = { attempts: [attempt], cost: { actualUsd: 1, onDemandUsd: 3 } };

  it('move by what the attempt cost since the last time', () => {
    const once = chargeAttempt(begun, attempt, 0.0355, undefined);
    const again = chargeAttempt(once, once.attempts?.[0] as Attempt, 0.071);
    expect(again.attempts?.[0]?.costUsd).to.equal(0.071);
    expect(again.cost?.actualUsd).to.be.closeTo(1.071, 1e-9);
    expect(again.cost?.onDemandUsd).to.be.closeTo(3 + 2 * (0.096 + VOLUME_PER_HOUR), 1e-3);
    expect(again.cost).to.not.have.property('extraUsd');
    expect(chargeAttempt(again, again.attempts?.[0] as Attempt, 0.071)).to.deep.equal(again);
  });

  it('compare every hour with on-demand at the price of that hour', () => {
    const first = chargeAttempt(begun, attempt, 0.03 + VOLUME_PER_HOUR, source([], 0.03));
    const second = chargeAttempt(first, first.attempts?.[0] as Attempt, 0.08 + 2 * VOLUME_PER_HOUR, rising);
    expect(second.cost?.onDemandUsd).to.be.closeTo(3 + 2 * (0.096 + VOLUME_PER_HOUR), 1e-5);
  });

  it('tell what on-demand cost more than Spot', () => {
    const status = { attempts: [onDemand], cost: { extraUsd: 0.5 } };
    const charged = chargeAttempt(status, onDemand, 2 * (0.096 + VOLUME_PER_HOUR), rising);
    expect(charged.cost?.extraUsd).to.be.closeTo(0.5 + extraUsd(onDemand, LAUNCH + 2 * HOUR), 1e-5);
  });

  it('tell what was lost, once', () => {
    const lost = chargeLost(begun, attempt, 0.01);
    expect(lost.cost).to.deep.equal({ actualUsd: 1, onDemandUsd: 3, lostUsd: 0.01 });
    expect(lost.attempts?.[0]?.lostUsd).to.equal(0.01);
    expect(chargeLost(lost, attempt, 0.01)).to.equal(lost);
    expect(chargeLost(lost, attempt, 0.015).cost?.lostUsd).to.equal(0.015);
  });
});

describe('The cost of an attempt against the bill of the embedded EC2', function () {
  this.timeout(20_000);
  let cloud: Cloud;
  let now = Date.parse('2026-11-24T08:00:00Z');
  const clients = {
    ec2: async () => {
      // Signed with the cloud's time: a signature of another time is refused.
      cloud.client.config.systemClockOffset = now - Date.now();
      return cloud.client;
    },
  } as unknown as Clients;
  const bookOf = (types: string[], needSince: number) =>
    new PriceBook({
      compute: computeOf(clients, 'spotlearn', () => now),
      types: () => types,
      needSince: () => needSince,
      now: () => now,
      logger: { warn: () => expect.fail('EC2 did not answer') },
    });
  before(async () => {
    cloud = await startCloud({ clock: { now: () => now, after: () => () => undefined } });
  });
  after(() => cloud.close());

  it('is within 5 % when the price changes twice inside the run, also read late', async () => {
    const prices = bookOf(['m5.large', 'c5.large'], now);
    const zone = 'us-east-1a';
    const run: Attempt = { ...attempt, zone, launchedAt: new Date(now).toISOString(), pricePerHour: 0.03 };
    // What EC2 bills: each hour since the launch at the price it had at its begin, the volume beside it.
    const launch = now;
    let bill = 0;
    let hourly = 0;
    const stretch = (usd: number, seconds: number) => {
      cloud.ec2.admin.setPrice('m5.large', zone, usd);
      for (let second = 0; second < seconds; second += 1) {
        if ((now - launch) % HOUR === 0) hourly = usd;
        bill += (hourly + VOLUME_PER_HOUR) / 3600;
        now += 1000;
      }
    };
    stretch(0.03, 1800);
    await prices.refresh();
    stretch(0.09, 2345);
    stretch(0.045, 1200);
    const atLaunchPrice = attemptCost(run, now);
    const unread = attemptCost(run, now, prices);
    await prices.refresh();
    const read = attemptCost(run, now, prices);
    expect(prices.now('m5.large', zone)).to.equal(0.045);
    expect(read / bill).to.be.within(0.999, 1.001);
    expect(atLaunchPrice / bill, 'the launch price alone would be wrong').to.be.lessThan(0.8);
    expect(unread).to.equal(atLaunchPrice);
    expect(prices.now('c5.large', zone)).to.be.greaterThan(0);
  });

  it('is within 5 % over two days of EC2’s own wandering prices', async () => {
    const started = now;
    const zone = 'us-east-1b';
    const prices = bookOf(['c5.large'], started);
    const [market, type] = [new SpotPrices(), EC2_TYPES.get('c5.large') as EC2Type];
    let bill = 0;
    for (let minute = 0; minute < 2 * 24 * 60; minute += 1) {
      if (minute % 5 === 0) await prices.refresh();
      // What EC2 asks in each minute, from its own source.
      bill += (market.at(type, zone, now) + VOLUME_PER_HOUR) / 60;
      now += 60_000;
    }
    const run: Attempt = { ...attempt, instanceType: 'c5.large', zone, launchedAt: new Date(started).toISOString() };
    expect(attemptCost(run, now, prices) / bill).to.be.within(0.99, 1.01);
    expect(prices.series('c5.large', zone).length).to.be.greaterThan(5);
  });
});

describe('The ledger entry of an attempt', () => {
  const job = { metadata: { namespace: 'ml-user-1', name: 'my.job', uid: 'abcdef12-0000' } } as TrainingJob;
  const charge = (bucket: FakeBucket, one: Attempt, end: number, prices?: PriceSource) =>
    chargeFor(new LedgerBook(bucket), { job, attempt: one, outcome: 'Succeeded', end, prices });
  const entry = (bucket: FakeBucket, number = 2) =>
    bucket.json<LedgerEntry>(`ledger/user_1/2026-11/abcdef12-0000-${number}-training.json`);

  it('is put once: a second one for the same attempt takes the first one’s amount', async () => {
    const bucket = new FakeBucket();
    const first = await charge(bucket, attempt, LAUNCH + HOUR);
    const second = await charge(bucket, attempt, LAUNCH + 2 * HOUR);
    expect(second).to.deep.equal(first);
    expect(bucket.keys('ledger/')).to.deep.equal(['ledger/user_1/2026-11/abcdef12-0000-2-training.json']);
    bucket.before('put', failure('unreachable'));
    const error = await charge(bucket, { ...attempt, number: 3 }, LAUNCH).catch((one: unknown) => one);
    expect(error).to.be.instanceOf(AwsError);
  });

  it('has the price of the time, and on-demand’s beside it', async () => {
    const bucket = new FakeBucket();
    const { usd } = await charge(bucket, attempt, LAUNCH + 2 * HOUR, rising);
    expect(usd).to.be.closeTo(0.08 + 2 * VOLUME_PER_HOUR, 1e-6);
    expect(entry(bucket)).to.include({ usd, seconds: 7200, service: 'ec2', what: 'm5.large a spot' });
    expect(entry(bucket)?.onDemandUsd).to.be.closeTo(2 * (0.096 + VOLUME_PER_HOUR), 1e-6);
  });

  it('is split at midnight of each month (UTC) it ran through, to the billionth', async () => {
    const bucket = new FakeBucket();
    const long = { ...attempt, launchedAt: '2026-11-30T22:00:00Z' };
    const launch = Date.parse(long.launchedAt);
    const end = Date.parse('2027-01-01T00:30:00Z');
    const { usd } = await charge(bucket, long, end);
    expect(usd).to.equal(attemptCost(long, end));
    const months = ['2026-11', '2026-12', '2027-01'].map(
      (month) => bucket.json<LedgerEntry>(`ledger/user_1/${month}/abcdef12-0000-2-training.json`) as LedgerEntry,
    );
    expect(months.map(({ at, seconds, outcome }) => [at, seconds, outcome])).to.deep.equal([
      ['2026-11-30T23:59:59.000Z', 7200, 'Running'],
      ['2026-12-31T23:59:59.000Z', 31 * 86_400, 'Running'],
      ['2027-01-01T00:30:00.000Z', 1800, 'Succeeded'],
    ]);
    expect(months[0]?.usd).to.equal(attemptCost(long, launch + 7_200_000));
    expect(addUsd(...months.map((one) => one.usd))).to.equal(usd);
    expect(addUsd(...months.map((one) => one.onDemandUsd))).to.equal(onDemandUntil(long, end));
  });

  it('bills a month that is over while the attempt goes on, and the rest at its end', async () => {
    const bucket = new FakeBucket();
    const book = new LedgerBook(bucket);
    const long = { ...attempt, launchedAt: '2026-11-30T23:00:00Z' };
    const midnight = Date.parse('2026-12-01T00:00:00Z');
    expect(monthsBehind(long, midnight - 1)).to.deep.equal([]);
    const billed = await chargeMonths(book, { job, attempt: long, outcome: 'x', end: midnight + 60_000 });
    expect(billed).to.deep.equal({ usd: attemptCost(long, midnight), at: midnight, over: false });
    const rest = { ...long, billedUsd: billed.usd, billedUntil: new Date(billed.at).toISOString() };
    expect(monthsBehind(rest, midnight + 60_000)).to.deep.equal([]);
    const { usd } = await charge(bucket, rest, midnight + HOUR);
    expect(usd).to.equal(attemptCost(long, midnight + HOUR));
    expect(bucket.keys('ledger/')).to.have.length(2);
  });

  it('takes an end that was told before midnight for the end, also when it is told again after', async () => {
    const bucket = new FakeBucket();
    const long = { ...attempt, launchedAt: '2026-11-30T23:00:00Z' };
    const first = await charge(bucket, long, Date.parse('2026-11-30T23:59:58Z'));
    expect(await charge(bucket, long, Date.parse('2026-12-01T00:00:09Z'))).to.include(first);
    expect(bucket.keys('ledger/')).to.have.length(1);
  });

  it('costs nothing on the cluster', async () => {
    const bucket = new FakeBucket();
    await charge(bucket, cluster, LAUNCH + HOUR);
    expect(entry(bucket)).to.include({
      usd: 0,
      onDemandUsd: 0,
      seconds: 3600,
      service: 'cluster',
      what: 'a pod on the cluster',
    });
    expect(hourlyCost(cluster)).to.equal(0);
  });
});
