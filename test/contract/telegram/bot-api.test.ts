import { expect } from 'chai';
import { type Server, servers } from './servers.ts';

interface Answer {
  ok: boolean;
  error_code?: number;
  description?: string;
  result?: unknown;
}

/** Calls that Telegram refuses, with what it says; `{chat}` and `{message}` stand for a chat and a sent message. */
const REFUSALS: [what: string, method: string, parameters: object, code: number, description: string][] = [
  ['an empty text', 'sendMessage', { chat_id: '{chat}', text: '' }, 400, 'Bad Request: message text is empty'],
  [
    'a text too long',
    'sendMessage',
    { chat_id: '{chat}', text: 'x'.repeat(4097) },
    400,
    'Bad Request: message is too long',
  ],
  ['no chat', 'sendMessage', { text: 'x' }, 400, 'Bad Request: chat_id is empty'],
  ['an unknown chat', 'sendMessage', { chat_id: 1, text: 'x' }, 400, 'Bad Request: chat not found'],
  ['an unknown method', 'sendNothing', {}, 404, 'Not Found: method not found'],
  [
    'an unclosed tag',
    'sendMessage',
    { chat_id: '{chat}', text: '<b>x', parse_mode: 'HTML' },
    400,
    'Bad Request: can\'t parse entities: Can\'t find end tag corresponding to start tag "b"',
  ],
  [
    'an unknown tag',
    'sendMessage',
    { chat_id: '{chat}', text: 'a <table>', parse_mode: 'HTML' },
    400,
    'Bad Request: can\'t parse entities: Unsupported start tag "table" at byte offset 2',
  ],
  [
    'tags that cross',
    'sendMessage',
    { chat_id: '{chat}', text: '<b><i>x</b></i>', parse_mode: 'HTML' },
    400,
    'Bad Request: can\'t parse entities: Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
  ],
  [
    'long button data',
    'sendMessage',
    {
      chat_id: '{chat}',
      text: 'x',
      reply_markup: { inline_keyboard: [[{ text: 'a', callback_data: 'x'.repeat(65) }]] },
    },
    400,
    'Bad Request: BUTTON_DATA_INVALID',
  ],
  [
    'a dead button',
    'sendMessage',
    { chat_id: '{chat}', text: 'x', reply_markup: { inline_keyboard: [[{ text: 'a' }]] } },
    400,
    "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  ],
  [
    'an edit that changes nothing',
    'editMessageText',
    { chat_id: '{chat}', message_id: '{message}', text: 'contract' },
    400,
    'Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
  ],
  [
    'an edit of nothing',
    'editMessageText',
    { chat_id: '{chat}', message_id: 2 ** 30, text: 'x' },
    400,
    'Bad Request: message to edit not found',
  ],
  [
    'a deletion of nothing',
    'deleteMessage',
    { chat_id: '{chat}', message_id: 2 ** 30 },
    400,
    'Bad Request: message to delete not found',
  ],
  [
    'a caption of a text',
    'editMessageCaption',
    { chat_id: '{chat}', message_id: '{message}', caption: 'x' },
    400,
    'Bad Request: there is no caption in the message to edit',
  ],
  [
    'an unknown callback',
    'answerCallbackQuery',
    { callback_query_id: '123456789012345678' },
    400,
    'Bad Request: query is too old and response timeout expired or query ID is invalid',
  ],
];

for (const { name, start } of servers()) {
  describe(`Bot API contract of ${name}`, function () {
    this.timeout(30_000);
    let server: Server;
    let message: number;

    const call = async (
      method: string,
      parameters: object,
      token = server.token,
    ): Promise<Answer & { status: number }> => {
      const body = JSON.stringify(parameters)
        .replaceAll('"{chat}"', String(server.chat))
        .replaceAll('"{message}"', String(message));
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${server.apiRoot}/bot${token}/${method}`, { method: 'POST', headers, body });
      return { status: response.status, ...((await response.json()) as Answer) };
    };

    before(async () => {
      server = await start();
      message = (
        (await call('sendMessage', { chat_id: server.chat, text: 'contract' })).result as { message_id: number }
      ).message_id;
    });
    after(() => server?.stop());

    for (const [what, method, parameters, code, description] of REFUSALS) {
      it(`refuses ${what}`, async () => {
        const answer = await call(method, parameters);
        expect(answer).to.deep.equal({ status: code, ok: false, error_code: code, description });
      });
    }

    it('refuses a wrong token', async () => {
      const answer = await call('getMe', {}, `${server.token.slice(0, -5)}wrong`);
      expect(answer).to.deep.equal({ status: 401, ok: false, error_code: 401, description: 'Unauthorized' });
    });

    it('stores a message with its entities and keyboard', async () => {
      const keyboard = {
        inline_keyboard: [[{ text: 'a', callback_data: 'a' }], [{ text: 'b', url: 'https://example.org/' }]],
      };
      const text = ' <b>x</b> <code>y</code> /help ';
      const { result } = await call('sendMessage', {
        chat_id: '{chat}',
        text,
        parse_mode: 'HTML',
        reply_markup: keyboard,
      });
      expect(result).to.deep.include({
        text: 'x y /help',
        entities: [
          { offset: 0, length: 1, type: 'bold' },
          { offset: 2, length: 1, type: 'code' },
          { offset: 4, length: 5, type: 'bot_command' },
        ],
        reply_markup: keyboard,
      });
    });

    it('gives a sent document back', async () => {
      const form = new FormData();
      form.set('chat_id', String(server.chat));
      form.set('document', new Blob(['a,b\n1,2\n'], { type: 'text/csv' }), 'table.csv');
      const response = await fetch(`${server.apiRoot}/bot${server.token}/sendDocument`, { method: 'POST', body: form });
      const { result } = (await response.json()) as {
        result: { document: { file_id: string; file_name: string; file_size: number } };
      };
      expect(result.document).to.include({ file_name: 'table.csv', file_size: 8 });
      const file = (await call('getFile', { file_id: result.document.file_id })).result as { file_path: string };
      const content = await fetch(`${server.apiRoot}/file/bot${server.token}/${file.file_path}`);
      expect(await content.text()).to.equal('a,b\n1,2\n');
    });
  });
}
