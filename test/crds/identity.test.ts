// A job that was carried over to another cluster stays who it was, for everything that goes by who a job is.
import { expect } from 'chai';
import { reduce } from '../../bot/conversation/machine.ts';
import { IDLE } from '../../bot/conversation/state.ts';
import { jobsList, statusList } from '../../bot/wording/lists.ts';
import { trainingCard } from '../../bot/wording/cards.ts';
import type { Attempt } from '../../crds/crds.generated.ts';
import { createdAt, identityOf } from '../../crds/objects.ts';
import { ownedBy } from '../../operator/accounts/namespace.ts';
import { keyOwners } from '../../operator/collection/owners.ts';
import { folderOf } from '../../operator/prediction/job.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { workerJob } from '../../operator/training/cluster/manifest.ts';
import { modelId } from '../../operator/training/job.ts';
import { searchSeconds } from '../../operator/training/ticket.ts';
import { account, facts, prediction, press, toasts, training } from '../bot/conversation/setting.ts';
import { startCluster } from '../operator/cluster.ts';

const PREFIXES = { datasetPrefix: 'datasets', modelPrefix: 'models', predictionPrefix: 'predictions' };
const ORIGIN = { uid: 'first-uid-of-it', createdAt: '2025-12-01T00:00:00Z' };
const carriedOver = <J extends { status?: object }>(job: J): J => ({
  ...job,
  status: { ...job.status, origin: ORIGIN },
});

describe('Who a job is', () => {
  const moved = carriedOver(training('Running'));
  const movedPrediction = carriedOver(prediction('Running'));

  it('is its uid, and after a move the one it had first', () => {
    expect([identityOf(training('Running')), createdAt(training('Running'))]).to.deep.equal([
      'u-1',
      '2026-01-01T00:00:00Z',
    ]);
    expect([identityOf(moved), createdAt(moved)]).to.deep.equal([ORIGIN.uid, ORIGIN.createdAt]);
    expect([identityOf({}), createdAt({})]).to.deep.equal(['', '']);
  });

  it('names its model, its folders and what it owns in the bucket', () => {
    expect(modelId(moved)).to.equal('job-u-1-first-ui');
    const places = { ...PREFIXES, bucket: 'b', workerRoleId: 'r' };
    expect(folderOf(places, movedPrediction).output).to.equal(`predictions/user_12/${ORIGIN.uid}/predictions.csv`);
    const owners = keyOwners([moved], [carriedOver(prediction('Succeeded'))], PREFIXES);
    expect([...owners.existing, ...owners.live]).to.deep.equal([ORIGIN.uid, ORIGIN.uid]);
  });

  it('is not asked of the API server, which knows an owner by its present uid', () => {
    const attempt = { number: 2, batch: 'b', market: 'cluster', requestedAt: '2026-01-01T00:00:00Z' } as Attempt;
    const { metadata } = workerJob(moved, attempt, {
      ...{ image: 'i', installation: 'ours', bucket: 'b', region: 'r', workerRoleId: 'r', logGroup: 'l', now: 0 },
    });
    expect(metadata?.ownerReferences?.[0]?.uid).to.equal('u-1');
    expect(metadata?.name).to.equal(`cluster-${ORIGIN.uid}-2`);
  });

  it('keeps the buttons of older messages working', () => {
    const buttons = [trainingCard(moved, 'f'), statusList([moved], account)].flatMap(({ buttons: rows = [] }) => rows);
    expect(JSON.stringify(buttons)).to.include(`job:cancel:${ORIGIN.uid}`).and.not.to.include('cancel:u-1');
    const pressed = (uid: string) =>
      reduce(IDLE, press(`job:cancel:${uid}`), facts({ trainings: [moved], predictions: [] }));
    expect(toasts(pressed(ORIGIN.uid))).to.deep.equal(['']);
    expect(toasts(pressed('u-1'))).not.to.deep.equal(['']);
  });

  it('keeps its age: in lists, and for what its deadline leaves it', () => {
    const younger = training('Running', {}, 'u-2');
    const { html } = jobsList([moved, younger]);
    expect(html.indexOf('job-u-2')).to.be.below(html.indexOf('job-u-1'));
    const until = { deadline: '2026-01-01T00:10:00Z' };
    const of = (job: typeof moved) => searchSeconds({ ...job, spec: { ...job.spec, ...until } });
    expect(of(training('Running'))).to.equal(300);
    expect(of(moved)).to.be.above(300);
  });

  it('is said by the operator alone: people can neither create nor change a status', async function () {
    this.timeout(20_000);
    const role = ownedBy(account, 'ours').find(({ object }) => object.kind === 'Role')?.object;
    expect(JSON.stringify(role?.['rules'])).not.to.match(/\/status|"\*"/);
    const cluster = await startCluster();
    try {
      const made = await cluster.client.create(TRAINING_JOBS, {
        ...{ apiVersion: 'spotlearn.io/v1alpha1', kind: 'TrainingJob', metadata: { name: 'a', namespace: 'default' } },
        spec: { dataset: { uri: 's3://bucket/datasets/user_7/a.csv' }, target: 'y', model: { type: 'auto' } },
        status: { phase: 'Running', origin: ORIGIN },
      } as never);
      expect(made).not.to.have.property('status');
    } finally {
      await cluster.close();
    }
  });
});
