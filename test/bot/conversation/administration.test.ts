// Commands and buttons of administrators: pure. Whoever is none gets what an unknown command gets, and leaves a trace.
import { expect } from 'chai';
import type { AccountAction } from '../../../bot/conversation/administration.ts';
import { accountButton } from '../../../bot/conversation/administration.ts';
import type { Facts } from '../../../bot/conversation/facts.ts';
import type { AdminCommandName, Input } from '../../../bot/conversation/input.ts';
import { reduce } from '../../../bot/conversation/machine.ts';
import { IDLE } from '../../../bot/conversation/state.ts';
import { ADMIN_COMMANDS } from '../../../bot/wording/accounts.ts';
import type { Account } from '../../../crds/crds.generated.ts';
import { account, command, doing, facts, press, toasts, words } from './setting.ts';

const role = (more: Partial<Account['spec']>): Facts =>
  facts({ account: { ...account, spec: { ...account.spec, ...more } } });
const ADMIN = role({ role: 'admin' });
const asked = (name: AdminCommandName, rest = ''): Input => ({ kind: 'adminCommand', name, rest });
const on = (input: Input, world = ADMIN) => reduce(IDLE, input, world);

describe('An administrator', () => {
  const rows: [what: string, input: Input, action: AccountAction][] = [
    ['lists accounts', asked('accounts'), { is: 'list' }],
    ['suspends one', asked('suspend', '99'), { is: 'suspend', userId: '99' }],
    ['resumes one, by its name too', asked('resume', 'user-99'), { is: 'resume', userId: '99' }],
    ['may resume himself', asked('resume', '12'), { is: 'resume', userId: '12' }],
    ['tops one up', asked('topup', '99 10.50'), { is: 'topUp', userId: '99', usd: 10.5 }],
    ['tops himself up', asked('topup', '12  3'), { is: 'topUp', userId: '12', usd: 3 }],
    ['is asked before one is removed', asked('deleteaccount', '99'), { is: 'offerRemoval', userId: '99' }],
    ['looks at one', press(accountButton('show', '99')), { is: 'show', userId: '99' }],
    ['suspends one by a button', press(accountButton('suspend', '99')), { is: 'suspend', userId: '99' }],
    [
      'removes one by the button that was offered',
      press(accountButton('delete', '99', 'm4rk')),
      { is: 'remove', userId: '99', of: 'm4rk' },
    ],
    ['lets one in', press(accountButton('in', '99')), { is: 'letIn', userId: '99' }],
    ['refuses one', press(accountButton('out', '99')), { is: 'refuse', userId: '99' }],
  ];
  for (const [what, input, action] of rows)
    it(what, () => {
      expect(doing(on(input), 'administer')).to.deep.equal({ do: 'administer', token: 'freshtoken', action });
    });

  const wrong: [what: string, input: Input, words: RegExp][] = [
    ['without an id', asked('suspend'), /\/suspend 1234567/],
    ['with words for an id', asked('suspend', 'Ada'), /\/suspend 1234567/],
    ['with more than an id', asked('suspend', '1 2'), /\/suspend 1234567/],
    ['without an amount', asked('topup', '99'), /\/topup 1234567 10\.50/],
    ['with one word too many', asked('topup', '99 1 2'), /\/topup/],
    ...['0', '-1', '1e9', '0.001', '1,5', 'Infinity', '9999999', '0.00'].map((amount): [string, Input, RegExp] => [
      `with ${amount} dollars`,
      asked('topup', `99 ${amount}`),
      /above 0, at most 1,000,000/,
    ]),
    ['by the button for an amount', press(accountButton('topup', '99')), /\/topup 99 10\.50/],
    ['against himself', asked('suspend', '12'), /your own account/],
    ['to remove himself', asked('deleteaccount', '12'), /your own account/],
    ['to remove himself by a button', press(accountButton('delete', '12', 'm')), /your own account/],
  ];
  for (const [what, input, text] of wrong)
    it(`is told what is wrong ${what}`, () => {
      const turn = on(input);
      expect(words(turn)).to.match(text);
      expect(doing(turn, 'administer')).to.equal(undefined);
    });

  it('keeps an account, and does not take a forged id or an unknown action', () => {
    expect(doing(on(press(accountButton('keep', '99'))), 'strip')).to.deep.include({ messageId: 77 });
    for (const data of [
      'acct:delete:99',
      'acct:delete:99:a:b',
      'acct:show:../1',
      'acct:show:',
      'acct:show:1:2',
      'acct:explode:99',
      'acct:constructor:99',
    ]) {
      const turn = on(press(data));
      expect(doing(turn, 'administer'), data).to.equal(undefined);
      expect(toasts(turn)[0], data).to.not.equal('');
    }
  });

  it('finds the commands in /help', () => {
    for (const name of Object.keys(ADMIN_COMMANDS)) {
      expect(words(on(command('help')))).to.contain(`/${name}`);
      expect(words(on(command('help'), facts()))).to.not.contain(`/${name}`);
    }
  });
});

describe('Somebody who is no administrator', () => {
  const others: [string, Facts][] = [
    ['a user', facts()],
    ['an administrator who was not let in', role({ role: 'admin', approval: 'Pending' })],
    ['an administrator who is suspended', role({ role: 'admin', suspend: true })],
    [
      'an administrator whose account is being removed',
      facts({
        account: {
          ...account,
          metadata: { ...account.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
          spec: { ...account.spec, role: 'admin' },
        },
      }),
    ],
    ['a stranger', facts({ account: undefined })],
  ];
  for (const [who, world] of others)
    it(`gets nothing done, is told nothing, and leaves a trace: ${who}`, () => {
      const inputs = [
        ...(Object.keys(ADMIN_COMMANDS) as AdminCommandName[]).map((name) => asked(name, '99 5')),
        ...(['show', 'suspend', 'delete', 'in', 'out', 'topup', 'keep'] as const).map((name) =>
          press(accountButton(name, '99')),
        ),
      ];
      for (const input of inputs) {
        const turn = on(input, world);
        expect(doing(turn, 'administer'), JSON.stringify(input)).to.equal(undefined);
        expect(doing(turn, 'refusal'), JSON.stringify(input)).to.include({ detail: 'Not an administrator.' });
        expect(words(turn)).to.match(input.kind === 'button' ? /^$/ : /I don’t know/);
      }
    });

  it('or may be one, while accounts can’t be read, is told so and leaves no trace', () => {
    const world = facts({ account: 'unknown' });
    const told = on(asked('suspend', '99'), world);
    expect([words(told), doing(told, 'refusal')]).to.deep.equal([
      'I cannot reach the cluster right now. Please try again in a minute; nothing was lost.',
      undefined,
    ]);
    const noted = on(press(accountButton('in', '99')), world);
    expect([toasts(noted)[0], noted.effects.length]).to.deep.equal([
      'I cannot reach the cluster right now. Try again in a minute.',
      1,
    ]);
  });

  it('who presses a job’s button while the lists can’t be read leaves no trace', () => {
    const turn = on(press('job:delete:u-1'), facts());
    expect(turn.effects.map((effect) => effect.do)).to.deep.equal(['toast']);
    expect(toasts(turn)[0]).to.contain('cannot reach the cluster');
  });

  it('who presses a button of another’s job finds nothing and leaves a trace', () => {
    const turn = on(press('job:delete:someone-elses'), facts({ trainings: [], predictions: [] }));
    expect(doing(turn, 'deleteJob')).to.equal(undefined);
    expect(doing(turn, 'refusal')).to.include({ what: 'JobButton', resource: 'job:delete:someone-elses' });
  });
});

describe('Somebody whose account is being removed', () => {
  it('is told so on every command', () => {
    const metadata = { ...account.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    for (const name of ['train', 'jobs', 'cost', 'cancel'] as const)
      expect(words(on(command(name), facts({ account: { ...account, metadata } })))).to.contain('being removed');
  });
});

describe('Somebody who waits to be let in', () => {
  for (const [approval, text] of [
    ['Pending', /all of them have been asked/],
    ['Refused', /refused this account/],
  ] as const)
    it(`is told so on every command: ${approval}`, () => {
      for (const name of ['train', 'predict', 'jobs', 'cost', 'status', 'cancel'] as const)
        expect(words(on(command(name), role({ approval })))).to.match(text);
      expect(words(on(command('help'), role({ approval })))).to.contain('/train');
      expect(doing(on(command('start'), role({ approval })), 'openAccount')).to.not.equal(undefined);
    });
});

describe('/cost', () => {
  const month = {
    ...{ period: '2026-01', limitUsd: 60, spentUsd: 12.5, reservedUsd: 2, remainingUsd: 45.5, forecastUsd: 30 },
    ...{ operations: 7, byService: { ec2: 12, lambda: 0.5 }, byOperation: { training: 12.5 } },
  };
  const storage = { datasets: 1, models: 2, predictions: 0, bytes: 5000, monthlyUsd: 0.01 };
  const installation = { usdPerDay: 4.8, jobs: 2, usdPerJob: 2.4 };

  it('tells the month by service and operation, what is held back, left and forecast, what is stored, and asks for the picture', () => {
    const status = { ...account.status, month, storage, history: [{ period: '2025-12', spentUsd: 3 }] };
    const turn = on(command('cost'), facts({ account: { ...account, status } }));
    for (const text of [
      '$12.50 of $60.00, $10.00 of it on top for this month',
      'Held back for what runs: $2.00',
      'Left for more: $45.50',
      'At this pace the whole month: $30.00',
      'ec2: $12.00',
      'training: $12.50',
      'Stored: 5.0 kB in 1 data set, 2 models, 0 predictions; keeping it costs $0.0100 a month',
      '2025-12: $3.00',
    ])
      expect(words(turn)).to.contain(text);
    expect(words(turn)).to.not.contain('installation');
    expect(doing(turn, 'monthPicture')).to.deep.equal({ do: 'monthPicture' });
  });

  it('tells administrators what the installation itself costs, and each job’s share', () => {
    const of = (more: object) =>
      facts({
        account: { ...account, status: { ...account.status, month, installation: { ...installation, ...more } } },
      });
    expect(words(on(command('cost'), of({})))).to.contain(
      'The installation itself: $4.80 a day; 2 jobs in the last 24 hours, $2.40 each',
    );
    expect(words(on(command('cost'), of({ jobs: 0 })))).to.contain('no job ran in the last 24 hours');
  });
});
