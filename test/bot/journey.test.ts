// The whole conversation through a real chat protocol, Kubernetes API and S3: train, then predict with what was trained.
import { expect } from 'chai';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { namespaceOf } from '../../crds/objects.ts';
import { BUCKET, CSV, INPUT, Stand, WAIT_MS, type Person } from './stand.ts';

describe('A person in the chat', function () {
  this.timeout(60_000);
  let stand: Stand;
  let ada: Person;
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    await stand.startBot({ predictionContainerImage: 'handler' });
    ada = await stand.user();
  });
  after(() => stand.close());

  it('trains a model and predicts with it, in the cloud and on the cluster', async () => {
    const confirmation = await ada.untilConfirmation();
    await ada.press('🚀 Start training', '');
    const job = await stand.training();
    expect(job.spec.target).to.equal('price');
    expect(job.spec.placement).to.equal('Spot');
    const namespace = namespaceOf('1001');
    const name = job.metadata?.name ?? '';
    await stand.status(
      'TrainingJob',
      name,
      { phase: 'Running', progress: { percent: 40, stage: 'Training', etaSeconds: 30 } },
      namespace,
    );
    await ada.user.waitFor((message) => (message.text ?? '').includes('40 %'), WAIT_MS);
    await stand.status(
      'TrainingJob',
      name,
      {
        phase: 'Succeeded',
        metrics: { r2: 0.91, baseline_r2: -0.01 },
        cost: { actualUsd: 0.0021, estimatedUsd: 0.003, onDemandUsd: 0.006 },
        model: {
          id: 'm',
          uri: `s3://${BUCKET}/models/user_1001/m/`,
          type: 'ridge',
          task: 'regression',
          features: ['rooms', 'area', 'town'],
        },
      },
      namespace,
    );
    const card = await ada.sees('Model ready');
    expect(card.message_id).to.equal(confirmation.message_id);
    expect(card.text).to.contain('baseline');
    await ada.press('🔮 Predict with it', 'Send me a CSV file');
    await ada.upload('new.csv', INPUT, 'Use “prediction”');
    await ada.press('Use “prediction”', '🚀 Start predicting');
    await ada.press('🚀 Start predicting', '');
    const prediction = await stand.prediction();
    expect(prediction.spec.modelRef).to.equal(name);
    const key = `predictions/user_1001/${prediction.metadata?.uid}/predictions.csv`;
    await stand.put(key, 'rooms,area,town,prediction\n3,71,Bonn,302\n4,92,Ulm,415\n');
    await stand.status(
      'PredictionJob',
      prediction.metadata?.name ?? '',
      { phase: 'Succeeded', rows: 2, outputUri: `s3://${BUCKET}/${key}`, cost: { actualUsd: 0.00001 } },
      namespace,
    );
    const file = await ada.sees('Predictions ready');
    expect(file.document?.file_name).to.equal('new_predictions.csv');
    await ada.say('/predict', 'On the cluster');
    await ada.press('🏠 On the cluster', 'With which model?');
    await ada.press(`price · ${name.slice(0, 24)} · R² 0.91`, 'Send me a CSV file');
    await ada.upload('next.csv', INPUT, 'Use “prediction”');
    const ready = await ada.press('Use “prediction”', '🚀 Start predicting');
    expect(ready.text).to.contain('Cost: $0.00');
    await ada.press('🚀 Start predicting', '');
    const onCluster = await stand.newest<PredictionJob>('PredictionJob', 1001, 2);
    expect(onCluster.spec).to.include({ modelRef: name, placement: 'Cluster', predictionColumn: 'prediction' });
    const [dataset] = (await stand.keys('datasets/user_1001/')).filter((one) => one.endsWith('houses.csv'));
    expect(await stand.text(dataset ?? '')).to.equal(CSV);
  });
});
