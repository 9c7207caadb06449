// The running product while its parts are killed and its cloud takes instances back: what was promised is kept, nothing is paid for
// twice, and whoever waits gets the result.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { Journey, until, type TrainingSpec } from './stack.ts';
import * as tables from './tables.ts';

const { TARGET } = tables;

describe('Faults', function () {
  this.timeout(120_000);
  let journey: Journey;
  let userId: string;

  before(async function () {
    this.timeout(120_000);
    journey = await Journey.start();
    userId = await journey.account();
  });
  after(async function () {
    this.timeout(30_000);
    await journey?.close();
  });

  /** Ten seconds of training at least, on the fastest machine so far, in sixty steps; the same spec and data always give the same model. */
  async function longTraining(name: string, trees = 800): Promise<TrainingJob> {
    const data = readFileSync(new URL('../../examples/german_credit.csv', import.meta.url));
    const uri = await journey.put(userId, 'german_credit.csv', data);
    const model: TrainingSpec['model'] = { type: 'gradient_boosting', hyperparameters: { n_estimators: trees } };
    await journey.train(userId, name, { dataset: { uri }, target: 'class', model });
    return journey.training(userId, name);
  }
  const atStep = (name: string, step: number) =>
    journey.job(
      () => journey.training(userId, name),
      ({ status }) => status?.phase === 'Running' && (status.progress?.step ?? 0) >= step,
      60_000,
    );

  it('a killed operator goes on with the same instance: one launch, one model', async () => {
    const job = await longTraining('adopted');
    const running = await atStep('adopted', 2);
    await journey.killed('operator');
    const done = await journey.trained(userId, 'adopted');
    expect(done.status?.phase, done.status?.message).to.equal('Succeeded');
    expect(done.status?.attempts).to.have.length(1);
    expect(done.status?.attempts?.[0]?.instanceId).to.equal(running.status?.instanceId);
    expect(await journey.instances(job)).to.have.length(1);
    await journey.idle();
  });

  it('an instance taken back is replaced, and its successor goes on from the checkpoint to the same model', async () => {
    const job = await longTraining('resumed');
    const running = await atStep('resumed', 4);
    await journey.order('interrupt', { instanceId: running.status?.instanceId, noticeSeconds: 10 });
    const done = await journey.trained(userId, 'resumed');
    expect(done.status?.phase, done.status?.message).to.equal('Succeeded');
    expect(done.status?.counts?.interruptions).to.equal(1);
    const [first, second] = done.status?.attempts ?? [];
    expect(first?.endReason).to.equal('Interrupted');
    expect(second?.resumedFromStep).to.be.at.least(running.status?.progress?.step ?? Infinity);
    expect(await journey.instances(job)).to.have.length(2);
    const undisturbed = await journey.training(userId, 'adopted');
    expect(done.status?.metrics).to.deep.equal(undisturbed.status?.metrics);
    await journey.idle();
  });

  it('a killed Kubernetes API loses nothing it acknowledged, and the training under way ends well', async () => {
    await longTraining('outage', 150);
    await atStep('outage', 1);
    const acknowledged: string[] = [];
    let writing = true;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let count = 0; writing; count += 1) {
        const name = `load-${writer}-${count}`;
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { count: String(count) } };
        await journey.api.call('POST', '/api/v1/namespaces/default/configmaps', body).then(
          () => acknowledged.push(name),
          // Not acknowledged: whether it was written is anybody's guess. The API is away for a moment.
          () => new Promise((resolve) => setTimeout(resolve, 20)),
        );
      }
    });
    const enough = (count: number) => until(`${count} writes`, () => acknowledged.length >= count, 20_000);
    await enough(200);
    await journey.killed('kubernetes');
    const before = acknowledged.length;
    await enough(before + 200);
    await journey.killed('kubernetes');
    await enough(acknowledged.length + 50);
    writing = false;
    await Promise.all(writers);
    const list = await journey.api.call('GET', '/api/v1/namespaces/default/configmaps');
    const there = new Set((list['items'] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name));
    expect(acknowledged.filter((name) => !there.has(name))).to.deep.equal([]);
    const done = await journey.trained(userId, 'outage');
    expect(done.status?.phase, done.status?.message).to.equal('Succeeded');
    expect(done.status?.attempts).to.have.length(1);
    await journey.idle();
  });

  it('a killed bot goes on with the conversation where it stood, starts one training, and brings its result once', async () => {
    const person = await journey.person('Gil');
    await person.toData();
    await person.upload('table.csv', tables.plain(), 'Which column');
    process.kill(journey.pid('bot'), 'SIGKILL');
    await person.say(TARGET, 'All other columns');
    await person.press('All other columns', 'Automatic');
    await journey.killed('bot');
    await person.press('Logistic regression', 'Estimated cost');
    await person.press('🚀 Start training', '');
    await journey.job(
      async () => (await journey.trainings(person.userId))[0] as TrainingJob,
      (job) => (job?.status?.attemptCount ?? 0) > 0,
      60_000,
    );
    await journey.killed('bot');
    await person.reads('Model ready', 60_000);
    expect(await journey.trainings(person.userId)).to.have.length(1);
    // A question whose sending was not noted when the kill came is asked again; results and jobs never come twice.
    const times = (words: string) => person.said().filter((said) => said.includes(words)).length;
    expect(times('Model ready')).to.equal(1);
    expect(times('Which column shall')).to.be.within(1, 2);
    expect(person.said().length).to.be.at.most(12);
  });
});
