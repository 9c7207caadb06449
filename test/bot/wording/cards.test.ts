// Cards of jobs on the cluster: no instance, no price, no saving is told of, because there is none.
import { expect } from 'chai';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { trainingCard } from '../../../bot/wording/cards.ts';

type Market = 'spot' | 'cluster';

function card(market: Market, phase: 'Running' | 'Succeeded'): string {
  const place =
    market === 'cluster'
      ? { instanceId: 'cluster-1-1', instanceType: 'cluster', zone: 'ml-user-7', pricePerHour: 0 }
      : { instanceId: 'i-1', instanceType: 'm5.large', zone: 'eu-central-1a', pricePerHour: 0.04 };
  const usd = market === 'cluster' ? 0 : 0.01;
  return trainingCard(
    {
      metadata: { name: 'job', uid: 'u' },
      spec: { target: 'price', placement: market === 'cluster' ? 'Cluster' : 'Spot', model: { type: 'linear' } },
      status: {
        phase,
        attempts: [{ number: 1, batch: 'b', market, requestedAt: '2026-11-24T10:00:00Z', ...place }],
        cost: { actualUsd: usd, estimatedUsd: usd, onDemandUsd: 3 * usd },
      },
    } as unknown as TrainingJob,
    'housing.csv',
  ).html;
}

describe('The card of a training', () => {
  it('names instance, price and cost on Spot', () => {
    expect(card('spot', 'Running'))
      .to.include('Instance: m5.large in eu-central-1a, $0.0400/h')
      .and.to.include('Cost so far');
    expect(card('spot', 'Succeeded')).to.match(
      /Cost: <b>\$0\.0100<\/b>, estimated \$0\.0100, on demand \$0\.0300 \(67 % saved\)/,
    );
  });

  for (const phase of ['Running', 'Succeeded'] as const)
    it(`says on the cluster where it is and that it costs nothing, when ${phase}`, () => {
      expect(card('cluster', phase)).to.include('Where: 🏠 on the cluster, which costs nothing extra');
      expect(card('cluster', phase)).to.not.match(/Instance:|Cost|on demand|\$/);
    });
});
