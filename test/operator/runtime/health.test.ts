import { expect } from 'chai';
import { readConfiguration } from '../../../cloud/configuration/configuration.ts';
import { Checks, CHECK_AGAIN_MS, CHECK_EVERY_MS } from '../../../operator/checks.ts';
import { startHealth, type Health } from '../../../operator/runtime/health.ts';
import { createLogger, SILENT } from '../../../operator/runtime/logging.ts';
import { createMetrics } from '../../../operator/runtime/metrics.ts';
import { FakeBucket, FakeCompute, FakeFunctions, failure } from '../aws.ts';
import { ManualClock, settled } from '../clock.ts';
import type { Cluster } from '../cluster.ts';
import { World } from '../world.ts';

describe('Health and metrics', () => {
  let health: Health;
  let alive = true;
  let ready = false;
  const metrics = createMetrics();
  before(async () => {
    health = await startHealth({
      host: '127.0.0.1',
      port: 0,
      alive: () => alive,
      needed: () => ({ caches: { ok: ready } }),
      reported: () => ({ bucket: { ok: false, message: 'away' } }),
      metrics,
    });
  });
  after(() => health.close());
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(health.url + path, init);
    return { status: response.status, text: await response.text() };
  };

  it('is alive or not', async () => {
    expect((await get('/healthz')).status).to.equal(200);
    alive = false;
    expect((await get('/healthz')).status).to.equal(500);
  });

  it('is ready once the caches are filled, whatever AWS says', async () => {
    expect((await get('/readyz')).status).to.equal(503);
    ready = true;
    const { status, text } = await get('/readyz?verbose');
    expect(status).to.equal(200);
    expect(JSON.parse(text)).to.deep.include({ ready: true, reported: { bucket: { ok: false, message: 'away' } } });
  });

  it('serves metrics under the names dashboards know', async () => {
    const controller = metrics.controller('trainingjob');
    controller.reconciled('success', 12);
    controller.depth(() => 3);
    controller.waited(5);
    metrics.launched('spot', 'launched');
    metrics.terminated('Deleted', 2);
    metrics.interrupted('rebalance');
    metrics.ticked('bucket', true, 4);
    metrics.leader(true);
    metrics.up('bucket', false);
    metrics.jobs('TrainingJob', () => new Map([['Running', 2]]));
    const { text } = await get('/metrics');
    for (const line of [
      'controller_runtime_reconcile_total{controller="trainingjob",result="success"} 1',
      'workqueue_depth{name="trainingjob"} 3',
      'spotlearn_instances_launched_total{market="spot",outcome="launched"} 1',
      'spotlearn_instances_terminated_total{reason="Deleted"} 2',
      'spotlearn_jobs{kind="TrainingJob",phase="Running"} 2',
      'leader_election_master_status{name="spotlearn-operator"} 1',
      'spotlearn_dependency_up{dependency="bucket"} 0',
    ])
      expect(text).to.include(line);
  });

  it('answers nothing else', async () => {
    expect((await get('/')).status).to.equal(404);
    expect((await get('/healthz', { method: 'POST' })).status).to.equal(405);
  });
});

describe('The checks at the start', () => {
  it('name what is missing, ask again soon, and rarely once all is there', async () => {
    const clock = new ManualClock();
    const [bucket, compute, functions] = [new FakeBucket(), new FakeCompute(), new FakeFunctions()];
    bucket.before('check', failure('unreachable'));
    const up: Record<string, boolean> = {};
    const configuration = new World({} as Cluster).configuration();
    const checks = new Checks({
      configuration,
      bucket,
      compute,
      functions,
      clock,
      logger: SILENT,
      metrics: { up: (name, is) => void (up[name] = is) },
    });
    checks.start();
    await settled();
    expect(checks.found().bucket).to.deep.equal({ ok: false, message: 'unreachable on demand' });
    expect(up).to.deep.equal({ bucket: false, launchTemplate: true, image: true, securityGroup: true, function: true });
    await clock.advance(CHECK_AGAIN_MS);
    expect(checks.found().bucket).to.deep.equal({ ok: true });
    await clock.advance(CHECK_EVERY_MS - 1);
    expect(bucket.calls).to.have.length(2);
    await checks.stop();
  });

  it('ask nothing of a cloud that is switched off', async () => {
    const bucket = new FakeBucket();
    const configuration = { ...new World({} as Cluster).configuration(), cloudEnabled: false };
    const checks = new Checks({
      configuration,
      bucket,
      compute: new FakeCompute(),
      functions: new FakeFunctions(),
      clock: new ManualClock(),
      logger: SILENT,
      metrics: { up: () => {} },
    });
    await checks.once();
    expect(checks.found().bucket?.message).to.match(/switched off/);
    expect(bucket.calls).to.deep.equal([]);
  });
});

describe('The log', () => {
  it('takes the level it is given', () => {
    expect(() => createLogger('error').debug({}, 'unseen')).not.to.throw();
    expect(() => readConfiguration('operator', {})).to.throw(/SPOTLEARN_BUCKET is missing/);
  });
});
