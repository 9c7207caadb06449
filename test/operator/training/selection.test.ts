import { expect } from 'chai';
import type { Offer } from '../../../cloud/compute.ts';
import { INSTANCE_TYPES, instanceType } from '../../../cloud/prices.ts';
import type { TrainingJobSpec } from '../../../crds/crds.generated.ts';
import { CAPACITY_MEMORY_MS, Pools } from '../../../operator/training/pools.ts';
import { MOST_TYPES, select, type SelectionInput } from '../../../operator/training/selection.ts';
import { ManualClock } from '../clock.ts';

const MB = 1e6;
const GB = 1e9;
const A = 'eu-central-1a';
const B = 'eu-central-1b';
const ARM_IMAGE = 'ami-0000000000000000a';
const spec = (model: string, resources?: TrainingJobSpec['resources']) =>
  ({ model: { type: model }, resources }) as TrainingJobSpec;
const input = (more: Partial<SelectionInput> = {}): SelectionInput => ({
  spec: spec('random_forest'),
  bytes: 1 * MB,
  market: 'spot',
  subnets: [
    { subnetId: 's-a', zone: A },
    { subnetId: 's-b', zone: B },
  ],
  fallbackType: 'm5.large',
  ...more,
});
const typesOf = (offers: readonly Offer[]) => [...new Set(offers.map(({ instanceType }) => instanceType))];
const poolsOf = (offers: readonly Offer[]) => offers.map(({ instanceType, zone }) => `${instanceType}/${zone}`);
const only = (names: string[], more: Partial<SelectionInput> = {}) =>
  select(input({ spec: spec('linear', { instanceTypes: names }), ...more }));

describe('The choice of instances', () => {
  it('offers ten and more types in every zone, cheapest first, each with the need and not far above the cheapest', () => {
    const { offers, price, reason } = select(input());
    expect(typesOf(offers)).to.have.length(MOST_TYPES);
    expect(offers).to.have.length(2 * MOST_TYPES);
    for (const name of typesOf(offers)) {
      const type = instanceType(name);
      expect(type, name).to.include({ arch: 'x86_64', gpu: 0, burstable: false });
      expect(type?.vcpu, name).to.be.at.least(2);
      expect(type?.memoryGiB, name).to.be.at.least(8);
      expect(type?.spot, name).to.be.at.most(3 * 0.03);
    }
    expect(offers[0]).to.deep.equal({ instanceType: 'm5.large', zone: A, subnetId: 's-a' });
    expect(price).to.equal(0.03);
    expect(reason).to.equal(
      'at least 2 vCPU, 8 GiB for 1.0 MB and random_forest: 40 pools of 20 types, cheapest m5.large in eu-central-1a at 0.03 USD per hour',
    );
  });

  for (const [what, more, least] of [
    ['a small linear model', { spec: spec('linear') }, 10],
    ['trees on 2 GB', { spec: spec('random_forest'), bytes: 2 * GB }, 10],
    ['a large table on demand', { spec: spec('linear'), bytes: 20 * GB, market: 'on-demand' }, 10],
    ['arm64 too', { imageArm64: ARM_IMAGE }, 10],
    ['a neural network that needs a GPU', { spec: spec('mlp', { memoryGiB: 16 }), bytes: 6 * GB }, 7],
  ] as [string, Partial<SelectionInput>, number][])
    it(`offers at least ${least} types for ${what}`, () => {
      expect(typesOf(select(input(more)).offers).length).to.be.at.least(least);
    });

  it('stays within the 300 overrides of a fleet call however many zones there are', () => {
    const subnets = Array.from({ length: 18 }, (_, at) => ({ subnetId: `s-${at}`, zone: `zone-${at}` }));
    const { offers } = select(input({ subnets }));
    expect(offers.length).to.be.within(250, 300);
  });

  it('orders by live prices where there are any', () => {
    const { offers } = select(
      input({ spotPrice: (type, zone) => (type === 'm7i.large' && zone === B ? 0.001 : undefined) }),
    );
    expect(offers[0]).to.include({ instanceType: 'm7i.large', zone: B });
  });

  it('does not race to the bottom: one pool at a give-away price leaves the choice as wide', () => {
    const bargain = {
      spotPrice: (type: string, zone: string) => (type === 'm5.large' && zone === A ? 0.0001 : undefined),
    };
    const { offers, price } = select(input(bargain));
    expect(typesOf(offers).length).to.be.at.least(15);
    expect(price).to.equal(0.0001);
    const small = select(input({ ...bargain, spec: spec('linear') })).offers;
    expect(typesOf(small).length).to.be.at.least(15);
  });

  it('offers nothing that costs more than it saves: neither three times the cheapest nor more than on-demand', () => {
    const dear = select(input({ spotPrice: (type) => (type === 'm5.large' ? 0.03 : 0.2) }));
    expect(typesOf(dear.offers)).to.deep.equal(['m5.large']);
    const level = select(input({ spotPrice: (type) => (type === 'm5.large' ? 0.03 : 0.085) }));
    expect(typesOf(level.offers)).to.have.length(MOST_TYPES);
    const zone = select(input({ spotPrice: (_, where) => (where === A ? 0.5 : undefined) }));
    expect(new Set(zone.offers.map((offer) => offer.zone))).to.deep.equal(new Set([B]));
  });

  it('takes burstable types for small work only, unless they are named', () => {
    const burstable = (offers: readonly Offer[]) => typesOf(offers).filter((name) => instanceType(name)?.burstable);
    expect(select(input({ spec: spec('linear') })).offers[0]?.instanceType).to.equal('t3.medium');
    expect(burstable(select(input({ spec: spec('linear') })).offers)).to.include.members(['t3.medium', 't3a.medium']);
    expect(burstable(select(input()).offers)).to.deep.equal([]);
    expect(typesOf(only(['t3.large'], { bytes: 500 * MB }).offers)).to.deep.equal(['t3.large']);
  });

  it('takes arm64 types only with an image for them, and offers them with it', () => {
    const arm = (name: string) => instanceType(name)?.arch === 'arm64';
    expect(typesOf(select(input()).offers).filter(arm)).to.deep.equal([]);
    const { offers } = select(input({ imageArm64: ARM_IMAGE }));
    expect(typesOf(offers).filter(arm)).not.to.be.empty;
    for (const { instanceType: name, imageId } of offers) expect(imageId).to.equal(arm(name) ? ARM_IMAGE : undefined);
  });

  it('tells what the cheapest Spot pool costs, also while all are blocked and when on-demand is asked for', () => {
    expect(select(input())).to.include({ price: 0.03, spotPrice: 0.03 });
    expect(select(input({ market: 'on-demand', spotPrice: () => 0.04 }))).to.include({ price: 0.086, spotPrice: 0.04 });
    expect(select(input({ blockedUntil: () => 1 }))).to.include({ price: 0.03, spotPrice: 0.03, retryAt: 1 });
  });

  describe('knows pools', () => {
    it('without capacity: leaves them out until they are forgotten, and says when', async () => {
      const clock = new ManualClock();
      const pools = new Pools(() => clock.now());
      const one = input({
        spec: spec('linear', { instanceTypes: ['m5.large'] }),
        blockedUntil: (...pool) => pools.blockedUntil(...pool),
      });
      pools.block('spot', 'm5.large', A);
      expect(select(one).offers.map(({ zone }) => zone)).to.deep.equal([B]);
      pools.block('spot', 'm5.large', B);
      expect(select(one)).to.deep.include({ offers: [], retryAt: clock.now() + CAPACITY_MEMORY_MS });
      expect(select(one).reason).to.match(/^No spot capacity in 2 pools \(1 types\) for at least 2 vCPU, 4 GiB/);
      expect(select({ ...one, market: 'on-demand' }).offers).to.have.length(2);
      await clock.advance(CAPACITY_MEMORY_MS);
      expect(select(one).offers).to.have.length(2);
    });

    it('without capacity: offers the next dearer types, and none only when these are without too', () => {
      const first = typesOf(select(input()).offers);
      const tried = new Set(first);
      const blockedUntil = (_: string, type: string) => (tried.has(type) ? 1000 : undefined);
      const second = typesOf(select(input({ blockedUntil })).offers);
      expect(second.length).to.be.at.least(10);
      expect(second.filter((name) => tried.has(name))).to.deep.equal([]);
      for (const name of second) tried.add(name);
      expect(select(input({ blockedUntil }))).to.deep.include({ offers: [], retryAt: 1000 });
    });

    it('that are being left: not offered if there is any other', () => {
      expect(poolsOf(select(input({ avoid: [`m5.large/${A}`] })).offers)).not.to.include(`m5.large/${A}`);
      expect(poolsOf(only(['m5.large'], { avoid: [`m5.large/${A}`] }).offers)).to.deep.equal([`m5.large/${B}`]);
      expect(only(['m5.large'], { avoid: [`m5.large/${A}`, `m5.large/${B}`] }).offers).to.have.length(2);
    });

    it('at risk: not offered while others are enough, else last', () => {
      const risky = (_: string, type: string) => type === 'm5.large';
      expect(typesOf(select(input({ risky })).offers)).not.to.include('m5.large');
      const inA = { risky: (_: string, __: string, zone: string) => zone === A };
      expect(poolsOf(only(['m5.large'], inA).offers)).to.deep.equal([`m5.large/${B}`]);
      const most = { risky: (_: string, type: string) => type !== 'm7i.large' };
      expect(poolsOf(only(['m5.large', 'm6i.large', 'm7i.large'], most).offers).slice(0, 2)).to.deep.equal([
        `m7i.large/${A}`,
        `m7i.large/${B}`,
      ]);
      expect(only(['m5.large', 'm6i.large', 'm7i.large'], most)).to.deep.include({ price: 0.03 });
      expect(only(['m5.large'], { risky: () => true }).offers).to.have.length(2);
    });

    it('that EC2 does not have: not offered', () => {
      const { offers } = select(input({ offered: (type, zone) => type !== 'm5.large' || zone === B }));
      expect(poolsOf(offers)).to.include(`m5.large/${B}`).and.not.include(`m5.large/${A}`);
    });
  });

  it('carries the lower cap into the offers, the installation’s on Spot only', () => {
    const capped = { spec: spec('linear', { maxPricePerHour: 5 }), maxPrice: 1 };
    expect(select(input(capped)).offers[0]?.maxPrice).to.equal(1);
    expect(select(input({ ...capped, market: 'on-demand' })).offers[0]?.maxPrice).to.equal(5);
    const half = select(input({ spec: spec('random_forest', { maxPricePerHour: 0.0325 }) }));
    expect(typesOf(half.offers)).to.deep.equal(['m5.large', 'm5a.large', 'm6a.large', 'm6i.large']);
  });

  it('takes named types as they are, and says what to expect of them', () => {
    expect(only(['t3.medium'], { bytes: 2 * GB }).reason).to.match(/; t3\.medium has 4 GiB where 12\.2 are advised$/);
    expect(only(['m5.large', 'm6g.large']).reason).to.match(/; left out for want of an arm64 image: m6g\.large$/);
    expect(typesOf(only(['p3.2xlarge', 'm5.large']).offers)).to.deep.equal(['m5.large', 'p3.2xlarge']);
  });

  describe('says what is impossible and what to do about it:', () => {
    const refused = (more: Partial<SelectionInput>): string => {
      const { offers, impossible, reason } = select(input(more));
      expect({ offers, impossible }).to.deep.equal({ offers: [], impossible: true });
      return reason;
    };
    const named = (...instanceTypes: string[]) => ({ spec: spec('linear', { instanceTypes }) });

    it('a type that does not exist, with near names', () => {
      expect(refused(named('m5.lagre'))).to.match(
        /^There is no instance type m5\.lagre in the catalogue of this installation \(\d+ types, \d{4}-\d\d-\d\d\)\. Near names: m5\.large\. Change spec\.resources\.instanceTypes/,
      );
      expect(refused(named('m5.gigantic'))).to.include('Near names: m5.large, m5.xlarge, m5.2xlarge.');
      expect(refused(named('z99.gigantic', 'm5.large')))
        .to.include('no instance type z99.gigantic in')
        .and.not.include('Near');
    });

    it('a type that no zone asked for has, with the zones that have it', () => {
      const offered = (type: string, zone: string) => type !== 'p3.2xlarge' || zone === B;
      expect(refused({ spec: spec('linear', { instanceTypes: ['p3.2xlarge'], zones: [A] }), offered })).to.equal(
        `EC2 does not offer p3.2xlarge in ${A}. ${B} has it: change spec.resources.zones, or leave it out.`,
      );
      expect(refused({ ...named('p3.2xlarge'), offered: () => false })).to.equal(
        `EC2 does not offer p3.2xlarge in ${A}, ${B}. No zone of this installation has it: choose another type.`,
      );
      const elsewhere = { spec: spec('linear', { zones: [A] }), offered: (_: string, zone: string) => zone !== A };
      expect(refused(elsewhere)).to.match(/does not offer a type that fits in eu-central-1a\. eu-central-1b has it/);
    });

    it('a zone without a subnet, with those there are', () => {
      expect(refused({ spec: spec('linear', { zones: ['us-east-1a'] }) })).to.equal(
        `None of the zones asked for has a subnet of this installation, which has them in ${A}, ${B}. Change spec.resources.zones, or leave it out.`,
      );
    });

    it('arm64 types without an image for them', () => {
      expect(refused(named('m6g.large'))).to.equal(
        'm6g.large is an arm64 type, and this installation has no image for arm64 (SPOTLEARN_IMAGE_ARM64_ID). Name an x86_64 type, such as m5.large.',
      );
      expect(refused(named('m6g.large', 't4g.medium'))).to.match(
        /^t4g\.medium, m6g\.large are|^m6g\.large, t4g\.medium are/,
      );
    });

    it('a need that nothing has, with the largest there is', () => {
      expect(refused({ spec: spec('linear', { memoryGiB: 4000 }) })).to.match(
        /^No instance type has at least 2 vCPU, 4000 GiB for 1\.0 MB and linear\. The largest: \S+ with 72 vCPU, 144 GiB, \S+ with 64 vCPU, 512 GiB\. Ask for less/,
      );
      expect(refused({ spec: spec('linear', { gpu: 9 }) })).to.match(
        /The largest: g\d\.48xlarge with 192 vCPU, 768 GiB and 8 GPU\./,
      );
      expect(refused({ bytes: 900 * GB })).to.match(/Use fewer rows or columns\.$/);
    });

    it('a price cap below every list price', () => {
      expect(refused({ spec: spec('linear', { maxPricePerHour: 0.0001 }), market: 'on-demand' })).to.equal(
        `Every fitting instance costs more than maxPricePerHour 0.0001 USD; the cheapest is t3a.medium in ${A} at 0.0376 USD per hour. Raise spec.resources.maxPricePerHour or leave it out.`,
      );
    });
  });

  it('says the cheapest price when a cap is below every Spot price, which may fall yet', () => {
    const low = select(input({ spec: spec('linear', { maxPricePerHour: 0.0001 }) }));
    expect(low).to.deep.include({ offers: [], spotPrice: 0.0125 }).and.not.have.property('impossible');
    expect(low.reason).to.match(
      /costs more than maxPricePerHour 0\.0001 USD; the cheapest is t3\.medium in \S+ at 0\.0125 USD/,
    );
    expect(select(input({ maxPrice: 0.0001 })).reason).to.match(
      /than this installation’s cap on Spot prices, 0\.0001 USD; .* can raise SPOTLEARN_SPOT_MAX_PRICE_USD\.$/,
    );
  });

  it('chooses from the catalogue it is given', () => {
    const catalogue = INSTANCE_TYPES.filter(({ name }) => name.startsWith('r5.'));
    expect(select(input({ catalogue })).offers[0]?.instanceType).to.equal('r5.large');
    expect(select(input({ catalogue: [] }))).to.include({ impossible: true });
  });
});
