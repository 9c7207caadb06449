// The bot as a whole: accounts by policy, its commands, health, trouble with Telegram, S3 and the account's namespace.
import { expect } from 'chai';
import { startBot } from '../../bot/start.ts';
import type { Account } from '../../crds/crds.generated.ts';
import { ConfigurationError } from '../../cloud/errors.ts';
import { connect } from '../../bot/kubernetes/connection.ts';
import { SILENT } from '../../bot/logging.ts';
import { COMMANDS } from '../../bot/wording/general.ts';
import { CSV, labels, Stand } from './stand.ts';

describe('The bot', function () {
  this.timeout(40_000);
  let stand: Stand;
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    await stand.startBot();
  });
  after(() => stand.close());

  it('offers its commands with descriptions', async () => {
    const ada = await stand.user(5001);
    await ada.say('/start', 'Welcome');
    const offered = await ada.user.commands();
    expect(offered.map(({ command }) => command)).to.deep.equal(Object.keys(COMMANDS));
    for (const { description } of offered) expect(description).to.match(/^\S.{5,100}$/);
  });

  it('opens an account with the limits of the configuration, once', async () => {
    const name = '<b>Eve</b> & "Mallory" \u202e👩‍👩‍👧‍👦';
    const eve = await stand.user(5002, name);
    await eve.say('/train', 'Send /start');
    const welcome = await eve.say('/start', 'Welcome');
    expect(welcome.text).to.contain('<b>Eve</b> & "Mallory"');
    const account = await stand.api.get<Account>('Account', 'user-5002');
    expect(account.spec).to.deep.include({
      userId: '5002',
      chatId: '5002',
      role: 'user',
      limits: { trainingUsd: 10, predictionUsd: 1, monthlyUsd: 100 },
    });
    await eve.say('/start', 'Welcome');
    expect((await stand.api.get<Account>('Account', 'user-5002')).metadata?.uid).to.equal(account.metadata?.uid);
  });

  it('answers /cost, /status, /jobs and /models', async () => {
    const ada = await stand.user(5003);
    await ada.say('/start', 'Welcome');
    await stand.status('Account', 'user-5003', {
      month: {
        period: '2026-01',
        spentUsd: 12.5,
        reservedUsd: 1,
        operations: 7,
        byService: { ec2: 12 },
        byOperation: { training: 12.5 },
      },
      storage: { bytes: 5000, monthlyUsd: 0.01 },
    });
    const cost = await ada.say('/cost', '2026-01');
    for (const words of [
      '$12.50 of $100.00',
      'Held back for what runs: $1.00',
      'ec2: $12.00',
      'training: $12.50',
      'Operations: 7',
      'Stored: 5.0 kB',
    ])
      expect(cost.text).to.contain(words);
    await ada.say('/status', 'Nothing runs right now');
    await ada.say('/jobs', 'You have no jobs yet');
    await ada.say('/models', 'no trained model');
    await ada.say('/help', '/datasets');
    await ada.say('/nonsense', 'I don’t know /nonsense');
    await ada.say('hello', '/train begins');
  });

  it('lists data sets past a thousand', async () => {
    const ada = await stand.user(5004);
    await ada.say('/start', 'Welcome');
    for (let at = 0; at < 1010; at += 101)
      await Promise.all(
        Array.from({ length: 101 }, (_, one) => stand.put(`datasets/user_5004/20260101T000000Z_${at + one}.csv`, 'a')),
      );
    await stand.put('datasets/user_50041/twin.csv', 'a');
    const list = await ada.say('/datasets', 'Your data sets');
    expect(list.text).to.contain('1,010');
    expect((list.text ?? '').length).to.be.below(4096);
  });

  it('shows a rule of the API as a plain sentence', async () => {
    const ada = await stand.user(5005);
    await ada.untilData();
    await ada.upload('x.csv', CSV, 'Which column');
    await ada.say('price', 'All other columns');
    await ada.press('All other columns', 'Automatic');
    await ada.press('Random forest', 'Estimated cost');
    await ada.press('⚙️ Adjust settings', 'Type those');
    await ada.say('n_estimators=0', 'a whole number from 1');
    await ada.say('n_estimators=10', 'Estimated cost');
    const suspended = await stand.api.get<Account>('Account', 'user-5005');
    expect(suspended.spec.suspend).to.equal(false);
    await stand.api.patch('Account', 'user-5005', { spec: { suspend: true } });
    await ada.say('/train', 'suspended');
  });

  it('refuses forged and stale buttons with a note', async () => {
    const ada = await stand.user(5006);
    await ada.untilData();
    const first = ada.heard().find((message) => labels(message).includes('🔗 Upload link'));
    await ada.upload('x.csv', CSV, 'Which column');
    const id = first?.message_id ?? 0;
    expect(await ada.toast(() => ada.user.press(id, '🔗 Upload link'))).to.contain('earlier question');
    for (const data of ['job:delete:00000000-0000-0000-0000-000000000000', 'x'.repeat(64), 'job::', '{}'])
      expect(await ada.toast(() => ada.user.pressForged(id, data))).to.not.equal('');
    await ada.say('price', 'All other columns');
  });

  it('answers a photo with what it needs', async () => {
    const ada = await stand.user(5007);
    await ada.untilData();
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==',
      'base64',
    );
    const after = ada.mark();
    await ada.user.upload({ name: 'a.png', data: png }, '', { as: 'photo' });
    await ada.sees('A photo is no table', after);
  });

  it('tells its health and metrics', async () => {
    const url = stand.bot?.url ?? '';
    expect(await (await fetch(`${url}/healthz`)).json()).to.deep.equal({ alive: true });
    expect(await (await fetch(`${url}/readyz`)).json()).to.deep.equal({
      ready: true,
      needed: { jobs: true, telegram: true },
    });
    expect(await (await fetch(`${url}/metrics`)).text()).to.contain(
      'spotlearn_bot_calls_total{method="sendMessage",outcome="sent"}',
    );
    expect((await fetch(`${url}/x`)).status).to.equal(404);
    expect((await fetch(url, { method: 'POST' })).status).to.equal(405);
  });

  it('says when the storage is away, and goes on when it is back', async () => {
    const ada = await stand.user(5008);
    await ada.untilData();
    const broken = stand.clients();
    await stand.stopBot();
    const whole = stand.clients.bind(stand);
    const away = () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    stand.clients = () => ({ ...broken, s3: away });
    await stand.startBot();
    const refused = await ada.upload('x.csv', CSV, 'cannot be used');
    expect(refused.text).to.contain('Send me a CSV file');
    await ada.say('/datasets', 'cannot reach');
    stand.clients = whole;
    await stand.stopBot();
    await stand.startBot();
    await ada.upload('x.csv', CSV, 'Which column');
  });

  describe('that serves invited people only', () => {
    before(async () => {
      await stand.stopBot();
      await stand.startBot({ accountPolicy: 'allowlist', allowedUsers: ['5010'] });
    });
    it('welcomes them and tells others what to ask for', async () => {
      await (await stand.user(5010)).say('/start', 'Welcome');
      const other = await stand.user(5011);
      const answer = await other.say('/start', 'invited people only');
      expect(answer.text).to.contain('5011');
      await other.say('/train', 'Send /start');
    });
  });

  describe('that cannot start', () => {
    const start = async (more: object, side?: object) =>
      startBot({
        configuration: stand.configuration(more),
        connection: await connect({ KUBECONFIG: stand.cluster.kubeconfigPath }),
        clients: stand.clients(),
        telegram: { call: async () => ({ username: 'b' }), dispatch: async () => undefined, ...side },
        logger: SILENT,
      }).catch((error: unknown) => error);

    it('says that its port is taken', async () => {
      const port = Number(new URL(stand.bot?.url ?? '').port);
      expect(await start({ botPort: port }))
        .to.be.an.instanceOf(ConfigurationError)
        .with.property('message')
        .that.contains('SPOTLEARN_BOT_PORT');
    });
    it('says that Telegram does not know the token', async () => {
      const call = async () => {
        throw Object.assign(new Error('401'), { response: { error_code: 401, description: 'Unauthorized' } });
      };
      expect(await start({}, { call }))
        .to.be.an.instanceOf(ConfigurationError)
        .with.property('message')
        .that.contains('BotFather');
    });
  });
});

describe('A bot at Telegram’s real rates', function () {
  this.timeout(60_000);
  it('is never limited while one person goes through a training', async () => {
    const stand = await Stand.start({
      telegram: { limits: {} },
      pace: { burst: 4, perChatMs: 1000, overallPerSecond: 30, cardSpacingMs: 3000 },
    });
    try {
      stand.startOperator();
      await stand.startBot();
      const ada = await stand.user();
      await ada.untilConfirmation();
      const metrics = await (await fetch(`${stand.bot?.url}/metrics`)).text();
      expect(metrics).to.not.contain('outcome="limited"');
    } finally {
      await stand.close();
    }
  });
});
