import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../cloud/clock.ts';
import type { Update } from '../../../local/telegram/protocol.ts';
import { startTelegram } from '../../../local/telegram/server.ts';
import { TelegramUser } from '../../../local/telegram/user.ts';
import { refusal, Setting, WAIT_MS } from './setting.ts';

const CHAT = 1001;
const MAIN = fileURLToPath(new URL('../../../local/telegram/main.ts', import.meta.url));

describe('local Telegram, the server', () => {
  let setting: Setting;

  beforeEach(() => {
    setting = new Setting();
  });
  afterEach(() => setting.end());

  it('knows its bot, and nobody by a wrong token', async () => {
    await setting.start({ bot: { id: 7, username: 'x_bot', firstName: 'X' } });
    expect((await setting.call('getMe')).result).to.deep.include({
      id: 7,
      is_bot: true,
      first_name: 'X',
      username: 'x_bot',
    });
    expect(await setting.call('getMe', {}, '7:wrong')).to.deep.equal({
      ...{ status: 401, ok: false, error_code: 401, description: 'Unauthorized' },
    });
    const launched = await refusal(setting.bot('7:wrong').launch());
    expect(launched.code).to.equal(401);
    expect(await setting.call('flyToTheMoon')).to.deep.include({
      status: 404,
      description: 'Not Found: method not found',
    });
  });

  it('keeps commands by scope, names and descriptions', async () => {
    await setting.start();
    const { telegram } = setting.bot();
    const ada = await setting.user();
    const told = new Promise((resolve) => ada.on('commands', resolve));
    const commands = [{ command: 'train', description: 'Train a model' }];
    await telegram.setMyCommands(commands);
    expect(await told).to.deep.equal({ commands });
    expect(await telegram.getMyCommands()).to.deep.equal(commands);
    const own = [{ command: 'approve', description: 'Approve' }];
    await telegram.setMyCommands(own, { scope: { type: 'chat', chat_id: CHAT } });
    expect(await ada.commands()).to.deep.equal(own);
    await telegram.deleteMyCommands({ scope: { type: 'chat', chat_id: CHAT } });
    expect(await ada.commands()).to.deep.equal(commands);
    expect((await refusal(telegram.setMyCommands([{ command: 'No', description: 'x' }]))).description).to.equal(
      'Bad Request: BOT_COMMAND_INVALID',
    );
    expect((await refusal(telegram.setMyCommands([{ command: 'no', description: '' }]))).description).to.equal(
      'Bad Request: BOT_COMMAND_DESCRIPTION_INVALID',
    );
    await telegram.setMyDescription('I train');
    await telegram.setMyShortDescription('Short');
    await setting.call('setMyName', { name: 'Trainer' });
    await setting.call('setChatMenuButton', { menu_button: { type: 'commands' } });
    expect((await telegram.getMyDescription()).description).to.equal('I train');
    expect((await telegram.getMyShortDescription()).short_description).to.equal('Short');
    expect((await setting.call('getMyName')).result).to.deep.equal({ name: 'Trainer' });
    expect((await setting.call('getChatMenuButton')).result).to.deep.equal({ type: 'commands' });
    expect((await setting.call('setMyName', { name: 'x'.repeat(65) })).description).to.equal(
      'Bad Request: NAME_TOO_LONG',
    );
    await ada.send('/start');
    expect(await telegram.getChat(CHAT)).to.deep.include({ id: CHAT, type: 'private', first_name: 'Ada' });
  });

  describe('limits', () => {
    let now: number;
    const clock: Clock = { now: () => now, after: () => () => undefined };
    const send = () => setting.call('sendMessage', { chat_id: CHAT, text: String(Math.random()) });

    beforeEach(async () => {
      now = Date.parse('2026-01-01T00:00:00Z');
      await setting.start({ clock, limits: { perChatBurst: 3 } });
      const ada = await setting.user();
      await ada.send('/start');
    });

    it('lets a short burst pass, then answers 429 with the seconds to wait, edits counted', async () => {
      const sent = await send();
      const { message_id } = sent.result as { message_id: number };
      await send();
      expect((await setting.call('editMessageText', { chat_id: CHAT, message_id, text: 'edit' })).ok).to.equal(true);
      expect(await send()).to.deep.equal({
        status: 429,
        ok: false,
        error_code: 429,
        description: 'Too Many Requests: retry after 1',
        parameters: { retry_after: 1 },
      });
      now += 1000;
      expect((await send()).ok).to.equal(true);
      expect((await send()).status).to.equal(429);
      const raised = await refusal(setting.bot().telegram.sendMessage(CHAT, 'x'));
      expect(raised.parameters?.retry_after).to.equal(1);
    });

    it('holds 30 a second in all chats together', async () => {
      const chats = Array.from({ length: 11 }, (_, index) => 2000 + index);
      for (const id of chats) await (await setting.user(id, 'x')).send('/start');
      let passed = 0;
      for (let round = 0; round < 3; round += 1) {
        for (const id of chats) passed += (await setting.call('sendMessage', { chat_id: id, text: 'x' })).ok ? 1 : 0;
      }
      expect(passed).to.equal(30);
      now += 61_000;
      expect((await send()).ok).to.equal(true);
    });
  });

  describe('faults', () => {
    const send = (text: string) => setting.call('sendMessage', { chat_id: CHAT, text });
    let ada: TelegramUser;

    beforeEach(async () => {
      await setting.start();
      ada = await setting.user();
      await ada.send('/start');
    });

    it('fails calls with any status, as often as told', async () => {
      const { faults } = setting.telegram;
      faults.failNext('sendMessage', { code: 502, description: 'Bad Gateway' }, 2);
      faults.failNext('*', { retryAfter: 7 });
      expect([(await send('a')).status, (await send('b')).status]).to.deep.equal([502, 502]);
      expect(await setting.call('getMe')).to.deep.include({ status: 429, parameters: { retry_after: 7 } });
      expect((await send('c')).ok).to.equal(true);
      expect(ada.messages().map((message) => message.text)).to.not.include('a');
    });

    it('drops connections before and after the call was carried out', async () => {
      const { faults } = setting.telegram;
      const dropped = (text: string) =>
        send(text).then(
          () => false,
          () => true,
        );
      faults.dropNext('sendMessage');
      expect(await dropped('before')).to.equal(true);
      faults.dropNext('sendMessage', 'after');
      expect(await dropped('after')).to.equal(true);
      await ada.waitFor((message) => message.text === 'after', WAIT_MS);
      expect(ada.messages().map((message) => message.text)).to.deep.equal(['/start', 'after']);
    });

    it('delays, and goes offline as a whole', async () => {
      const { faults } = setting.telegram;
      faults.delayNext('sendMessage', 120);
      const started = Date.now();
      await send('late');
      expect(Date.now() - started).to.be.at.least(110);
      faults.setOffline(true);
      expect(await send('lost').catch(() => 'offline')).to.equal('offline');
      faults.clear();
      expect((await send('back')).ok).to.equal(true);
    });
  });

  describe('state', () => {
    it('brings chats, messages, files, commands and unconfirmed updates over a restart', async () => {
      await setting.start();
      const ada = await setting.user();
      await ada.send('one');
      await ada.upload({ name: 'a.csv', data: 'a,b' });
      await setting.bot().telegram.setMyCommands([{ command: 'help', description: 'Help' }]);
      const [first] = (await setting.call('getUpdates')).result as Update[];
      await setting.call('getUpdates', { offset: first!.update_id + 1 });
      const { token } = setting.telegram;
      await setting.restart();
      expect(setting.telegram.token).to.equal(token);
      expect(statSync(join(setting.stateDir, 'token')).mode & 0o777).to.equal(0o600);
      const [again, ...others] = (await setting.call('getUpdates')).result as Update[];
      expect(again?.message?.document?.file_name).to.equal('a.csv');
      expect(others).to.deep.equal([]);
      const link = await setting.bot().telegram.getFileLink(again!.message!.document!.file_id);
      expect(await (await fetch(link)).text()).to.equal('a,b');
      const back = await setting.user();
      expect(back.messages()).to.have.length(2);
      expect(await back.commands()).to.have.length(1);
      expect((await setting.bot().telegram.sendMessage(CHAT, 'x')).message_id).to.equal(3);
    });

    it('tells a client that was away what it missed, once', async () => {
      await setting.start();
      const ada = await setting.user();
      await ada.send('/start');
      const { telegram } = setting.bot();
      const kept = await telegram.sendMessage(CHAT, 'kept');
      const gone = await telegram.sendMessage(CHAT, 'gone');
      await ada.waitFor((message) => message.text === 'gone', WAIT_MS);
      const seen: unknown[] = [];
      ada.on('message', (message) => seen.push(['message', message.text]));
      ada.on('edit', (message) => seen.push(['edit', message.text]));
      ada.on('delete', (data) => seen.push(['delete', data.message_id]));
      const port = Number(new URL(setting.telegram.url).port);
      await setting.telegram.close();
      const elsewhere = await setting.start();
      const away = setting.bot().telegram;
      await away.editMessageText(CHAT, kept.message_id, undefined, 'edited');
      await away.deleteMessage(CHAT, gone.message_id);
      await away.sendMessage(CHAT, 'new');
      expect(elsewhere.url).to.not.contain(`:${port}/`);
      await setting.restart({ port });
      await ada.waitFor((message) => message.text === 'new', WAIT_MS);
      expect(seen).to.deep.equal([
        ['edit', 'edited'],
        ['delete', gone.message_id],
        ['message', 'new'],
      ]);
      expect(ada.messages().map((message) => message.text)).to.deep.equal(['/start', 'edited', 'new']);
    });

    it('lets a client begin anew when the state was wiped', async () => {
      await setting.start();
      const answer = await fetch(`${setting.telegram.url}/client/${CHAT}/events?after=500`);
      const reader = answer.body!.getReader();
      let text = '';
      while (!text.includes('reset')) text += new TextDecoder().decode((await reader.read()).value);
      await reader.cancel();
    });

    it('cuts off a torn last line', async () => {
      await setting.start();
      const ada = await setting.user();
      await ada.send('whole');
      await setting.telegram.close();
      appendFileSync(join(setting.stateDir, 'journal.jsonl'), '[{"kind":"message","mess');
      await setting.start();
      const back = await setting.user();
      expect(back.messages().map((message) => message.text)).to.deep.equal(['whole']);
    });

    it('keeps its journal short', async () => {
      await setting.start();
      const ada = await setting.user();
      await ada.send('/start');
      const sent = await setting.bot().telegram.sendMessage(CHAT, '0');
      await setting.telegram.close();
      const journal = join(setting.stateDir, 'journal.jsonl');
      const line = readFileSync(journal, 'utf8')
        .split('\n')
        .find((text) => text.includes('"text":"0"'));
      appendFileSync(journal, `${line}\n`.repeat(6_000));
      await setting.start();
      expect(readFileSync(journal, 'utf8').split('\n').length).to.be.below(20);
      const back = await setting.user();
      expect(back.messages().map((message) => message.message_id)).to.deep.equal([1, sent.message_id]);
      await setting.restart();
      expect((await setting.user()).messages()).to.have.length(2);
    });

    it('says so when the disk is full, and keeps what was there', async () => {
      // Files may not grow beyond 16 KB: what a full disk looks like, for this process alone.
      const first = await startProgram(setting.stateDir, 'ulimit -f 32; ');
      const ada = await TelegramUser.connect({ url: first.url, userId: CHAT, name: 'Ada' });
      const upload = await ada.upload({ name: 'x', data: 'x'.repeat(40_000) }).catch((error: Error) => error.message);
      expect(upload).to.equal('The disk is full');
      const sent: string[] = [];
      let refused = '';
      while (refused === '' && sent.length < 100) {
        const text = `${sent.length} ${'x'.repeat(500)}`;
        refused = await ada.send(text).then(
          () => '',
          (error: Error) => error.message,
        );
        if (refused === '') sent.push(text);
      }
      expect(refused).to.equal('The disk is full');
      const answer = await fetch(`${first.url}/bot${first.token}/sendMessage?chat_id=${CHAT}&text=${'y'.repeat(900)}`);
      expect([answer.status, await answer.json()]).to.deep.equal([
        500,
        { ok: false, error_code: 500, description: 'Internal Server Error' },
      ]);
      ada.close();
      first.child.kill('SIGTERM');
      await once(first.child, 'exit');
      await setting.start();
      const back = await setting.user();
      expect(back.messages().map((message) => message.text)).to.deep.equal(sent);
    }).timeout(20_000);

    it('loses nothing it acknowledged when it is killed', async () => {
      const first = await startProgram(setting.stateDir);
      const ada = await TelegramUser.connect({ url: first.url, userId: CHAT, name: 'Ada' });
      const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
      for (const text of texts) await ada.send(text);
      ada.close();
      first.child.kill('SIGKILL');
      await once(first.child, 'exit');
      const second = await startProgram(setting.stateDir);
      const answer = await fetch(`${second.url}/bot${second.token}/getUpdates`);
      const { result } = (await answer.json()) as { result: Update[] };
      expect(result.map(({ message }) => message?.text)).to.deep.equal(texts);
      expect(second.token).to.equal(first.token);
      second.child.kill('SIGTERM');
      expect(await once(second.child, 'exit')).to.deep.equal([0, null]);
    }).timeout(20_000);
  });

  it('is no program when its port is taken', async () => {
    await setting.start();
    const { port } = new URL(setting.telegram.url);
    const second = new Setting();
    const reason = await startTelegram({ stateDir: second.stateDir, port: Number(port) }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(reason).to.equal('EADDRINUSE');
  });

  it('gives other web sites nothing', async () => {
    await setting.start();
    const { url } = setting.telegram;
    const status = (headers: Record<string, string>, path = '/client/1001/messages') =>
      new Promise<number>((resolve, reject) => {
        const sent = request(`${url}${path}`, { headers, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        });
        sent.once('error', reject).end();
      });
    expect(await status({})).to.equal(200);
    expect(await status({ origin: url })).to.equal(200);
    expect(await status({ origin: 'https://evil.example' })).to.equal(403);
    expect(await status({ host: 'evil.example' })).to.equal(403);
    expect(await status({ host: 'evil.example' }, '/')).to.equal(403);
    expect(await status({}, '/client/0/messages')).to.equal(404);
    expect(await status({}, '/client/1001/nothing')).to.equal(404);
    expect(await status({}, '/../main.ts')).to.equal(404);
  });

  it('serves the page under a policy that loads nothing from elsewhere', async () => {
    await setting.start();
    const page = await fetch(`${setting.telegram.url}/`);
    expect(page.headers.get('content-security-policy')).to.match(/^default-src 'none'; script-src 'self';/);
    const html = await page.text();
    const resources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]);
    for (const path of resources) {
      expect((await fetch(new URL(path!, setting.telegram.url))).status, path).to.equal(200);
      expect(path).to.match(/^\//);
    }
    expect((await fetch(`${setting.telegram.url}/`, { method: 'HEAD' })).status).to.equal(200);
    expect((await fetch(`${setting.telegram.url}/`, { method: 'POST' })).status).to.equal(404);
  });

  it('refuses what a client sends wrong', async () => {
    await setting.start();
    const ada = await setting.user();
    const words = (sent: Promise<unknown>) =>
      sent.then(
        () => '',
        (error: Error) => error.message,
      );
    expect(await words(ada.send(' '))).to.equal('An empty message is not sent');
    expect(await words(ada.send('x'.repeat(4097)))).to.equal('A message has at most 4096 characters');
    expect(await words(ada.edit(9, 'x'))).to.equal('That message is not yours to edit');
    const mine = await ada.send('x');
    expect(await words(ada.edit(mine.message_id, ' '))).to.equal('An empty message is not sent');
    expect(await words(ada.waitFor(() => false, 20))).to.match(
      /^No such message came within 20 ms; the last one was "x"$/,
    );
    expect(await words(ada.download(mine, '/dev/null'))).to.equal('The message has no file');
    const answer = await fetch(`${setting.telegram.url}/client/1/messages`, { method: 'POST', body: 'x' });
    expect([answer.status, await answer.json()]).to.deep.equal([400, { error: 'The request is not a JSON object' }]);
    const chats = (await (await fetch(`${setting.telegram.url}/client/1001/chats`)).json()) as {
      last_message: { text: string };
    }[];
    expect(chats[0]?.last_message.text).to.equal('x');
  });
});

async function startProgram(
  stateDir: string,
  before = '',
): Promise<{ child: ChildProcess; url: string; token: string }> {
  const command = ['-c', `${before}exec "$0" "$@"`, process.execPath, MAIN, '--state', stateDir];
  const child = spawn('/bin/sh', command, { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, ...(JSON.parse(line) as { url: string; token: string }) };
  }
  throw new Error('The program ended before it was ready');
}
