// What could be launched now: markets by the stated rule, the memory of pools, zones, offerings and prices kept fresh without delay.
import { expect } from 'chai';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { INSTANCE_TYPES } from '../../../cloud/prices.ts';
import { OFFERINGS_AGE_MS, OFFERINGS_RETRY_MS, Planner, type Plan } from '../../../operator/training/planner.ts';
import { CAPACITY_MEMORY_MS, Pools, RISK_MEMORY_MS } from '../../../operator/training/pools.ts';
import { PRICE_AGE_MS, PriceBook } from '../../../operator/training/price-book.ts';
import { FakeCompute, failure } from '../aws.ts';
import { ManualClock } from '../clock.ts';

const ZONES = ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'];
const job = (placement: string, more: object = {}): TrainingJob =>
  ({
    metadata: { namespace: 'ml-user-1', name: 'j', uid: 'u' },
    spec: {
      target: 'y',
      model: { type: 'random_forest' },
      placement,
      resources: { instanceTypes: ['m5.large'] },
      ...more,
    },
  }) as TrainingJob;

function world(options: { imageArm64?: string } = {}) {
  const time = new ManualClock();
  const now = () => time.now();
  const compute = new FakeCompute(now);
  const pools = new Pools(now);
  const warnings: string[] = [];
  const logger = { warn: (_: object, message: string) => void warnings.push(message) };
  const prices = new PriceBook({ compute, types: () => INSTANCE_TYPES.map(({ name }) => name), now, logger });
  const planner = new Planner({
    compute,
    prices,
    pools,
    subnetIds: ['subnet-a', 'subnet-b', 'subnet-c'],
    defaultInstanceType: 'm5.large',
    spotMaxPriceUsd: undefined,
    now,
    logger,
    ...options,
  });
  const calls = (name: string) => compute.calls.filter((call) => call.startsWith(name)).length;
  const setPrice = (type: string, usd: number) => {
    for (const zone of ZONES) compute.prices.push({ instanceType: type, zone, usd, at: now() - 1000 });
  };
  return { time, compute, pools, planner, prices, warnings, calls, setPrice };
}

const poolsOf = ({ selection }: Plan) => selection.offers.map(({ instanceType, zone }) => `${instanceType}/${zone}`);

describe('The planner', () => {
  it('reads zones, offerings and prices once, however many ask', async () => {
    const { planner, calls } = world();
    await Promise.all([planner.prepare(), planner.prepare(), planner.prepare()]);
    await planner.prepare();
    expect([calls('zones'), calls('offerings'), calls('spotPrices')]).to.deep.equal([1, 1, 1]);
    expect(poolsOf(planner.plan(job('Spot')))).to.deep.equal(ZONES.map((zone) => `m5.large/${zone}`));
  });

  it('says when the zones can’t be read, and tries again at the next call', async () => {
    const { planner, compute, calls } = world();
    compute.before('zones', failure('unreachable'));
    const error = await planner.prepare().catch((one: unknown) => one);
    expect(error).to.include({ kind: 'unreachable' });
    await planner.prepare();
    expect(calls('zones')).to.equal(2);
    expect(planner.plan(job('Spot')).selection.offers).to.have.length(3);
  });

  it('keeps prices fresh without making a launch wait for EC2', async () => {
    const { planner, compute, time, calls, setPrice } = world();
    setPrice('m5.large', 0.02);
    await planner.prepare();
    await time.advance(PRICE_AGE_MS);
    setPrice('m5.large', 0.01);
    // EC2 never answers: prepare must return all the same.
    let asked = 0;
    compute.spotPrices = () => ((asked += 1), new Promise(() => {}));
    await planner.prepare();
    await planner.prepare();
    expect(asked).to.equal(1);
    expect(calls('spotPrices')).to.equal(1);
    expect(planner.plan(job('Spot')).selection.price).to.equal(0.02);
  });

  it('takes everything as offered while EC2 does not say, and asks again later', async () => {
    const { planner, compute, time, calls, warnings } = world();
    compute.unoffered.add('m5.large/eu-central-1b');
    compute.before('offerings', failure('throttled'));
    await planner.prepare();
    expect(poolsOf(planner.plan(job('Spot')))).to.have.length(3);
    expect(warnings).to.deep.equal(['offerings not read']);
    await time.advance(OFFERINGS_RETRY_MS);
    await planner.prepare();
    await time.advance(0);
    expect(poolsOf(planner.plan(job('Spot')))).to.deep.equal(['m5.large/eu-central-1a', 'm5.large/eu-central-1c']);
    await planner.prepare();
    expect(calls('offerings')).to.equal(2);
    await time.advance(OFFERINGS_AGE_MS);
    await planner.prepare();
    expect(calls('offerings')).to.equal(3);
  });

  it('does not take an empty answer for a region without instances', async () => {
    const { planner, compute } = world();
    compute.offerings = async () => new Set<string>();
    await planner.prepare();
    expect(poolsOf(planner.plan(job('Spot')))).to.have.length(3);
  });

  it('writes down the live price of a Spot pool, the list price on demand, nothing on the cluster', async () => {
    const { planner, setPrice } = world();
    expect(planner.priceOf({ market: 'spot' }, 'm5.large', 'eu-central-1a')).to.equal(0.03);
    setPrice('m5.large', 0.021);
    await planner.prepare();
    expect(planner.priceOf({ market: 'spot' }, 'm5.large', 'eu-central-1a')).to.equal(0.021);
    expect(planner.priceOf({ market: 'on-demand' }, 'm5.large', 'eu-central-1a')).to.equal(0.096);
    expect(planner.priceOf({ market: 'cluster' }, '', '')).to.equal(0);
    expect(planner.priceOf({ market: 'spot' }, 'x9.huge', 'eu-central-1a')).to.equal(0);
    expect(planner.priceOf({ market: 'on-demand' }, 'x9.huge', 'eu-central-1a')).to.equal(0);
  });

  it('offers arm64 types only with an image for them', async () => {
    const archOf = async (options: object) => {
      const { planner } = world(options);
      await planner.prepare();
      const { offers } = planner.plan(job('Spot', { resources: {} })).selection;
      return new Set(offers.map(({ imageId }) => imageId));
    };
    expect([...(await archOf({}))]).to.deep.equal([undefined]);
    expect([...(await archOf({ imageArm64: 'ami-arm' }))]).to.include('ami-arm');
  });

  it('asks for more cores when the deadline is near, not when it is missed', async () => {
    const { planner, time } = world();
    await planner.prepare();
    const cores = (deadline?: string) => {
      const { offers } = planner.plan(job('OnDemand', { resources: {}, deadline }), 400e6).selection;
      return Math.min(
        ...offers.map(({ instanceType }) => INSTANCE_TYPES.find(({ name }) => name === instanceType)?.vcpu ?? 0),
      );
    };
    expect(cores(new Date(time.now() + 600_000).toISOString())).to.be.greaterThan(cores());
    expect(cores(new Date(time.now() - 1000).toISOString())).to.equal(cores());
  });
});

describe('The market of a launch', () => {
  const blockAll = (pools: Pools, market: 'spot' | 'on-demand') => {
    for (const zone of ZONES) pools.block(market, 'm5.large', zone);
  };

  it('is what Spot and OnDemand say, with or without capacity', async () => {
    const { planner, pools } = world();
    await planner.prepare();
    expect(planner.plan(job('Spot')))
      .to.include({ market: 'spot' })
      .and.not.have.property('marketReason');
    expect(planner.plan(job('OnDemand')))
      .to.include({ market: 'on-demand' })
      .and.not.have.property('extraPerHour');
    blockAll(pools, 'spot');
    const waiting = planner.plan(job('Spot'));
    expect(waiting.market).to.equal('spot');
    expect(waiting.selection).to.deep.include({ offers: [], retryAt: Date.parse('2026-11-24T10:03:00Z') });
    blockAll(pools, 'on-demand');
    expect(planner.plan(job('OnDemand')).selection.offers).to.deep.equal([]);
  });

  it('with fallback is Spot as long as one pool is open', async () => {
    const { planner, pools } = world();
    await planner.prepare();
    pools.block('spot', 'm5.large', 'eu-central-1a');
    pools.block('spot', 'm5.large', 'eu-central-1b');
    const plan = planner.plan(job('SpotWithFallback'));
    expect(plan.market).to.equal('spot');
    expect(poolsOf(plan)).to.deep.equal(['m5.large/eu-central-1c']);
  });

  it('with fallback is on-demand when every fitting pool refused within three minutes, and Spot again after', async () => {
    const { planner, pools, time, setPrice } = world();
    setPrice('m5.large', 0.02);
    await planner.prepare();
    blockAll(pools, 'spot');
    const plan = planner.plan(job('SpotWithFallback'));
    expect(plan).to.include({ market: 'on-demand', extraPerHour: 0.076 });
    expect(plan.marketReason).to.equal(
      'on-demand, because every fitting Spot pool refused within the last three minutes; it costs $0.0760 per hour more than the cheapest fitting Spot pool',
    );
    expect(plan.selection.price).to.equal(0.096);
    await time.advance(CAPACITY_MEMORY_MS);
    expect(planner.plan(job('SpotWithFallback')).market).to.equal('spot');
  });

  it('with fallback is on-demand when the cheapest Spot pool costs as much', async () => {
    const { planner, setPrice } = world();
    setPrice('m5.large', 0.096);
    await planner.prepare();
    const plan = planner.plan(job('SpotWithFallback'));
    expect(plan).to.include({ market: 'on-demand', extraPerHour: 0 });
    expect(plan.marketReason).to.equal(
      'on-demand, because the cheapest Spot pool costs as much as on-demand (0.096 USD per hour); it costs no more than Spot',
    );
    expect(planner.plan(job('Spot')).market).to.equal('spot');
  });

  it('with fallback waits when on-demand has no capacity either, until the first may be asked again', async () => {
    const { planner, pools, time } = world();
    await planner.prepare();
    blockAll(pools, 'on-demand');
    await time.advance(60_000);
    blockAll(pools, 'spot');
    const { market, selection } = planner.plan(job('SpotWithFallback'));
    expect(market).to.equal('spot');
    expect(selection).to.include({ retryAt: Date.parse('2026-11-24T10:03:00Z') });
  });

  it('with fallback never breaks a price cap of the user', async () => {
    const { planner, pools } = world();
    await planner.prepare();
    const capped = job('SpotWithFallback', { resources: { instanceTypes: ['m5.large'], maxPricePerHour: 0.05 } });
    expect(planner.plan(capped).market).to.equal('spot');
    blockAll(pools, 'spot');
    expect(planner.plan(capped)).to.include({ market: 'spot' }).and.not.have.property('marketReason');
    const tooLow = job('SpotWithFallback', { resources: { instanceTypes: ['m5.large'], maxPricePerHour: 0.001 } });
    expect(planner.plan(tooLow).selection.reason).to.match(
      /costs more than maxPricePerHour 0.001 USD; the cheapest is m5.large/,
    );
  });

  it('is the deadline’s when that chooses, with what it costs more', async () => {
    const { planner, pools, setPrice } = world();
    setPrice('m5.large', 0.02);
    await planner.prepare();
    expect(planner.plan(job('Spot'), 0, { market: 'on-demand' })).to.include({
      market: 'on-demand',
      extraPerHour: 0.076,
    });
    expect(planner.plan(job('OnDemand'), 0, { market: 'on-demand' })).to.not.have.property('extraPerHour');
    blockAll(pools, 'spot');
    expect(planner.plan(job('SpotWithFallback'), 0, { market: 'spot' }).selection.offers).to.deep.equal([]);
  });

  it('goes elsewhere than the pool being left, unless it is the only one', async () => {
    const { planner, pools } = world();
    await planner.prepare();
    const avoid = ['m5.large/eu-central-1a'];
    expect(poolsOf(planner.plan(job('Spot'), 0, { avoid }))).to.deep.equal([
      'm5.large/eu-central-1b',
      'm5.large/eu-central-1c',
    ]);
    pools.block('spot', 'm5.large', 'eu-central-1b');
    pools.block('spot', 'm5.large', 'eu-central-1c');
    expect(poolsOf(planner.plan(job('Spot'), 0, { avoid }))).to.deep.equal(avoid);
  });

  it('asks pools that interrupted last, for half an hour', async () => {
    const { planner, pools, time } = world();
    await planner.prepare();
    pools.warn('spot', 'm5.large', 'eu-central-1a');
    const first = () => poolsOf(planner.plan(job('Spot')))[0];
    expect(first()).to.equal('m5.large/eu-central-1b');
    await time.advance(RISK_MEMORY_MS);
    expect(first()).to.equal('m5.large/eu-central-1a');
  });
});

describe('The memory of pools', () => {
  it('keeps refusals for three minutes and warnings for half an hour, by market, type and zone', async () => {
    const time = new ManualClock();
    const pools = new Pools(() => time.now());
    pools.block('spot', 'm5.large', 'a');
    pools.warn('spot', 'm5.large', 'a');
    expect(pools.blockedUntil('spot', 'm5.large', 'a')).to.equal(time.now() + CAPACITY_MEMORY_MS);
    expect(pools.blockedUntil('on-demand', 'm5.large', 'a')).to.equal(undefined);
    expect(pools.risky('spot', 'm5.large', 'b')).to.equal(false);
    await time.advance(CAPACITY_MEMORY_MS);
    expect(pools.blockedUntil('spot', 'm5.large', 'a')).to.equal(undefined);
    expect(pools.risky('spot', 'm5.large', 'a')).to.equal(true);
    await time.advance(RISK_MEMORY_MS);
    expect(pools.risky('spot', 'm5.large', 'a')).to.equal(false);
  });

  it('forgets rather than remembers for ever when the clock is set back', () => {
    let now = 10_000_000;
    const pools = new Pools(() => now);
    pools.block('spot', 'm5.large', 'a');
    now = 1_000_000;
    expect(pools.blockedUntil('spot', 'm5.large', 'a')).to.equal(undefined);
  });
});
