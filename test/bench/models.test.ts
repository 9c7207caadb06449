import { expect } from 'chai';
import { benchmark, rowsOf } from '../../bench/models.ts';

describe('The benchmark of models', () => {
  it('makes a row of each figure, beside what is asked for', () => {
    const figures = [
      { data: 'credit', family: 'auto', metric: 'roc_auc', value: 0.8, figure: 0.4, met: true },
      { data: 'housing', family: 'ridge', metric: 'root_mean_squared_error', value: 20, figure: 10, met: false },
      { data: 'wine', family: 'ridge', metric: 'log_loss', value: 0.1, figure: null, met: null },
    ];
    const rows = rowsOf('quality', figures);
    expect(rows.map(({ name, value, ratio }) => [name, value, ratio])).to.deep.equal([
      ['quality credit auto roc_auc', 0.8, 2],
      ['quality housing ridge root_mean_squared_error', 20, 0.5],
      ['quality wine ridge log_loss', 0.1, null],
    ]);
  });

  it('makes a row of each number of other sections', () => {
    expect(rowsOf('speed', [{ family: 'svm', seconds: 2, fast: true }]).map(({ name }) => name)).to.deep.equal([
      'speed svm seconds',
    ]);
  });

  it('refuses a section that there is not', async () => {
    const refused = benchmark.run({ rounds: 1, rows: 1, more: ['../x'], say: () => undefined });
    expect(await refused.catch((error: unknown) => (error as Error).message)).to.match(/no section “..\/x”/);
  });
});
