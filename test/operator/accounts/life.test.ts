// An account from being let in to being deleted, and its money when something is away, on a Kubernetes API.
import { expect } from 'chai';
import type { AuditEntry } from '../../../cloud/audit.ts';
import { periodOf, type LedgerEntry } from '../../../cloud/ledger/entries.ts';
import { condition } from '../../../crds/conditions.ts';
import type { Account } from '../../../crds/crds.generated.ts';
import { API_VERSION } from '../../../crds/objects.ts';
import { KubernetesError } from '../../../operator/runtime/kubernetes.ts';
import { ACCOUNTS, NAMESPACES, TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { failure } from '../aws.ts';
import { eventually, startCluster, type Cluster } from '../cluster.ts';
import { controlOf, end, report, succeed } from '../worker.ts';
import { World } from '../world.ts';

describe('The life of an account, on a Kubernetes API', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  beforeEach(() => {
    world = new World(cluster);
  });
  afterEach(() => world.close());

  const patch = (change: object) => cluster.client.mergePatch<Account>(ACCOUNTS, `user-${world.userId}`, change);
  const ready = async () => condition((await world.readAccount()).status?.conditions, 'Ready');
  const reason = async (name: string, type: string) =>
    condition((await world.training(name)).status?.conditions, type)?.reason;
  const trail = (what: string) =>
    world.bucket
      .keys('audit/')
      .map((key) => world.bucket.json<AuditEntry>(key) as AuditEntry)
      .filter((entry) => entry.what === what && entry.resource.includes(world.userId));

  it('begins when somebody lets it in, and not before', async () => {
    await world.operate();
    await cluster.client.create(ACCOUNTS, {
      apiVersion: API_VERSION,
      kind: 'Account',
      metadata: { name: `user-${world.userId}` },
      spec: { userId: world.userId, approval: 'Pending' },
    } as Account);
    await eventually(async () => (await ready())?.reason === 'ApprovalPending');
    await patch({ spec: { approval: 'Refused' } });
    await eventually(async () => (await ready())?.reason === 'ApprovalRefused');
    const missing = await cluster.client.get(NAMESPACES, world.namespace).catch((error: unknown) => error);
    expect(missing).to.be.instanceOf(KubernetesError);
    await patch({ spec: { approval: 'Approved' } });
    await eventually(async () => (await ready())?.status === 'True');
    await cluster.client.get(NAMESPACES, world.namespace);
  });

  it('runs jobs until it is suspended, which checkpoints and stops them, and goes on afterwards', async () => {
    await world.operate();
    await world.account();
    await world.train('one');
    const id = await world.instance('one');
    await world.trained('one', 'Booting');
    report(world.bucket, id);
    await world.trained('one', 'Running');
    await patch({ spec: { suspend: true } });
    await eventually(() => controlOf(world.bucket, id)?.desired === 'CheckpointAndStop');
    end(world.bucket, id, { outcome: 'Stopped', exitCode: 31 });
    const stopped = await world.trained('one', 'Suspended');
    expect(stopped.status.cost?.reservedUsd).to.equal(0);
    await eventually(async () => (await world.readAccount()).status?.reservations === undefined);
    await patch({ spec: { suspend: false } });
    await eventually(async () => (await world.training('one')).status?.phase === 'Booting');
    expect(trail('CreateTrainingJob')).to.have.length(1);
  });

  it('checkpoints and stops what runs before the month’s limit, and goes on after a top-up', async () => {
    await world.operate();
    await world.account({ limits: { monthlyUsd: 12 } });
    await world.train('one');
    const id = await world.instance('one');
    await world.trained('one', 'Booting');
    report(world.bucket, id);
    await world.trained('one', 'Running');
    await patch({ spec: { limits: { monthlyUsd: 0.0005 } } });
    await eventually(() => controlOf(world.bucket, id)?.desired === 'CheckpointAndStop');
    end(world.bucket, id, { outcome: 'Stopped', exitCode: 31 });
    await world.trained('one', 'Suspended');
    expect(await reason('one', 'BudgetExhausted')).to.equal('MonthExhausted');
    await patch({ spec: { topUp: { period: periodOf(Date.now()), usd: 50 } } });
    await eventually(async () => (await world.training('one')).status?.phase === 'Booting');
    expect(await reason('one', 'BudgetExhausted')).to.equal('BudgetRaised');
    const { status } = await world.readAccount();
    expect(status?.month?.limitUsd).to.equal(50.0005);
    expect((status?.month?.spentUsd ?? 0) + (status?.month?.reservedUsd ?? 0)).to.be.at.most(50.0005);
  });

  it('begins no more of a prediction while it is suspended, and ends it afterwards', async () => {
    world.bucket.set(`datasets/user_${world.userId}/a.csv`, 'age,sum\n1,2\n');
    world.model('model');
    let tries = 0;
    world.functions.handler = async () => {
      tries += 1;
      await patch({ spec: { suspend: true } });
      throw failure('throttled');
    };
    await world.operate();
    await world.account();
    await world.predict('p');
    await eventually(async () => {
      const { status } = await world.prediction('p');
      return condition(status?.conditions, 'Running')?.reason === 'AccountSuspended';
    });
    const before = tries;
    world.functions.handler = async () => ({
      requestId: 'r',
      report: { billedMs: 200, memoryMib: 1769, usedMib: 90 },
      answer: {
        ...{ success: true, predictions_s3_uri: 's3://bucket/out', num_predictions: 1, execution_time_ms: 5 },
        ...{ etag: '"e"', bytes: 40, counts: {}, summary: { good: 1 } },
      },
    });
    expect(tries).to.equal(before);
    expect((await world.prediction('p')).status?.phase).to.equal('Running');
    await patch({ spec: { suspend: false } });
    const { status } = await world.predicted('p', 'Succeeded');
    expect(status.receipt).to.include({ actualUsd: status.cost?.actualUsd, savingsPercent: 0, interruptions: 0 });
    expect(status.quote).to.include({ basis: 'Model', interruptionRisk: 0 });
  });

  it('quotes a job when it accepts it and gives a receipt when it is over, which is what the ledger says', async () => {
    await world.operate({ standingUsdPerDay: 86.4 });
    await world.account({ role: 'admin' });
    await world.train('one');
    const id = await world.instance('one');
    const { status: begun } = await world.trained('one', 'Booting');
    expect(begun.quote).to.include({ basis: 'Model', samples: 0 });
    expect(begun.quote?.usdHigh).to.be.at.least(begun.quote?.usdLow ?? Infinity);
    expect(begun.quote?.onDemandUsd).to.be.greaterThan(begun.quote?.usdHigh ?? Infinity);
    report(world.bucket, id);
    await world.trained('one', 'Running');
    succeed(world.bucket, id);
    const { status, metadata } = await world.trained('one', 'Succeeded');
    const key = `ledger/user_${world.userId}/${periodOf(Date.now())}/${metadata?.uid}-1-training.json`;
    const entry = world.bucket.json<LedgerEntry>(key);
    expect(status.receipt).to.include({
      actualUsd: entry?.usd,
      quotedLowUsd: begun.quote?.usdLow,
      interruptions: 0,
      interruptionsUsd: 0,
      dataEtag: status.dataset?.etag,
    });
    expect(status.receipt?.savingsPercent).to.be.within(1, 99);
    expect(status.receipt?.specSha256).to.match(/^[0-9a-f]{64}$/);
    expect(status.receipt?.dataSha256).to.equal(status.model?.dataSha256);
    expect(status.receipt?.installationUsd).to.be.at.least(0);
    const account = await eventually(async () => {
      const read = await world.readAccount();
      return read.status?.month?.reservedUsd === 0 && read.status.installation ? read : undefined;
    });
    expect(account.status?.month).to.include({ spentUsd: entry?.usd, operations: 1, limitUsd: 100 });
    expect(account.status?.month?.remainingUsd).to.be.closeTo(100 - (entry?.usd ?? 0), 1e-9);
    expect(account.status?.storage).to.include({ datasets: 1 });
    expect(account.status?.installation).to.include({ usdPerDay: 86.4 });
  });

  it('goes on while the ledger is away, takes nothing new, and delivers what is owed when it is back', async () => {
    await world.operate();
    await world.account();
    await world.train('one');
    const id = await world.instance('one');
    await world.trained('one', 'Booting');
    report(world.bucket, id);
    await world.trained('one', 'Running');
    world.bucket.lost = 'ledger/';
    end(world.bucket, id, { outcome: 'Stopped', exitCode: 30 });
    // The attempt has ended, the next one begins, although its entry can't be written.
    const second = await world.instance('one', id);
    const { attempts = [] } = (await world.training('one')).status ?? {};
    expect(attempts.find(({ instanceId }) => instanceId === id)).to.include({ unbilled: true });
    await world.train('two');
    await eventually(async () => (await reason('two', 'Accepted')) === 'LedgerUnavailable');
    expect((await world.training('two')).status?.phase).to.equal('Queued');
    world.bucket.lost = undefined;
    report(world.bucket, second);
    const billed = await eventually(async () => {
      const { status } = await world.training('one');
      return status?.attempts?.every(({ unbilled }) => !unbilled) && status;
    }, 40_000);
    expect(world.bucket.keys(`ledger/user_${world.userId}/`)).to.have.length(1);
    expect(billed.attempts?.[0]?.costUsd).to.be.greaterThan(0);
    await eventually(async () => (await reason('two', 'Accepted')) === 'Admitted', 40_000);
  });

  it('audits what is refused, once, and says by whom', async () => {
    await world.operate();
    await world.account();
    await world.train('theirs', { dataset: { uri: `s3://bucket/datasets/user_${world.userId}9/a.csv` } });
    await world.trained('theirs', 'Failed');
    const refused = trail('CreateTrainingJob');
    expect(refused).to.have.length(1);
    expect(refused[0]).to.include({ who: world.userId, outcome: 'Refused', from: 'kubernetes' });
    expect(refused[0]?.detail).to.match(/^AccessRefused: /);
    await cluster.client.delete(TRAINING_JOBS, 'theirs', { namespace: world.namespace });
    await eventually(() => trail('DeleteTrainingJob').length === 1);
  });

  it('leaves the data of an account that was carried over to another cluster alone', async () => {
    await world.operate();
    await world.account();
    await patch({ metadata: { annotations: { 'spotlearn.io/moved-to': 'elsewhere' } } });
    await cluster.client.delete(ACCOUNTS, `user-${world.userId}`);
    await eventually(() =>
      cluster.client.get(ACCOUNTS, `user-${world.userId}`).then(
        () => false,
        () => true,
      ),
    );
    expect(world.bucket.keys('datasets/')).to.have.length(1);
    expect(world.bucket.keys('exports/')).to.deep.equal([]);
  });

  it('ends with everything exported, then removed, and audited; its ledger stays', async () => {
    world.model('kept');
    world.bucket.set(`predictions/user_${world.userId}/p/predictions.csv`, 'a,b');
    world.bucket.set(`datasets/user_${world.userId}0/twin.csv`, 'another’s');
    await world.operate();
    const { metadata } = await world.account();
    await world.train('one');
    const id = await world.instance('one');
    await world.trained('one', 'Booting');
    const before = world.bucket
      .keys()
      .filter((key) => /^(datasets|models|predictions)\//.test(key) && key.includes(`user_${world.userId}/`));
    await cluster.client.delete(ACCOUNTS, `user-${world.userId}`);
    await eventually(
      () =>
        cluster.client.get(ACCOUNTS, `user-${world.userId}`).then(
          () => false,
          () => true,
        ),
      20_000,
    );
    expect(world.compute.machines.get(id)?.state).to.equal('terminated');
    expect(world.bucket.keys().filter((key) => /^(datasets|models|predictions)\//.test(key))).to.deep.equal([
      `datasets/user_${world.userId}0/twin.csv`,
    ]);
    const folder = `exports/user_${world.userId}/${metadata?.uid}/`;
    expect(world.bucket.keys(folder)).to.deep.equal(
      [`${folder}export.json`, ...before.map((key) => `${folder}files/${key}`)].sort(),
    );
    expect(world.bucket.keys(`ledger/user_${world.userId}/`)).to.have.length(1);
    expect(trail('RemoveAccount')[0]).to.include({ outcome: 'Allowed', from: 'operator' });
    const gone = await cluster.client
      .get<{ metadata: { deletionTimestamp?: string } }>(NAMESPACES, world.namespace)
      .then(
        ({ metadata: { deletionTimestamp } }) => deletionTimestamp !== undefined,
        () => true,
      );
    expect(gone).to.equal(true);
  });
});
