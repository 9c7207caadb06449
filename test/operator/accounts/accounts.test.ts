import { expect } from 'chai';
import { DEFAULT_PREFIXES } from '../../../cloud/keys.ts';
import { LedgerBook } from '../../../cloud/ledger/book.ts';
import { periodOf, type LedgerEntry, type MonthSum } from '../../../cloud/ledger/entries.ts';
import { condition } from '../../../crds/conditions.ts';
import type { Account } from '../../../crds/crds.generated.ts';
import {
  decideRequests,
  figuresOf,
  forecastUsd,
  monthLimit,
  pruned,
  type Live,
  type Standing,
} from '../../../operator/accounts/exposure.ts';
import { Ledger } from '../../../operator/accounts/ledger.ts';
import { nextStatus, type Facts } from '../../../operator/accounts/month.ts';
import { ownedBy } from '../../../operator/accounts/namespace.ts';
import { overheadOf, shareOf } from '../../../operator/accounts/overhead.ts';
import { Reservations } from '../../../operator/accounts/reservations.ts';
import { Stock, stockOf } from '../../../operator/accounts/stock.ts';
import { Cache } from '../../../operator/runtime/cache.ts';
import { KubernetesError, type Kubernetes, type KubeObject } from '../../../operator/runtime/kubernetes.ts';
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
import { ManualClock } from '../clock.ts';
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

const live = (uid: string, more: Partial<Live> = {}): Live => ({
  uid,
  final: false,
  reservedUsd: 0,
  actualUsd: 0,
  unbilledUsd: 0,
  stopUsd: 0,
  ...more,
});
const held = (usd: number, spentUsd = 0, at = '2026-11-24T10:00:00.000Z') => ({ usd, spentUsd, at });

describe('What a month stands at', () => {
  it('is the ledger and what runs until now; held back is what may still come', () => {
    const jobs = [
      live('a', { reservedUsd: 6, actualUsd: 2.5, unbilledUsd: 1.5 }),
      live('b', { reservedUsd: 1 }),
      live('c', { final: true, actualUsd: 9, reservedUsd: 5 }),
    ];
    const figures = figuresOf(20, { spentUsd: 3.000000001 }, jobs, { a: held(6, 0.5), elsewhere: held(2) });
    // a may still cost 6.5 − 2.5; b says 1 itself; what nobody has seen yet counts whole.
    expect(figures).to.deep.equal({
      limitUsd: 20,
      spentUsd: 4.500000001,
      reservedUsd: 7,
      remainingUsd: 8.499999999,
    });
  });

  it('never holds less than nothing, nor has less than nothing left', () => {
    const figures = figuresOf(1, { spentUsd: 0.9 }, [live('a', { reservedUsd: 1, actualUsd: 3, unbilledUsd: 3 })], {
      a: held(1),
    });
    expect(figures).to.include({ reservedUsd: 0, remainingUsd: 0 });
  });

  it('has a top-up in the month it is for, and in no other', () => {
    const account = { spec: { limits: { monthlyUsd: 10 }, topUp: { period: '2026-11', usd: 2.5 } } } as Account;
    expect(monthLimit(account, '2026-11')).to.equal(12.5);
    expect(monthLimit(account, '2026-12')).to.equal(10);
  });

  it('is forecast from the first day on', () => {
    const [start, end] = [Date.parse('2026-11-01T00:00:00Z'), Date.parse('2026-12-01T00:00:00Z')];
    expect(forecastUsd(1, start, end, start + 3_600_000)).to.equal(30);
    expect(forecastUsd(10, start, end, Date.parse('2026-11-16T00:00:00Z'))).to.equal(20);
    expect(forecastUsd(0, start, end, start)).to.equal(0);
  });

  it('keeps a reservation for whom it may be, and drops it when nobody can want it', () => {
    const old = '2026-11-24T09:00:00.000Z';
    const before = {
      granted: held(1, 0, old),
      holding: held(1, 0, old),
      final: held(1),
      given: held(1, 0, old),
      'just given': held(1),
      gone: held(1, 0, old),
      unseen: held(1),
    };
    const jobs = [
      live('granted'),
      live('holding', { reservedUsd: 1 }),
      live('final', { final: true }),
      live('given'),
      live('just given'),
    ];
    const known = { granted: new Set(['granted']), seen: new Set(['just gone']), holding: new Set(['given back']) };
    const kept = pruned(
      { ...before, 'just gone': held(1), 'given back': held(1) },
      [...jobs, live('given back')],
      known,
      NOW + 1000,
    );
    expect(Object.keys(kept).sort()).to.deep.equal(['granted', 'holding', 'just given', 'unseen']);
    expect(pruned(kept, jobs, known, NOW + 1000)).to.equal(kept);
  });
});

describe('The money held back', () => {
  const standing = (more: Partial<Standing> = {}): Standing => ({
    limitUsd: 10,
    sum: { spentUsd: 0 },
    jobs: [live('a'), live('b')],
    held: {},
    ...more,
  });

  it('never lets two jobs at once slip under the limit', () => {
    const { answers, held: after } = decideRequests(
      standing(),
      [
        { uid: 'a', usd: 6 },
        { uid: 'b', usd: 6 },
      ],
      NOW,
    );
    expect(answers[0]).to.deep.include({ ok: true });
    expect(answers[1]).to.deep.include({ ok: false, reason: 'BudgetReserved' });
    expect(answers[1]?.figures).to.include({ reservedUsd: 6, spentUsd: 0, limitUsd: 10 });
    expect(Object.keys(after)).to.deep.equal(['a']);
    // Asking again is no second reservation.
    expect(decideRequests(standing({ held: after }), [{ uid: 'a', usd: 6 }], NOW).answers[0]?.ok).to.equal(true);
  });

  it('tells a month that is full from one that is only held', () => {
    const [answer] = decideRequests(standing({ sum: { spentUsd: 5 } }), [{ uid: 'a', usd: 6 }], NOW).answers;
    expect(answer).to.deep.include({ ok: false, reason: 'QuotaExceeded' });
    expect(answer?.figures.reservedUsd).to.equal(0);
  });

  it('fits to the billionth of a dollar, where floats would not', () => {
    const requests = Array.from({ length: 100 }, (_, at) => ({ uid: String(at), usd: 0.1 }));
    const { answers } = decideRequests(standing({ jobs: [] }), [...requests, { uid: 'x', usd: 1e-9 }], NOW);
    expect(answers.filter(({ ok }) => ok)).to.have.length(100);
    expect(answers[99]?.figures.remainingUsd).to.equal(0);
  });

  it('of a job that goes on counts from what it has cost', () => {
    const jobs = [live('a', { actualUsd: 4, unbilledUsd: 0 })];
    const { held: after } = decideRequests(standing({ jobs, sum: { spentUsd: 4 } }), [{ uid: 'a', usd: 6 }], NOW);
    expect(after['a']).to.deep.include({ usd: 6, spentUsd: 4 });
    const later = [live('a', { actualUsd: 7, unbilledUsd: 3, reservedUsd: 6 })];
    expect(figuresOf(10, { spentUsd: 4 }, later, after)).to.include({ spentUsd: 7, reservedUsd: 3, remainingUsd: 0 });
  });
});

/** RFC 7386. */
function merged(old: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const next = { ...(old as Record<string, unknown> | undefined) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete next[name];
    else next[name] = merged(next[name], value);
  }
  return next;
}

/** An account on a server that refuses a write of an old version. */
class Server {
  account: Account = {
    metadata: { name: 'user-1', uid: 'a', resourceVersion: '1', generation: 1 },
    spec: { userId: '1', approval: 'Approved', limits: { monthlyUsd: 10 } },
  } as unknown as Account;
  writes = 0;
  /** Awaited before each write. */
  before: () => Promise<void> | void = () => undefined;

  get kubernetes(): Kubernetes {
    return {
      get: async () => this.account,
      mergePatch: async (
        _: unknown,
        _name: string,
        patch: { metadata: { resourceVersion: string }; status: object },
      ) => {
        await this.before();
        const { metadata, status } = this.account;
        if (patch.metadata.resourceVersion !== metadata?.resourceVersion)
          throw new KubernetesError('Conflict', 'changed meanwhile', 409);
        this.writes += 1;
        this.account = {
          ...this.account,
          metadata: { ...metadata, resourceVersion: String(Number(metadata.resourceVersion) + 1) },
          status: merged(status, patch.status) as Account['status'],
        };
        return this.account;
      },
    } as unknown as Kubernetes;
  }
}

describe('Reservations', () => {
  let server: Server;
  let clock: ManualClock;
  let jobs: Live[];
  let bucket: FakeBucket;
  beforeEach(() => {
    server = new Server();
    clock = new ManualClock(NOW);
    bucket = new FakeBucket(() => clock.now());
    jobs = [];
  });
  /** One operator; each has its own cache. */
  const operator = (time = clock) => {
    const cache = new Cache<Account>();
    cache.put(server.account);
    const { kubernetes } = server;
    const ledger = new Ledger(new LedgerBook(bucket), time);
    const writer = new StatusWriter(kubernetes, ACCOUNTS, cache);
    return {
      cache,
      ledger,
      reservations: new Reservations({ kubernetes, cache, writer, ledger, live: () => jobs, clock: time }),
    };
  };
  const ask = (reservations: Reservations, count: number, usd: number, name = 'job') =>
    Promise.all(Array.from({ length: count }, (_, at) => reservations.request('1', `${name}-${at}`, usd)));

  it('hold exactly what fits of a thousand jobs at once, in a few writes', async () => {
    const answers = await ask(operator().reservations, 1000, 0.03);
    expect(answers.filter(({ ok }) => ok)).to.have.length(333);
    expect(server.account.status?.month?.reservedUsd).to.equal(9.99);
    expect(Object.keys(server.account.status?.reservations ?? {})).to.have.length(333);
    expect(server.writes).to.be.at.most(2);
  });

  it('hold no more when two operators decide at once', async () => {
    const [one, other] = [operator(), operator()];
    const [first, second] = await Promise.all([
      ask(one.reservations, 500, 0.03, 'a'),
      ask(other.reservations, 500, 0.03, 'b'),
    ]);
    expect([...first, ...second].filter(({ ok }) => ok)).to.have.length(333);
    expect(server.account.status?.month?.reservedUsd).to.equal(9.99);
  });

  it('check anew when the leader changed between the check and the write', async () => {
    const [old, next] = [operator(), operator()];
    let once = true;
    server.before = async () => {
      if (!once) return;
      once = false;
      // While the old leader's write is on its way, the new one fills the month.
      expect(await next.reservations.request('1', 'theirs', 8)).to.include({ ok: true });
    };
    expect(await old.reservations.request('1', 'mine', 8)).to.deep.include({ ok: false, reason: 'BudgetReserved' });
    expect(Object.keys(server.account.status?.reservations ?? {})).to.deep.equal(['theirs']);
    server.before = () => undefined;
  });

  it('know at once what a job cost that another leader ended', async () => {
    const [old, next] = [operator(), operator()];
    jobs = [live('a', { reservedUsd: 9 })];
    expect((await old.reservations.request('1', 'a', 9)).ok).to.equal(true);
    expect(await next.reservations.request('1', 'b', 2)).to.include({ ok: false });
    await old.ledger.append('ledger/user_1/2026-11/a-1-training.json', entry({ usd: 8.5 }));
    jobs = [live('a', { final: true, actualUsd: 8.5 })];
    expect(await next.reservations.request('1', 'b', 2)).to.deep.include({ ok: false, reason: 'QuotaExceeded' });
    expect((await next.reservations.request('1', 'b', 1.5)).ok).to.equal(true);
  });

  it('are refused while nobody knows what the month has cost, and granted when it is known again', async () => {
    const { reservations, ledger } = operator();
    bucket.before('list', failure('unreachable'));
    expect(await reservations.request('1', 'a', 1)).to.deep.equal({ ok: false, reason: 'LedgerUnavailable' });
    expect(ledger.failing).to.equal(true);
    expect(ledger.away).to.be.a('string');
    expect(await reservations.request('1', 'a', 1)).to.deep.equal({ ok: false, reason: 'LedgerUnavailable' });
    await clock.advance(16_000);
    expect((await reservations.request('1', 'a', 1)).ok).to.equal(true);
    expect(ledger.failing).to.equal(false);
  });

  it('are kept until the job’s own status says it, and given back when it is over or let go', async () => {
    const { reservations, cache } = operator();
    const kept = () => Object.keys(reservations.held(cache.get('user-1') as Account).held);
    jobs = [live('a')];
    await reservations.request('1', 'a', 6);
    await clock.advance(600_000);
    expect(kept()).to.deep.equal(['a']);
    jobs = [live('a', { reservedUsd: 6 })];
    expect(kept()).to.deep.equal(['a']);
    jobs = [live('a')];
    expect(kept(), 'suspended').to.deep.equal([]);
    jobs = [live('b')];
    await reservations.request('1', 'b', 6);
    await clock.advance(600_000);
    reservations.release('1', 'b');
    expect(kept(), 'let go').to.deep.equal([]);
  });

  it('say what is left beyond what runs and its stop, and are told of entries of others', async () => {
    const { reservations, ledger } = operator();
    expect(reservations.leftUsd(server.account)).to.equal(undefined);
    await ledger.current('1');
    await clock.advance(1000);
    jobs = [live('a', { unbilledUsd: 2, stopUsd: 0.5 })];
    expect(reservations.leftUsd(server.account)).to.equal(7.5);
    bucket.set('ledger/user_1/2026-11/late.json', entry({ usd: 3 }));
    await clock.advance(300_000);
    await ledger.current('1');
    expect(reservations.leftUsd(server.account)).to.equal(4.5);
  });

  it('hold as much whatever the month is by a clock that is wrong', async () => {
    // Around midnight of the month, one operator's clock is ten minutes ahead of the other's.
    clock = new ManualClock(Date.parse('2026-11-30T23:55:00Z'));
    bucket.set('ledger/user_1/2026-11/old.json', entry({ usd: 9.5 }));
    const right = operator();
    const ahead = new ManualClock(clock.now() + 600_000);
    const wrong = operator(ahead);
    expect(await right.reservations.request('1', 'a', 6)).to.include({ ok: false, reason: 'QuotaExceeded' });
    expect((await wrong.reservations.request('1', 'b', 6)).ok, 'December, by its clock').to.equal(true);
    // What the one promised counts for the other, in either month.
    expect(await right.reservations.request('1', 'c', 0.5)).to.include({ ok: false, reason: 'BudgetReserved' });
    await clock.advance(600_000);
    expect(await right.reservations.request('1', 'd', 6)).to.include({ ok: false, reason: 'BudgetReserved' });
    expect((await right.reservations.request('1', 'd', 4)).ok).to.equal(true);
  });

  it('outlive a clock that is set back', async () => {
    const { reservations, cache } = operator();
    jobs = [live('a')];
    await reservations.request('1', 'a', 6);
    clock = new ManualClock(NOW - 86_400_000);
    const next = operator();
    expect(Object.keys(next.reservations.held(cache.get('user-1') as Account).held)).to.deep.equal(['a']);
    expect(await next.reservations.request('1', 'b', 6)).to.include({ ok: false, reason: 'BudgetReserved' });
  });

  it('pass on what goes wrong with the write', async () => {
    server.before = () => {
      throw new KubernetesError('Forbidden', 'no', 403);
    };
    const error = await operator()
      .reservations.request('1', 'a', 1)
      .catch((one: unknown) => one);
    expect(error).to.be.instanceOf(KubernetesError);
  });
});

describe('The month of an account', () => {
  const account = (status?: Account['status'], more: Partial<Account['spec']> = {}): Account => ({
    metadata: { name: 'user-1', generation: 3 },
    spec: {
      userId: '1',
      role: 'user',
      suspend: false,
      approval: 'Approved',
      limits: { trainingUsd: 10, predictionUsd: 1, monthlyUsd: 10 },
      warnPercent: 80,
      ...more,
    },
    status,
  });
  const facts = (spentUsd: number, more: Partial<Facts> = {}): Facts => ({
    jobs: [],
    held: {},
    sum: {
      spentUsd,
      operations: 1,
      byService: { ec2: spentUsd },
      byOperation: { training: spentUsd },
      byDay: [spentUsd],
    },
    now: NOW,
    ...more,
  });

  it('warns at its threshold and files the old month', () => {
    const old = account({ month: { period: '2026-10', spentUsd: 4, warnedPercent: 95 } });
    const next = nextStatus(old, facts(8));
    expect(condition(next.conditions, 'BudgetWarning')).to.include({ status: 'True', reason: 'MonthNearlySpent' });
    expect(next.history).to.deep.equal([{ period: '2026-10', spentUsd: 4 }]);
    expect(next.month).to.include({ period: periodOf(NOW), warnedPercent: 80, remainingUsd: 2 });
    const suspended = nextStatus(account(undefined, { suspend: true }), facts(1));
    expect(condition(suspended.conditions, 'Suspended')?.reason).to.equal('AccountSuspended');
    expect(condition(suspended.conditions, 'BudgetWarning')?.status).to.equal('False');
  });

  it('tells each level once a month, also after a top-up', () => {
    const warned = (spent: number, before?: number, more: Partial<Account['spec']> = {}) =>
      nextStatus(
        account({ month: { period: '2026-11', ...(before ? { warnedPercent: before } : {}) } }, more),
        facts(spent),
      ).month?.warnedPercent;
    expect(warned(7.99)).to.equal(undefined);
    expect(warned(8)).to.equal(80);
    expect(warned(9.5, 80)).to.equal(95);
    expect(warned(10, 95)).to.equal(100);
    expect(warned(8.5, 100, { topUp: { period: '2026-11', usd: 10 } })).to.equal(100);
    expect(warned(9.6, undefined, { warnPercent: 97 })).to.equal(undefined);
  });

  it('counts what runs for today', () => {
    const { month } = nextStatus(account(), facts(2, { jobs: [live('a', { unbilledUsd: 0.25, actualUsd: 0.25 })] }));
    expect(month?.byDay).to.have.length(24);
    expect([month?.byDay?.[0], month?.byDay?.[23]]).to.deep.equal([2, 0.25]);
    expect(month?.spentUsd).to.equal(2.25);
  });

  it('settles the month before when what ran through midnight is billed', () => {
    const now = Date.parse('2026-12-01T00:10:00Z');
    const status = { month: { period: '2026-12' }, history: [{ period: '2026-11', spentUsd: 4 }] };
    const sum = { ...(facts(0).sum as MonthSum) };
    const next = nextStatus(account(status), facts(0, { now, previous: { ...sum, spentUsd: 4.75 } }));
    expect(next.history).to.deep.equal([{ period: '2026-11', spentUsd: 4.75 }]);
  });

  it('stays as it was while the ledger is away, and says so', () => {
    const status = { month: { period: '2026-11', spentUsd: 4 } };
    const next = nextStatus(account(status), facts(0, { sum: undefined, ledgerProblem: 'S3 is away' }));
    expect(next.month).to.deep.equal(status.month);
    expect(condition(next.conditions, 'LedgerReachable')).to.include({ status: 'False', reason: 'LedgerUnavailable' });
  });
});

describe('What is stored for an account', () => {
  it('is counted by kind, with what it costs a month', () => {
    const gb = 2 ** 30;
    expect(
      stockOf([
        [{ key: 'datasets/user_1/a.csv', bytes: gb }],
        [
          { key: 'models/user_1/m/manifest.json', bytes: 1 },
          { key: 'models/user_1/m/model.onnx', bytes: gb - 1 },
        ],
        [
          { key: 'predictions/user_1/p/predictions.csv', bytes: 0 },
          { key: 'predictions/user_1/p/summary.json', bytes: 0 },
        ],
      ]),
    ).to.deep.equal({ datasets: 1, models: 1, predictions: 1, bytes: 2 * gb, monthlyUsd: 0.046 });
  });

  it('is listed once an hour, or when it changed, and unknown while the bucket is away', async () => {
    const clock = new ManualClock(NOW);
    const bucket = new FakeBucket();
    bucket.set('datasets/user_1/a.csv', 'x');
    bucket.set('datasets/user_12/a.csv', 'x');
    const stock = new Stock({ bucket, prefixes: DEFAULT_PREFIXES, clock });
    const account = { spec: { userId: '1' } } as Account;
    expect(await stock.of(account)).to.include({ datasets: 1, bytes: 1 });
    expect(await stock.of(account)).to.equal(undefined);
    stock.changed('1');
    bucket.before('list', failure('unreachable'));
    expect(await stock.of(account)).to.equal(undefined);
    await clock.advance(3_600_001);
    expect(await stock.of(account)).to.include({ datasets: 1 });
  });
});

describe('The installation’s own cost', () => {
  const HOUR = 3_600_000;
  it('is shared among the jobs of the last 24 hours', () => {
    const spans = [
      { from: NOW - HOUR },
      { from: NOW - 50 * HOUR, to: NOW - 30 * HOUR },
      { from: NOW - 30 * HOUR, to: NOW - HOUR },
    ];
    expect(overheadOf(4.8, spans, NOW)).to.deep.equal({ usdPerDay: 4.8, jobs: 2, usdPerJob: 2.4 });
    expect(overheadOf(4.8, [], NOW)).to.deep.equal({ usdPerDay: 4.8, jobs: 0, usdPerJob: 4.8 });
  });

  it('is split at each moment among those at work', () => {
    const own = { from: 0, to: 2 * HOUR };
    expect(shareOf(24, own, [own], NOW)).to.equal(2);
    expect(shareOf(24, own, [own, { from: HOUR, to: 9 * HOUR }], NOW)).to.equal(1.5);
    expect(shareOf(24, own, [own, own, own, own], NOW)).to.equal(0.5);
    expect(shareOf(0, own, [own], NOW)).to.equal(0);
    expect(shareOf(24, { from: NOW }, [], NOW)).to.equal(0);
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
    world.bucket.set(`ledger/user_${world.userId}/${periodOf(Date.now())}/x.json`, entry({ usd: 0.9 }));
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
    // The first listing failed: it is asked again when that is over.
    const account = await eventually(async () => {
      const read = await world.readAccount();
      return condition(read.status?.conditions, 'BudgetWarning')?.status === 'True' && read;
    }, 20_000);
    expect(account.status?.month?.spentUsd).to.equal(0.9);
  });
});
