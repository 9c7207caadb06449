// Administrators at work, over a real Telegram protocol and Kubernetes API: letting people in, top-ups, suspension, removal, warnings, the trail.
import { expect } from 'chai';
import { AccountRefused } from '../../bot/accounts.ts';
import { Administration } from '../../bot/administration.ts';
import { failed, KubernetesError, type Kubernetes } from '../../bot/kubernetes/client.ts';
import { SILENT } from '../../bot/logging.ts';
import { Trail } from '../../bot/trail.ts';
import { owedLevel } from '../../bot/warnings.ts';
import type { AuditEntry } from '../../cloud/audit.ts';
import { CloudError } from '../../cloud/errors.ts';
import { periodOf } from '../../cloud/ledger/entries.ts';
import type { Account } from '../../crds/crds.generated.ts';
import { Stand } from './stand.ts';

describe('Administrators in chat', function () {
  this.timeout(60_000);
  let stand: Stand;
  before(async () => {
    stand = await Stand.start({
      configuration: { accountPolicy: 'approval', adminUsers: ['6001'], allowedUsers: ['6009'] },
    });
    stand.startOperator();
    await stand.startBot();
  });
  after(() => stand.close());

  const read = (id: number) => stand.api.get<Account>('Account', `user-${id}`);
  const trail = async (): Promise<AuditEntry[]> => {
    const keys = await stand.keys('audit/');
    return Promise.all(keys.map(async (key) => JSON.parse(await stand.text(key)) as AuditEntry));
  };

  it('let people in, whom they are asked about once, and who are told', async () => {
    const root = await stand.user(6001, 'Root');
    await root.say('/start', 'Welcome');
    expect((await read(6001)).spec).to.include({ role: 'admin', approval: 'Approved' });
    const bob = await stand.user(6002, '<b>Bob</b>');
    await bob.say('/start', 'An administrator must let you in first');
    await root.sees('asks for an account');
    await bob.say('/start', 'all of them have been asked');
    await bob.say('/train', 'all of them have been asked');
    expect(root.heard().filter(({ text }) => text?.includes('asks for an account'))).to.have.length(1);
    expect((await read(6002)).status?.namespace).to.equal(undefined);
    await root.press('✅ Let in', 'is let in');
    await bob.sees('You have been let in');
    await bob.say('/start', 'Welcome');
    const eve = await stand.user(6003, 'Eve');
    await eve.say('/start', 'An administrator must let you in first');
    await root.sees('Eve');
    await root.press('✖️ Refuse', 'is refused');
    await eve.sees('was refused');
    await eve.say('/start', 'refused this account');
    const listed = await stand.user(6009, 'Listed');
    await listed.say('/start', 'Welcome');
  });

  it('list accounts, top up, suspend, resume, and remove after a question', async () => {
    const root = await stand.user(6001, 'Root');
    await root.say('/accounts', 'Accounts');
    await root.say('/topup 6002 10.50', '$10.50 on top');
    await root.say('/topup 6002 2', '$12.50 on top');
    expect((await read(6002)).spec.topUp).to.deep.equal({ period: periodOf(Date.now()), usd: 12.5 });
    await root.say('/suspend 6002', 'is suspended');
    const bob = await stand.user(6002, 'Bob');
    await bob.sees('gave you $10.50 more');
    await bob.say('/train', 'suspended');
    await root.say('/resume 6002', 'may go on');
    expect((await read(6002)).spec.suspend).to.equal(false);
    await root.say('/suspend 6999', 'There is no account');
    await root.say('/deleteaccount 6003', 'Delete the account of');
    await root.press('🗑 Yes, export and remove it', 'being exported and removed');
    const gone = await read(6003).catch((error: unknown) => error);
    expect(failed(gone, 'NotFound')).to.equal(true);
  });

  it('are obeyed alone; who tries is told nothing, and it is on the trail with all they did', async () => {
    const bob = await stand.user(6002, 'Bob');
    await bob.say('/topup 6002 1000', 'I don’t know /topup');
    await bob.say('/accounts', 'I don’t know /accounts');
    const entries = await trail();
    const told = entries.map(
      ({ who, what, resource, outcome, from }) => `${from} ${who} ${what} ${resource} ${outcome}`,
    );
    expect(told).to.include.members([
      'chat 6001 OpenAccount Account/user-6001 Allowed',
      'chat 6001 ApproveAccount Account/user-6002 Allowed',
      'chat 6001 RefuseAccount Account/user-6003 Allowed',
      'chat 6001 TopUp Account/user-6002 Allowed',
      'chat 6001 SuspendAccount Account/user-6002 Allowed',
      'chat 6001 ResumeAccount Account/user-6002 Allowed',
      'chat 6001 DeleteAccount Account/user-6003 Allowed',
      'chat 6002 AdminCommand /topup Refused',
      'chat 6002 AdminCommand /accounts Refused',
    ]);
  });

  it('see the picture of the month with /cost', async () => {
    await stand.status('Account', 'user-6001', {
      month: {
        period: periodOf(Date.now()),
        limitUsd: 100,
        spentUsd: 3,
        reservedUsd: 1,
        forecastUsd: 9,
        byDay: [1, 0, 2],
      },
      installation: { usdPerDay: 4.8, jobs: 2, usdPerJob: 2.4 },
    });
    const root = await stand.user(6001, 'Root');
    await root.say('/cost', 'The installation itself: $4.80 a day');
    await root.user.waitFor((message) => JSON.stringify(message).includes('photo'), 8_000);
  });

  it('and users are warned once for each level of a month', async () => {
    const bob = await stand.user(6002, 'Bob');
    const month = { period: periodOf(Date.now()), limitUsd: 100, spentUsd: 81, warnedPercent: 80 };
    await stand.status('Account', 'user-6002', { month });
    await bob.sees('80 % of this month’s limit is spent');
    await stand.status('Account', 'user-6002', { month: { ...month, spentUsd: 82 } });
    await stand.status('Account', 'user-6002', { month: { ...month, spentUsd: 101, warnedPercent: 100 } });
    await bob.sees('100 % of this month’s limit is spent');
    expect(bob.heard().filter(({ text }) => text?.includes('80 % of this month’s limit'))).to.have.length(1);
  });
});

describe('Administration', () => {
  const admin = {
    metadata: { name: 'user-1' },
    spec: { userId: '1', role: 'admin', approval: 'Approved', limits: { monthlyUsd: 10, trainingUsd: 1 } },
  };
  const user = () => ({
    metadata: { name: 'user-2', uid: 'u-2', resourceVersion: '1' } as {
      name: string;
      uid: string;
      resourceVersion: string;
      annotations?: Record<string, string>;
    },
    spec: {
      userId: '2',
      role: 'user',
      approval: 'Pending',
      limits: { monthlyUsd: 10, trainingUsd: 1 },
      topUp: undefined as unknown,
    },
  });
  const clock = { now: () => Date.parse('2026-11-24T10:00:00Z'), after: () => () => undefined };
  interface Setting {
    put?: () => Promise<string>;
    conflicts?: number;
    sent?: [number, string][];
    /** Annotations that somebody else has written meanwhile. */
    at?: Record<string, string>;
    /** Of every message. */
    sending?: () => Promise<void>;
  }
  function setting(
    account = user(),
    { put = async () => '', conflicts = 0, sent = [], at, sending = async () => {} }: Setting = {},
  ) {
    let left = conflicts;
    const patches: object[] = [];
    const deleted: (string | undefined)[] = [];
    const kubernetes = {
      get: async (_: string, name: string) => {
        if (name === 'user-1') return admin;
        if (name === 'user-2') return account;
        throw new KubernetesError('NotFound', 'none');
      },
      list: async () => [admin, account],
      patch: async (
        _: string,
        _name: string,
        patch: { spec?: object; metadata: { annotations?: Record<string, string> } },
      ) => {
        if ((left -= 1) >= 0) {
          account.metadata.annotations = { ...account.metadata.annotations, ...at };
          throw new KubernetesError('Conflict', 'changed');
        }
        patches.push(patch);
        Object.assign(account.spec, patch.spec);
        account.metadata.annotations = { ...account.metadata.annotations, ...patch.metadata.annotations };
        return account;
      },
      delete: async (_: string, _name: string, _place: object, uid?: string) => void deleted.push(uid),
    } as unknown as Kubernetes;
    const outbox = {
      send: async (chat: number, { html }: { html: string }) => {
        await sending();
        return sent.push([chat, html]);
      },
    };
    const trail = new Trail({ bucket: { put }, clock, logger: SILENT });
    return {
      administration: new Administration({ kubernetes, outbox, trail, adminUsers: ['7'], clock, logger: SILENT }),
      ...{ account, patches, deleted, sent },
    };
  }
  const approved = () => Object.assign(user(), { spec: { ...user().spec, approval: 'Approved' } });

  it('adds up top-ups under a conflict, and a repeated one once', async () => {
    const { administration, account, sent } = setting(approved(), { conflicts: 2 });
    const topUp = { is: 'topUp', userId: '2', usd: 5 } as const;
    await administration.perform('1', 'a', topUp);
    await administration.perform('1', 'a', topUp);
    await administration.perform('1', 'b', topUp);
    // Another administrator's step lies between.
    await administration.perform('1', 'a', topUp);
    expect(account.spec.topUp).to.deep.equal({ period: '2026-11', usd: 10 });
    expect(sent).to.have.length(2);
  });

  it('replaces what was on top of another month', async () => {
    const { administration, account } = setting(
      Object.assign(approved(), { spec: { ...approved().spec, topUp: { period: '2026-10', usd: 50 } } }),
    );
    await administration.perform('1', 'a', { is: 'topUp', userId: '2', usd: 5 });
    expect(account.spec.topUp).to.deep.equal({ period: '2026-11', usd: 5 });
  });

  it('does nothing that can’t be written into the trail first', async () => {
    const away = new CloudError('S3 is away', { kind: 'unreachable', errorCode: 'x' });
    const { administration, patches } = setting(user(), { put: () => Promise.reject(away) });
    const [said] = await administration.perform('1', 'a', { is: 'suspend', userId: '2' });
    expect(said?.html).to.match(/Nothing was done/);
    expect(patches).to.deep.equal([]);
  });

  it('is for administrators when it is done, not only when it was asked for', async () => {
    const { administration, patches } = setting();
    expect((await administration.perform('2', 'a', { is: 'letIn', userId: '2' }))[0]?.html).to.match(/I don’t know/);
    expect((await administration.perform('3', 'a', { is: 'list' }))[0]?.html).to.match(/I don’t know/);
    expect(patches).to.deep.equal([]);
  });

  it('writes down that something could not be done, too', async () => {
    const entries: string[] = [];
    const put = async (_: string, body?: string) => String(entries.push(body ?? ''));
    const { administration } = setting(user(), { put: put as () => Promise<string>, conflicts: 99 });
    const thrown = await administration
      .perform('1', 'a', { is: 'suspend', userId: '2' })
      .catch((error: Error) => error);
    expect(failed(thrown, 'Conflict')).to.equal(true);
    expect(entries.map((entry) => (JSON.parse(entry) as AuditEntry).outcome)).to.deep.equal(['Allowed', 'Failed']);
  });

  it('lets the configuration give rights only when that is written down', async () => {
    const entries: AuditEntry[] = [];
    const put = async (_: string, body?: string) => String(entries.push(JSON.parse(body ?? '') as AuditEntry));
    await setting(user(), { put: put as () => Promise<string> }).administration.raising('2', 'why');
    expect(entries[0]).to.include({ who: '2', what: 'GrantRights', resource: 'Account/user-2', detail: 'why' });
    const away = new CloudError('S3 is away', { kind: 'unreachable', errorCode: 'x' });
    const unwritten = setting(user(), { put: () => Promise.reject(away) });
    const refusal = await unwritten.administration.raising('2', 'why').catch((error: unknown) => error);
    expect(refusal).to.be.an.instanceOf(AccountRefused).with.property('message').that.contains('Nothing was done');
    const odd = setting(user(), { put: () => Promise.reject(new TypeError('odd')) });
    expect(await odd.administration.raising('2', 'why').catch((error: unknown) => error)).to.be.an.instanceOf(
      TypeError,
    );
  });

  it('tells the user of a suspension and its end once, and goes on when he does not want to hear', async () => {
    const { administration, sent } = setting(approved());
    for (const is of ['suspend', 'suspend', 'resume'] as const)
      await administration.perform('1', 'a', { is, userId: '2' });
    expect(sent.map(([chat, html]) => `${chat} ${html.slice(0, 2)}`)).to.deep.equal(['2 ⏸ ', '2 ▶️']);
    const blocked = setting(user(), { sending: () => Promise.reject(new Error('bot was blocked by the user')) });
    expect((await blocked.administration.perform('1', 'a', { is: 'letIn', userId: '2' }))[0]?.html).to.match(
      /is let in/,
    );
    expect(blocked.account.spec.approval).to.equal('Approved');
  });

  it('removes the very account that it asked about, and says before what it has', async () => {
    const stored = { datasets: 2, models: 1, predictions: 0, bytes: 5000 };
    const { administration, account, deleted, sent } = setting(
      Object.assign(approved(), { status: { storage: stored } }),
    );
    const [question] = await administration.perform('1', 'a', { is: 'offerRemoval', userId: '2' });
    expect(question?.html).to.contain('It has 5.0 kB: data sets 2, models 1, predictions 0.');
    const [yes] = (question?.buttons ?? []).flat();
    const of = yes && 'data' in yes ? (yes.data.split(':')[3] ?? '') : '';
    account.metadata.uid = 'another';
    const late = await administration.perform('1', 'b', { is: 'remove', userId: '2', of });
    expect([late[0]?.html, deleted]).to.deep.equal([
      'That question was about an earlier account of <code>2</code>. /accounts lists all.',
      [],
    ]);
    account.metadata.uid = 'u-2';
    expect((await administration.perform('1', 'c', { is: 'remove', userId: '2', of }))[0]?.html).to.contain('removed');
    expect(deleted).to.deep.equal(['u-2']);
    expect(sent.map(([chat]) => chat)).to.deep.equal([2]);
  });

  it('tells the second administrator who decided', async () => {
    const { administration, sent } = setting();
    expect((await administration.perform('1', 'a', { is: 'letIn', userId: '2' }))[0]?.html).to.match(/is let in/);
    expect((await administration.perform('1', 'b', { is: 'refuse', userId: '2' }))[0]?.html).to.match(
      /was let in already, by .*1/,
    );
    expect(sent).to.have.length(1);
    const refused = setting();
    await refused.administration.perform('1', 'a', { is: 'refuse', userId: '2' });
    expect((await refused.administration.perform('1', 'b', { is: 'letIn', userId: '2' }))[0]?.html).to.match(
      /is let in/,
    );
  });

  it('asks all administrators once a day, whoever fails to be reached', async () => {
    const { administration, account, sent } = setting();
    await administration.ask(account as unknown as Account);
    await administration.ask(account as unknown as Account);
    expect(sent.map(([chat]) => chat)).to.deep.equal([1, 7]);
    // The operator writes the new account's status meanwhile.
    const raced = setting(user(), { conflicts: 1 });
    await raced.administration.ask(raced.account as unknown as Account);
    expect(raced.sent).to.have.length(2);
    // Another bot asks meanwhile.
    const late = setting(user(), { conflicts: 1, at: { 'spotlearn.io/asked-at': '2026-11-24T09:59:59Z' } });
    await late.administration.ask(user() as unknown as Account);
    expect(late.sent).to.deep.equal([]);
    const nextDay = setting(
      Object.assign(user(), {
        metadata: { ...user().metadata, annotations: { 'spotlearn.io/asked-at': '2026-11-23T09:59:59Z' } },
      }),
    );
    await nextDay.administration.ask(nextDay.account as unknown as Account);
    expect(nextDay.sent).to.have.length(2);
  });

  it('knows which level of a month is still to be told', () => {
    const of = (warned: string | undefined, warnedPercent?: number) =>
      owedLevel({
        metadata: { annotations: warned ? { 'spotlearn.io/warned': warned } : {} },
        status: { month: { period: '2026-11', ...(warnedPercent ? { warnedPercent } : {}) } },
      } as unknown as Account);
    expect([
      of(undefined),
      of(undefined, 80),
      of('2026-11/80', 80),
      of('2026-11/80', 95),
      of('2026-10/100', 80),
    ]).to.deep.equal([...[undefined, 80, undefined, 95, 80]]);
    expect(owedLevel({ metadata: {}, status: {} } as Account)).to.equal(undefined);
  });
});
