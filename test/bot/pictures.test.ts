// A model's pictures in chat: which, in which order, once, whatever is missing, refused or interrupted.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { PICTURES_ANNOTATION } from '../../bot/jobs.ts';
import type { TelegramSide } from '../../bot/start.ts';
import { namespaceOf } from '../../crds/objects.ts';
import type { ClientMessage } from '../../local/telegram/protocol.ts';
import { BUCKET, Stand, WAIT_MS, type Person } from './stand.ts';

/** 3 × 2 pixels. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==',
  'base64',
);
const CLASSIFICATION = ['confusion_matrix', 'roc_curve', 'precision_recall_curve', 'calibration', 'importance'];
const REPORT = {
  confusionMatrix: {
    classes: ['<b>', 'no'],
    rows: [
      [8, 3],
      [1, 20],
    ],
  },
  importance: { scoring: 'r2', rows: 4, columns: [], unmeasured: 0 },
};
const TITLES: Readonly<Record<string, string>> = {
  confusion_matrix: 'Which class',
  roc_curve: 'ROC curve',
  importance: 'What matters',
  calibration: 'Can the probabilities',
  precision_recall_curve: 'Precision and recall',
  learning_curve: 'Learning curve',
  leaderboard: 'What was compared',
};

describe('The pictures of a model', function () {
  this.timeout(40_000);
  let stand: Stand;
  let ada: Person;
  let id = 6000;
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    await stand.startBot();
  });
  after(() => stand.close());
  beforeEach(async () => {
    id += 1;
    ada = await stand.user(id);
  });
  afterEach(async () => {
    if (stand.bot === undefined) await restart();
  });

  const namespace = () => namespaceOf(String(id));
  const folder = () => `models/user_${id}/m/`;
  const put = async (names: readonly string[], report: object | string = REPORT) => {
    for (const name of names) await stand.put(`${folder()}pictures/${name}.png`, PNG);
    await stand.put(`${folder()}report.json`, typeof report === 'string' ? report : JSON.stringify(report));
  };
  /** A training that was launched in chat; its name. */
  async function launched(): Promise<string> {
    await ada.untilConfirmation();
    await ada.press('🚀 Start training', '');
    const job = await stand.training(id);
    await ada.user.waitFor((message) => (message.text ?? '').includes('Pending'), WAIT_MS);
    return job.metadata?.name ?? '';
  }
  const succeed = (name: string, uri = `s3://${BUCKET}/${folder()}`) =>
    stand.status('TrainingJob', name, { phase: 'Succeeded', model: { id: 'm', uri, type: 'ridge' } }, namespace());
  const restart = async (around: (side: TelegramSide) => TelegramSide = (side) => side) => {
    await stand.stopBot();
    stand.around = around;
    await stand.startBot();
  };
  const photos = (): ClientMessage[] => ada.heard().filter((message) => message.photo !== undefined);
  const titles = (): string[] =>
    photos().map(({ caption = '' }) => {
      const [name] = Object.entries(TITLES).find(([, title]) => caption.startsWith(title)) ?? ['?'];
      return name;
    });
  const annotation = async () => (await stand.training(id)).metadata?.annotations?.[PICTURES_ANNOTATION];
  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 200 && !(await holds()); tries += 1) await sleep(25);
    expect(await holds()).to.equal(true);
  }
  const settled = () => until(async () => (await annotation()) === 'sent');

  it('follow the news of it as one album of four, the telling ones first, with words to each', async () => {
    const name = await launched();
    await put(CLASSIFICATION);
    await succeed(name);
    await until(() => photos().length === 4);
    expect(titles()).to.deep.equal(['confusion_matrix', 'roc_curve', 'importance', 'calibration']);
    const [first] = photos();
    expect(new Set(photos().map((message) => message.media_group_id)).size).to.equal(1);
    expect(first?.media_group_id).to.be.a('string');
    expect(first?.caption)
      .to.include('28 of 32 held-out rows are right')
      .and.to.include('<b> was taken for no, 3 times');
    const ring = await ada.sees('is trained');
    expect(ring.message_id).to.be.below(first?.message_id ?? 0);
    await settled();
  });

  it('come in full by the buttons, as long as they are there', async () => {
    const name = await launched();
    await put([...CLASSIFICATION, 'learning_curve', 'leaderboard']);
    await succeed(name);
    await until(() => photos().length === 4);
    await ada.press('📊 All pictures', '');
    await until(() => photos().length === 7);
    expect(titles().slice(4)).to.deep.equal(['calibration', 'precision_recall_curve', 'learning_curve']);
    await ada.say('/models', 'Your models');
    await ada.press('📊 Pictures of 1', '');
    await until(() => photos().length === 14);
    for (const key of await stand.keys(folder())) await stand.delete(key);
    await ada.press('📊 Pictures of 1', 'There are no pictures of');
  });

  it('are sent without those that are missing, empty or broken, and one by itself', async () => {
    const name = await launched();
    await put(['roc_curve'], 'no report');
    await stand.put(`${folder()}pictures/importance.png`, Buffer.alloc(0));
    await stand.put(`${folder()}pictures/calibration.png`, 'not a picture');
    await succeed(name);
    await until(() => photos().length === 1);
    expect(photos()[0]?.caption).to.include('the diagonal is guessing');
    expect(photos()[0]?.media_group_id).to.equal(undefined);
    await settled();
    expect(photos()).to.have.length(1);
    // There are no others, so the button gives all there is.
    await ada.press('📊 All pictures', '');
    await until(() => photos().length === 2);
  });

  it('are no loss when there are none, or when the folder is somebody else’s', async () => {
    const name = await launched();
    await succeed(name);
    await settled();
    expect(photos()).to.deep.equal([]);
    await stand.put('models/user_1/m/pictures/roc_curve.png', PNG);
    await succeed(name, `s3://${BUCKET}/models/user_1/m/`);
    await ada.press('📊 All pictures', 'cannot be reached');
  });

  it('are sent one by one when Telegram takes no album of them', async () => {
    const name = await launched();
    await put(CLASSIFICATION.slice(0, 3));
    stand.telegram.faults.failNext('sendMediaGroup', { code: 400, description: 'Bad Request: IMAGE_PROCESS_FAILED' });
    stand.telegram.faults.failNext('sendPhoto', { code: 400, description: 'Bad Request: IMAGE_PROCESS_FAILED' });
    await succeed(name);
    await until(() => photos().length === 2);
    expect(titles()).to.deep.equal(['roc_curve', 'precision_recall_curve']);
  });

  it('wait as long as Telegram asks', async () => {
    const name = await launched();
    await put(CLASSIFICATION);
    stand.telegram.faults.failNext('sendMediaGroup', { retryAfter: 1 });
    await succeed(name);
    await until(() => photos().length === 4);
    await settled();
  });

  it('come after a restart that came before them, and never again', async () => {
    const name = await launched();
    await put(CLASSIFICATION);
    // The machine dies while Telegram makes the pictures wait.
    await restart((side) => ({
      ...side,
      call: (method, payload, signal) => {
        if (method !== 'sendMediaGroup') return side.call(method, payload, signal);
        const response = { error_code: 429, description: 'Too Many Requests', parameters: { retry_after: 100 } };
        return Promise.reject(Object.assign(new Error('Too Many Requests'), { response }));
      },
    }));
    await succeed(name);
    await ada.sees('is trained');
    await until(async () => (await annotation()) === 'owed');
    await sleep(100);
    await restart();
    await until(() => photos().length === 4);
    await settled();
    await restart();
    await sleep(300);
    expect(photos()).to.have.length(4);
    expect(ada.heard().filter(({ text = '' }) => text.includes('is trained'))).to.have.length(1);
  });

  it('are not sent twice when the machine dies while they are sent', async () => {
    const name = await launched();
    await put(CLASSIFICATION);
    // Telegram has them, but the bot dies before it hears so.
    await restart((side) => ({
      ...side,
      call: async (method, payload, signal) => {
        const answer = await side.call(method, payload, signal);
        return method === 'sendMediaGroup' ? new Promise(() => undefined) : answer;
      },
    }));
    await succeed(name);
    await until(() => photos().length === 4);
    await restart();
    await sleep(300);
    expect(photos()).to.have.length(4);
  });
});
