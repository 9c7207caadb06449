import { expect } from 'chai';
import type { Telegraf } from 'telegraf';
import type { TelegramUser } from '../../../local/telegram/user.ts';
import { PNG, refusal, Setting, WAIT_MS } from './setting.ts';

const CHAT = 1001;

describe('local Telegram, messages', () => {
  let setting: Setting;
  let bot: Telegraf;
  let ada: TelegramUser;

  beforeEach(async () => {
    setting = new Setting();
    await setting.start();
    bot = setting.bot();
    ada = await setting.user();
    await ada.send('/start');
  });
  afterEach(() => setting.end());

  describe('sending', () => {
    it('gives a text to the user and the stored message to the bot', async () => {
      const sent = await bot.telegram.sendMessage(CHAT, ' Hello \n');
      expect(sent).to.deep.include({ text: 'Hello', chat: { id: CHAT, first_name: 'Ada', type: 'private' } });
      expect(sent.from).to.include({ is_bot: true, username: 'spotlearn_bot' });
      expect((await ada.waitFor((message) => message.text === 'Hello', WAIT_MS)).message_id).to.equal(sent.message_id);
    });

    it('turns HTML into entities', async () => {
      const sent = await bot.telegram.sendMessage(CHAT, '<b>a</b> &lt;c&gt; <a href="https://x.org/?q=1&amp;r">l</a>', {
        parse_mode: 'HTML',
      });
      expect(sent.text).to.equal('a <c> l');
      expect(sent.entities).to.deep.equal([
        { type: 'bold', offset: 0, length: 1 },
        { type: 'text_link', offset: 6, length: 1, url: 'https://x.org/?q=1&r' },
      ]);
    });

    it('takes a call as a query, as a form and as JSON, whatever the case of the method', async () => {
      const base = `${setting.telegram.apiRoot}/bot${setting.telegram.token}`;
      const query = await fetch(`${base}/sendmessage?chat_id=${CHAT}&text=query`);
      const form = await fetch(`${base}/sendMessage`, {
        method: 'POST',
        body: new URLSearchParams({ chat_id: String(CHAT), text: 'form' }),
      });
      expect([query.status, form.status]).to.deep.equal([200, 200]);
      await setting.call('SENDMESSAGE', { chat_id: String(CHAT), text: 'json' });
      await ada.waitFor((message) => message.text === 'json', WAIT_MS);
      expect(ada.messages().map((message) => message.text)).to.deep.equal(['/start', 'query', 'form', 'json']);
    });

    it('quotes the message it answers', async () => {
      const question = ada.messages()[0]!;
      const sent = await bot.telegram.sendMessage(CHAT, 'Hi', {
        reply_parameters: { message_id: question.message_id },
      });
      expect(sent).to.have.nested.property('reply_to_message.text', '/start');
      const refused = await refusal(bot.telegram.sendMessage(CHAT, 'Hi', { reply_parameters: { message_id: 99 } }));
      expect(refused.description).to.equal('Bad Request: message to be replied not found');
    });

    const REFUSED: [what: string, parameters: object, code: number, description: string][] = [
      ['no text', { text: '' }, 400, 'Bad Request: message text is empty'],
      ['spaces only', { text: ' \n ' }, 400, 'Bad Request: message text is empty'],
      ['4,097 characters', { text: 'x'.repeat(4097) }, 400, 'Bad Request: message is too long'],
      ['33,000 bytes', { text: 'x'.repeat(33_000) }, 400, 'Bad Request: text is too long'],
      ['no chat', { chat_id: '' }, 400, 'Bad Request: chat_id is empty'],
      ['an unknown chat', { chat_id: 5 }, 400, 'Bad Request: chat not found'],
      ['a channel name', { chat_id: '@news' }, 400, 'Bad Request: chat not found'],
      ['an unknown parse mode', { parse_mode: 'BB' }, 400, 'Bad Request: unsupported parse_mode'],
      ['broken markup', { reply_markup: '{' }, 400, "Bad Request: can't parse reply keyboard markup JSON object"],
      ['a list as markup', { reply_markup: [] }, 400, 'Bad Request: object expected as reply markup'],
      [
        'a button with 65 bytes of data',
        { reply_markup: { inline_keyboard: [[{ text: 'a', callback_data: `${'é'.repeat(32)}x` }]] } },
        400,
        'Bad Request: BUTTON_DATA_INVALID',
      ],
      [
        'a button that does nothing',
        { reply_markup: { inline_keyboard: [[{ text: 'a' }]] } },
        400,
        "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
      ],
      [
        'a button that runs a script',
        { reply_markup: { inline_keyboard: [[{ text: 'a', url: 'javascript:alert(1)' }]] } },
        400,
        "Bad Request: inline keyboard button URL 'javascript:alert(1)' is invalid: Unsupported URL protocol",
      ],
      [
        '101 buttons',
        { reply_markup: { inline_keyboard: Array.from({ length: 101 }, () => [{ text: 'a', callback_data: 'a' }]) } },
        400,
        'Bad Request: reply markup is too long',
      ],
      [
        'a keyboard that is no table',
        { reply_markup: { keyboard: ['a'] } },
        400,
        'Bad Request: field "keyboard" must be an Array of Arrays',
      ],
    ];
    for (const [what, parameters, code, description] of REFUSED) {
      it(`refuses ${what} in Telegram's words`, async () => {
        const answer = await setting.call('sendMessage', { chat_id: CHAT, text: 'x', ...parameters });
        expect(answer).to.deep.equal({ status: code, ok: false, error_code: code, description });
      });
    }

    it('takes exactly 4,096 characters and 64 bytes of data', async () => {
      const button = { text: 'a', callback_data: 'é'.repeat(32) };
      const sent = await bot.telegram.sendMessage(CHAT, 'x'.repeat(4096), {
        reply_markup: { inline_keyboard: [[button]] },
      });
      expect(sent.text).to.have.length(4096);
      expect(sent.reply_markup?.inline_keyboard).to.deep.equal([[button]]);
    });

    it('does not find the chat of someone who never wrote, and may not write to who blocked it', async () => {
      const grace = await setting.user(1002, 'Grace');
      expect((await refusal(bot.telegram.sendMessage(1002, 'Hi'))).description).to.equal('Bad Request: chat not found');
      await grace.send('/start');
      await grace.block(true);
      const refused = await refusal(bot.telegram.sendMessage(1002, 'Hi'));
      expect([refused.code, refused.description]).to.deep.equal([403, 'Forbidden: bot was blocked by the user']);
      await grace.block(false);
      await bot.telegram.sendMessage(1002, 'Hi');
    });

    it('keeps chats apart', async () => {
      const grace = await setting.user(1002, 'Grace');
      await grace.send('/start');
      await bot.telegram.sendMessage(1002, 'for Grace');
      await grace.waitFor((message) => message.text === 'for Grace', WAIT_MS);
      expect(ada.messages().map((message) => message.text)).to.deep.equal(['/start']);
    });

    it('shows the user keyboards of their own, forced replies and typing', async () => {
      const actions: string[] = [];
      ada.on('typing', ({ action }) => actions.push(action));
      await bot.telegram.sendChatAction(CHAT, 'upload_document');
      const sent = await bot.telegram.sendMessage(CHAT, 'Which?', {
        reply_markup: { keyboard: [['one', { text: 'two' }]] },
      });
      expect(sent).not.to.have.property('reply_markup');
      const seen = await ada.waitFor((message) => message.text === 'Which?', WAIT_MS);
      expect(seen.reply_keyboard?.keyboard).to.deep.equal([[{ text: 'one' }, { text: 'two' }]]);
      await bot.telegram.sendMessage(CHAT, 'Name?', {
        reply_markup: { force_reply: true, input_field_placeholder: 'a name' },
      });
      await bot.telegram.sendMessage(CHAT, 'Done', { reply_markup: { remove_keyboard: true } });
      const last = await ada.waitFor((message) => message.text === 'Done', WAIT_MS);
      expect(last.reply_keyboard).to.deep.equal({ remove_keyboard: true });
      expect(ada.messages().at(-2)?.reply_keyboard).to.deep.equal({
        force_reply: true,
        input_field_placeholder: 'a name',
      });
      expect(actions).to.deep.equal(['upload_document']);
      const refused = await setting.call('sendChatAction', { chat_id: CHAT, action: 'sleeping' });
      expect(refused.description).to.equal('Bad Request: wrong parameter action in request');
    });
  });

  describe('editing', () => {
    it('changes the text under the same id, live', async () => {
      const sent = await bot.telegram.sendMessage(CHAT, '10 %');
      await bot.telegram.editMessageText(CHAT, sent.message_id, undefined, '<b>20 %</b>', { parse_mode: 'HTML' });
      const seen = await ada.waitFor((message) => message.text === '20 %', WAIT_MS);
      expect(seen).to.deep.include({ message_id: sent.message_id, entities: [{ type: 'bold', offset: 0, length: 4 }] });
      expect(seen.edit_date).to.be.a('number');
    });

    it('says so when nothing changes', async () => {
      const markup = { reply_markup: { inline_keyboard: [[{ text: 'a', callback_data: 'a' }]] } };
      const sent = await bot.telegram.sendMessage(CHAT, 'same', markup);
      const refused = await refusal(bot.telegram.editMessageText(CHAT, sent.message_id, undefined, 'same', markup));
      expect(refused.code).to.equal(400);
      expect(refused.description).to.match(/^Bad Request: message is not modified: specified new message content/);
    });

    it('takes the keyboard away when the edit brings none', async () => {
      const sent = await bot.telegram.sendMessage(CHAT, 'x', {
        reply_markup: { inline_keyboard: [[{ text: 'a', callback_data: 'a' }]] },
      });
      const edited = await bot.telegram.editMessageReplyMarkup(CHAT, sent.message_id, undefined, undefined);
      expect(edited).not.to.have.property('reply_markup');
    });

    it('refuses what is not there, not its own, or of another kind', async () => {
      const text = await bot.telegram.sendMessage(CHAT, 'x');
      const photo = await bot.telegram.sendPhoto(CHAT, { source: PNG });
      const own = ada.messages()[0]!.message_id;
      const refused = [
        await refusal(bot.telegram.editMessageText(CHAT, 999, undefined, 'y')),
        await refusal(bot.telegram.editMessageText(CHAT, own, undefined, 'y')),
        await refusal(bot.telegram.editMessageText(CHAT, photo.message_id, undefined, 'y')),
        await refusal(bot.telegram.editMessageCaption(CHAT, text.message_id, undefined, 'y')),
        await refusal(bot.telegram.deleteMessage(CHAT, 999)),
      ];
      expect(refused.map((error) => error.description.replace('Bad Request: ', ''))).to.deep.equal([
        'message to edit not found',
        "message can't be edited",
        'there is no text in the message to edit',
        'there is no caption in the message to edit',
        'message to delete not found',
      ]);
    });

    it('changes captions and media, and deletes', async () => {
      const sent = await bot.telegram.sendPhoto(CHAT, { source: PNG }, { caption: 'one' });
      await bot.telegram.editMessageCaption(CHAT, sent.message_id, undefined, 'two');
      await ada.waitFor((message) => message.caption === 'two', WAIT_MS);
      await bot.telegram.editMessageMedia(CHAT, sent.message_id, undefined, {
        type: 'document',
        media: { source: Buffer.from('a,b\n'), filename: 'table.csv' },
        caption: 'three',
      });
      const seen = await ada.waitFor((message) => message.caption === 'three', WAIT_MS);
      expect(seen.document?.file_name).to.equal('table.csv');
      expect(seen).not.to.have.property('photo');
      await bot.telegram.deleteMessage(CHAT, sent.message_id);
      await new Promise<void>((resolve) => {
        const check = () => ada.messages().length === 1 && resolve();
        ada.on('delete', check);
        check();
      });
      const more = await bot.telegram.sendMessage(CHAT, 'more');
      expect(
        (await setting.call('deleteMessages', { chat_id: CHAT, message_ids: [more.message_id, 999] })).ok,
      ).to.equal(true);
    });
  });
});
