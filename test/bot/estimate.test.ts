import { expect } from 'chai';
import { FAMILIES } from '../../cloud/families.ts';
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
  it('knows every family, and takes longer for slower ones', () => {
    const seconds = (model: string) => estimateTraining('Cloud', model, rows(100_000, 1e7), 20).seconds;
    for (const { name } of FAMILIES) expect(seconds(name), name).to.be.within(90, 3600);
    expect(seconds('ridge')).to.be.below(seconds('lightgbm'));
    expect(seconds('lightgbm')).to.be.below(seconds('random_forest'));
    expect(seconds('something_new')).to.equal(seconds('random_forest'));
  });
  it('goes by the bytes where the rows are not known, and by what is inside a packed file', () => {
    const packed = { rows: 0, bytes: 1e6, tableBytes: 2e8 };
    const type = estimateTraining('Cloud', 'ridge', packed, 1).types[0];
    expect([type?.vcpu, type?.memoryGiB]).to.deep.equal([2, 8]);
    expect(estimateTraining('Cloud', 'random_forest', packed, 1).seconds).to.be.above(300);
  });
  it('names instances with a GPU where the plan asks for one', () => {
    const [type] = estimateTraining('Cloud', 'neural_network', rows(1e6, 6e9), 20).types;
    expect(type?.gpu).to.be.above(0);
  });
  it('of a prediction grows with its bytes', () => {
    expect(predictionSeconds('Cloud', { bytes: 4e6 })).to.equal(4);
    expect(predictionSeconds('Cloud', { bytes: 600e6 })).to.equal(32);
    expect(predictionSeconds('Cluster', { bytes: 600e6 })).to.equal(302);
    expect(predictionSeconds('Cloud', { bytes: 60e6, tableBytes: 600e6 }), 'gzip is not split').to.equal(302);
  });
});
