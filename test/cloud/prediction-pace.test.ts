import { expect } from 'chai';
import { predictionBytesPerSecond } from '../../cloud/prediction-pace.ts';

describe('The pace of a prediction, as estimates take it', () => {
  it('is below what was measured, whatever the family', () => {
    // Measured on one core: µs a row of 78 bytes, where each row is compared with so many.
    const measured: [family: string, trainRows: number, microseconds: number][] = [
      ['random_forest', 1_200, 2.3],
      ['svm', 1_200, 11],
      ['svm', 20_000, 176],
      ['k_nearest_neighbors', 1_200, 12.3],
      ['k_nearest_neighbors', 100_000, 428],
    ];
    for (const [family, trainRows, microseconds] of measured) {
      const pace = predictionBytesPerSecond({ families: [family], trainRows });
      expect(pace, `${family} of ${trainRows}`).to.be.below(78 / (microseconds * 1e-6));
    }
  });

  it('is slower by rows only for families that compare with them, a member of a blend among them', () => {
    const usual = predictionBytesPerSecond();
    expect(predictionBytesPerSecond({ families: ['xgboost'], trainRows: 1e6 })).to.equal(usual);
    expect(predictionBytesPerSecond({ families: ['svm'], trainRows: 100 })).to.equal(usual);
    expect(predictionBytesPerSecond({ families: ['logistic', 'svm'], trainRows: 20_000 })).to.equal(usual / 5);
  });

  it('is a share of a vCPU below 1,769 MiB, and no more than one above', () => {
    const usual = predictionBytesPerSecond();
    expect(predictionBytesPerSecond({ memoryMib: 1769 / 2 })).to.equal(usual / 2);
    expect(predictionBytesPerSecond({ memoryMib: 10_240 })).to.equal(usual);
  });
});
