// What administrators see of accounts: the list, a card, who decided.
import { expect } from 'chai';
import { accountCard, accountsList, decidedBefore, nearlySpent, notLetIn } from '../../../bot/wording/accounts.ts';
import type { Account } from '../../../crds/crds.generated.ts';
import { account, buttons } from '../conversation/setting.ts';

const of = (userId: string, spec: Partial<Account['spec']> = {}, status: object = {}): Account => ({
  metadata: { name: `user-${userId}` },
  spec: { ...account.spec, userId, ...spec },
  status: status as Account['status'],
});

describe('The list of accounts', () => {
  it('names who waits first, then who spent most, with role, state and money, and escapes names', () => {
    const { html, buttons: rows } = accountsList([
      of('1', { displayName: 'Ada', role: 'admin' }, { month: { spentUsd: 2, limitUsd: 60 } }),
      of('2', { displayName: '<b>Bob', suspend: true }, { month: { spentUsd: 9 } }),
      of('3', { displayName: 'Eve', approval: 'Pending' }),
      { ...of('4', { approval: 'Refused' }), metadata: {} },
      { ...of('5'), metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    ]);
    expect(html.split('\n')).to.deep.equal([
      '<b>Accounts</b>: 5',
      '🕓 waits to be let in · <b>Eve</b> (<code>3</code>) · $0.00 of $50.00',
      '⏸ suspended · <b>&lt;b&gt;Bob</b> (<code>2</code>) · $9.00 of $50.00',
      '🟢 active · <b>Ada</b> (<code>1</code>) · admin · $2.00 of $60.00',
      '✖️ refused · <b>somebody</b> (<code>4</code>) · $0.00 of $50.00',
      '🗑 being removed · <b>somebody</b> (<code>5</code>) · $0.00 of $50.00',
    ]);
    expect(rows?.flat().map((one) => ('data' in one ? one.data : ''))[0]).to.equal('acct:show:3');
  });

  it('is cut where a message ends, and says so', () => {
    const many = Array.from({ length: 500 }, (_, at) => of(String(at + 1), { displayName: 'x'.repeat(200) }));
    const { html, buttons: rows = [] } = accountsList(many);
    expect(html.length).to.be.at.most(4096);
    expect(html).to.contain('500 (30 are shown, who spent most first)');
    for (const { text, ...rest } of rows.flat()) {
      expect(text.length).to.be.at.most(60);
      expect('data' in rest && Buffer.byteLength(rest.data)).to.be.at.most(64);
    }
  });
});

describe('The card of an account', () => {
  it('tells the month and what can be done', () => {
    const month = { spentUsd: 3, limitUsd: 60, reservedUsd: 2, forecastUsd: 40 };
    const card = accountCard(of('7', { displayName: 'Ada', topUp: { period: '2026-11', usd: 10 } }, { month }));
    for (const words of [
      'Role: user',
      '$3.00 of $60.00, $10.00 of it on top for 2026-11',
      'what runs: $2.00',
      '$40.00',
    ])
      expect(card.html).to.contain(words);
    expect(buttons(card)).to.deep.equal(['⏸ Suspend', '💶 Top up', '🗑 Delete the account']);
    expect(buttons(accountCard(of('7', { suspend: true })))).to.include('▶️ Resume');
  });

  it('of who waits offers to decide, and says afterwards who did', () => {
    expect(buttons(accountCard(of('7', { approval: 'Pending' })))).to.deep.equal([
      '✅ Let in',
      '✖️ Refuse',
      '🗑 Delete the account',
    ]);
    expect(decidedBefore(of('7', { approval: 'Refused' }), '3').html).to.match(
      /was refused already, by <code>3<\/code>\.$/,
    );
    expect(decidedBefore(of('7'), undefined).html).to.match(/was let in already\.$/);
    expect([notLetIn('Refused'), notLetIn('Pending')].map((words) => words.slice(0, 16))).to.deep.equal([
      'An administrator',
      'An administrator',
    ]);
  });
});

describe('A warning of the month', () => {
  it('says what happens next', () => {
    expect(nearlySpent(80, 40, 50).html)
      .to.contain('80 % of')
      .and.contain('$40.00 of $50.00')
      .and.contain('Before');
    expect(nearlySpent(100, 51, 50).html).to.contain('next month or after a top-up');
  });
});
