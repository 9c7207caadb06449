// The smaller parts of a training: launches, tickets, checkpoints, charges, admission's words, stories.
import { expect } from 'chai';
import { AwsError } from '../../../cloud/errors.ts';
import type { Attempt, TrainingJob } from '../../../crds/crds.generated.ts';
import { budgetOf, columnProblem, worstCase } from '../../../operator/training/admission.ts';
import { chargeFor } from '../../../operator/training/charging.ts';
import { attemptCost, billedSeconds, onDemandCost } from '../../../operator/training/costs.ts';
import { collect } from '../../../operator/training/finishing.ts';
import { modelId, type Places } from '../../../operator/training/job.ts';
import { launch } from '../../../operator/training/launch.ts';
import { Observation } from '../../../operator/training/observation.ts';
import { Planner } from '../../../operator/training/planner.ts';
import { Pools } from '../../../operator/training/pools.ts';
import { transition } from '../../../operator/training/story.ts';
import { keepCheckpoint, putTicket, renderTicket } from '../../../operator/training/ticket.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { FakeBucket, FakeCompute, failure } from '../aws.ts';
import { ManualClock, settled } from '../clock.ts';
import { checkpoint, end, heartbeat, ROLE_ID, succeed } from '../worker.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const places: Places = {
  bucket: 'bucket',
  datasetPrefix: 'datasets',
  modelPrefix: 'models',
  predictionPrefix: 'predictions',
  workerRoleId: ROLE_ID,
};
const job = (spec: object = {}, status: object = {}): TrainingJob =>
  ({
    metadata: { namespace: 'ml-user-1', name: 'my.job', uid: 'abcdef12-0000' },
    spec: {
      target: 'class',
      model: { type: 'ridge' },
      task: 'auto',
      split: 'random',
      seed: 0,
      placement: 'Spot',
      ...spec,
    },
    status,
  }) as TrainingJob;
const attempt: Attempt = {
  number: 2,
  batch: 'b',
  market: 'spot',
  requestedAt: '2026-11-24T09:58:00Z',
  instanceId: 'i-1',
  instanceType: 'm5.large',
  zone: 'a',
  pricePerHour: 0.03,
  launchedAt: '2026-11-24T09:59:30Z',
};
const place = (id: string) => `instances/${ROLE_ID}:${id}/`;
const thrown = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('nothing thrown'),
    (error: unknown) => error as Error,
  );

describe('The cost of an attempt', () => {
  it('is a minute at least, then every second, with its volume', () => {
    expect(billedSeconds(attempt, NOW)).to.equal(60);
    expect(billedSeconds({ ...attempt, launchedAt: undefined }, NOW)).to.equal(0);
    expect(attemptCost(attempt, NOW + 3_570_000)).to.be.closeTo(0.03 + (0.08 * 50) / 730, 1e-5);
    expect(attemptCost({ ...attempt, launchedAt: undefined }, NOW)).to.equal(0);
    expect(onDemandCost(attempt, 0.03 + (0.08 * 50) / 730)).to.be.closeTo(0.096 + (0.08 * 50) / 730, 1e-5);
  });

  it('is charged once: a second entry for the same attempt takes the first one’s amount', async () => {
    const bucket = new FakeBucket();
    const first = await chargeFor(bucket, job(), attempt, 'Succeeded', NOW);
    const second = await chargeFor(bucket, job(), attempt, 'Succeeded', NOW + 600_000);
    expect(second).to.deep.equal(first);
    expect(bucket.keys('ledger/')).to.deep.equal(['ledger/user_1/2026-11/abcdef12-0000-2-training.json']);
    bucket.before('put', failure('unreachable'));
    expect(await thrown(chargeFor(bucket, job(), { ...attempt, number: 3 }, 'x', NOW))).to.be.instanceOf(AwsError);
  });
});

describe('A launch', () => {
  const selection = { offers: [{ instanceType: 'm5.large', zone: 'a', subnetId: 's-a' }], reason: 'r' };
  const options = () => ({
    compute: new FakeCompute(),
    pools: new Pools(() => NOW),
    installation: 'spotlearn',
    launchTemplateId: 'lt-1',
  });

  it('is the same for the same attempt', async () => {
    const all = options();
    const [one, two] = [await launch(job(), attempt, selection, all), await launch(job(), attempt, selection, all)];
    expect(one).to.deep.equal(two);
    expect(all.compute.machines.size).to.equal(1);
    expect(all.compute.requests[0]?.tags).to.include({ 'spotlearn:batch': 'b', 'spotlearn:job': 'ml-user-1/my.job' });
  });

  it('remembers the pools that gave nothing', async () => {
    const all = options();
    all.compute.empty.add('spot/*');
    expect(await launch(job(), attempt, selection, all)).to.include({ got: 'nothing', cause: 'capacity' });
    expect(all.pools.blockedUntil('spot', 'm5.large', 'a')).to.be.greaterThan(NOW);
    expect(await launch(job(), attempt, { offers: [], reason: 'none' }, all)).to.include({
      got: 'nothing',
      message: 'none',
    });
  });

  it('tells capacity, an unknown outcome and other errors apart', async () => {
    const all = options();
    all.compute.before('createFleet', failure('capacity'), failure('precondition'), failure('unreachable'));
    expect(await launch(job(), attempt, selection, all)).to.include({ got: 'nothing', cause: 'capacity' });
    expect(await launch(job(), attempt, selection, all)).to.deep.equal({ got: 'later' });
    expect(await thrown(launch(job(), attempt, selection, all))).to.include({ kind: 'unreachable' });
  });

  it('blames the platform for a refusal that is not about capacity', async () => {
    const all = options();
    all.compute.createFleet = async () => ({
      instances: [],
      refusals: [{ instanceType: 'm5.large', zone: 's-a', code: 'InvalidParameter', message: 'no', capacity: false }],
    });
    expect(await launch(job(), attempt, selection, all)).to.deep.include({
      got: 'nothing',
      cause: 'platform',
      message: 'InvalidParameter: no',
    });
  });
});

describe('The ticket', () => {
  const facts = {
    job: job({ activeDeadlineSeconds: 600 }, { startTime: '2026-11-24T09:55:00Z', dataset: { bytes: 9, etag: '"e"' } }),
    attempt,
    instanceId: 'i-1',
    datasetUrl: 'https://d',
    datasetName: 'a.csv',
    resume: null,
    logGroup: '/g',
    heartbeatSeconds: 5,
    checkpointSeconds: 60,
    now: NOW,
  };

  it('lasts until the deadline and a little, a day at most', () => {
    expect(renderTicket(facts).notAfter).to.equal('2026-11-24T10:07:00.000Z');
    expect(renderTicket({ ...facts, job: job() }).notAfter).to.equal('2026-11-25T10:00:00.000Z');
  });

  it('claims an instance once', async () => {
    const bucket = new FakeBucket();
    const ticket = renderTicket(facts);
    expect(await putTicket(bucket, places, 'i-1', ticket)).to.equal('mine');
    expect(await putTicket(bucket, places, 'i-1', ticket)).to.equal('mine');
    expect(await putTicket(bucket, places, 'i-1', { ...ticket, job: { ...ticket.job, attempt: 3 } })).to.equal('taken');
    bucket.before('put', failure('throttled'));
    expect(await thrown(putTicket(bucket, places, 'i-2', ticket))).to.include({ kind: 'throttled' });
  });

  it('goes on from the newest checkpoint, kept beside the job, and never from outside the instance’s folder', async () => {
    const bucket = new FakeBucket();
    expect(await keepCheckpoint(bucket, places, 'u', undefined)).to.equal(undefined);
    checkpoint(bucket, 'i-1', 5);
    expect(await keepCheckpoint(bucket, places, 'u', 'i-1')).to.include({ key: 'checkpoints/u/5.joblib', step: 5 });
    checkpoint(bucket, 'i-2', 4);
    expect(await keepCheckpoint(bucket, places, 'u', 'i-2')).to.include({ step: 5 });
    bucket.set(`${place('i-3')}checkpoints/latest.json`, { key: '../../secrets', step: 9, at: '', bytes: 1 });
    expect(await keepCheckpoint(bucket, places, 'u', 'i-3')).to.include({ step: 5 });
    bucket.set(`${place('i-4')}checkpoints/latest.json`, { key: 'models/user_2/x', step: 9, at: '', bytes: 1 });
    bucket.set('models/user_2/x', 'another user’s');
    expect(await keepCheckpoint(bucket, places, 'u', 'i-4')).to.include({ step: 5 });
  });
});

describe('The collection of results', () => {
  const damaged = async (spoil: (bucket: FakeBucket) => void): Promise<string> => {
    const bucket = new FakeBucket();
    succeed(bucket, 'i-1');
    spoil(bucket);
    const error = await thrown(collect(bucket, places, job(), 'i-1'));
    expect(bucket.keys('models/').some((key) => key.endsWith('manifest.json'))).to.equal(false);
    return error.message;
  };

  it('copies what is missing only, and the manifest last', async () => {
    const bucket = new FakeBucket();
    succeed(bucket, 'i-1');
    await collect(bucket, places, job(), 'i-1');
    bucket.calls.length = 0;
    const { model } = await collect(bucket, places, job(), 'i-1');
    expect(model.id).to.equal('my-job-abcdef12');
    expect(bucket.calls.filter((call) => call.startsWith('copy'))).to.have.length(1);
  });

  it('refuses a result that does not hold together', async () => {
    expect(await damaged((bucket) => bucket.objects.delete(`${place('i-1')}result.json`))).to.match(
      /result.json is missing/,
    );
    expect(await damaged((bucket) => bucket.objects.delete(`${place('i-1')}result/model.onnx`))).to.match(
      /model.onnx is missing/,
    );
    expect(await damaged((bucket) => bucket.set(`${place('i-1')}result/model.onnx`, 'short'))).to.match(
      /5 bytes instead of 10/,
    );
    expect(await damaged((bucket) => bucket.set(`${place('i-1')}result/model.onnx`, 'onnx bytez'))).to.match(
      /does not have its sha256/,
    );
    expect(await damaged((bucket) => bucket.set(`${place('i-1')}result/manifest.json`, '{}'))).to.match(
      /manifest.json does not have/,
    );
    expect(await damaged((bucket) => end(bucket, 'i-1', { outcome: 'Succeeded', exitCode: 0 }))).to.match(
      /no model.onnx/,
    );
    expect(
      await damaged((bucket) => {
        const file = (name: string) => ({ name, size: 1, sha256: 'a' });
        end(bucket, 'i-1', {
          outcome: 'Succeeded',
          files: [file('../../../etc'), file('model.onnx'), file('manifest.json')],
        });
      }),
    ).to.match(/a file has the name/);
    expect(await damaged((bucket) => bucket.before('copy', failure('precondition')))).to.match(
      /changed while it was copied/,
    );
  });
});

describe('Admission', () => {
  const columns = ['Age', 'sum of all', 'class'];
  it('names a missing column and what was probably meant', () => {
    expect(columnProblem(job(), { columns })).to.equal(undefined);
    expect(columnProblem(job({ target: 'CLASS' }), { columns })).to.match(
      /no column "CLASS" to predict\. Did you mean "class"\? The table has 3 columns/,
    );
    expect(columnProblem(job({ features: ['Age', 'x'.repeat(90)] }), { columns })).to.match(
      /no column "x{60}…" among the features/,
    );
    expect(columnProblem(job({ split: 'time:when' }), { columns })).to.match(/no column "when" to split by/);
    expect(columnProblem(job({ target: 'z' }), { columns: Array.from({ length: 25 }, (_, at) => `c${at}`) })).to.match(
      /and 5 more/,
    );
  });

  it('never lets a job spend more than the account and the installation allow', () => {
    const account = { spec: { limits: { trainingUsd: 5 } } } as never;
    expect(budgetOf(job(), account, 10)).to.equal(5);
    expect(budgetOf(job({ budget: { maxCostUsd: 2 } }), account, 10)).to.equal(2);
    expect(budgetOf(job({ budget: { maxCostUsd: 50 } }), undefined, 10)).to.equal(10);
    expect(worstCase(job(), 5, 0.03)).to.equal(5);
    expect(worstCase(job({ activeDeadlineSeconds: 3480 }), 5, 0.03)).to.be.closeTo(0.09, 1e-9);
  });

  it('names the model after the job unless told otherwise', () => {
    expect(modelId(job())).to.equal('my-job-abcdef12');
    expect(modelId(job({ model: { type: 'ridge', id: 'mine' } }))).to.equal('mine');
  });
});

describe('The look at the world', () => {
  const clock = () => new ManualClock(NOW);
  function observation(
    time: ManualClock,
    compute: FakeCompute,
    bucket: FakeBucket,
    changes: string[] = [],
  ): Observation {
    return new Observation({
      compute,
      bucket,
      workerRoleId: ROLE_ID,
      clock: time,
      logger: SILENT,
      intervalMs: 5_000,
      onChange: (uid) => changes.push(uid),
      busy: () => false,
    });
  }
  const fleet = (compute: FakeCompute, jobUid = 'u') =>
    compute.createFleet({
      launchTemplateId: 'l',
      market: 'spot',
      count: 1,
      offers: [{ instanceType: 'm5.large', zone: 'a', subnetId: 's' }],
      token: jobUid,
      tags: { 'spotlearn:job-uid': jobUid, 'spotlearn:batch': 'b' },
    });

  it('reads a heartbeat once, and tells whose picture changed', async () => {
    const time = clock();
    const [compute, bucket, changes] = [
      new FakeCompute(() => time.now()),
      new FakeBucket(() => time.now()),
      [] as string[],
    ];
    const world = observation(time, compute, bucket, changes);
    const id = (await fleet(compute)).instances[0]?.id ?? '';
    bucket.set(`${place(id)}heartbeat.json`, heartbeat());
    bucket.set(`${place('i-unknown')}heartbeat.json`, heartbeat());
    await world.tick();
    await world.tick();
    expect(world.seen('u', id)).to.deep.include({ at: NOW, heardAt: NOW });
    expect(bucket.calls.filter((call) => call.startsWith('get'))).to.have.length(1);
    expect(new Set(changes)).to.deep.equal(new Set(['u']));
  });

  it('keeps what it knew when EC2 does not answer, and proves nothing by it', async () => {
    const time = clock();
    const compute = new FakeCompute(() => time.now());
    const world = observation(time, compute, new FakeBucket());
    await fleet(compute);
    await world.tick();
    compute.before('instances', failure('throttled'));
    await time.advance(60_000);
    await thrown(world.tick());
    expect(world.at).to.equal(NOW);
    expect(world.instances()).to.have.length(1);
  });

  it('believes in an instance that was launched and is not listed yet, for a minute', async () => {
    const time = clock();
    const world = observation(time, new FakeCompute(), new FakeBucket());
    world.noteLaunched({ id: 'i-9', instanceType: 'm5.large', zone: 'a' }, 'spot', { jobUid: 'u', batch: 'b' });
    await world.tick();
    expect(world.seen('u', 'i-9').instances).to.have.length(1);
    await time.advance(61_000);
    await world.tick();
    expect(world.seen('u', 'i-9').instances).to.have.length(0);
  });

  it('asks an idle cloud only every tenth time', async () => {
    const time = clock();
    const compute = new FakeCompute();
    const world = observation(time, compute, new FakeBucket());
    world.start();
    await settled();
    await time.advance(100_000);
    await world.stop();
    expect(compute.calls.length).to.be.within(2, 4);
  });

  it('knows its own instances from foreign ones in notices', async () => {
    const time = clock();
    const compute = new FakeCompute();
    const world = observation(time, compute, new FakeBucket());
    const id = (await fleet(compute)).instances[0]?.id ?? '';
    await world.tick();
    expect(world.notice(id, 'rebalance', NOW)).to.equal(true);
    expect(world.notice(id, 'interruption', NOW)).to.equal(true);
    expect(world.notice(id, 'rebalance', NOW)).to.equal(true);
    expect(world.seen('u', id).notice?.kind).to.equal('interruption');
    expect(world.notice('i-foreign', 'interruption', NOW)).to.equal(false);
    world.noteEnding([id]);
    expect(world.instances()[0]?.state).to.equal('shutting-down');
  });
});

describe('The planner', () => {
  it('reads prices at most every five minutes, and lives without them', async () => {
    const time = new ManualClock();
    const compute = new FakeCompute();
    const planner = new Planner({
      compute,
      pools: new Pools(() => time.now()),
      subnetIds: ['s'],
      defaultInstanceType: 'm5.large',
      spotMaxPriceUsd: undefined,
      now: () => time.now(),
      logger: SILENT,
    });
    const price = () => planner.priceOf({ market: 'spot' }, 'm5.large', 'a');
    compute.before('spotPrice', failure('throttled'));
    await planner.learnPrice('m5.large', 'a');
    expect(price()).to.equal(0.03);
    await planner.learnPrice('m5.large', 'a');
    await planner.learnPrice('m5.large', 'a');
    expect(price()).to.equal(0.02);
    expect(compute.calls).to.have.length(2);
    expect(planner.priceOf({ market: 'on-demand' }, 'm5.large', 'a')).to.equal(0.096);
  });
});

describe('The story of a job', () => {
  const one = (type: string, status: 'True' | 'False', reason: string) => ({
    type,
    status,
    reason,
    message: `${reason}!`,
    lastTransitionTime: '',
  });
  it('tells the weightiest change, and nothing when nothing changed', () => {
    expect(transition(undefined, { phase: 'Pending', message: 'Seen.' })).to.deep.equal({
      type: 'Normal',
      reason: 'Pending',
      message: 'Seen.',
    });
    const old = { phase: 'Running', conditions: [one('Running', 'True', 'A')] };
    expect(transition(old, { ...old, message: 'other words' })).to.equal(undefined);
    const failed = {
      phase: 'Failed',
      conditions: [one('Running', 'False', 'Finished'), one('Failed', 'True', 'InvalidData')],
    };
    expect(transition(old, failed)).to.deep.equal({ type: 'Warning', reason: 'InvalidData', message: 'InvalidData!' });
  });
});
