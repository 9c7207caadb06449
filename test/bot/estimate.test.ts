import { expect } from 'chai';
import { estimateTraining, predictionSeconds } from '../../bot/estimate.ts';

describe('The estimate of a training', () => {
  const rows = (count: number, bytes: number) => ({ rows: count, bytes });
  it('follows the plan’s matrix', () => {
    const first = (model: 'linear' | 'random_forest', bytes: number) => {
      const type = estimateTraining('Cloud', model, rows(1000, bytes), 10).types[0];
      return [type?.vcpu, type?.memoryGiB];
    };
    expect(first('linear', 1e6)).to.deep.equal([2, 4]);
    expect(first('linear', 2e8)).to.deep.equal([2, 8]);
    expect(first('random_forest', 1e6)).to.deep.equal([2, 8]);
    expect(first('random_forest', 1.1e9)).to.deep.equal([4, 16]);
  });
  it('grows with the table and the model, and stays below on demand', () => {
    const small = estimateTraining('Cloud', 'ridge', rows(1e3, 1e5), 10);
    const large = estimateTraining('Cloud', 'auto', rows(1e6, 1e8), 20);
    expect(large.seconds).to.be.above(small.seconds);
    expect(small.usd.low).to.be.at.most(small.usd.high);
    expect(small.usd.low).to.be.below(small.onDemandUsd);
  });
  it('costs nothing on the cluster, and knows no instance for what fits none', () => {
    expect(estimateTraining('Cluster', 'auto', rows(10, 10), 2).usd).to.deep.equal({ low: 0, high: 0 });
    expect(estimateTraining('Cloud', 'auto', rows(10, 1e15), 2).types).to.deep.equal([]);
  });
  it('of a prediction grows with its bytes', () => {
    expect(predictionSeconds(4e6)).to.equal(4);
  });
});
