import { expect } from 'chai';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import type { Telegraf } from 'telegraf';
import type { TelegramUser } from '../../../local/telegram/user.ts';
import { NO_RATE, PNG, refusal, Setting, WAIT_MS } from './setting.ts';

const CHAT = 1001;

describe('local Telegram, files', () => {
  let setting: Setting;
  let bot: Telegraf;
  let ada: TelegramUser;

  async function begin(limits: object = {}): Promise<void> {
    await setting.start({ limits: { ...NO_RATE, ...limits } });
    bot = setting.bot();
    ada = await setting.user();
    await ada.send('/start');
  }

  beforeEach(() => {
    setting = new Setting();
  });
  afterEach(() => setting.end());

  const incoming = () => readdirSync(join(setting.stateDir, 'incoming'));

  it('carries a document from the user to the bot, byte by byte', async () => {
    await begin();
    const content = 'ä,b\r\n1,2\r\n'.repeat(100_000);
    const sent = await ada.upload({ name: 'Größe "1".csv', data: content }, 'my data', { mime: 'text/csv' });
    expect(sent).to.deep.include({ caption: 'my data' });
    expect(sent.document).to.include({
      file_name: 'Größe "1".csv',
      mime_type: 'text/csv',
      file_size: Buffer.byteLength(content),
    });
    const link = await bot.telegram.getFileLink(sent.document!.file_id);
    expect(link.pathname).to.match(/\/documents\/file_\d+_\w+\.csv$/);
    expect(await (await fetch(link)).text()).to.equal(content);
    expect(incoming()).to.deep.equal([]);
  });

  it('streams a file from a path and from a stream', async () => {
    await begin();
    const path = join(setting.stateDir, 'table.csv');
    writeFileSync(path, 'a,b\n1,2\n');
    expect((await ada.upload(path)).document).to.include({ file_name: 'table.csv', file_size: 8 });
    const streamed = await ada.upload({ name: '../../etc/passwd', data: Readable.from(['a,', 'b\n']) });
    expect(streamed.document).to.include({ file_name: 'passwd', file_size: 4 });
  });

  it('carries a document from the bot to the user, and again by its id', async () => {
    await begin();
    const sent = await bot.telegram.sendDocument(
      CHAT,
      { source: Buffer.from('a\n1\n'), filename: 'predictions.csv' },
      {
        caption: '<b>done</b>',
        parse_mode: 'HTML',
        reply_markup: { inline_keyboard: [[{ text: 'ok', callback_data: 'ok' }]] },
      },
    );
    expect(sent.document.file_name).to.equal('predictions.csv');
    const seen = await ada.waitFor((message) => message.document !== undefined, WAIT_MS);
    expect(seen).to.deep.include({
      caption: 'done',
      reply_markup: { inline_keyboard: [[{ text: 'ok', callback_data: 'ok' }]] },
    });
    const path = join(setting.stateDir, 'got.csv');
    await ada.download(seen, path);
    expect(readFileSync(path, 'utf8')).to.equal('a\n1\n');
    const again = await bot.telegram.sendDocument(CHAT, sent.document.file_id);
    expect(again.document.file_unique_id).to.equal(sent.document.file_unique_id);
  });

  it('measures photos and refuses what is none', async () => {
    await begin();
    const sent = await bot.telegram.sendPhoto(CHAT, { source: PNG }, { caption: 'plot' });
    expect(sent.photo.at(-1)).to.include({ width: 3, height: 2, file_size: PNG.length });
    expect((await ada.upload({ name: 'p.png', data: PNG }, '', { as: 'photo' })).photo).to.have.length(1);
    const broken = await refusal(bot.telegram.sendPhoto(CHAT, { source: Buffer.from('not an image') }));
    expect(broken.description).to.equal('Bad Request: IMAGE_PROCESS_FAILED');
    const asDocument = await refusal(bot.telegram.sendDocument(CHAT, sent.photo[0]!.file_id));
    expect(asDocument.description).to.equal("Bad Request: can't use file of type Photo as Document");
    const narrow = Buffer.from(PNG);
    narrow.writeUInt32BE(900, 16);
    expect((await refusal(bot.telegram.sendPhoto(CHAT, { source: narrow }))).description).to.equal(
      'Bad Request: PHOTO_INVALID_DIMENSIONS',
    );
  });

  it('sends albums as one group', async () => {
    await begin();
    const album = await bot.telegram.sendMediaGroup(CHAT, [
      { type: 'photo', media: { source: PNG }, caption: '<i>first</i>', parse_mode: 'HTML' },
      { type: 'photo', media: { source: PNG } },
    ]);
    expect(album).to.have.length(2);
    expect(new Set(album.map((message) => message.media_group_id)).size).to.equal(1);
    const seen = await ada.waitFor((message) => message.message_id === album[1]!.message_id, WAIT_MS);
    expect(seen.media_group_id).to.equal(album[0]!.media_group_id);
  });

  const ALBUMS: [what: string, media: unknown, description: string][] = [
    ['that is empty', [], 'there are no messages to send'],
    [
      'of eleven',
      Array.from({ length: 11 }, () => ({ type: 'photo', media: 'x' })),
      'too many messages to send as an album',
    ],
    ['of videos', [{ type: 'video', media: 'x' }], 'media of type video is not offered by this local server'],
    [
      'that mixes',
      [
        { type: 'photo', media: 'x' },
        { type: 'document', media: 'x' },
      ],
      "document can't be mixed with other media types",
    ],
    ['without media', [{ type: 'photo' }], 'media not found'],
    ['that is no list', {}, "can't parse media JSON object"],
    ['of unknown files', [{ type: 'photo', media: 'x' }], 'wrong file identifier/HTTP URL specified'],
    ['of files not sent', [{ type: 'photo', media: 'attach://x' }], 'file must be non-empty'],
    ['of web addresses', [{ type: 'photo', media: 'http://127.0.0.1/x' }], 'failed to get HTTP URL content'],
  ];
  it('refuses albums that Telegram refuses', async () => {
    await begin();
    for (const [what, media, description] of ALBUMS) {
      const answer = await setting.call('sendMediaGroup', { chat_id: CHAT, media });
      expect(answer.description, `an album ${what}`).to.equal(`Bad Request: ${description}`);
    }
  });

  it('gives bots no file above the download limit, while the user gets it', async () => {
    await begin({ downloadBytes: 10 });
    const sent = await ada.upload({ name: 'big.csv', data: 'x'.repeat(11) });
    const refused = await refusal(bot.telegram.getFile(sent.document!.file_id));
    expect(refused.description).to.equal('Bad Request: file is too big');
    await ada.download(sent, join(setting.stateDir, 'back'));
    expect(readFileSync(join(setting.stateDir, 'back'))).to.have.length(11);
    expect((await refusal(bot.telegram.getFile('nonsense'))).description).to.equal('Bad Request: invalid file_id');
  });

  it('answers 413 to a bot that sends too much, and leaves nothing of it', async () => {
    await begin({ uploadBytes: 1000, photoBytes: 10 });
    const refused = await refusal(bot.telegram.sendDocument(CHAT, { source: Buffer.alloc(200_000), filename: 'a' }));
    expect([refused.code, refused.description]).to.deep.equal([413, 'Request Entity Too Large']);
    const photo = await refusal(bot.telegram.sendPhoto(CHAT, { source: PNG }));
    expect(photo.description).to.match(/is too big for a photo/);
    const long = await setting.call('sendMessage', { chat_id: CHAT, text: 'x'.repeat(2_000_000) });
    expect(long.error_code).to.equal(413);
    expect(incoming()).to.deep.equal([]);
  });

  it('refuses empty and endless files of users, and leaves nothing of them', async () => {
    await begin({ userUploadBytes: 1000 });
    const words = async (data: string | Readable) =>
      ada.upload({ name: 'x.csv', data }).then(
        () => '',
        (error: Error) => error.message,
      );
    expect(await words('')).to.equal('The file is empty: Telegram sends no empty files');
    expect(await words('x'.repeat(1001))).to.equal('A file has at most 1000 bytes');
    expect(await words(Readable.from([Buffer.alloc(600), Buffer.alloc(600)]))).to.match(/More than 1000 bytes/);
    expect(
      (await refusal(bot.telegram.sendDocument(CHAT, { source: Buffer.alloc(0), filename: 'x' }))).description,
    ).to.equal('Bad Request: file must be non-empty');
    expect(incoming()).to.deep.equal([]);
    expect(ada.messages()).to.have.length(1);
  });

  it('forgets a file whose sender hangs up half way', async () => {
    await begin();
    await new Promise<void>((resolve) => {
      const upload = request(`${setting.telegram.url}/client/${CHAT}/files?name=x`, {
        method: 'POST',
        headers: { 'content-length': 1_000_000 },
      });
      upload.on('error', () => resolve());
      upload.write(Buffer.alloc(100_000));
      setTimeout(() => upload.destroy(new Error('gone')), 50);
    });
    await until(() => incoming().length === 0);
    expect(ada.messages()).to.have.length(1);
  });

  it('lets nobody download a file of another chat, by any path or token', async () => {
    await begin();
    const grace = await setting.user(1002, 'Grace');
    const sent = await ada.upload({ name: 'secret.csv', data: 'a,b' });
    const stolen = await grace
      .download(sent.document!.file_id, join(setting.stateDir, 'x'))
      .catch((error: Error) => error.message);
    expect(stolen).to.equal('There is no such file');
    const { token, url } = setting.telegram;
    const statuses = await Promise.all(
      [
        `/file/bot1:wrong/documents/file_0.csv`,
        `/file/bot${token}/..%2f..%2ftoken`,
        `/file/bot${token}/documents/../../token`,
      ].map(async (path) => rawStatus(url, path)),
    );
    expect(statuses).to.deep.equal([401, 404, 404]);
  });

  it('survives a body that is no form', async () => {
    await begin();
    const answer = await fetch(`${setting.telegram.apiRoot}/bot${setting.telegram.token}/sendDocument`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data' },
      body: 'nonsense',
    });
    expect(answer.status).to.equal(400);
    const cut = await fetch(`${setting.telegram.apiRoot}/bot${setting.telegram.token}/sendDocument`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
      body: '--x\r\ncontent-disposition: form-data; name="document"; filename="a"\r\n\r\nhalf',
    });
    expect(cut.status).to.equal(400);
    const array = await fetch(`${setting.telegram.apiRoot}/bot${setting.telegram.token}/getMe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '[1',
    });
    expect(array.status).to.equal(400);
    expect(incoming()).to.deep.equal([]);
  });

  it('clears half received files when it starts', async () => {
    mkdirSync(join(setting.stateDir, 'incoming'));
    writeFileSync(join(setting.stateDir, 'incoming', '7'), 'half');
    await begin();
    expect(incoming()).to.deep.equal([]);
  });
});

/** fetch would resolve the dots itself. */
function rawStatus(base: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const sent = request({ hostname, port, path, agent: false }, (answer) => {
      void readText(answer).then(() => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject).end();
  });
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error('It did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
