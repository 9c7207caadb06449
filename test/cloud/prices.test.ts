import { expect } from 'chai';
import * as prices from '../../cloud/prices.ts';

describe('Prices', () => {
  it('have the plan’s figures as their floor', () => {
    const plan = { 't3.medium': 0.0125, 'm5.large': 0.03, 'm5.xlarge': 0.06, 'm5.2xlarge': 0.12, 'p3.2xlarge': 0.918 };
    for (const [name, spot] of Object.entries(plan)) expect(prices.instanceType(name)?.spot).to.equal(spot);
    const usd = (table: object) => Object.values(table as Record<string, { usd: number }>).map((one) => one.usd);
    expect(usd(prices.PRICES.lambda)).to.deep.equal([0.0000166667, 0.0000133334, 0.0000002]);
    expect(usd(prices.PRICES.s3)).to.deep.equal([0.023, 0.005, 0.0004]);
  });

  it('make Spot cheaper than on-demand for every type of the catalogue', () => {
    for (const type of prices.INSTANCE_TYPES) expect(type.spot, type.name).to.be.below(type.onDemand);
    expect(prices.instanceType('x9.nano')).to.equal(undefined);
  });

  it('bill an instance by the second, a minute at least', () => {
    expect(prices.instanceCost(prices.usdPerHour(3.6), 10)).to.be.closeTo(0.06, 1e-12);
    expect(prices.instanceCost(prices.usdPerHour(3.6), 90.2)).to.be.closeTo(0.091, 1e-12);
  });

  it('bill a volume, an invocation, requests and storage in their own units', () => {
    expect(prices.volumeCost(prices.PRICES.ebs.gp3, 50, 730 * 3600)).to.be.closeTo(4, 1e-9);
    expect(prices.invocationCost(1000, 1024)).to.equal(0.000016867);
    expect(prices.invocationCost(1000, 1024, 'arm64')).to.equal(0.000013533);
    expect(prices.requestsCost(prices.PRICES.s3.put, 2000)).to.be.closeTo(0.01, 1e-12);
    expect(prices.storageCost(prices.PRICES.s3.storage, 2 ** 31)).to.be.closeTo(0.046, 1e-12);
  });

  it('cannot be multiplied by a count of another unit, by the compiler', () => {
    // @ts-expect-error a price per 1,000 requests is no number
    const wrong: unknown = prices.PRICES.s3.put * 2000;
    expect(wrong).to.be.NaN;
    // @ts-expect-error nor a price of storage a price of requests
    prices.requestsCost(prices.PRICES.s3.storage, 1);
  });

  it('give whole billionths of a dollar, whatever they are multiplied by', () => {
    for (const seconds of [1, 7, 61, 3599, 86_401, 2_678_399]) {
      const usd = prices.instanceCost(prices.usdPerHour(0.0416), seconds);
      expect(Math.round(usd * 1e9) / 1e9).to.equal(usd);
    }
  });

  it('are shown so that small money stays visible', () => {
    expect([0, 0.00001, 0.01234, 12.345].map(prices.showUsd)).to.deep.equal(['$0.00', '<$0.0001', '$0.0123', '$12.35']);
  });
});
