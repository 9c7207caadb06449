// Plays the main job as a person would, through the chat protocol: account, upload, training, prediction, download. Nothing here
// touches a cluster or AWS but to look: numbers of the summary are read from the custom resources.
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { namespaceOf } from '../../crds/objects.ts';
import type { ClientMessage } from '../telegram/protocol.ts';
import { TelegramUser } from '../telegram/user.ts';
import { Cluster } from '../stack/cluster.ts';
import { StartFailure } from '../stack/failure.ts';
import type { Stack } from '../stack/stack.ts';
import type { Screen, Summary } from './screen.ts';
import { predictionInput, type MainJob } from './table.ts';

const USER_ID = 1001;
const ANSWER_MS = 20_000;
const TRAINING_MS = 15 * 60_000;
const PICTURES_MS = 10_000;
const PREDICTION_MS = 5 * 60_000;

/** Rejects with StartFailure, in the bot's own words, when a step fails. */
export async function playMainJob(
  stack: Stack,
  job: MainJob,
  downloads: string,
  screen: Screen,
  stopped: AbortSignal,
): Promise<Summary> {
  const user = await TelegramUser.connect({ url: stack.telegramUrl, userId: USER_ID, name: 'Ada' });
  const chat = new Chat(user, stopped);
  try {
    return await play(stack, job, downloads, screen, chat);
  } finally {
    user.close();
  }
}

async function play(stack: Stack, job: MainJob, downloads: string, screen: Screen, chat: Chat): Promise<Summary> {
  const begun = Date.now();
  const cluster = await Cluster.connect(stack.addresses.kubeconfig);
  const namespace = namespaceOf(String(USER_ID));
  await chat.say('/start', 'Welcome');
  screen.step('/start', `account user-${USER_ID}, namespace ${namespace}`);
  await chat.say('/train', '☁️ Cloud (Spot)');
  await chat.press('☁️ Cloud (Spot)', 'Send me a CSV file');
  await chat.upload(job.data, 'Which column');
  screen.step('data set uploaded', `${basename(job.data)} → s3://${stack.bucket}/datasets/user_${USER_ID}/`);
  await chat.say(job.target, 'All other columns');
  await chat.press('All other columns', 'Automatic');
  await chat.press('Automatic', 'Estimated cost');
  const card = await chat.press('🚀 Start training', '');
  const trainingName = await cluster.newest('trainingjobs', namespace, begun);
  screen.step('TrainingJob created', `kubectl -n ${namespace} describe tj ${trainingName}`);
  await watchTraining(chat, cluster, namespace, trainingName, screen, card.message_id);
  const training = await cluster.get<TrainingJob>('trainingjobs', namespace, trainingName);
  screen.step('model ready', training.status?.model?.uri ?? '');
  const input = predictionInput(job);
  await chat.press('🔮 Predict with it', 'Send me a CSV file');
  await chat.upload(input, 'Use “prediction”');
  await chat.press('Use “prediction”', '🚀 Start predicting');
  const asked = Date.now();
  // The chat may hold results of earlier runs.
  const before = (await chat.press('🚀 Start predicting', '')).message_id;
  const result = await chat.wait(
    (message) => message.message_id > before && has(message, 'Predictions ready') && message.document !== undefined,
    PREDICTION_MS,
    'Prediction failed',
    asked,
  );
  mkdirSync(downloads, { recursive: true });
  const path = join(downloads, basename(result.document?.file_name ?? 'predictions.csv'));
  await chat.user.download(result, path);
  const predictionName = await cluster.newest('predictionjobs', namespace, begun);
  const prediction = await cluster.get<PredictionJob>('predictionjobs', namespace, predictionName);
  screen.step('predictions in chat', path);
  const pictures = await chat.pictures(card.message_id);
  screen.step('pictures in chat', pictures === 0 ? 'none' : `${pictures}, each with what to make of it`);
  return {
    model: `${training.status?.model?.type ?? ''} (${training.status?.model?.id ?? ''})`,
    metrics: training.status?.metrics ?? {},
    costUsd: {
      estimated: sum(training.status?.cost?.estimatedUsd, prediction.status?.cost?.estimatedUsd),
      actual: sum(training.status?.cost?.actualUsd, prediction.status?.cost?.actualUsd),
      onDemand: sum(training.status?.cost?.onDemandUsd, prediction.status?.cost?.actualUsd),
    },
    predictions: path,
    rows: prediction.status?.rows ?? 0,
    pictures,
    seconds: (Date.now() - begun) / 1000,
  };
}

const sum = (...usd: (number | undefined)[]): number => usd.reduce<number>((total, one) => total + (one ?? 0), 0);
const has = (message: ClientMessage, words: string): boolean =>
  `${message.text ?? ''}${message.caption ?? ''}`.includes(words);

/** Follows the custom resource for the bar and the chat for the end, which is what a person would see. */
async function watchTraining(
  chat: Chat,
  cluster: Cluster,
  namespace: string,
  name: string,
  screen: Screen,
  cardId: number,
): Promise<void> {
  let instance = '';
  const show = async () => {
    const { status } = await cluster.get<TrainingJob>('trainingjobs', namespace, name);
    const attempt = status?.attempts?.at(-1);
    if (status?.instanceId && status.instanceId !== instance) {
      instance = status.instanceId;
      screen.step(
        'Spot instance',
        `${instance} (${attempt?.instanceType ?? ''} in ${attempt?.zone ?? ''}), log ${status.logStream ?? ''}`,
      );
    }
    const progress = status?.progress;
    screen.progress(
      status?.phase === 'Succeeded' ? 100 : (progress?.percent ?? 0),
      progress?.message ?? status?.message ?? '',
    );
  };
  const timer = setInterval(() => void show().catch(() => undefined), 500);
  try {
    await chat.wait(
      (message) => message.message_id >= cardId && has(message, 'Model ready'),
      TRAINING_MS,
      'Training failed',
      0,
    );
    await show();
  } finally {
    clearInterval(timer);
  }
}

/** A person in the chat: says or presses something and reads on until the bot asks the next thing. */
class Chat {
  readonly user: TelegramUser;
  readonly #stopped: AbortSignal;

  constructor(user: TelegramUser, stopped: AbortSignal) {
    this.user = user;
    this.#stopped = stopped;
  }

  /**
   * `expected`: words that only this answer has, or the label of its button: a picture of an earlier run may come in
   * between.
   */
  async say(text: string, expected: string): Promise<ClientMessage> {
    const after = this.#mark();
    await this.user.send(text);
    return this.#answer(after, expected, text);
  }

  async upload(file: string | { name: string; data: Buffer }, expected: string): Promise<ClientMessage> {
    const after = this.#mark();
    await this.user.upload(file);
    return this.#answer(after, expected, 'the file');
  }

  /** Presses the newest button with this label. */
  async press(label: string, expected: string): Promise<ClientMessage> {
    const holder = this.user.messages().findLast((message) => labels(message).includes(label));
    if (!holder) throw new StartFailure(`The bot offers no button “${label}”. Its last message: ${this.#last()}`);
    const after = this.#mark();
    await this.user.press(holder.message_id, label);
    if (expected === '') return holder;
    return this.#answer(after, expected, label);
  }

  /** How many came after this message; 0 when none does for a while, which is no failure. */
  async pictures(after: number): Promise<number> {
    const fits = (message: ClientMessage) =>
      message.message_id > after && !isOwn(message) && message.photo !== undefined;
    const first = await this.user.waitFor(fits, PICTURES_MS).catch(() => undefined);
    return first === undefined ? 0 : this.user.messages().filter(fits).length;
  }

  /** The first message, new or edited, that fits; fails at once when one with `failure` comes. `since`: milliseconds of the epoch. */
  async wait(
    fits: (message: ClientMessage) => boolean,
    timeoutMs: number,
    failure: string,
    since: number,
  ): Promise<ClientMessage> {
    const seconds = Math.floor(since / 1000);
    const failed = (message: ClientMessage) =>
      has(message, failure) && Math.max(message.date, message.edit_date ?? 0) >= seconds;
    const already = new Set(
      this.user
        .messages()
        .filter(failed)
        .map((message) => message.message_id),
    );
    const stop = new Promise<never>((_, reject) => {
      this.#stopped.addEventListener('abort', () => reject(new StartFailure('Stopped.')), { once: true });
    });
    const found = await Promise.race([
      this.user
        .waitFor((message) => fits(message) || (failed(message) && !already.has(message.message_id)), timeoutMs)
        .catch((error: unknown) => {
          throw new StartFailure((error as Error).message);
        }),
      stop,
    ]);
    if (!fits(found)) throw new StartFailure(found.text ?? found.caption ?? failure);
    return found;
  }

  #mark(): number {
    return this.user.messages().at(-1)?.message_id ?? 0;
  }

  async #answer(after: number, expected: string, what: string): Promise<ClientMessage> {
    const fits = (message: ClientMessage) =>
      !isOwn(message) && (has(message, expected) || labels(message).some((label) => label.includes(expected)));
    try {
      return await this.user.waitFor((message) => message.message_id > after && fits(message), ANSWER_MS);
    } catch {
      throw new StartFailure(`After ${what} the bot did not say “${expected}”. Its last message: ${this.#last()}`);
    }
  }

  #last(): string {
    const last = this.user.messages().findLast((message) => !isOwn(message));
    return JSON.stringify(last?.text ?? last?.caption ?? null);
  }
}

const labels = (message: ClientMessage): string[] =>
  (message.reply_markup?.inline_keyboard ?? []).flat().map((button) => button.text);
const isOwn = (message: ClientMessage): boolean => message.from?.is_bot !== true;
