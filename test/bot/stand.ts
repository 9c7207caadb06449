// The bot in this process with a local Telegram, Kubernetes API and S3 of its own: what component tests and journeys share. A small
// operator of the test's writes the statuses that the real one would.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Telegraf } from 'telegraf';
import { parseAllDocuments } from 'yaml';
import type { Clients } from '../../cloud/clients.ts';
import type { BotConfiguration } from '../../cloud/configuration/configuration.ts';
import { readConfiguration } from '../../cloud/configuration/configuration.ts';
import type { Account, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, KINDS, namespaceOf } from '../../crds/objects.ts';
import { telegrafSide } from '../../bot/commands.ts';
import { kubernetes, type KubeObject, type Kubernetes } from '../../bot/kubernetes/client.ts';
import { connect } from '../../bot/kubernetes/connection.ts';
import { createLogger, SILENT, type Logger } from '../../bot/logging.ts';
import type { Pace } from '../../bot/outbox.ts';
import { startBot, type Bot, type TelegramSide } from '../../bot/start.ts';
import { startAws, type Aws } from '../../local/aws/server.ts';
import type { Draft } from '../../local/kubernetes/api.ts';
import { startKubernetes, type Kubernetes as KubernetesServer } from '../../local/kubernetes/server.ts';
import type { ClientMessage } from '../../local/telegram/protocol.ts';
import { startTelegram, type Telegram, type TelegramOptions } from '../../local/telegram/server.ts';
import { TelegramUser } from '../../local/telegram/user.ts';

export const BUCKET = 'spotlearn-test';
export const NAMESPACE = 'spotlearn-system';
const REGION = 'eu-central-1';
const ROOT = { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'test-root-secret' };
const CRDS = new URL('../../crds/', import.meta.url);
export const WAIT_MS = 8_000;

export const CSV = 'rooms,area,town,price\n3,70,Bonn,300\n4,90,Köln,410\n2,55,Bonn,240\n5,120,Ulm,520\n';
export const INPUT = 'rooms,area,town\n3,71,Bonn\n4,92,Ulm\n';

export interface StandOptions {
  readonly telegram?: Partial<TelegramOptions>;
  readonly configuration?: Partial<BotConfiguration>;
  readonly logger?: Logger;
  /** Default: none to speak of. */
  readonly pace?: Pace;
}

export class Stand {
  readonly folder: string;
  telegram!: Telegram;
  cluster!: KubernetesServer;
  aws!: Aws;
  s3!: S3Client;
  api!: Kubernetes;
  bot: Bot | undefined;
  /** Changes what goes between the bot and Telegram. */
  around: (side: TelegramSide) => TelegramSide = (side) => side;
  readonly #options: StandOptions;
  readonly #users: TelegramUser[] = [];
  #operator: { stop: () => Promise<void> } | undefined;

  private constructor(folder: string, options: StandOptions) {
    this.folder = folder;
    this.#options = options;
  }

  static async start(options: StandOptions = {}): Promise<Stand> {
    const stand = new Stand(await mkdtemp(join(tmpdir(), 'bot-test-')), options);
    const [telegram, cluster, aws] = await Promise.all([
      startTelegram({
        stateDir: join(stand.folder, 'telegram'),
        limits: { perChatPerSecond: Infinity, overallPerSecond: Infinity },
        ...options.telegram,
      }),
      startKubernetes({ stateDir: join(stand.folder, 'kubernetes') }),
      startAws({
        stateDir: join(stand.folder, 'aws'),
        region: REGION,
        accountId: '000000000000',
        roles: [],
        rootCredentials: ROOT,
      }),
    ]);
    Object.assign(stand, { telegram, cluster, aws });
    stand.s3 = new S3Client({ region: REGION, endpoint: aws.url, credentials: ROOT, forcePathStyle: true });
    await stand.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    stand.api = kubernetes(await connect({ KUBECONFIG: cluster.kubeconfigPath }));
    await stand.#install();
    return stand;
  }

  async #install(): Promise<void> {
    for (const file of (await readdir(CRDS)).filter((name) =>
      /^(accounts|trainingjobs|predictionjobs)\.yaml$/.test(name),
    ))
      for (const document of parseAllDocuments(await readFile(new URL(file, CRDS), 'utf8')))
        await this.cluster.api.create(
          { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' },
          document.toJS() as Draft,
        );
    await this.namespace(NAMESPACE);
  }

  configuration(more: Partial<BotConfiguration> = {}): BotConfiguration {
    const read = readConfiguration('bot', {
      AWS_REGION: REGION,
      SPOTLEARN_BUCKET: BUCKET,
      SPOTLEARN_BOT_PORT: '0',
      TELEGRAM_TOKEN: this.telegram.token,
      TELEGRAM_API_ROOT: this.telegram.apiRoot,
    });
    return { ...read, ...this.#options.configuration, ...more };
  }

  clients(): Clients {
    const settings = { region: REGION, endpoint: this.aws.url, credentials: ROOT, forcePathStyle: true };
    const s3 = new S3Client(settings);
    const presigning = new S3Client({ ...settings, requestChecksumCalculation: 'WHEN_REQUIRED' });
    const none = () => Promise.reject(new Error('the bot uses S3 only'));
    return {
      s3: async () => s3,
      presigning: async () => presigning,
      ec2: none,
      lambda: none,
      logs: none,
      sqs: none,
      close: () => {
        s3.destroy();
        presigning.destroy();
      },
    };
  }

  async startBot(more: Partial<BotConfiguration> = {}): Promise<Bot> {
    const configuration = this.configuration(more);
    const telegraf = new Telegraf(configuration.telegramToken, {
      handlerTimeout: Infinity,
      telegram: { apiRoot: configuration.telegramApiRoot },
    });
    this.bot = await startBot({
      configuration,
      connection: await connect({ KUBECONFIG: this.cluster.kubeconfigPath }),
      clients: this.clients(),
      telegram: this.around(telegrafSide(telegraf)),
      pace: this.#options.pace ?? { burst: 1000, perChatMs: 1, overallPerSecond: 1000, cardSpacingMs: 50 },
      logger: this.#options.logger ?? (process.env.BOT_LOG ? createLogger('debug') : SILENT),
    });
    return this.bot;
  }

  async stopBot(): Promise<void> {
    await this.bot?.close();
    this.bot = undefined;
  }

  async user(userId = 1001, name = 'Ada'): Promise<Person> {
    const user = await TelegramUser.connect({ url: this.telegram.url, userId, name });
    this.#users.push(user);
    return new Person(user, userId);
  }

  /** Gives every new account its namespace, as the operator does. */
  startOperator(): void {
    let running = true;
    const loop = async () => {
      while (running) {
        const accounts = await this.api.list<Account>('Account').catch((): Account[] => []);
        for (const account of accounts) {
          if (account.status?.namespace || account.spec.approval !== 'Approved') continue;
          const namespace = namespaceOf(account.spec.userId);
          await this.namespace(namespace);
          await this.status('Account', accountName(account.spec.userId), { namespace });
        }
        await sleep(30);
      }
    };
    const done = loop();
    this.#operator = {
      stop: async () => {
        running = false;
        await done;
      },
    };
  }

  async namespace(name: string): Promise<void> {
    await this.cluster.api
      .create({ group: '', plural: 'namespaces' }, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
      .catch((error: unknown) => {
        if (!/exists/i.test(String(error))) throw error;
      });
  }

  /** Writes a status as the operator would, over what is there. */
  async status(
    kind: 'Account' | 'TrainingJob' | 'PredictionJob',
    name: string,
    status: object,
    namespace?: string,
  ): Promise<void> {
    const resource = { group: 'spotlearn.io', plural: KINDS[kind].plural };
    const object = this.cluster.api.get(resource, namespace, name);
    if (!object) throw new Error(`there is no ${kind} ${name}`);
    await this.cluster.api.updateStatus(resource, { ...object, status: { ...(object.status as object), ...status } });
  }

  async newest<T extends KubeObject>(kind: 'TrainingJob' | 'PredictionJob', userId = 1001, least = 1): Promise<T> {
    for (let tries = 0; tries < 200; tries += 1) {
      const jobs = await this.api.list<T>(kind, {}, { namespace: namespaceOf(String(userId)) });
      const last = jobs
        .sort((a, b) => Number(a.metadata?.resourceVersion) - Number(b.metadata?.resourceVersion))
        .at(-1);
      if (last && jobs.length >= least) return last;
      await sleep(25);
    }
    throw new Error(`no ${kind} was made`);
  }

  /** The newest, once there are `least`. */
  training = (userId?: number, least?: number) => this.newest<TrainingJob>('TrainingJob', userId, least);
  prediction = (userId?: number) => this.newest<PredictionJob>('PredictionJob', userId);

  async put(key: string, body: string | Buffer): Promise<void> {
    await this.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
  }

  async delete(key: string): Promise<void> {
    await this.s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key }));
  }

  async text(key: string): Promise<string> {
    const answer = await this.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    return (await answer.Body?.transformToString()) ?? '';
  }

  async head(key: string) {
    return this.s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: key }));
  }

  async keys(prefix = ''): Promise<string[]> {
    const answer = await this.s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }));
    return (answer.Contents ?? []).map(({ Key }) => Key ?? '');
  }

  async close(): Promise<void> {
    for (const user of this.#users) user.close();
    await this.stopBot();
    await this.#operator?.stop();
    this.api.close();
    this.s3.destroy();
    await Promise.all([this.telegram.close(), this.cluster.close(), this.aws.close()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A person who reads on until the bot says what is expected. */
export class Person {
  readonly user: TelegramUser;
  readonly id: number;
  constructor(user: TelegramUser, id: number) {
    this.user = user;
    this.id = id;
  }

  async say(text: string, expected: string): Promise<ClientMessage> {
    const after = this.mark();
    await this.user.send(text);
    return this.sees(expected, after);
  }

  async upload(name: string, data: Buffer | string, expected: string): Promise<ClientMessage> {
    const after = this.mark();
    await this.user.upload({ name, data });
    return this.sees(expected, after);
  }

  /** Presses the newest button with this label and waits for a message (new or edited) with `expected`. */
  async press(label: string, expected: string): Promise<ClientMessage> {
    const holder = await this.user.waitFor((message) => labels(message).includes(label), WAIT_MS);
    const after = this.mark();
    await this.user.press(holder.message_id, label);
    return expected === '' ? holder : this.sees(expected, after);
  }

  /** Presses something and resolves with the note that appears at the button. */
  async toast(press: () => Promise<string>): Promise<string> {
    const seen: { query_id?: string; id?: string; text?: string }[] = [];
    const off = this.user.on('answer', (answer) => seen.push(answer as object));
    const id = await press();
    for (let tries = 0; tries < 200; tries += 1) {
      const found = seen.find((one) => JSON.stringify(one).includes(id));
      if (found) {
        off();
        return found.text ?? '';
      }
      await sleep(20);
    }
    off();
    throw new Error('the button was not answered');
  }

  sees(expected: string, after = 0): Promise<ClientMessage> {
    return this.user.waitFor(
      (message) => message.message_id > after && fromBot(message) && contains(message, expected),
      WAIT_MS,
    );
  }

  mark(): number {
    return this.user.messages().at(-1)?.message_id ?? 0;
  }

  /** Messages of the bot. */
  heard(): ClientMessage[] {
    return this.user.messages().filter(fromBot);
  }

  /** /start, /train … up to the question for the data. */
  async untilData(): Promise<void> {
    await this.say('/start', 'Welcome');
    await this.say('/train', 'Where');
    await this.press('☁️ Cloud (Spot)', 'Send me a CSV file');
  }

  async untilConfirmation(csv: string | Buffer = CSV, target = 'price'): Promise<ClientMessage> {
    await this.untilData();
    await this.upload('houses.csv', csv, 'Which column');
    await this.say(target, 'All other columns');
    await this.press('All other columns', 'Automatic');
    return this.press('Automatic', 'Estimated cost');
  }
}

export const labels = (message: ClientMessage): string[] =>
  (message.reply_markup?.inline_keyboard ?? []).flat().map((button) => button.text);
export const contains = (message: ClientMessage, words: string): boolean =>
  `${message.text ?? ''}${message.caption ?? ''}`.includes(words) ||
  labels(message).some((label) => label.includes(words));
const fromBot = (message: ClientMessage): boolean => message.from.is_bot;
export const random = (bytes: number): Buffer => randomBytes(bytes);
