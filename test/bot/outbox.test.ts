// The outbox on a clock of the test's, against a Telegram that refuses, limits and falls silent on demand.
import { Readable } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';
import { expect } from 'chai';
import type { Clock } from '../../cloud/clock.ts';
import { SILENT } from '../../bot/logging.ts';
import { Outbox } from '../../bot/outbox.ts';
import { TelegramRefused, TelegramUnreachable, translate } from '../../bot/telegram.ts';

/** What telegraf throws. */
const refusal = (code: number, description: string, retryAfter?: number) =>
  Object.assign(new Error(description), {
    response: { error_code: code, description, parameters: { retry_after: retryAfter } },
  });

class TestClock implements Clock {
  time = 0;
  #alarms: { at: number; run: () => void }[] = [];
  now = () => this.time;
  after(delay: number, run: () => void) {
    const alarm = { at: this.time + delay, run };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((one) => one !== alarm);
    };
  }
  async run(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      for (let at = 0; at < 5; at += 1) await tick();
      const next = this.#alarms.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#alarms = this.#alarms.filter((one) => one !== next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
}

interface Sent {
  readonly at: number;
  readonly method: string;
  readonly payload: Record<string, unknown>;
}

function setting() {
  const clock = new TestClock();
  const sent: Sent[] = [];
  const answers: (() => unknown)[] = [];
  let id = 100;
  const outbox = new Outbox({
    clock,
    logger: SILENT,
    call: async (method, payload) => {
      sent.push({ at: clock.time, method, payload });
      const answer = answers.shift();
      return answer ? answer() : { message_id: (id += 1) };
    },
  });
  const fail = (code: number, description: string, retryAfter?: number) => () => {
    throw refusal(code, description, retryAfter);
  };
  const silent = () => {
    throw new Error('connect ECONNREFUSED bot123:SECRET-token_with-letters');
  };
  return { clock, sent, answers, outbox, fail, silent };
}
const texts = (sent: Sent[]): unknown[] => sent.map(({ payload }) => payload.text);

describe('The outbox', () => {
  it('sends a burst, then a message a second, in order', async () => {
    const { clock, sent, outbox } = setting();
    for (let at = 0; at < 7; at += 1) void outbox.send(1, { html: String(at) });
    await clock.run(10_000);
    expect(texts(sent)).to.deep.equal(['0', '1', '2', '3', '4', '5', '6']);
    expect(sent.map(({ at }) => at)).to.deep.equal([0, 0, 0, 0, 1000, 2000, 3000]);
  });

  it('keeps 30 a second over all chats', async () => {
    const { clock, sent, outbox } = setting();
    for (let chat = 1; chat <= 90; chat += 1) void outbox.send(chat, { html: 'x' });
    await clock.run(0);
    expect(sent.length).to.equal(30);
    await clock.run(1000);
    expect(sent.length).to.be.within(58, 61);
    await clock.run(1100);
    expect(sent.length).to.equal(90);
  });

  it('edits a card every 3 s at most and sends only the newest', async () => {
    const { clock, sent, outbox } = setting();
    for (let at = 0; at < 100; at += 1) {
      void outbox.card(1, 7, { html: `card ${at}` });
      await clock.run(100);
    }
    await clock.run(5000);
    expect(sent.length).to.equal(5);
    expect(texts(sent).at(-1)).to.equal('card 99');
    for (let at = 1; at < sent.length; at += 1)
      expect((sent[at]?.at ?? 0) - (sent[at - 1]?.at ?? 0)).to.be.at.least(3000);
  });

  it('lets messages pass cards, and cards pass the taking off of buttons', async () => {
    const { clock, sent, outbox } = setting();
    outbox.strip(1, 5);
    void outbox.card(1, 7, { html: 'card' });
    void outbox.send(1, { html: 'message' });
    await clock.run(20_000);
    expect(sent.map(({ method }) => method)).to.deep.equal([
      'editMessageReplyMarkup',
      'sendMessage',
      'editMessageText',
    ]);
    for (let at = 0; at < 6; at += 1) void outbox.send(1, { html: 'm' });
    outbox.strip(1, 6);
    void outbox.card(1, 7, { html: 'card' });
    await clock.run(20_000);
    expect(sent.slice(3).map(({ method }) => method)).to.deep.equal([
      ...Array<string>(6).fill('sendMessage'),
      'editMessageText',
      'editMessageReplyMarkup',
    ]);
  });

  it('drops a waiting edit of a card when a final one comes', async () => {
    const { clock, sent, outbox } = setting();
    void outbox.card(1, 7, { html: 'first' });
    const old = outbox.card(1, 7, { html: 'waiting' });
    const last = outbox.edit(1, 7, { html: 'final' });
    await clock.run(10_000);
    await Promise.all([old, last]);
    expect(texts(sent)).to.deep.equal(['first', 'final']);
  });

  it('waits as long as 429 asks, and keeps the order', async () => {
    const { clock, sent, answers, outbox, fail } = setting();
    answers.push(fail(429, 'Too Many Requests', 5));
    const first = outbox.send(1, { html: 'a' });
    void outbox.send(1, { html: 'b' });
    await clock.run(20_000);
    expect(await first).to.equal(101);
    expect(sent.map(({ at, payload }) => [at, payload.text])).to.deep.equal([
      [0, 'a'],
      [5000, 'a'],
      [5000, 'b'],
    ]);
  });

  it('replaces a card that was limited by a newer one', async () => {
    const { clock, sent, answers, outbox, fail } = setting();
    let limited: (() => void) | undefined;
    answers.push(() => new Promise((_, reject) => (limited = () => reject(refusal(429, 'x', 2)))));
    const old = outbox.card(1, 7, { html: 'old' });
    await clock.run(0);
    void outbox.card(1, 7, { html: 'new' });
    limited?.();
    await clock.run(10_000);
    await old;
    expect(texts(sent)).to.deep.equal(['old', 'new']);
    answers.push(fail(429, 'x'));
    void outbox.card(1, 8, { html: 'again' });
    await clock.run(10_000);
    expect(texts(sent)).to.deep.equal(['old', 'new', 'again', 'again']);
  });

  it('tries again when no answer came, and gives up after ten minutes', async () => {
    const { clock, sent, answers, outbox, silent } = setting();
    answers.push(silent, silent);
    const sending = outbox.send(1, { html: 'a' });
    await clock.run(10_000);
    expect(await sending).to.equal(101);
    expect(sent.map(({ at }) => at)).to.deep.equal([0, 1000, 3000]);
    answers.push(...Array<() => never>(100).fill(silent));
    const lost = outbox.send(1, { html: 'b' }).catch((error: unknown) => error);
    await clock.run(15 * 60_000);
    const error = await lost;
    expect(error).to.be.an.instanceOf(TelegramUnreachable);
    expect(String(error)).to.not.contain('SECRET');
  });

  it('does not repeat what Telegram refused', async () => {
    const { clock, sent, answers, outbox, fail } = setting();
    answers.push(fail(403, 'Forbidden: bot was blocked by the user'));
    const refused = outbox.send(1, { html: 'a' }).catch((error: unknown) => error);
    await clock.run(5000);
    expect(await refused)
      .to.be.an.instanceOf(TelegramRefused)
      .with.property('code', 403);
    expect(sent.length).to.equal(1);
  });

  it('takes “message is not modified” for done, and says that an edited message is gone', async () => {
    const { clock, answers, outbox, fail } = setting();
    answers.push(fail(400, 'Bad Request: message is not modified: …'));
    const same = outbox.edit(1, 7, { html: 'a' });
    await clock.run(0);
    await same;
    answers.push(fail(400, 'Bad Request: message to edit not found'));
    const gone = outbox.edit(1, 7, { html: 'a' }).catch((error: Error) => error.message);
    await clock.run(1000);
    expect(await gone).to.contain('not found');
  });

  it('sends the bare words when Telegram can’t read the HTML', async () => {
    const { clock, sent, answers, outbox, fail } = setting();
    answers.push(fail(400, "Bad Request: can't parse entities: …"));
    void outbox.send(1, { html: '<b>a &lt; b &amp; c</b>' });
    await clock.run(0);
    expect(sent[1]?.payload).to.deep.include({ text: 'a < b & c' });
    expect(sent[1]?.payload.parse_mode).to.equal(undefined);
  });

  it('opens a document anew at each try', async () => {
    const { clock, sent, answers, outbox, silent } = setting();
    answers.push(silent);
    let opened = 0;
    const open = async () => {
      opened += 1;
      return Readable.from(['x']);
    };
    const sending = outbox.document(1, {
      name: 'a.csv',
      open,
      caption: 'c',
      buttons: [
        [
          { text: 'u', url: 'https://x' },
          { text: 'd', data: 'd' },
        ],
      ],
    });
    await clock.run(5000);
    expect(await sending).to.equal(101);
    expect(opened).to.equal(2);
    expect(sent[0]?.payload).to.deep.include({
      reply_markup: {
        inline_keyboard: [
          [
            { text: 'u', url: 'https://x' },
            { text: 'd', callback_data: 'd' },
          ],
        ],
      },
    });
  });

  describe('with pictures', () => {
    const photo = (name: string) => ({ name, bytes: new Uint8Array([1]), caption: `<b>${name}</b>` });
    const claiming = (mine: boolean) => {
      const calls: string[] = [];
      const claim = {
        take: async () => {
          calls.push('take');
          return mine;
        },
        giveBack: async () => void calls.push('giveBack'),
      };
      return { calls, claim };
    };

    it('sends one by itself and more as an album, without a sound, and counts each', async () => {
      const { clock, sent, outbox } = setting();
      void outbox.photos(1, [photo('a')]);
      void outbox.photos(1, [photo('b'), photo('c'), photo('d'), photo('e')]);
      void outbox.send(1, { html: 'after' });
      await clock.run(20_000);
      expect(sent.map(({ method }) => method)).to.deep.equal(['sendPhoto', 'sendMediaGroup', 'sendMessage']);
      expect(sent[0]?.payload).to.deep.include({ caption: '<b>a</b>', parse_mode: 'HTML', disable_notification: true });
      expect(sent[1]?.payload.media).to.have.length(4);
      expect((sent[1]?.payload.media as object[])[0]).to.deep.include({
        type: 'photo',
        media: { source: Buffer.from([1]), filename: 'b.png' },
        caption: '<b>b</b>',
        parse_mode: 'HTML',
      });
      // 4 may go at once and 5 pictures went: the next message is paid for after two seconds.
      expect(sent.map(({ at }) => at)).to.deep.equal([0, 0, 2000]);
    });

    it('takes the claim in its turn, and sends nothing when it is somebody else’s', async () => {
      const { clock, sent, outbox } = setting();
      const { calls, claim } = claiming(true);
      for (let at = 0; at < 5; at += 1) void outbox.send(1, { html: 'x' });
      void outbox.photos(1, [photo('a')], claim);
      await clock.run(0);
      expect(calls).to.deep.equal([]);
      await clock.run(5000);
      expect(calls).to.deep.equal(['take']);
      await Promise.all([outbox.photos(2, [photo('b')], claiming(false).claim), clock.run(0)]);
      expect(sent.filter(({ method }) => method === 'sendPhoto')).to.have.length(1);
    });

    it('gives the claim back while Telegram says that it is too early, and keeps it when no answer came', async () => {
      const { clock, sent, answers, outbox, fail, silent } = setting();
      const { calls, claim } = claiming(true);
      answers.push(fail(429, 'Too Many Requests', 5), silent);
      const sending = outbox.photos(1, [photo('a')], claim);
      await clock.run(20_000);
      await sending;
      expect(sent.map(({ at }) => at)).to.deep.equal([0, 5000, 7000]);
      expect(calls).to.deep.equal(['take', 'giveBack', 'take']);
    });

    it('goes on with a claim that could not be given back', async () => {
      const { clock, sent, answers, outbox, fail } = setting();
      const { calls, claim } = claiming(true);
      answers.push(fail(429, 'Too Many Requests', 5));
      const away = { ...claim, giveBack: () => Promise.reject(new Error('no cluster')) };
      const sending = outbox.photos(1, [photo('a')], away);
      await clock.run(20_000);
      await sending;
      expect(sent).to.have.length(2);
      expect(calls).to.deep.equal(['take']);
    });

    it('says when the claim could not be taken', async () => {
      const { clock, sent, outbox } = setting();
      const away = { ...claiming(true).claim, take: () => Promise.reject(new Error('no cluster')) };
      const lost = outbox.photos(1, [photo('a')], away).catch((error: Error) => error.message);
      await clock.run(0);
      expect(await lost).to.equal('no cluster');
      expect(sent).to.deep.equal([]);
    });
  });

  it('does not mind a button that can no longer be answered', async () => {
    const { answers, outbox, fail } = setting();
    answers.push(fail(400, 'query is too old'));
    await outbox.toast('q', 'late');
  });

  it('forgets quiet chats, and sends nothing once closed', async () => {
    const { clock, sent, outbox } = setting();
    void outbox.send(1, { html: 'a' });
    await clock.run(120_000);
    void outbox.send(2, { html: 'b' });
    await clock.run(0);
    await outbox.close();
    void outbox.send(3, { html: 'c' });
    await clock.run(1000);
    expect(texts(sent)).to.deep.equal(['a', 'b']);
  });
});

describe('An error of the Bot API', () => {
  it('is a no, or no answer', () => {
    expect(translate({ response: { error_code: 400, description: 'x' } })).to.be.an.instanceOf(TelegramRefused);
    expect(translate({ response: { error_code: 502 } })).to.be.an.instanceOf(TelegramUnreachable);
    expect(translate('odd')).to.be.an.instanceOf(TelegramUnreachable);
    const known = new TelegramRefused(1, 'x');
    expect(translate(known)).to.equal(known);
  });
});
