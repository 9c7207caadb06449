import { expect } from 'chai';
import type { TrainingJobSpec } from '../../../crds/crds.generated.ts';
import { Pools, CAPACITY_MEMORY_MS } from '../../../operator/training/pools.ts';
import { floorType, needOf, select, type SelectionInput } from '../../../operator/training/selection.ts';
import { ManualClock } from '../clock.ts';

const MB = 1e6;
const GB = 1e9;
const spec = (model: string, resources?: TrainingJobSpec['resources']) =>
  ({ model: { type: model }, resources }) as TrainingJobSpec;
const input = (more: Partial<SelectionInput> = {}): SelectionInput => ({
  spec: spec('random_forest'),
  bytes: 1 * MB,
  market: 'spot',
  subnets: [
    { subnetId: 's-a', zone: 'eu-central-1a' },
    { subnetId: 's-b', zone: 'eu-central-1b' },
  ],
  fallbackType: 'm5.large',
  ...more,
});

describe('The choice of instances', () => {
  const matrix: [string, number, string][] = [
    ['linear', 99 * MB, 't3.medium'],
    ['ridge', 99 * MB, 't3.medium'],
    ['logistic', 100 * MB, 'm5.large'],
    ['random_forest', 999 * MB, 'm5.large'],
    ['gradient_boosting', 1 * GB, 'm5.xlarge'],
    ['auto', 1 * GB, 'm5.xlarge'],
    ['mlp', 5 * GB, 'm5.xlarge'],
    ['neural_network', 5.1 * GB, 'g4dn.xlarge'],
    ['something_new', 1, 'c5.large'],
  ];
  for (const [model, bytes, type] of matrix)
    it(`has ${type} as the floor for ${model} and ${bytes / MB} MB`, () => {
      expect(floorType(model, bytes, 'c5.large')).to.equal(type);
    });

  it('needs memory for several times the data, and what the user asks for', () => {
    expect(needOf(spec('random_forest'), 1 * MB, 'm5.large')).to.deep.equal({ vcpu: 2, memoryGiB: 8, gpu: 0 });
    expect(needOf(spec('random_forest'), 4 * GB, 'm5.large').memoryGiB).to.be.closeTo(23.4, 0.1);
    expect(needOf(spec('linear', { vcpu: 8, memoryGiB: 2, gpu: 1 }), 1, 'm5.large')).to.deep.equal({
      vcpu: 8,
      memoryGiB: 2,
      gpu: 1,
    });
  });

  it('offers ten and more types in every zone, cheapest first, none below the need or far above the cheapest', () => {
    const { offers, price, reason } = select(input());
    expect(new Set(offers.map(({ instanceType }) => instanceType)).size).to.be.at.least(10);
    expect(new Set(offers.map(({ subnetId }) => subnetId))).to.deep.equal(new Set(['s-a', 's-b']));
    expect(offers.map(({ instanceType }) => instanceType)).not.to.include('t3.medium');
    expect(price).to.be.greaterThan(0);
    expect(reason).to.match(/at least 2 vCPU, 8 GiB for 1\.0 MB and random_forest/);
  });

  it('orders by live prices where there are any', () => {
    const { offers } = select(
      input({ spotPrice: (type, zone) => (type === 'm5.large' && zone.endsWith('b') ? 0.001 : undefined) }),
    );
    expect(offers[0]).to.include({ instanceType: 'm5.large', zone: 'eu-central-1b' });
  });

  it('leaves out pools without capacity until they are forgotten, and says when', async () => {
    const clock = new ManualClock();
    const pools = new Pools(() => clock.now());
    const one = input({
      spec: spec('linear', { instanceTypes: ['m5.large'] }),
      blockedUntil: (...pool) => pools.blockedUntil(...pool),
    });
    pools.block('spot', 'm5.large', 'eu-central-1a');
    expect(select(one).offers.map(({ zone }) => zone)).to.deep.equal(['eu-central-1b']);
    pools.block('spot', 'm5.large', 'eu-central-1b');
    expect(select(one)).to.deep.include({ offers: [], retryAt: clock.now() + CAPACITY_MEMORY_MS });
    expect(select({ ...one, market: 'on-demand' }).offers).to.have.length(2);
    await clock.advance(CAPACITY_MEMORY_MS);
    expect(select(one).offers).to.have.length(2);
  });

  it('takes named types as they are, and names what is impossible', () => {
    expect(select(input({ spec: spec('mlp', { instanceTypes: ['t3.medium'] }) })).offers).to.have.length(2);
    expect(select(input({ spec: spec('linear', { memoryGiB: 4000 }) }))).to.include({ impossible: true });
    const zones = select(input({ spec: spec('linear', { zones: ['us-east-1a'] }) }));
    expect(zones).to.include({ impossible: true });
    expect(zones.reason).to.match(/there is eu-central-1a, eu-central-1b/);
  });

  it('says the cheapest price when a cap is below it, and carries the cap into the offers', () => {
    const low = select(input({ spec: spec('linear', { maxPricePerHour: 0.0001 }) }));
    expect(low.reason).to.match(/the cheapest is \S+ in \S+ at 0\.\d+ USD per hour/);
    expect(low.impossible).to.equal(undefined);
    expect(select(input({ spec: spec('linear', { maxPricePerHour: 5 }), maxPrice: 1 })).offers[0]?.maxPrice).to.equal(
      1,
    );
  });
});
