import { expect } from 'chai';
import type { LedgerEntry } from '../../../cloud/ledger.ts';
import { condition } from '../../../crds/conditions.ts';
import type { Account } from '../../../crds/crds.generated.ts';
import { Ledger, nextStatus, periodOf } from '../../../operator/accounts/month.ts';
import { ownedBy } from '../../../operator/accounts/namespace.ts';
import { AccountReconciler } from '../../../operator/accounts/reconciler.ts';
import { Reservations, type Holder } from '../../../operator/accounts/reservations.ts';
import { Cache } from '../../../operator/runtime/cache.ts';
import { EventRecorder } from '../../../operator/runtime/events.ts';
import type { Kubernetes, KubeObject } from '../../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import {
  ACCOUNTS,
  NAMESPACES,
  QUOTAS,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
} from '../../../operator/runtime/resources.ts';
import { StatusWriter } from '../../../operator/runtime/status.ts';
import { FakeBucket, failure } from '../aws.ts';
import { ManualClock, settled } from '../clock.ts';
import { eventually, startCluster, type Cluster } from '../cluster.ts';
import { World } from '../world.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const entry = (more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  version: 1,
  userId: '1',
  at: '2026-11-24T09:00:00Z',
  operation: 'training',
  service: 'ec2',
  job: { namespace: 'n', name: 'j', uid: 'u' },
  attempt: 1,
  usd: 0.5,
  onDemandUsd: 1,
  seconds: 10,
  what: 'x',
  outcome: 'Succeeded',
  ...more,
});

describe('The money held back', () => {
  let holders: Holder[];
  let reservations: Reservations;
  beforeEach(() => {
    holders = [];
    reservations = new Reservations(() => holders);
  });
  const seen = (uid: string, reservedUsd = 0, final = false) => holders.push({ uid, reservedUsd, final });

  it('never lets two jobs at once slip under the limit', () => {
    seen('a');
    seen('b');
    expect(reservations.reserve('1', 'a', 6, 0, 10)).to.deep.equal({ ok: true });
    expect(reservations.reserve('1', 'b', 6, 0, 10)).to.deep.equal({ ok: false, reason: 'BudgetReserved', heldUsd: 6 });
    expect(reservations.reserve('1', 'a', 6, 0, 10)).to.deep.equal({ ok: true });
  });

  it('tells a month that is full from one that is only held', () => {
    seen('a');
    expect(reservations.reserve('1', 'a', 6, 5, 10)).to.deep.equal({ ok: false, reason: 'QuotaExceeded', heldUsd: 0 });
  });

  it('is what live jobs say, not more, once they say it', () => {
    seen('a');
    reservations.reserve('1', 'a', 6, 0, 10);
    expect(reservations.held('1')).to.equal(6);
    holders = [{ uid: 'a', reservedUsd: 6, final: false }];
    expect(reservations.held('1')).to.equal(6);
    holders = [{ uid: 'a', reservedUsd: 0, final: false }];
    expect(reservations.held('1')).to.equal(0);
    holders = [{ uid: 'a', reservedUsd: 6, final: true }];
    expect(reservations.held('1')).to.equal(0);
  });

  it('is given back by a job that is released or gone', () => {
    seen('a');
    reservations.reserve('1', 'a', 6, 0, 10);
    reservations.release('a');
    expect(reservations.held('1')).to.equal(0);
    reservations.reserve('1', 'a', 6, 0, 10);
    holders = [];
    reservations.held('1');
    seen('a');
    expect(reservations.held('1')).to.equal(0);
  });
});

describe('The month of an account', () => {
  const account = (status?: Account['status']): Account => ({
    metadata: { name: 'user-1', generation: 3 },
    spec: {
      userId: '1',
      role: 'user',
      suspend: false,
      limits: { trainingUsd: 10, predictionUsd: 1, monthlyUsd: 10 },
      warnPercent: 80,
    },
    status,
  });

  it('is the sum of its ledger entries, each read once', async () => {
    const bucket = new FakeBucket();
    bucket.set('ledger/user_1/2026-11/a.json', entry());
    bucket.set('ledger/user_1/2026-11/b.json', entry({ usd: 0.1, operation: 'prediction', service: 'lambda' }));
    bucket.set('ledger/user_12/2026-11/c.json', entry({ usd: 99 }));
    const ledger = new Ledger(bucket);
    const sum = await ledger.month('1', '2026-11');
    expect(sum).to.deep.equal({
      spentUsd: 0.6,
      operations: 2,
      byService: { ec2: 0.5, lambda: 0.1 },
      byOperation: { training: 0.5, prediction: 0.1 },
    });
    await ledger.month('1', '2026-11');
    expect(bucket.calls.filter((call) => call.startsWith('get'))).to.have.length(2);
    expect((await ledger.month('1', '2026-12')).spentUsd).to.equal(0);
  });

  it('warns at its threshold and files the old month', () => {
    const old = account({ month: { period: '2026-10', spentUsd: 4 } });
    const next = nextStatus(old, { spentUsd: 8, operations: 1, byService: {}, byOperation: {} }, 1, NOW);
    expect(condition(next.conditions, 'BudgetWarning')).to.include({ status: 'True', reason: 'MonthNearlySpent' });
    expect(next.history).to.deep.equal([{ period: '2026-10', spentUsd: 4 }]);
    expect(next.month).to.include({ period: periodOf(NOW), reservedUsd: 1 });
    const suspended = nextStatus(
      { ...old, spec: { ...old.spec, suspend: true } },
      { spentUsd: 1, operations: 1, byService: {}, byOperation: {} },
      0,
      NOW,
    );
    expect(condition(suspended.conditions, 'Suspended')?.reason).to.equal('AccountSuspended');
    expect(condition(suspended.conditions, 'BudgetWarning')?.status).to.equal('False');
  });
});

describe('The ServiceAccount of an account’s workers', () => {
  const made = (role?: string) =>
    ownedBy({ metadata: { name: 'user-7' }, spec: { userId: '7' } } as Account, 'ours', role).find(
      ({ resource }) => resource === SERVICE_ACCOUNTS,
    )?.object;

  it('lies in the namespace, names the workers’ role, and has no token for the API server', () => {
    const object = made('arn:aws:iam::1:role/w');
    expect(object?.metadata).to.deep.include({ name: 'spotlearn-worker', namespace: 'ml-user-7' });
    expect(object?.metadata?.annotations).to.deep.equal({ 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/w' });
    expect(object?.['automountServiceAccountToken']).to.equal(false);
    expect(made()?.metadata).to.not.have.property('annotations');
  });
});

describe('The operator keeping accounts, on a Kubernetes API', () => {
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
    world = new World(cluster);
  });
  after(async () => {
    await world.close();
    await cluster.close();
  });

  it('gives an account a namespace of its own, a quota and a role, owned by it', async () => {
    // There before us, made by hand: it is taken over, its own labels kept.
    await cluster.client.create(NAMESPACES, { metadata: { name: world.namespace, labels: { team: 'a' } } });
    world.bucket.before('list', failure('unreachable'));
    await world.operate();
    const { metadata } = await world.account({ limits: { monthlyUsd: 1 } });
    const namespace = await cluster.client.get<KubeObject>(NAMESPACES, world.namespace);
    expect(namespace.metadata?.labels).to.include({
      team: 'a',
      'spotlearn.io/user': world.userId,
      'spotlearn.io/installation': 'spotlearn',
    });
    expect(namespace.metadata?.ownerReferences?.[0]).to.include({ kind: 'Account', uid: metadata?.uid });
    await cluster.client.get(QUOTAS, 'spotlearn', world.namespace);
    await cluster.client.get(ROLES, 'spotlearn-user', world.namespace);
    await cluster.client.get(SERVICE_ACCOUNTS, 'spotlearn-worker', world.namespace);
    await cluster.client.get(ROLE_BINDINGS, 'spotlearn-user', world.namespace);
  });

  it('moves the limit of a quota that was taken up and not counted, until it is', async () => {
    const quota = () =>
      cluster.client.get<KubeObject & { spec: { hard: Record<string, string> } }>(QUOTAS, 'spotlearn', world.namespace);
    const { hard } = (await quota()).spec;
    await cluster.client.mergePatch(
      QUOTAS,
      'spotlearn',
      { status: { hard } },
      { namespace: world.namespace, subresource: 'status' },
    );
    await eventually(async () => (await quota()).spec.hard['count/trainingjobs.spotlearn.io'] === '501');
    // Only counts move; what the cluster may be used for stays.
    expect((await quota()).spec.hard).to.include({ 'requests.cpu': '64', 'requests.memory': '256Gi' });
    const used = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
    await cluster.client.mergePatch(
      QUOTAS,
      'spotlearn',
      { status: { used } },
      { namespace: world.namespace, subresource: 'status' },
    );
  });

  it('warns once when the month is nearly spent', async () => {
    world.bucket.set(`ledger/user_${world.userId}/${periodOf(Date.now())}/x.json`, entry({ usd: 0.9 }));
    await cluster.client.mergePatch(ACCOUNTS, `user-${world.userId}`, { spec: { displayName: 'somebody' } });
    const account = await eventually(async () => {
      const read = await world.readAccount();
      return condition(read.status?.conditions, 'BudgetWarning')?.status === 'True' && read;
    });
    expect(account.status?.month?.spentUsd).to.equal(0.9);
  });
});

describe('What is held back in an account', () => {
  it('is written once for jobs that are accepted while a write is under way', async () => {
    const patches: object[] = [];
    let answer = () => {};
    const kubernetes = {
      mergePatch: async (
        _resource: unknown,
        _name: string,
        patch: { status?: { month?: { reservedUsd?: number } } },
      ) => {
        patches.push(patch);
        await new Promise<void>((resolve) => (answer = resolve));
        return { ...account, ...patch, metadata: { ...account.metadata, resourceVersion: String(patches.length + 1) } };
      },
    } as unknown as Kubernetes;
    const account = {
      metadata: { name: 'user-1', uid: 'a', resourceVersion: '1' },
      spec: { userId: '1', limits: {} },
    } as unknown as Account;
    const cache = new Cache<Account>();
    cache.put(account);
    let held = 1;
    const reconciler = new AccountReconciler({
      ...{ kubernetes, cache, installation: 'x', clock: new ManualClock() },
      writer: new StatusWriter(kubernetes, ACCOUNTS, cache),
      events: new EventRecorder(kubernetes, new ManualClock(), SILENT),
      reservations: { held: () => held } as unknown as Reservations,
      ledger: new Ledger(new FakeBucket()),
    });
    const first = reconciler.writeReservation('user-1');
    await settled();
    held = 7;
    const others = Array.from({ length: 50 }, () => reconciler.writeReservation('user-1'));
    await settled();
    answer();
    await first;
    await settled();
    answer();
    await Promise.all(others);
    expect(patches).to.have.length(2);
    expect(cache.get('user-1')?.status?.month?.reservedUsd).to.equal(7);
  });
});
