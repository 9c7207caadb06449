// Opening accounts and making jobs when the cluster is slow, away or refuses.
import { expect } from 'chai';
import { Accounts, AccountRefused } from '../../bot/accounts.ts';
import { jobName, JobRefused, Jobs } from '../../bot/jobs.ts';
import {
  KubernetesError,
  type KubeObject,
  type Kubernetes,
  type KubernetesFailure,
} from '../../bot/kubernetes/client.ts';
import type { Clock } from '../../cloud/clock.ts';
import { table } from './conversation/setting.ts';

/** Time that jumps to each alarm. */
function leaping(): Clock {
  let time = 0;
  return {
    now: () => time,
    after: (ms, run) => {
      time += ms;
      setImmediate(run);
      return () => undefined;
    },
  };
}
const policy = {
  accountPolicy: 'open',
  allowedUsers: [],
  adminUsers: [],
  maxTrainingCostUsd: 1,
  maxPredictionCostUsd: 1,
  monthlyBudgetUsd: 1,
  warnPercent: 80,
};
const no =
  (kind: KubernetesFailure, causes: string[] = []) =>
  () =>
    Promise.reject(new KubernetesError(kind, `it said ${kind}`, causes));
const signal = new AbortController().signal;
const nobody = { ask: async () => {}, raising: async () => {} };
const api = (more: object) => more as Kubernetes;

describe('An account', () => {
  it('is opened without waiting for ever for its namespace', async () => {
    const accounts = new Accounts(
      api({ get: no('NotFound'), create: async (_: string, object: object) => object }),
      policy,
      leaping(),
      nobody,
    );
    expect(await accounts.open('1', 1, '', signal)).to.equal(false);
  });
  it('is opened although the cluster was away, or somebody else opened it', async () => {
    let away = 2;
    const account = { spec: { approval: 'Approved' }, status: { namespace: 'ml-user-1' } };
    let asked = 0;
    const get = () => {
      asked += 1;
      if ((away -= 1) >= 0) return no('Unreachable')();
      return asked <= 3 ? no('NotFound')() : Promise.resolve(account);
    };
    expect(
      await new Accounts(api({ get, create: no('AlreadyExists') }), policy, leaping(), nobody).open(
        '1',
        1,
        'Ada',
        signal,
      ),
    ).to.equal(true);
  });
  it('is refused when the API refuses it', async () => {
    const accounts = new Accounts(api({ get: no('NotFound'), create: no('Forbidden') }), policy, leaping(), nobody);
    expect(await accounts.open('1', 1, '', signal).catch((error: unknown) => error)).to.be.an.instanceOf(
      AccountRefused,
    );
  });

  /** Of before, and what became of it at /start. */
  async function started(
    spec: object,
    more: Partial<typeof policy> = {},
    hands: object = {},
    { conflicts = 0, metadata = {} } = {},
  ) {
    const patches: object[] = [];
    let left = conflicts;
    const account = { metadata: { resourceVersion: '5', ...metadata }, spec: { userId: '1', ...spec }, status: {} };
    const kubernetes = api({
      get: async () => account,
      patch: async (_: string, __: string, patch: { spec: object }) => {
        if ((left -= 1) >= 0) return no('Conflict')();
        patches.push(patch);
        return { ...account, spec: { ...account.spec, ...patch.spec }, status: { namespace: 'ml-user-1' } };
      },
    });
    const accounts = new Accounts(kubernetes, { ...policy, ...more }, leaping(), { ...nobody, ...hands });
    return { patches, result: await accounts.open('1', 1, '', signal).catch((error: Error) => error.message) };
  }

  for (const [what, spec, more, patched] of [
    [
      'is raised to an administrator’s',
      { role: 'user', approval: 'Approved' },
      { adminUsers: ['1'] },
      { role: 'admin' },
    ],
    [
      'is an administrator’s although refused',
      { role: 'admin', approval: 'Refused' },
      { adminUsers: ['1'] },
      { approval: 'Approved' },
    ],
    [
      'is let in by the list',
      { role: 'user', approval: 'Pending' },
      { accountPolicy: 'approval', allowedUsers: ['1'] },
      { approval: 'Approved' },
    ],
    ['is let in when everybody is', { role: 'user', approval: 'Pending' }, {}, { approval: 'Approved' }],
  ] as const)
    it(`of before ${what}, under the lock, written down first`, async () => {
      const raised: string[] = [];
      const raising = async (userId: string, detail: string) => void raised.push(`${userId} ${detail}`);
      const { patches, result } = await started(spec, more as object, { raising }, { conflicts: 1 });
      expect(patches).to.deep.equal([{ metadata: { resourceVersion: '5' }, spec: patched }]);
      expect(raised[0]).to.equal(`1 By the configuration: ${JSON.stringify(patched)}`);
      expect(result).to.equal(true);
    });

  it('gets no more rights when that can’t be written down', async () => {
    const raising = () => Promise.reject(new AccountRefused('nothing was done'));
    const { patches, result } = await started({ role: 'user', approval: 'Approved' }, { adminUsers: ['1'] } as object, {
      raising,
    });
    expect([patches, result]).to.deep.equal([[], 'nothing was done']);
  });

  it('stays refused whoever is on the list, waits without a list, and is gone while it is removed', async () => {
    let asked = 0;
    const ask = async () => void (asked += 1);
    const listed = { accountPolicy: 'approval', allowedUsers: ['1'] } as object;
    expect((await started({ role: 'user', approval: 'Refused' }, listed, { ask })).result).to.contain('refused');
    expect(asked).to.equal(0);
    const waiting = await started({ role: 'user', approval: 'Pending' }, { accountPolicy: 'approval' }, { ask });
    expect([waiting.result, waiting.patches, asked]).to.deep.equal([
      'An administrator must let you in first; all of them have been asked. I tell you as soon as one decides.',
      [],
      1,
    ]);
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect((await started({ role: 'user', approval: 'Approved' }, {}, {}, { metadata })).result).to.contain(
      'being removed',
    );
  });
});

describe('A job', () => {
  const choice = {
    step: 'trainConfirm',
    token: 't',
    place: 'Cloud',
    table,
    target: 'price',
    features: ['rooms'],
    model: 'ridge',
    settings: { alpha: 2 },
  } as const;
  const card = { chatId: 12, messageId: 3 };
  const train = (create: unknown) =>
    new Jobs(api({ create }), leaping()).train('12', 'tok', card, choice).catch((error: unknown) => error);

  it('holds what was chosen, in the user’s namespace', async () => {
    const made: object[] = [];
    expect(await train(async (_: string, object: object) => made.push(object))).to.equal('houses-tok');
    expect(made[0]).to.deep.include({
      spec: {
        dataset: { uri: table.uri },
        target: 'price',
        features: ['rooms'],
        model: { type: 'ridge', hyperparameters: { alpha: 2 } },
        placement: 'Spot',
      },
    });
    expect(made[0]).to.have.nested.property('metadata.namespace', 'ml-user-12');
    const { annotations } = (made[0] as KubeObject).metadata ?? {};
    expect(annotations?.['spotlearn.io/chat']).to.equal('12');
    expect(annotations?.['spotlearn.io/card']).to.equal('3');
  });
  it('is refused in the words of the rule', async () => {
    const refused = await train(no('Invalid', ['model: this predicts numbers', 'target: too long']));
    expect(refused)
      .to.be.an.instanceOf(JobRefused)
      .with.property('message', 'model: this predicts numbers\ntarget: too long');
    expect(await train(no('Invalid'))).to.have.property('message', 'it said Invalid');
    expect(await train(no('Forbidden')))
      .to.have.property('message')
      .that.contains('does not allow');
  });
  it('waits for a namespace that is being made, and for an API that is away', async () => {
    let tries = 0;
    const later = () => ((tries += 1) < 3 ? no('NotFound')() : Promise.resolve({}));
    expect(await train(later)).to.equal('houses-tok');
    expect(await train(no('NotFound')))
      .to.be.an.instanceOf(JobRefused)
      .with.property('message')
      .that.contains('being prepared');
    expect(await train(no('Unreachable'))).to.have.property('kind', 'Unreachable');
    expect(await train(no('AlreadyExists'))).to.equal('houses-tok');
    expect(await train(() => Promise.reject(new Error('odd')))).to.have.property('message', 'odd');
  });
  it('is deleted once', async () => {
    await new Jobs(api({ delete: no('NotFound') }), leaping()).delete('1', { kind: 'TrainingJob', name: 'x' });
    const thrown = await new Jobs(api({ delete: no('Server') }), leaping())
      .delete('1', { kind: 'TrainingJob', name: 'x' })
      .catch((error: unknown) => error);
    expect(thrown).to.have.property('kind', 'Server');
  });
  for (const [file, name] of [
    ['Häuser 2024.final.csv', 'hauser-2024-final-tok'],
    ['💥.csv', 'job-tok'],
    ['-_-.csv', 'job-tok'],
    [`${'ab '.repeat(60)}.csv`, 'ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-a-tok'],
  ] as const)
    it(`for ${file.slice(0, 20)} is called ${name}`, () => {
      expect(jobName(file, 'tok'))
        .to.equal(name)
        .and.match(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    });
});
