// Attacks in chat: buttons of another's jobs and of administrators, forged; another's addresses; files and updates as no client sends them. The
// bot finds nothing of another's, touches nothing and tells nothing.
import { expect } from 'chai';
import type { AuditEntry } from '../../cloud/audit.ts';
import { auditKey } from '../../cloud/keys.ts';
import { API_VERSION, namespaceOf } from '../../crds/objects.ts';
import type { KubeObject } from '../../bot/kubernetes/client.ts';
import type { Hands } from '../../bot/commands.ts';
import { mark } from '../../bot/conversation/turn.ts';
import type { TelegramSide } from '../../bot/start.ts';
import { BUCKET, CSV, labels, Stand, type Person } from '../bot/stand.ts';
import { eventually } from '../operator/cluster.ts';
import { ADDRESSES } from './addresses.ts';
import { attack, record } from './tally.ts';

const ME = 1001;
/** Begins with the attacker's. */
const YOU = 10012;
const SECRET = 'top-secret';

interface Theirs {
  readonly training: string;
  readonly running: string;
  readonly prediction: string;
}

/** Callback data that no button of the attacker's carries. */
const BUTTONS: readonly { readonly what: string; readonly data: (theirs: Theirs) => string }[] = [
  ...(['predict', 'model', 'pictures', 'album', 'cancel', 'delete', 'keep'] as const).map((action) => ({
    what: `“${action}” of the other’s training`,
    data: ({ training }: Theirs) => `job:${action}:${training}`,
  })),
  { what: '“result” of the other’s prediction', data: ({ prediction }) => `job:result:${prediction}` },
  { what: '“cancel” of what the other runs', data: ({ running }) => `job:cancel:${running}` },
  { what: '“delete” of what the other runs', data: ({ running }) => `job:delete:${running}` },
  { what: '“delete” of the beginning of a uid', data: ({ running }) => `job:delete:${running.slice(0, 8)}` },
  { what: '“delete” of a uid in capitals', data: ({ running }) => `job:delete:${running.toUpperCase()}` },
  { what: '“delete” of namespace and name', data: () => `job:delete:${namespaceOf(String(YOU))}/running` },
  { what: '“delete” of a name', data: () => 'job:delete:running' },
  { what: '“delete” of nothing', data: () => 'job:delete:' },
  { what: '“delete” of undefined', data: () => 'job:delete:undefined' },
  { what: '“delete” of everything', data: () => 'job:delete:*' },
  { what: '“delete” without a uid', data: () => 'job:delete' },
  { what: 'no action', data: ({ running }) => `job::${running}` },
  { what: 'an action of every object', data: ({ running }) => `job:constructor:${running}` },
  { what: 'the letting in of an account', data: () => `admin:approve:${YOU}` },
  { what: 'the letting in of oneself', data: () => `account:approve:${ME}` },
  { what: 'a top-up', data: () => `admin:topup:${ME}:1000` },
  { what: 'the deletion of the other’s account', data: () => `account:delete:${YOU}` },
  { what: 'a step that is not there', data: () => 'aaaaaaaaaa:start' },
  { what: 'JSON', data: () => '{"do":"deleteJob"}' },
];

/** Of those that the chat takes as text: a line break is a text of its own. */
const TYPED = ADDRESSES.filter(
  ({ uri }) => /^s3:/i.test(uri('1', '2')) && !uri('1', '2').includes('\n') && uri('1', '2').length < 1000,
);

describe('Attacks in chat', function () {
  this.timeout(60_000);
  let stand: Stand;
  let ada: Person;
  let bob: Person;
  let hands: Hands | undefined;
  let side: TelegramSide;
  let theirs: Theirs;
  let had: string;
  const yours = namespaceOf(String(YOU));

  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    stand.around = (inner) =>
      (side = {
        call: inner.call,
        dispatch: (update, given) => {
          hands = given;
          return inner.dispatch(update, given);
        },
      });
    await stand.startBot();
    [ada, bob] = [await stand.user(ME, 'Ada'), await stand.user(YOU, 'Bob')];
    await bob.untilConfirmation();
    await ada.untilConfirmation();
    await stand.put(`models/user_${YOU}/secret/model.onnx`, SECRET);
    await stand.put(`predictions/user_${YOU}/uid/predictions.csv`, SECRET);
    theirs = {
      training: await make(
        'TrainingJob',
        'done',
        { dataset: { uri: uriOf('a.csv') }, target: 'price' },
        {
          phase: 'Succeeded',
          model: {
            id: 'secret',
            uri: `s3://${BUCKET}/models/user_${YOU}/secret/`,
            type: 'ridge',
            task: 'regression',
            features: ['rooms'],
          },
        },
      ),
      running: await make(
        'TrainingJob',
        'running',
        { dataset: { uri: uriOf('a.csv') }, target: 'price' },
        { phase: 'Running' },
      ),
      prediction: await make(
        'PredictionJob',
        'predicted',
        { modelRef: 'done', data: { uri: uriOf('a.csv') } },
        {
          phase: 'Succeeded',
          outputUri: `s3://${BUCKET}/predictions/user_${YOU}/uid/predictions.csv`,
        },
      ),
    };
    had = await belongings();
  });
  after(() => stand.close());

  const uriOf = (name: string) => `s3://${BUCKET}/datasets/user_${YOU}/${name}`;

  async function make(
    kind: 'TrainingJob' | 'PredictionJob',
    name: string,
    spec: object,
    status: object,
    namespace = yours,
    more: object = {},
  ): Promise<string> {
    const object = { apiVersion: API_VERSION, kind, metadata: { name, namespace, ...more }, spec };
    const made = await stand.api.create<KubeObject>(kind, object);
    await stand.status(kind, name, status, namespace);
    return made.metadata?.uid ?? '';
  }

  /** All that the other has. */
  async function belongings(): Promise<string> {
    const jobs = [
      ...(await stand.api.list<KubeObject>('TrainingJob', {}, { namespace: yours })),
      ...(await stand.api.list<KubeObject>('PredictionJob', {}, { namespace: yours })),
    ].map(({ metadata }) => [metadata?.name, metadata?.uid, metadata?.generation, metadata?.deletionTimestamp]);
    const keys = (await stand.keys()).filter((key) => key.includes(`/user_${YOU}/`));
    return JSON.stringify([jobs, keys, bob.heard().length, await stand.api.get<KubeObject>('Account', `user-${YOU}`)]);
  }

  /** Nothing of the other's changed, and the attacker heard nothing of it. */
  async function nothingHappened(): Promise<void> {
    expect(await belongings()).to.equal(had);
    const heard = JSON.stringify(ada.heard());
    expect(heard).not.to.contain(SECRET);
    expect(heard).not.to.match(new RegExp(`https?://[^"]*user_${YOU}`));
    expect(ada.heard().filter((message) => labels(message).some((label) => label.includes('done')))).to.deep.equal([]);
  }

  const refusals = async (): Promise<AuditEntry[]> => {
    const keys = await stand.keys(auditKey('2', '').slice(0, 6));
    const entries = await Promise.all(keys.map(async (key) => JSON.parse(await stand.text(key)) as AuditEntry));
    return entries.filter(({ who, from, outcome }) => who === String(ME) && from === 'chat' && outcome === 'Refused');
  };

  /** What an entry about each attack must speak of. */
  const told: { readonly family: string; readonly about: string }[] = [];
  const inChat = async (family: string, about: string, holds: () => Promise<void>): Promise<void> => {
    await attack(family, holds);
    told.push({ family, about });
  };

  const anyMessage = () => ada.heard().at(-1)?.message_id ?? 0;

  for (const { what, data } of BUTTONS)
    it(`the button ${what} does nothing`, () =>
      inChat('buttons', data(theirs), async () => {
        expect(await ada.toast(() => ada.user.pressForged(anyMessage(), data(theirs)))).to.not.equal('');
        await nothingHappened();
      }));

  it('a button of the other’s question does nothing', async () => {
    const asked = bob.heard().findLast((message) => labels(message).includes('🚀 Start training'));
    const start = asked?.reply_markup?.inline_keyboard.flat().find(({ text }) => text === '🚀 Start training');
    const data = start && 'callback_data' in start ? String(start.callback_data) : '';
    expect(data).to.match(/^[a-z0-9]{10}:/);
    await inChat('buttons', data, async () => {
      expect(await ada.toast(() => ada.user.pressForged(anyMessage(), data))).to.contain('earlier question');
      await nothingHappened();
    });
  });

  /** To the question for the data, from wherever. */
  async function forData(): Promise<void> {
    const since = ada.mark();
    await ada.say('/train', 'Where');
    await ada.press('☁️ Cloud (Spot)', '');
    await ada.sees('Send me a CSV file', since);
  }

  /** An update of the attacker's as Telegram would never send it, straight into the bot. */
  async function inject(message: object, chat: object = { id: ME, type: 'private', first_name: 'Ada' }): Promise<void> {
    const from = { id: ME, is_bot: false, first_name: 'Ada' };
    const sent = {
      message_id: 9_000_000 + (updates += 1),
      date: Math.floor(Date.now() / 1000),
      from,
      chat,
      ...message,
    };
    await side.dispatch({ update_id: 900_000_000 + updates, message: sent } as { update_id: number }, hands as Hands);
  }
  let updates = 0;

  it('the other’s table is not among the recent ones', async () => {
    await forData();
    const theirKey = (await stand.keys(`datasets/user_${YOU}/`))[0] ?? '';
    const token = tokenIn(ada);
    const data = `${token}:d${mark(`s3://${BUCKET}/${theirKey}`)}`;
    await inChat('buttons', data, async () => {
      expect(await ada.toast(() => ada.user.pressForged(anyMessage(), data))).to.contain('not there');
      await nothingHappened();
    });
  });

  /** Of the newest question to somebody. */
  const tokenIn = (person: Person): string => {
    const buttons = person.heard().flatMap((message) => message.reply_markup?.inline_keyboard.flat() ?? []);
    return (
      buttons
        .map((one) => ('callback_data' in one ? String(one.callback_data) : ''))
        .findLast((one) => /^[a-z0-9]{10}:/.test(one))
        ?.slice(0, 10) ?? ''
    );
  };

  for (const { what, uri, by } of TYPED)
    it(`an address with ${what}, typed, is not read`, async () => {
      // The chat trims; the bucket is another here.
      const typed = uri(String(ME), String(YOU)).replace('://bucket/', `://${BUCKET}/`);
      const since = ada.mark();
      await ada.user.send(typed);
      const absent = by === 'missing';
      const of = (holds: () => Promise<void>) =>
        // One's own, had it been there: nobody is refused anything.
        absent ? attack('addresses of nothing', holds) : inChat('addresses in chat', typed.trim().slice(0, 60), holds);
      await of(async () => {
        await ada.sees('cannot be used', since);
        await nothingHappened();
      });
    });

  for (const name of [
    `../../user_${YOU}/evil.csv`,
    `/datasets/user_${YOU}/evil.csv`,
    `..\\user_${YOU}\\evil.csv`,
    `..%2fuser_${YOU}%2fevil.csv`,
    `..／user_${YOU}／evil.csv`,
    '.',
    '..',
  ])
    it(`a file named ${name} stays in the own folder`, async () => {
      await forData();
      const keys = await stand.keys('datasets/');
      await ada.upload(name, CSV, 'Which column');
      await attack('files', async () => {
        const fresh = (await stand.keys('datasets/')).filter((key) => !keys.includes(key));
        for (const key of fresh) expect(key).to.match(new RegExp(`^datasets/user_${ME}/\\d{8}T\\d{6}Z_[\\w.-]+$`));
        await nothingHappened();
      });
    });

  for (const { what, id } of [
    { what: 'that Telegram does not know', id: 'BQACAgIAAxkBAAIBunknown' },
    { what: 'that is a path', id: '../documents/file_1' },
    { what: 'that is nothing', id: '' },
  ])
    it(`a document forwarded with a file id ${what} is not fetched`, async () => {
      await forData();
      const keys = await stand.keys();
      const since = ada.mark();
      await inject({ document: { file_id: id, file_unique_id: 'x', file_name: 'houses.csv', file_size: 100 } });
      await attack('files', async () => {
        await ada.sees('cannot be used', since);
        expect(await stand.keys()).to.deep.equal(keys);
        await nothingHappened();
      });
    });

  for (const { what, chat } of [
    { what: 'a group', chat: { id: -100, type: 'group', title: 'x' } },
    { what: 'a group with the other’s id turned round', chat: { id: -YOU, type: 'supergroup', title: 'x' } },
    { what: 'no chat at all', chat: undefined },
  ])
    it(`a command in ${what} reaches nobody’s account`, async () => {
      await attack('updates', async () => {
        await inject({ text: '/start' }, chat);
        await inject({ text: '/jobs' }, chat);
        expect(
          (await stand.api.list<KubeObject>('Account')).map(({ metadata }) => metadata?.name).sort(),
        ).to.deep.equal([`user-${ME}`, `user-${YOU}`]);
        await nothingHappened();
      });
    });

  it('a job that names the other’s chat is not told there', async () => {
    await attack('updates', async () => {
      const own = namespaceOf(String(ME));
      const to = (chat: number) => ({
        labels: { 'app.kubernetes.io/managed-by': 'spotlearn-bot' },
        annotations: { 'spotlearn.io/chat': String(chat), 'spotlearn.io/card': '1' },
      });
      const spec = { dataset: { uri: uriOf('a.csv') }, target: 'price' };
      await make('TrainingJob', 'loud', spec, { phase: 'Failed', message: 'theirs' }, own, to(YOU));
      // What comes later in the same way arrives, so the bot has seen the first by then.
      await make('TrainingJob', 'heard', spec, { phase: 'Failed', message: 'mine' }, own, to(ME));
      await ada.sees('mine');
      await nothingHappened();
    });
  });

  for (const { what, kind, name, status, action } of [
    {
      what: 'model',
      kind: 'TrainingJob' as const,
      name: 'forged-model',
      action: 'model',
      status: {
        phase: 'Succeeded',
        model: { id: 'secret', uri: `s3://${BUCKET}/models/user_${YOU}/secret/`, type: 'ridge', task: 'regression' },
      },
    },
    {
      what: 'result',
      kind: 'PredictionJob' as const,
      name: 'forged-result',
      action: 'result',
      status: { phase: 'Succeeded', outputUri: `s3://${BUCKET}/predictions/user_${YOU}/uid/predictions.csv` },
    },
  ])
    it(`a status that names the other’s ${what}, had it been forged, gives no links`, async () => {
      const spec =
        kind === 'TrainingJob'
          ? { dataset: { uri: uriOf('a.csv') }, target: 'price' }
          : { modelRef: 'none', data: { uri: uriOf('a.csv') } };
      const uid = await make(kind, name, spec, status, namespaceOf(String(ME)));
      const since = ada.mark();
      await inChat('forged statuses in chat', `user_${YOU}/${kind === 'TrainingJob' ? 'secret' : 'uid'}/`, async () => {
        await ada.user.pressForged(anyMessage(), `job:${action}:${uid}`);
        await ada.sees('cannot be reached', since);
        await nothingHappened();
      });
    });

  it('are in the audit trail, each of them', async () => {
    const find = async () => {
      const entries = (await refusals()).map((entry) => JSON.stringify(entry));
      return told.map(({ family, about }) => ({
        ...{ family, about },
        found: entries.some((entry) => entry.includes(JSON.stringify(about).slice(1, -1))),
      }));
    };
    await eventually(async () => (await find()).every(({ found }) => found)).catch(() => undefined);
    const all = await find();
    for (const { family, found } of all) if (found) record(family, 'bot');
    expect(all.filter(({ found }) => !found).map(({ about }) => about)).to.deep.equal([]);
  });
});
