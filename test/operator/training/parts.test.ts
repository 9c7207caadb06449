// The smaller parts of a training: tickets, checkpoints, results, stories.
import { expect } from 'chai';
import type { Heartbeat } from '../../../cloud/contract/contract.generated.ts';
import type { Attempt, TrainingJob, TrainingJobStatus } from '../../../crds/crds.generated.ts';
import { collect } from '../../../operator/training/finishing.ts';
import type { Places } from '../../../operator/training/job.ts';
import { heard } from '../../../operator/training/progress.ts';
import { transition } from '../../../operator/training/story.ts';
import {
  keepCheckpoint,
  putTicket,
  renderTicket,
  searchSeconds,
  signAgain,
} from '../../../operator/training/ticket.ts';
import { failure, FakeBucket } from '../aws.ts';
import { checkpoint, end, ROLE_ID, succeed } from '../worker.ts';

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

  for (const [words, spec, seconds] of [
    ['ten minutes where nothing limits it', {}, 600],
    ['half of the time it may be active', { activeDeadlineSeconds: 300 }, 150],
    ['half of the time till its deadline', { deadline: '2026-11-24T09:55:00Z' }, 150],
    ['half of what its money buys', { budget: { maxCostUsd: 0.01 } }, 180],
    ['long enough to be a search', { activeDeadlineSeconds: 5, budget: { maxCostUsd: 0.0001 } }, 20],
    ['without a look at money where nothing costs', { placement: 'Cluster', budget: { maxCostUsd: 0.0001 } }, 600],
  ] as const)
    it(`gives auto ${words}`, () => {
      const auto = job({ model: { type: 'auto' }, ...spec }, { startTime: '2026-11-24T09:55:00Z' });
      auto.metadata = { ...auto.metadata, creationTimestamp: '2026-11-24T09:50:00Z' };
      expect(searchSeconds(auto)).to.equal(seconds);
      expect(renderTicket({ ...facts, job: auto }).training.searchSeconds).to.equal(seconds);
    });

  it('gives no time to search where a model is named', () => {
    expect(renderTicket(facts).training).not.to.have.property('searchSeconds');
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

  it('is signed anew for the same job and attempt only, and never put where none is', async () => {
    const bucket = new FakeBucket();
    const ticket = (number: number, datasetUrl: string) =>
      renderTicket({ ...facts, job: job(), attempt: { ...attempt, number }, datasetUrl });
    await signAgain(bucket, places, 'i-1', ticket(2, 'early'));
    expect(bucket.keys()).to.deep.equal([]);
    await putTicket(bucket, places, 'i-1', ticket(2, 'first'));
    await signAgain(bucket, places, 'i-1', ticket(3, 'of another attempt'));
    expect(bucket.json<{ dataset: { url: string } }>(`${place('i-1')}ticket.json`)?.dataset.url).to.equal('first');
    await signAgain(bucket, places, 'i-1', ticket(2, 'second'));
    expect(bucket.json<{ dataset: { url: string } }>(`${place('i-1')}ticket.json`)?.dataset.url).to.equal('second');
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

describe('What is kept of a result', () => {
  const kept = async (manifest: object, result: object = {}) => {
    const bucket = new FakeBucket();
    succeed(bucket, 'i-1', manifest, result);
    return collect(bucket, places, job(), 'i-1');
  };

  it('is the intervals of the metrics', async () => {
    const { metrics, intervals } = await kept({}, { intervals: { roc_auc: [0.7, 0.9], broken: [1] } });
    expect(metrics).to.deep.equal({ roc_auc: 0.8 });
    expect(intervals).to.deep.equal({ roc_auc: { low: 0.7, high: 0.9 } });
    expect(await kept({})).not.to.have.property('intervals');
  });

  it('is what a blend is made of, the heaviest first, and the first notes', async () => {
    const member = (type: string, weight: number) => ({ type, weight, hyperparameters: {} });
    const { model } = await kept({
      model: {
        type: 'blend',
        estimator: 'A + B',
        hyperparameters: {},
        members: [member('svm', 0.4), member('xgboost', 0.6)],
      },
      notes: ['long '.repeat(100), ...Array.from({ length: 20 }, (_, at) => `note ${at}`)],
      parity: { rows: 1, dirtiedRows: 1, labelMismatches: 0, maxDifference: 0, tolerance: 0, inexact: 'Ties.' },
    });
    expect(model.members).to.deep.equal([
      { type: 'xgboost', weight: 0.6 },
      { type: 'svm', weight: 0.4 },
    ]);
    expect(model.notes).to.have.length(8);
    expect(model.notes?.[0]).to.equal('Ties.');
    expect(model.notes?.[1]).to.have.length(301);
    const single = await kept({
      model: { type: 'svm', estimator: 'A', hyperparameters: {}, members: [member('svm', 1)] },
    });
    expect(single.model).not.to.have.any.keys('members', 'notes');
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

  it('warns of a loss, not of what mends it', () => {
    const typeOf = (condition: ReturnType<typeof one>) =>
      transition({ phase: 'Running', conditions: [] }, { phase: 'Recovering', conditions: [condition] })?.type;
    expect(typeOf(one('Interrupted', 'True', 'SpotInterruption'))).to.equal('Warning');
    expect(typeOf(one('Running', 'False', 'Recovering'))).to.equal('Warning');
    expect(typeOf(one('Provisioned', 'False', 'Launching'))).to.equal('Normal');
    expect(typeOf(one('Provisioned', 'True', 'InstanceLaunched'))).to.equal('Normal');
  });
});

describe('The progress of a job', () => {
  const beat = (stage: Heartbeat['stage'], percent: number, steps: number): Heartbeat => ({
    ...{ version: 1, sequence: 1, at: '2026-11-24T10:00:00Z', stage, step: Math.round((percent * steps) / 100), steps },
    ...{ percent, etaSeconds: null, metric: null, message: '', checkpoint: null },
    ...{ memoryMiB: 1, cpuPercent: 1, controlGeneration: 0 },
  });
  const hear = (status: TrainingJobStatus, heartbeat: Heartbeat): TrainingJobStatus => {
    const attempt = status.attempts?.at(-1) as Attempt;
    return heard({ job: job(), now: NOW }, status, attempt, { heartbeat, heardAt: NOW, checkpointSeconds: 60 });
  };
  const percents = (attempt: object, beats: Heartbeat[], old?: TrainingJobStatus['progress']): unknown[] => {
    const first = { number: 2, batch: 'b', market: 'spot', requestedAt: '2026-11-24T09:59:00Z', instanceId: 'i-2' };
    let status = { progress: old, attempts: [{ ...first, ...attempt }] } as TrainingJobStatus;
    return beats.map((heartbeat) => (status = hear(status, heartbeat)).progress?.percent);
  };
  const beats = [beat('Starting', 0, 0), beat('Preparing', 0, 0), beat('Training', 48, 40)];

  it('falls back to the checkpoint when another instance goes on, not to nothing', () => {
    expect(percents({ resumedFromStep: 18 }, beats, { percent: 65, step: 26, steps: 40 })).to.deep.equal([45, 45, 48]);
  });

  it('begins at nothing without a checkpoint', () => {
    expect(percents({}, beats, { percent: 65, step: 26, steps: 40 })).to.deep.equal([0, 0, 48]);
    expect(percents({ resumedFromStep: 18 }, beats)).to.deep.equal([0, 0, 48]);
  });

  it('is said with who reports and where it goes on', () => {
    const status = { attempts: [{ number: 2, instanceId: 'i-2', resumedFromStep: 18 }] } as TrainingJobStatus;
    const [condition] = hear(status, beat('Preparing', 0, 0)).conditions ?? [];
    expect(condition?.message).to.equal('The worker on i-2 reports and goes on after step 18.');
  });
});
