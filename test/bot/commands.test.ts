// telegraf's side: updates as Telegram sends them become inputs, and only private chats are served.
import { expect } from 'chai';
import { Telegraf } from 'telegraf';
import { telegrafSide } from '../../bot/commands.ts';
import type { UserInput } from '../../bot/conversation/input.ts';

const user = { id: 12, is_bot: false, first_name: 'Ada' };
const chat = { id: 12, type: 'private', first_name: 'Ada' };

async function inputOf(content: object): Promise<{ inputs: UserInput[]; declined: unknown[] }> {
  const bot = new Telegraf('1:x');
  bot.botInfo = {
    id: 1,
    is_bot: true,
    first_name: 'b',
    username: 'spot_bot',
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
  };
  const declined: unknown[] = [];
  const inputs: UserInput[] = [];
  await telegrafSide(bot).dispatch(
    { update_id: 5, ...content },
    {
      take: async (sender, updateId, input) => {
        expect([sender, updateId]).to.deep.equal([{ chatId: 12, userName: 'Ada' }, 5]);
        inputs.push(input);
      },
      decline: (...where) => declined.push(where),
    },
  );
  return { inputs, declined };
}
const message = (content: object) => ({ message: { message_id: 3, date: 0, from: user, chat, ...content } });

describe('An update', () => {
  for (const [what, content, input] of [
    ['a command', { text: '/train' }, { kind: 'command', name: 'train' }],
    ['a command with the bot’s name and more', { text: '/Cancel@spot_bot now' }, { kind: 'command', name: 'cancel' }],
    [
      'a command of administrators and what stands behind it',
      { text: '/TopUp@spot_bot  12 10.50 ' },
      { kind: 'adminCommand', name: 'topup', rest: '12 10.50' },
    ],
    ['one of them alone', { text: '/accounts' }, { kind: 'adminCommand', name: 'accounts', rest: '' }],
    [
      'one of them with far too much behind it',
      { text: `/suspend ${'1'.repeat(500)}` },
      { kind: 'adminCommand', name: 'suspend', rest: '1'.repeat(200) },
    ],
    ['an unknown command', { text: '/constructor' }, { kind: 'unknownCommand', text: '/constructor' }],
    ['a text', { text: 'price' }, { kind: 'text', text: 'price' }],
    ['a text with a slash in it', { text: '/ and' }, { kind: 'text', text: '/ and' }],
    [
      'a file',
      { document: { file_id: 'f', file_unique_id: 'u', file_name: 'a.csv', file_size: 5 } },
      { kind: 'document', fileId: 'f', name: 'a.csv', bytes: 5 },
    ],
    [
      'a file without a name',
      { document: { file_id: 'f', file_unique_id: 'u' } },
      { kind: 'document', fileId: 'f', name: 'data.csv', bytes: 0 },
    ],
    ['a photo', { photo: [] }, { kind: 'foreign', what: 'photo' }],
    ['a voice message', { voice: {} }, { kind: 'foreign', what: 'voice' }],
    ['music', { audio: {} }, { kind: 'foreign', what: 'voice' }],
    ['a location', { location: {} }, { kind: 'foreign', what: 'other' }],
  ] as const)
    it(`with ${what} becomes an input`, async () => {
      expect((await inputOf(message(content))).inputs).to.deep.equal([input]);
    });

  it('with a pressed button becomes an input', async () => {
    const query = { id: 'q', from: user, chat_instance: 'c', message: { message_id: 9, date: 0, chat, from: user } };
    expect((await inputOf({ callback_query: { ...query, data: 'tok:x' } })).inputs).to.deep.equal([
      { kind: 'button', data: 'tok:x', messageId: 9, queryId: 'q' },
    ]);
    expect((await inputOf({ callback_query: { ...query, game_short_name: 'g' } })).inputs).to.deep.include({
      kind: 'button',
      data: '',
      messageId: 9,
      queryId: 'q',
    });
  });

  it('of a group is answered, not served', async () => {
    const group = { id: -5, type: 'group', title: 'g' };
    expect(await inputOf(message({ chat: group, text: '/train' }))).to.deep.equal({
      inputs: [],
      declined: [[-5]],
    });
    expect(await inputOf(message({ chat: group, text: 'hello' }))).to.deep.equal({ inputs: [], declined: [] });
    const query = {
      id: 'q',
      from: user,
      chat_instance: 'c',
      data: 'x',
      message: { message_id: 9, date: 0, chat: group, from: user },
    };
    expect(await inputOf({ callback_query: query })).to.deep.equal({ inputs: [], declined: [[-5, 'q']] });
  });

  it('that cannot be stored is not taken', async () => {
    const bot = new Telegraf('1:x');
    bot.botInfo = { id: 1, is_bot: true, first_name: 'b', username: 'b' } as never;
    const thrown = await telegrafSide(bot)
      .dispatch(
        { update_id: 1, ...message({ text: 'x' }) },
        { take: () => Promise.reject(new Error('stopping')), decline: () => undefined },
      )
      .catch((error: Error) => error);
    expect(thrown).to.have.property('message', 'stopping');
  });
});
