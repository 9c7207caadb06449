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

  it('tells the telling metric first, with its interval and what knows nothing, and what the model is', () => {
    const job = {
      metadata: { name: 'job', uid: 'u' },
      spec: { target: 'price', placement: 'Spot', model: { type: 'auto' } },
      status: {
        phase: 'Succeeded',
        metrics: { accuracy: 0.75123, baseline_accuracy: 0.7, log_loss: 0.5, roc_auc: 0.784321, baseline_roc_auc: 0.5 },
        intervals: { roc_auc: { low: 0.7212, high: 0.8433 } },
        model: {
          type: 'blend',
          members: [
            { type: 'xgboost', weight: 0.6 },
            { type: 'logistic', weight: 0.4 },
          ],
          notes: ['Careful: <x> leaks.', 'two', 'three', 'four'],
        },
      },
    } as unknown as TrainingJob;
    const { html } = trainingCard(job, 'a.csv');
    expect(html).to.include(
      'ROC AUC: <b>0.784</b> (0.721–0.843), baseline 0.5\nAccuracy: <b>0.751</b>, baseline 0.7\n',
    );
    expect(html).to.include('with 95 % confidence').and.to.include('a model reaches that knows nothing');
    expect(html).to.include('Model: a blend of XGBoost 60 %, Logistic regression 40 %');
    expect(html).to.include('ℹ️ Careful: &lt;x&gt; leaks.').and.not.to.include('four');
    expect(trainingCard({ ...job, status: { phase: 'Succeeded' } }, 'a.csv').html).not.to.match(/<i>|ℹ️/);
  });

  const judged = (metrics: object, intervals: object = {}) =>
    trainingCard(
      {
        metadata: { name: 'job', uid: 'u' },
        spec: { target: 'price', placement: 'Spot', model: { type: 'auto' } },
        status: { phase: 'Succeeded', metrics, intervals },
      } as unknown as TrainingJob,
      'a.csv',
    ).html;

  it('writes large figures short, shares in percent and ranges across zero with a word', () => {
    const regression = judged(
      {
        root_mean_squared_error: 123_456_789.1,
        baseline_root_mean_squared_error: 987_654_321,
        mean_absolute_error: 9412.6,
        mean_absolute_percentage_error: 0.0754,
        r2: 0.02,
        baseline_r2: -0.011,
      },
      { root_mean_squared_error: { low: 1.1e8, high: 1.35e8 }, r2: { low: -0.03, high: 0.05 } },
    );
    expect(regression).to.include('R²: <b>0.02</b> (-0.03 to 0.05), baseline -0.011\n');
    expect(regression).to.include('RMSE: <b>123 million</b> (110 million–135 million), baseline 988 million\n');
    expect(regression).to.include('MAE: <b>9,413</b>').and.to.include('MAPE: <b>7.54 %</b>');
  });

  it('warns of a model that is not surely better than none, of classes and of numbers', () => {
    const warning = (metric: string) => `⚠️ By ${metric} it is not surely better than a model that knows nothing`;
    const auc = { accuracy: 0.9, baseline_accuracy: 0.7, roc_auc: 0.55, baseline_roc_auc: 0.5 };
    expect(judged(auc, { roc_auc: { low: 0.47, high: 0.63 } })).to.include(warning('ROC AUC'));
    expect(judged(auc, { roc_auc: { low: 0.51, high: 0.59 } })).not.to.include('⚠️');
    expect(judged({ r2: -0.4, baseline_r2: -0.01 })).to.include(warning('R²'));
    expect(judged({ r2: 0.4, baseline_r2: -0.01 })).not.to.include('⚠️');
    const many = { roc_auc_ovr: 0.93, baseline_roc_auc_ovr: 0.5, f1_macro: 0.8 };
    const told = judged(many, { roc_auc_ovr: { low: 0.9, high: 0.95 } });
    expect(told).to.include(
      'ROC AUC (each class against the rest): <b>0.93</b> (0.9–0.95), baseline 0.5\nF1 (mean over',
    );
    expect(told).not.to.include('⚠️');
    expect(judged({})).not.to.include('⚠️');
  });

  for (const phase of ['Running', 'Succeeded'] as const)
    it(`says on the cluster where it is and that it costs nothing, when ${phase}`, () => {
      expect(card('cluster', phase)).to.include('Where: 🏠 on the cluster, which costs nothing extra');
      expect(card('cluster', phase)).to.not.match(/Instance:|Cost|on demand|\$/);
    });
});
