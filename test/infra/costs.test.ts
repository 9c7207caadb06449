import { expect } from 'chai';
import { dailyCost, standingCosts, totalOf } from '../../infra/costs.ts';
import { costsPage } from '../../infra/generate.ts';

const asked = { cluster: 'new', nodeTypes: ['t4g.small'], natGateway: false, vpcId: undefined } as const;
const whats = (more: Partial<Parameters<typeof standingCosts>[0]> = {}) =>
  standingCosts({ ...asked, ...more }).map(({ what }) => what);

describe('What an installation costs while nobody uses it', () => {
  it('is mostly its control plane, and without a cluster next to nothing', () => {
    const lines = standingCosts(asked);
    expect(lines.find(({ what }) => what === 'EKS control plane')?.usdPerMonth).to.be.closeTo(73, 1e-9);
    expect(totalOf(lines)).to.be.within(90, 120);
    expect(totalOf(standingCosts({ ...asked, cluster: 'none' }))).to.be.closeTo(0.4, 1e-9);
    expect(dailyCost(asked) * 30.4).to.be.within(totalOf(lines) * 0.99, totalOf(lines) * 1.01);
  });

  it('follows the configuration', () => {
    expect(whats({ natGateway: true }))
      .to.include('NAT gateway')
      .and.not.to.include('public addresses of the nodes');
    expect(whats({ natGateway: true, vpcId: 'vpc-1' })).not.to.include('NAT gateway');
    expect(whats({ cluster: 'existing' }))
      .to.include('images in ECR')
      .and.not.to.include('EKS control plane');
    expect(whats({ nodeTypes: ['m5.large'] })).to.include('on-demand node (m5.large)');
    expect(whats({ nodeTypes: ['x9.huge'] })).to.include('two nodes (x9.huge)');
    for (const { usdPerMonth } of standingCosts(asked)) expect(usdPerMonth).to.be.at.least(0);
  });

  it('has a price for every line of the page', () => {
    expect(costsPage()).not.to.match(/NaN|undefined/);
  });
});
