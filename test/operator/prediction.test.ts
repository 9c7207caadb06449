import { expect } from 'chai';
import type { Invocation } from '../../cloud/functions.ts';
import { FunctionFailure } from '../../cloud/functions.ts';
import type { PredictionDone, PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import type { LedgerEntry } from '../../cloud/ledger/entries.ts';
import { condition } from '../../crds/conditions.ts';
import type { Invoked } from '../../operator/prediction/invoker.ts';
import type { Summary } from '../../operator/prediction/summary.ts';
import { PREDICTION_JOBS } from '../../operator/runtime/resources.ts';
import { failure } from './aws.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { succeed } from './worker.ts';
import { World } from './world.ts';

const report = { billedMs: 200, memoryMib: 1769, usedMib: 90 };
const answered = (more: object = {}): Invocation => ({
  requestId: 'r-1',
  report,
  answer: {
    success: true,
    predictions_s3_uri: 's3://bucket/out',
    num_predictions: 3,
    execution_time_ms: 5,
    etag: '"e"',
    bytes: 40,
    counts: {},
    summary: { good: 2, bad: 1 },
    ...more,
  },
});
const refused = (error_type: string): Invocation => ({
  requestId: 'r-2',
  report,
  answer: { success: false, error: `It is ${error_type}.`, error_type },
});
const reasonOf = (job: { status: { conditions?: Parameters<typeof condition>[0] } }, type = 'Failed') =>
  condition(job.status.conditions, type)?.reason;

describe('The operator predicting, on a Kubernetes API', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  beforeEach(() => {
    world = new World(cluster);
    world.bucket.set(`datasets/user_${world.userId}/a.csv`, 'age,sum\n1,2\n3,4\n5,6\n');
    world.model('model');
    world.functions.handler = async () => answered();
  });
  afterEach(() => world.close());

  it('pins model and table, invokes once with presigned URLs, and says what came out and what it cost', async () => {
    await world.operate();
    await world.account();
    await world.predict('p', { probabilities: true });
    const { status, metadata } = await world.predicted('p', 'Succeeded');
    const [event] = world.functions.events as PredictionEvent[];
    expect(world.functions.events).to.have.length(1);
    expect(event?.data).to.include({ uri: world.uri, bytes: 20, etag: status.data?.etag });
    expect(event?.model.url).to.equal(`https://bucket/models/user_${world.userId}/model/model.onnx?get`);
    expect(event?.output.url).to.equal(
      `https://bucket/predictions/user_${world.userId}/${metadata?.uid}/predictions.csv?put`,
    );
    expect(event).to.include({ prediction_column_name: 'prediction', probabilities: true });
    const folder = `predictions/user_${world.userId}/${metadata?.uid}/`;
    expect(event?.answer?.url).to.equal(`https://bucket/${folder}.job/0-20.answer.json?put`);
    expect(status).to.include({ rows: 3, outputUri: `s3://bucket/${folder}predictions.csv` });
    expect(status).to.include({
      summaryUri: `s3://bucket/${folder}summary.json`,
      pictureUri: `s3://bucket/${folder}summary.png`,
    });
    expect(status.requestIds).to.deep.equal(['r-1']);
    expect(status.summary).to.deep.equal({ good: 2, bad: 1 });
    expect(status.cost?.actualUsd).to.be.closeTo(0.0000166667 * (1769 / 1024) * 0.2 + 0.0000002, 1e-9);
    expect(status.cost?.reservedUsd).to.equal(0);
    expect(String(status.cost?.estimatedUsd)).to.have.length.below(13);
    expect(status.message).to.match(/^3 rows predicted in (under 1|\d+) s for <\$0\.0001\.$/);
    expect(condition(status.conditions, 'Complete')?.status).to.equal('True');
    const summary = world.bucket.json<Summary>(`${folder}summary.json`);
    expect(summary).to.include({ rows: 3, chunks: 1 });
    expect(summary?.cost).to.include({ billedSeconds: 0.2, invocations: 1 });
    const png = world.bucket.objects.get(`${folder}summary.png`)?.body;
    expect([...(png ?? []).slice(0, 4)]).to.deep.equal([0x89, 0x50, 0x4e, 0x47]);
    await eventually(async () => (await world.prediction('p')).metadata?.finalizers === undefined);
    expect(world.bucket.keys(folder)).to.deep.equal([`${folder}summary.json`, `${folder}summary.png`]);
    expect(world.bucket.keys(`ledger/user_${world.userId}/`)).to.have.length(1);
  });

  it('waits for a model that is still being trained, and uses it then', async () => {
    await world.operate();
    await world.account();
    world.bucket.set(`datasets/user_${world.userId}/train.csv`, 'age,sum,class\n1,2,good\n3,4,bad\n');
    await world.train('teacher', { dataset: { uri: `s3://bucket/datasets/user_${world.userId}/train.csv` } });
    await world.predict('p', { modelRef: 'teacher' });
    expect(reasonOf(await world.predicted('p', 'Waiting'), 'Accepted')).to.equal('WaitingForModel');
    succeed(world.bucket, await world.instance('teacher'));
    const { status } = await world.predicted('p', 'Succeeded');
    expect(status.model?.id).to.equal((await world.training('teacher')).status?.model?.id);
  });

  it('fails with a model whose training failed', async () => {
    await world.operate();
    await world.account();
    await world.train('bad', { target: 'nothing' });
    await world.trained('bad', 'Failed');
    await world.predict('p', { modelRef: 'bad' });
    expect(reasonOf(await world.predicted('p', 'Failed'))).to.equal('ModelFailed');
  });

  it('refuses what can’t be predicted without invoking anything', async () => {
    world.bucket.set(`datasets/user_${world.userId}/b.csv`, 'age,class\n1,good\n');
    world.bucket.set(`datasets/user_${world.userId}/c.csv`, 'age,sum,prediction\n1,2,3\n');
    world.bucket.set(`datasets/user_${world.userId}/empty.csv`, '');
    world.bucket.set(`models/user_${world.userId}/old/manifest.json`, '{"version":9}');
    world.bucket.set(`models/user_${world.userId}/torn/manifest.json`, '{"version"');
    world.bucket.set(`models/user_${world.userId}/bare/manifest.json`, '{"version":1}');
    await world.operate();
    await world.account({ limits: { predictionUsd: 0.5 } });
    const at = (name: string) => ({ data: { uri: `s3://bucket/datasets/user_${world.userId}/${name}` } });
    const cases: [string, object, string][] = [
      ['columns', at('b.csv'), 'MissingColumns'],
      ['taken', at('c.csv'), 'InvalidData'],
      ['empty', at('empty.csv'), 'InvalidData'],
      ['missing', at('none.csv'), 'DatasetMissing'],
      ['foreign', { data: { uri: 's3://bucket/datasets/user_1/a.csv' } }, 'AccessRefused'],
      ['nomodel', { modelRef: 'nothing' }, 'ModelMissing'],
      ['old', { modelRef: 'old' }, 'ModelRefused'],
      ['torn', { modelRef: 'torn' }, 'ModelRefused'],
      ['bare', { modelRef: 'bare' }, 'ModelRefused'],
      ['features', { features: ['age', 'height'] }, 'InvalidSpec'],
      ['cluster', { placement: 'Cluster' }, 'PlacementUnavailable'],
      ['poor', { budget: { maxCostUsd: 0.0001 } }, 'BudgetTooSmall'],
    ];
    for (const [name, spec] of cases) await world.predict(name, spec);
    for (const [name, , reason] of cases)
      expect(reasonOf(await world.predicted(name, 'Failed')), name).to.equal(reason);
    const said = async (name: string) => (await world.prediction(name)).status?.message;
    expect(await said('columns')).to.match(/lacks the column "sum"/);
    expect(await said('poor')).to.match(
      /^One invocation .* Create the job again with a higher spec\.budget\.maxCostUsd\.$/,
    );
    expect(world.functions.events).to.deep.equal([]);
  });

  it('tries a throttled or failed function again, and is billed for what ran', async () => {
    const turns: (() => Promise<Invocation>)[] = [
      async () => {
        throw failure('throttled');
      },
      async () => {
        throw new FunctionFailure('The prediction function failed: out of luck', 'FunctionError', 'r-f', report);
      },
      async () => answered(),
    ];
    world.functions.handler = () => (turns.shift() ?? (async () => answered()))();
    await world.operate();
    await world.account();
    await world.predict('p');
    const { status } = await world.predicted('p', 'Succeeded');
    expect(status.chunks?.redone).to.equal(1);
    expect(status.requestIds).to.deep.equal(['r-f', 'r-1']);
    expect(status.cost?.actualUsd).to.be.closeTo(2 * (0.0000166667 * (1769 / 1024) * 0.2 + 0.0000002), 1e-9);
  });

  it('ends with the handler’s words when it refuses', async () => {
    await world.operate();
    await world.account();
    world.functions.handler = async () => refused('DataChanged');
    await world.predict('p');
    const { status } = await world.predicted('p', 'Failed');
    expect(status.message).to.equal('It is DataChanged.');
    expect(condition(status.conditions, 'Failed')?.reason).to.equal('DatasetChanged');
    expect(status.cost?.actualUsd).to.be.greaterThan(0);
  });

  it('does not invoke again what was answered before a restart', async () => {
    await world.operate();
    await world.account();
    world.functions.handler = () => new Promise(() => {});
    await world.predict('p');
    const { metadata } = await world.predicted('p', 'Running');
    await eventually(() => world.functions.events.length === 1);
    const work = `predictions/user_${world.userId}/${metadata?.uid}/.job/`;
    world.bucket.set(`${work}0-20.answer.json`, { ...(answered().answer as object), num_predictions: 9 });
    await world.operate();
    const { status } = await world.predicted('p', 'Succeeded');
    expect(status).to.include({ rows: 9 });
    // Lambda's report did not reach us: what the handler measured is charged.
    expect(status.cost?.actualUsd).to.be.closeTo(0.0000166667 * (1769 / 1024) * 0.005 + 0.0000002, 1e-9);
    expect(world.functions.events).to.have.length(1);
  });

  it('goes on from its own records after a restart, and charges what they say', async () => {
    await world.operate();
    await world.account();
    world.functions.handler = () => new Promise(() => {});
    await world.predict('p');
    const { metadata } = await world.predicted('p', 'Running');
    await eventually(() => world.functions.events.length === 1);
    const billed = { requestId: 'r-k', usd: 0.001, seconds: 1, memoryMib: 1769 };
    const invoked: Invoked = { is: 'done', answer: answered().answer as PredictionDone, billed };
    world.bucket.set(`predictions/user_${world.userId}/${metadata?.uid}/.job/0-20.record.json`, {
      version: 1,
      outcome: { invoked, failures: 0, at: 0 },
      spent: { usd: 0.001, seconds: 1, invocations: 1, requestIds: ['r-k'], estimated: false },
    });
    await world.operate();
    const { status } = await world.predicted('p', 'Succeeded');
    expect(status.requestIds).to.deep.equal(['r-k']);
    expect(status.cost?.actualUsd).to.equal(0.001);
    expect(world.functions.events).to.have.length(1);
  });

  it('lets a deleted job go at once, and drops its invocation', async () => {
    let aborted = false;
    world.functions.handler = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          aborted = true;
          reject(failure('unreachable'));
        });
      });
    await world.operate();
    await world.account();
    await world.predict('p');
    await eventually(() => world.functions.events.length === 1);
    await cluster.client.delete(PREDICTION_JOBS, 'p', { namespace: world.namespace });
    await eventually(async () => (await world.prediction('p').catch(() => undefined)) === undefined);
    expect(aborted).to.equal(true);
    expect(world.bucket.keys(`predictions/user_${world.userId}/`)).to.deep.equal([]);
    const [entry] = world.bucket.keys(`ledger/user_${world.userId}/`);
    expect(world.bucket.json<LedgerEntry>(entry ?? '')).to.include({ outcome: 'Cancelled' });
  });

  it('waits while the account is suspended or the month has no room, and deletes after the ttl', async () => {
    await world.operate();
    await world.account({ limits: { monthlyUsd: 0.00001 } });
    await world.predict('p', { ttlSecondsAfterFinished: 0 });
    expect(reasonOf(await world.predicted('p', 'Queued'), 'Accepted')).to.equal('QuotaExceeded');
    const account = `user-${world.userId}`;
    const { ACCOUNTS } = await import('../../operator/runtime/resources.ts');
    await cluster.client.mergePatch(ACCOUNTS, account, { spec: { suspend: true } });
    await eventually(
      async () =>
        condition((await world.prediction('p')).status?.conditions, 'Accepted')?.reason === 'AccountSuspended',
    );
    await cluster.client.mergePatch(ACCOUNTS, account, { spec: { suspend: false, limits: { monthlyUsd: 5 } } });
    await eventually(async () => (await world.prediction('p').catch(() => undefined)) === undefined);
    expect(world.functions.events).to.have.length(1);
  });
});
