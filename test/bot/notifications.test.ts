// What a person hears of a job: one card that is edited, one end, also when the bot was away when it came.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { CARD_ANNOTATION, CHAT_ANNOTATION, NOTIFIED_ANNOTATION } from '../../bot/jobs.ts';
import { namespaceOf } from '../../crds/objects.ts';
import { BUCKET, INPUT, labels, Stand, WAIT_MS, type Person } from './stand.ts';

/** 3 × 2 pixels. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==',
  'base64',
);
const done = (id: string) => ({
  phase: 'Succeeded',
  metrics: { r2: 0.91, baseline_r2: -0.01 },
  cost: { actualUsd: 0.0021, estimatedUsd: 0.003, onDemandUsd: 0.006 },
  startTime: '2026-01-01T00:00:00Z',
  completionTime: '2026-01-01T00:01:30Z',
  counts: { interruptions: 1 },
  model: {
    id: 'm',
    uri: `s3://${BUCKET}/models/user_${id}/m/`,
    type: 'ridge',
    task: 'regression',
    bytes: 1200,
    trainRows: 80,
    testRows: 20,
    features: ['rooms', 'area', 'town'],
  },
});
const condition = (type: string, message: string) => ({
  type,
  status: 'True',
  reason: 'Because',
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

describe('News of a job', function () {
  this.timeout(40_000);
  let stand: Stand;
  let ada: Person;
  let id = 3000;
  const namespace = () => namespaceOf(String(id));
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    await stand.startBot();
  });
  after(() => stand.close());
  beforeEach(async () => {
    id += 1;
    ada = await stand.user(id);
  });

  async function launched(): Promise<{ name: string; card: number }> {
    const before = (await stand.api.list('TrainingJob', {}, { namespace: namespace() })).length;
    const confirmation = await ada.untilConfirmation();
    await ada.press('🚀 Start training', '');
    const job = await stand.training(id, before + 1);
    await ada.user.waitFor((message) => (message.text ?? '').includes('Pending'), WAIT_MS);
    return { name: job.metadata?.name ?? '', card: confirmation.message_id };
  }
  const status = (name: string, value: object) => stand.status('TrainingJob', name, value, namespace());
  const ends = () => ada.heard().filter((message) => /is trained|did not come/.test(message.text ?? '')).length;

  it('edits one card and sends no message for progress', async () => {
    const { name, card } = await launched();
    const before = ada.heard().length;
    for (let percent = 0; percent <= 90; percent += 10)
      await status(name, {
        phase: 'Running',
        message: `<line ${percent}>`,
        progress: { percent, stage: 'Training', etaSeconds: 90 - percent, metricName: 'r2', metricValue: 0.5 },
        cost: { actualUsd: 0.001, estimatedUsd: 0.003 },
        attempts: [
          {
            number: 1,
            batch: 'b',
            market: 'spot',
            requestedAt: '2026-01-01T00:00:00Z',
            instanceType: 'm5.large',
            zone: 'eu-central-1a',
            pricePerHour: 0.03,
          },
        ],
        conditions: [condition('Interrupted', 'EC2 took it <back>')],
        counts: { interruptions: 1 },
      });
    const shown = await ada.user.waitFor((message) => (message.text ?? '').includes('90 %'), WAIT_MS);
    expect(shown.message_id).to.equal(card);
    for (const words of [
      'Stage: Training',
      'about 0 s to go',
      'R²: 0.5',
      'm5.large in eu-central-1a',
      'Cost so far: $0.0010',
      '<line 90>',
      'EC2 took it <back>',
    ])
      expect(shown.text).to.contain(words);
    expect(labels(shown)).to.deep.equal(['⏹ Cancel the job']);
    expect(ada.heard().length).to.equal(before);
  });

  it('tells of a success once, with figures beside the baseline and what it cost', async () => {
    const { name } = await launched();
    await status(name, done(String(id)));
    const card = await ada.sees('Model ready');
    for (const words of [
      'R²: 0.91, baseline -0.01',
      '$0.0021',
      'estimated $0.0030',
      'on demand $0.0060 (65 % saved)',
      '1 min 30 s',
      'Interruptions survived: 1',
      '80 to learn',
    ])
      expect(card.text).to.contain(words);
    expect(labels(card)).to.deep.equal(['🔮 Predict with it', '📊 All pictures', '📦 Download the model']);
    const ring = await ada.sees('is trained');
    expect(ring.reply_to_message?.message_id).to.equal(card.message_id);
  });

  it('is honest about the cost of a failure', async () => {
    const { name } = await launched();
    await status(name, {
      phase: 'Failed',
      cost: { actualUsd: 0.02 },
      conditions: [condition('Failed', 'The target has one class: <yes>.')],
    });
    const card = await ada.sees('Training failed');
    expect(card.text).to.contain('The target has one class: <yes>.').and.contain('It cost $0.0200 until then');
    const { name: second } = await launched();
    await status(second, { phase: 'Failed', message: 'No such file.' });
    const free = await ada.user.waitFor((message) => (message.text ?? '').includes('No such file.'), WAIT_MS);
    expect(free.text).to.contain('nothing was charged');
  });

  it('comes after a restart, and is not repeated by another', async () => {
    const { name } = await launched();
    await stand.stopBot();
    await status(name, done(String(id)));
    await stand.startBot();
    await ada.sees('Model ready');
    await ada.sees('is trained');
    const job = await stand.training(id);
    expect(job.metadata?.annotations?.[NOTIFIED_ANNOTATION]).to.equal('Succeeded');
    const before = ada.heard().length;
    await stand.stopBot();
    await stand.startBot();
    await sleep(500);
    expect(ada.heard().length).to.equal(before);
    expect(ends()).to.equal(1);
  });

  it('is announced by one of two bots', async () => {
    const { name } = await launched();
    const job = await stand.training(id);
    await status(name, done(String(id)));
    await ada.sees('is trained');
    // Another bot, or a late event: the annotation is the lock.
    await stand.api.patch(
      'TrainingJob',
      name,
      { metadata: { annotations: { other: 'x' } } },
      { namespace: namespace() },
    );
    await sleep(200);
    expect(ends()).to.equal(1);
    expect(job.metadata?.annotations?.[CARD_ANNOTATION]).to.match(/^\d+$/);
  });

  it('tells of a job that is cancelled in chat', async () => {
    const { name, card } = await launched();
    await ada.say('/cancel', 'These jobs run');
    await ada.press(`⏹ Cancel ${name}`, 'is deleted and its instance stopped');
    await ada.press('⏹ Yes, cancel it', 'is cancelled');
    await ada.user.waitFor(
      (message) => message.message_id === card && (message.text ?? '').includes('was cancelled'),
      WAIT_MS,
    );
    expect(await stand.api.list('TrainingJob', {}, { namespace: namespace() })).to.deep.equal([]);
  });

  it('gives the links of a model', async () => {
    const { name } = await launched();
    await stand.put(`models/user_${id}/m/model.onnx`, 'onnx');
    await stand.put(`models/user_${id}/m/manifest.json`, '{}');
    await status(name, done(String(id)));
    await ada.sees('Model ready');
    const links = await ada.press('📦 Download the model', 'valid for 1 hour');
    const url =
      links.entities?.find((entity) => entity.type === 'text_link' && (entity.url ?? '').includes('model.onnx'))?.url ??
      '';
    expect(await (await fetch(url)).text()).to.equal('onnx');
  });

  it('does not give links of somebody else’s folder', async () => {
    const { name } = await launched();
    const forged = done(String(id));
    await status(name, { ...forged, model: { ...forged.model, uri: `s3://${BUCKET}/models/user_1/m/` } });
    await ada.sees('Model ready');
    await ada.press('📦 Download the model', 'cannot be reached');
  });

  it('reaches nobody else by a forged annotation', async () => {
    const bob = await stand.user(9999);
    await bob.say('/start', 'Welcome');
    await ada.say('/start', 'Welcome');
    const before = bob.heard().length;
    await stand.api.create('TrainingJob', {
      apiVersion: 'spotlearn.io/v1alpha1',
      kind: 'TrainingJob',
      metadata: {
        name: 'forged',
        namespace: namespace(),
        labels: { 'app.kubernetes.io/managed-by': 'spotlearn-bot' },
        annotations: { [CHAT_ANNOTATION]: '9999', [CARD_ANNOTATION]: '1' },
      },
      spec: { dataset: { uri: `s3://${BUCKET}/datasets/user_${id}/x.csv` }, target: 'a' },
    } as object);
    await status('forged', { phase: 'Failed', message: 'spam' });
    await sleep(300);
    expect(bob.heard().length).to.equal(before);
  });

  describe('of a prediction', () => {
    async function predicting(): Promise<{ name: string; uid: string }> {
      const { name } = await launched();
      await status(name, done(String(id)));
      await ada.sees('Model ready');
      await ada.press('🔮 Predict with it', 'Send me a CSV file');
      await ada.upload('new.csv', INPUT, 'Use “prediction”');
      await ada.press('Use “prediction”', '🚀 Start predicting');
      await ada.press('🚀 Start predicting', '');
      const job = await stand.prediction(id);
      return { name: job.metadata?.name ?? '', uid: job.metadata?.uid ?? '' };
    }
    const predicted = (name: string, value: object) => stand.status('PredictionJob', name, value, namespace());

    it('shows how far it is on one card, without a message', async () => {
      const { name } = await predicting();
      const before = ada.heard().length;
      for (const done of [1, 2, 3])
        await predicted(name, {
          phase: 'Running',
          chunks: { total: 40, done, running: 8 },
          progress: { percent: 2.5 * done, etaSeconds: 130 - done },
          rows: 1000 * done,
          cost: { actualUsd: 0.002, estimatedUsd: 0.01 },
        });
      const card = await ada.user.waitFor((message) => (message.text ?? '').includes('Rows: 3,000 so far'), WAIT_MS);
      expect(card.text).to.contain('8 %').and.contain('Pieces: 3 of 40, 8 at work, about 2 min 7 s to go');
      expect(card.text).to.contain('Cost so far: $0.0020 of about $0.0100');
      expect(ada.heard().length).to.equal(before);
    });

    it('is cancelled while it runs', async () => {
      const { name } = await predicting();
      await predicted(name, { phase: 'Running', message: 'Working', cost: { actualUsd: 0.002 } });
      await ada.user.waitFor((message) => (message.text ?? '').includes('Working'), WAIT_MS);
      await ada.press('⏹ Cancel the job', 'nothing of its result is kept. The $0.0020');
      await ada.press('⏹ Yes, cancel it', 'nothing of its result is kept; what it cost');
      await ada.sees('was cancelled');
      expect(await stand.api.list('PredictionJob', {}, { namespace: namespace() })).to.deep.equal([]);
    });

    it('sends the file, then the picture, and gives new links as often as asked', async () => {
      const { name, uid } = await predicting();
      const folder = `predictions/user_${id}/${uid}`;
      await stand.put(`${folder}/predictions.parquet`, 'PAR1');
      await stand.put(`${folder}/summary.json`, '{}');
      await stand.put(`${folder}/summary.png`, PNG);
      const uri = (file: string) => `s3://${BUCKET}/${folder}/${file}`;
      await predicted(name, {
        phase: 'Succeeded',
        rows: 2,
        badRows: 1,
        warnings: ['Column <b>area</b> differs from the training.'],
        outputUri: uri('predictions.parquet'),
        summaryUri: uri('summary.json'),
        pictureUri: uri('summary.png'),
        cost: { actualUsd: 0.00001 },
      });
      const file = await ada.sees('Predictions ready');
      expect(file.document?.file_name).to.equal('new_predictions.parquet');
      expect(file.caption).to.contain('⚠️ 1 row could not be read and has no prediction.');
      expect(file.caption).to.contain('⚠️ Column <b>area</b> differs from the training.');
      const picture = await ada.user.waitFor((message) => message.photo !== undefined, WAIT_MS);
      expect(picture.message_id).to.be.greaterThan(file.message_id);
      expect(picture.caption).to.contain('What was predicted');
      for (let times = 0; times < 2; times += 1) {
        const links = await ada.press('🔗 New links to the files', 'each link is valid for 1 hour');
        const urls = (links.entities ?? []).flatMap(({ url }) => url ?? []);
        expect(links.text).to.contain('new_predictions.parquet').and.contain('summary.json').and.contain('summary.png');
        expect(await (await fetch(urls[0] ?? '')).text()).to.equal('PAR1');
      }
      await stand.stopBot();
      await stand.startBot();
      await sleep(300);
      expect(ada.heard().filter((message) => message.photo !== undefined)).to.have.length(1);
      for (const one of ['predictions.parquet', 'summary.json', 'summary.png']) await stand.delete(`${folder}/${one}`);
      await ada.press('🔗 New links to the files', 'no longer there');
    });

    it('sends the file with a link for an hour', async () => {
      const { name, uid } = await predicting();
      const key = `predictions/user_${id}/${uid}/predictions.csv`;
      await stand.put(key, 'a,prediction\n1,2\n');
      await predicted(name, {
        phase: 'Succeeded',
        rows: 2,
        durationSeconds: 3,
        summary: { '<yes>': 1 },
        outputUri: `s3://${BUCKET}/${key}`,
        cost: { actualUsd: 0.00001 },
      });
      const file = await ada.sees('Predictions ready');
      expect(file.document?.file_name).to.equal('new_predictions.csv');
      expect(file.caption).to.contain('Rows: 2').and.contain('under $0.0001').and.contain('<yes>: 1');
      const card = await ada.sees('Predicted');
      const url = card.entities?.find((entity) => entity.type === 'text_link')?.url ?? '';
      expect(url).to.contain('X-Amz-Expires=3600');
      expect(await (await fetch(url)).text()).to.equal('a,prediction\n1,2\n');
    });

    it('says why one failed', async () => {
      const { name } = await predicting();
      await predicted(name, { phase: 'Failed', conditions: [condition('Failed', 'Row 3 has "x" & <y>.')] });
      const card = await ada.sees('Prediction failed');
      expect(card.text).to.contain('Row 3 has "x" & <y>.').and.contain('nothing was charged');
    });

    it('says when the result is lost, or not the user’s', async () => {
      const { name } = await predicting();
      await predicted(name, { phase: 'Succeeded', outputUri: `s3://${BUCKET}/predictions/user_1/x/predictions.csv` });
      await ada.sees('not where it should be');
      await ada.say('/jobs', 'Your jobs');
      await ada.press(`⬇️ Result of ${name}`, 'cannot be reached');
    });
  });
});
