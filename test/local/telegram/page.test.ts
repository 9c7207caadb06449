import { expect } from 'chai';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { Telegraf } from 'telegraf';
import { PNG, Setting, WAIT_MS } from './setting.ts';

const CHROMIUM = process.env.SPOTLEARN_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const CHAT = 1001;

describe('local Telegram, the chat page in a real browser', function () {
  this.timeout(30_000);
  let browser: Browser;
  let setting: Setting;
  let bot: Telegraf;
  let page: Page;
  let complaints: string[];

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      console.warn(
        `\n  !! THE CHAT PAGE IS NOT TESTED: no Chromium at ${CHROMIUM} (set SPOTLEARN_CHROMIUM, or install it)\n`,
      );
      this.skip();
    }
    const { chromium } = await import('playwright-core');
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });
  after(() => browser?.close());

  beforeEach(async () => {
    setting = new Setting();
    await setting.start();
    bot = setting.bot();
    page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    page.setDefaultTimeout(2 * WAIT_MS);
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (entry) => {
      if (entry.type() === 'error') complaints.push(entry.text());
    });
  });
  afterEach(async () => {
    await page.close();
    await setting.end();
  });

  const field = () => page.getByRole('textbox', { name: /Message|Caption/ });
  const write = async (text: string) => {
    await field().fill(text);
    await page.keyboard.press('Enter');
  };

  it('carries a whole conversation: start, keyboard, file, progress', async () => {
    bot.start((context) =>
      context.replyWithHTML('Hello <b>you</b>', {
        reply_markup: { inline_keyboard: [[{ text: 'Train', callback_data: 'train' }]] },
      }),
    );
    bot.action('train', async (context) => {
      await context.answerCbQuery('Off we go');
      await context.editMessageText('Send a CSV');
    });
    bot.on('document', async (context) => {
      const sent = await context.reply(`Training on ${context.message.document.file_name}: 0 %`);
      await context.telegram.editMessageText(sent.chat.id, sent.message_id, undefined, 'Training: 100 %');
    });
    await setting.launch(bot);
    await bot.telegram.setMyCommands([{ command: 'start', description: 'Begin' }]);
    await page.goto(`${setting.telegram.url}/?user=${CHAT}&name=Ada`);
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    expect(await page.locator('.theirs b').textContent()).to.equal('you');
    await page.getByRole('button', { name: 'Train' }).click();
    await page.getByText('Send a CSV').waitFor();
    await page.locator('#toast', { hasText: 'Off we go' }).waitFor();
    expect(await page.getByRole('button', { name: 'Train' }).count()).to.equal(0);
    const path = join(setting.stateDir, 'houses.csv');
    writeFileSync(path, 'area,price\n1,2\n'.repeat(100_000));
    await page.locator('#files').setInputFiles(path);
    await write('my houses');
    await page.getByText('Training: 100 %').waitFor();
    await page.locator('.mine .file', { hasText: 'houses.csv' }).waitFor();
    expect(await page.locator('.pending').count()).to.equal(0);
    const download = page.waitForEvent('download');
    await page.locator('.mine a.file').click();
    expect((await download).suggestedFilename()).to.equal('houses.csv');
    expect(complaints).to.deep.equal([]);
  });

  it('shows text as text: no tag, handler or address of a bot or user runs', async () => {
    const ada = await setting.user();
    const attacks = ['<img src=x onerror=alert(1)>', '<script>alert(1)</script>', '"><svg onload=alert(1)>'];
    for (const attack of attacks) await ada.send(attack);
    await ada.upload({ name: '<img src=x onerror=alert(1)>.csv', data: 'a' }, attacks[0]);
    await ada.upload({ name: 'page.html', data: '<script>alert(1)</script>' }, '', { mime: 'text/html' });
    await bot.telegram.sendMessage(CHAT, '<a href="javascript:alert(1)">click</a> javascript:alert(1)', {
      parse_mode: 'HTML',
    });
    await setting.call('sendMessage', {
      chat_id: CHAT,
      text: 'forged entity',
      entities: [{ type: 'text_link', offset: 0, length: 6, url: 'javascript:alert(2)' }],
      reply_markup: { inline_keyboard: [[{ text: '<b>bold</b>', callback_data: 'x' }]] },
    });
    await bot.telegram.setMyCommands([{ command: 'x', description: '<img src=x onerror=alert(1)>' }]);
    let alerts = 0;
    page.on('dialog', (dialog) => {
      alerts += 1;
      void dialog.dismiss();
    });
    await page.goto(`${setting.telegram.url}/?user=${CHAT}&name=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
    await page.getByText('forged entity').waitFor();
    await field().fill('/');
    await page.getByRole('option').waitFor();
    for (const attack of attacks) expect(await page.locator('.text', { hasText: attack }).count()).to.be.at.least(1);
    expect(
      await page.locator('#messages script, #messages svg, #messages img, #messages a[href^="javascript"]').count(),
    ).to.equal(0);
    expect(await page.getByRole('button', { name: '<b>bold</b>' }).count()).to.equal(1);
    const file = await page.locator('a.file', { hasText: 'page.html' }).getAttribute('href');
    const answer = await fetch(`${setting.telegram.url}${file}?inline=1`);
    expect(answer.headers.get('content-disposition')).to.match(/^attachment/);
    expect(answer.headers.get('content-type')).to.equal('application/octet-stream');
    expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
    const unsafe = `import('/formatted.js').then(({ safeUrl }) => ['javascript:x', 'data:text/html,x', ' JavaScript:x', 'x'].map(safeUrl))`;
    expect(await page.evaluate(unsafe)).to.deep.equal([undefined, undefined, undefined, undefined]);
    expect([alerts, complaints]).to.deep.equal([0, []]);
  });

  it('is usable by keyboard: commands, focus on an edited card, alerts', async () => {
    await bot.telegram.setMyCommands([
      { command: 'train', description: 'Train' },
      { command: 'status', description: 'Status' },
    ]);
    bot.action('stop', (context) => context.answerCbQuery('Really stopped', { show_alert: true }));
    await setting.launch(bot);
    await page.goto(`${setting.telegram.url}/?user=${CHAT}`);
    await page.locator('#menu:visible').waitFor();
    await field().focus();
    await page.keyboard.type('/');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.mine', { hasText: '/status' }).waitFor();
    const keyboard = { reply_markup: { inline_keyboard: [[{ text: 'Stop', callback_data: 'stop' }]] } };
    const sent = await bot.telegram.sendMessage(CHAT, '10 %', keyboard);
    await page.getByRole('button', { name: 'Stop' }).focus();
    await bot.telegram.editMessageText(CHAT, sent.message_id, undefined, '20 %', keyboard);
    await page.getByText('20 %').waitFor();
    expect(await page.evaluate(`document.activeElement.textContent`)).to.equal('Stop');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('Really stopped').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    const nameless = `[...document.querySelectorAll('button, input, textarea, a')].filter((control) =>
      !(control.textContent.trim() || control.getAttribute('aria-label') || control.querySelector('img[alt]'))).length`;
    expect(await page.evaluate(nameless)).to.equal(0);
  });

  it('shows photos, bot keyboards, typing and deletions as they happen', async () => {
    const ada = await setting.user();
    await ada.send('/start');
    await page.goto(`${setting.telegram.url}/?user=${CHAT}`);
    await page.getByText('/start').waitFor();
    // As bots do, more than once: the page may not be listening yet when the first one comes.
    const typing = setInterval(() => void bot.telegram.sendChatAction(CHAT, 'typing'), 300);
    await page
      .locator('#status', { hasText: 'typing…' })
      .waitFor()
      .finally(() => clearInterval(typing));
    await bot.telegram.sendPhoto(CHAT, { source: PNG }, { caption: 'A plot' });
    const width = `new Promise((resolve) => { const image = document.querySelector('.photo img');
      if (image.complete) resolve(image.naturalWidth); else image.onload = () => resolve(image.naturalWidth); })`;
    await page.getByAltText('A plot').waitFor();
    expect(await page.evaluate(width)).to.equal(3);
    const asked = await bot.telegram.sendMessage(CHAT, 'Which?', {
      reply_markup: { keyboard: [['one', 'two']], one_time_keyboard: true },
    });
    await page.locator('#keyboard button', { hasText: 'two' }).click();
    await ada.waitFor((message) => message.text === 'two', WAIT_MS);
    expect(await page.locator('#keyboard').isVisible()).to.equal(false);
    await bot.telegram.deleteMessage(CHAT, asked.message_id);
    await page.getByText('Which?').waitFor({ state: 'detached' });
    await bot.telegram.sendMessage(CHAT, 'Name it', {
      reply_markup: { force_reply: true, input_field_placeholder: 'a name' },
    });
    await page.getByPlaceholder('a name').waitFor();
    await page.keyboard.type('Henry');
    await page.keyboard.press('Enter');
    const named = await ada.waitFor((message) => message.text === 'Henry', WAIT_MS);
    expect(named.reply_to_message?.text).to.equal('Name it');
  });

  it('takes files that are dropped on it, one message each, and lets one be left out', async () => {
    const ada = await setting.user();
    await page.goto(`${setting.telegram.url}/?user=${CHAT}`);
    await page.locator('#welcome').waitFor();
    const files = await page.evaluateHandle(`(() => {
      const data = new DataTransfer();
      for (const name of ['a.csv', 'b.csv', 'c.csv']) data.items.add(new File(['x,y'], name, { type: 'text/csv' }));
      return data;
    })()`);
    await page.dispatchEvent('#history', 'dragenter', { dataTransfer: files });
    expect(await page.locator('#drop').isVisible()).to.equal(true);
    await page.dispatchEvent('#history', 'drop', { dataTransfer: files });
    expect(await page.locator('#drop').isVisible()).to.equal(false);
    await page.getByRole('button', { name: 'Do not send b.csv' }).click();
    await write('two tables');
    const last = await ada.waitFor((message) => message.document?.file_name === 'c.csv', WAIT_MS);
    const first = await ada.waitFor((message) => message.document?.file_name === 'a.csv', WAIT_MS);
    expect([first.caption, last.caption, ada.messages().length]).to.deep.equal(['two tables', undefined, 2]);
  });

  it('comes back by itself after the server was away, and says when a file can not be sent', async () => {
    await page.goto(`${setting.telegram.url}/?user=${CHAT}`);
    await write('before');
    await page.locator('.mine', { hasText: 'before' }).waitFor();
    await setting.restart();
    bot = setting.bot();
    await bot.telegram.sendMessage(CHAT, 'after the restart');
    await page.getByText('after the restart').waitFor({ timeout: 10_000 });
    const empty = join(setting.stateDir, 'empty.csv');
    writeFileSync(empty, '');
    await page.locator('#files').setInputFiles(empty);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('alert').getByText('The file is empty').waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
    expect(await page.locator('.pending').count()).to.equal(0);
  });

  it('fits a phone and a wide screen without scrolling sideways', async () => {
    const ada = await setting.user();
    await ada.send(`${'longword'.repeat(40)} https://example.com/${'path/'.repeat(40)}`);
    await bot.telegram.sendMessage(CHAT, `<pre>${'wide '.repeat(60)}</pre>`, {
      parse_mode: 'HTML',
      reply_markup: {
        inline_keyboard: [Array.from({ length: 4 }, () => ({ text: 'column_with_a_long_name', callback_data: 'c' }))],
      },
    });
    await page.goto(`${setting.telegram.url}/?user=${CHAT}`);
    await page.locator('pre').waitFor();
    for (const width of [320, 390, 768, 1440]) {
      await page.setViewportSize({ width, height: 700 });
      const overflow = `[document.body, document.querySelector('#history')].map((box) => box.scrollWidth - box.clientWidth)`;
      expect(await page.evaluate(overflow), `${width} pixels wide`).to.deep.equal([0, 0]);
    }
  });
});
