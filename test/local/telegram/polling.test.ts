import { expect } from 'chai';
import type { Update } from '../../../local/telegram/protocol.ts';
import type { TelegramUser } from '../../../local/telegram/user.ts';
import { refusal, Setting, WAIT_MS } from './setting.ts';

const CHAT = 1001;

describe('local Telegram, updates', () => {
  let setting: Setting;
  let ada: TelegramUser;

  beforeEach(async () => {
    setting = new Setting();
    await setting.start();
    ada = await setting.user();
  });
  afterEach(() => setting.end());

  const updates = async (parameters: object = {}) => (await setting.call('getUpdates', parameters)).result as Update[];
  const texts = (found: Update[]) => found.map(({ message }) => message?.text);

  it('runs a telegraf bot: command, answer, button, toast, edit', async () => {
    const bot = setting.bot();
    bot.start((context) =>
      context.reply('Where?', { reply_markup: { inline_keyboard: [[{ text: 'Cloud', callback_data: 'cloud' }]] } }),
    );
    bot.action('cloud', async (context) => {
      await context.answerCbQuery('Fine', { show_alert: true });
      await context.editMessageText(`Cloud it is, ${context.from.first_name}`);
    });
    await setting.launch(bot);
    await ada.send('/start');
    const question = await ada.waitFor((message) => message.text === 'Where?', WAIT_MS);
    const answered = new Promise((resolve) => ada.on('answer', resolve));
    const queryId = await ada.press(question.message_id, 'Cloud');
    await ada.waitFor((message) => message.text === 'Cloud it is, Ada', WAIT_MS);
    expect(await answered).to.deep.equal({ query_id: queryId, text: 'Fine', show_alert: true });
  });

  it('marks commands, links, mentions and tags in what users write', async () => {
    await ada.send('/train@spotlearn_bot see https://x.org/a_b?c=1, ask @someone_else or a.b@x.org #csv 1/2');
    const [update] = await updates();
    const { text = '', entities = [] } = update?.message ?? {};
    expect(entities.map(({ type, offset, length }) => [type, text.slice(offset, offset + length)])).to.deep.equal([
      ['bot_command', '/train@spotlearn_bot'],
      ['url', 'https://x.org/a_b?c=1'],
      ['mention', '@someone_else'],
      ['email', 'a.b@x.org'],
      ['hashtag', '#csv'],
    ]);
  });

  it('gives updates again until they are confirmed, in order, at most limit', async () => {
    for (const text of ['one', 'two', 'three']) await ada.send(text);
    expect(texts(await updates({ limit: 2 }))).to.deep.equal(['one', 'two']);
    const [first] = await updates();
    expect(texts(await updates({ offset: first!.update_id + 1 }))).to.deep.equal(['two', 'three']);
    expect(texts(await updates())).to.deep.equal(['two', 'three']);
    expect(texts(await updates({ offset: -1 }))).to.deep.equal(['three']);
    expect(texts(await updates())).to.deep.equal(['three']);
  });

  it('holds a poll until something comes', async () => {
    const started = Date.now();
    const held = updates({ timeout: 50 });
    await ada.send('now');
    expect(texts(await held)).to.deep.equal(['now']);
    expect(Date.now() - started).to.be.below(WAIT_MS);
  });

  it('ends a poll empty after its time-out', async () => {
    const started = Date.now();
    expect(await updates({ timeout: 1 })).to.deep.equal([]);
    expect(Date.now() - started).to.be.within(950, 4_000);
  });

  it('ends the older of two polls with 409', async () => {
    const older = setting.call('getUpdates', { timeout: 50 });
    await setting.call('getMe');
    const newer = updates({ timeout: 50 });
    expect(await older).to.deep.include({
      status: 409,
      description: 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    });
    await ada.send('still served');
    expect(texts(await newer)).to.deep.equal(['still served']);
  });

  it('ends a polling telegraf when a second one starts', async () => {
    const first = setting.bot();
    const ended = new Promise<Error>((resolve) => {
      void first.launch(() => undefined).catch(resolve);
    });
    await ada.send('/start');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = setting.bot();
    second.on('text', (context) => context.reply('second'));
    await setting.launch(second);
    expect(await ended).to.have.nested.property('response.error_code', 409);
    await ada.send('hello');
    await ada.waitFor((message) => message.text === 'second', WAIT_MS);
  });

  it('queues only the kinds a bot allows, and remembers them', async () => {
    await updates({ allowed_updates: ['callback_query'] });
    await ada.send('not wanted');
    await setting.restart();
    await ada.send('not wanted either');
    expect(await updates()).to.deep.equal([]);
    await updates({ allowed_updates: [] });
    await ada.send('wanted');
    expect(texts(await updates())).to.deep.equal(['wanted']);
  });

  it('reports edits and blocks', async () => {
    const sent = await ada.send('/strat');
    await ada.edit(sent.message_id, '/start');
    await ada.block(true);
    expect(await ada.send('x').catch((error: Error) => error.message)).to.equal('You have blocked this bot');
    const found = await updates();
    expect(found[1]?.edited_message).to.deep.include({ text: '/start', message_id: sent.message_id });
    expect(found[2]?.my_chat_member?.new_chat_member).to.deep.include({ status: 'kicked' });
    expect(found[2]?.my_chat_member?.old_chat_member).to.deep.include({ status: 'member' });
  });

  it('lets a tampered client press what no button carries, so that bots can be tested against it', async () => {
    await ada.send('/start');
    const bot = setting.bot();
    const sent = await bot.telegram.sendMessage(CHAT, 'x', {
      reply_markup: {
        inline_keyboard: [
          [
            { text: 'a', callback_data: 'a' },
            { text: 'b', url: 'https://x.org' },
          ],
        ],
      },
    });
    await ada.pressForged(sent.message_id, 'delete:other');
    expect((await updates()).at(-1)?.callback_query).to.deep.include({ data: 'delete:other' });
    const words = (label: string) => ada.press(sent.message_id, label).catch((error: Error) => error.message);
    expect(await words('c')).to.equal('The message has no button “c”; it has “a”, “b”');
    expect(await words('b')).to.equal('The button “b” opens a link');
    expect(await ada.press(999, 'a').catch((error: Error) => error.message)).to.equal('There is no such message');
  });

  it('answers a callback once', async () => {
    await ada.send('/start');
    const bot = setting.bot();
    const sent = await bot.telegram.sendMessage(CHAT, 'x', {
      reply_markup: { inline_keyboard: [[{ text: 'a', callback_data: 'a' }]] },
    });
    const id = await ada.press(sent.message_id, 'a');
    const long = await refusal(bot.telegram.answerCbQuery(id, 'x'.repeat(201)));
    expect(long.description).to.equal('Bad Request: MESSAGE_TOO_LONG');
    expect(await bot.telegram.answerCbQuery(id)).to.equal(true);
    const again = await refusal(bot.telegram.answerCbQuery(id));
    expect(again.description).to.equal(
      'Bad Request: query is too old and response timeout expired or query ID is invalid',
    );
  });

  it('forgets waiting updates when the bot asks for it', async () => {
    await ada.send('old');
    expect((await setting.call('getWebhookInfo')).result).to.deep.include({ url: '', pending_update_count: 1 });
    await setting.call('deleteWebhook', { drop_pending_updates: true });
    expect(await updates()).to.deep.equal([]);
    expect((await setting.call('setWebhook', { url: '' })).ok).to.equal(true);
    expect((await setting.call('setWebhook', { url: 'https://x.org' })).description).to.match(/calls no webhooks/);
  });
});
