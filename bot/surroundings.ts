// The world around the conversation: reads the facts a transition asks for and performs its effects. Each effect is a few lines that
// call the part that knows how (accounts, jobs, uploads, outbox) and say in the machine's words what became of it.
import { readableKey, type Bucket as BucketNames } from '../cloud/access.ts';
import type { Bucket } from '../cloud/bucket.ts';
import type { Clients } from '../cloud/clients.ts';
import type { Clock } from '../cloud/clock.ts';
import type { BotConfiguration } from '../cloud/configuration/configuration.ts';
import { AccessError, CloudError, DataError } from '../cloud/errors.ts';
import { datasetKey, datasetsOf, s3Uri } from '../cloud/keys.ts';
import { presignPut } from '../cloud/presign.ts';
import type { Account } from '../crds/crds.generated.ts';
import { accountName, namespaceOf } from '../crds/objects.ts';
import { AccountRefused, type Accounts } from './accounts.ts';
import type { Administration } from './administration.ts';
import type { Surroundings } from './chats.ts';
import type { Effect, Message } from './conversation/effect.ts';
import type { Facts, StoredDataset, Wanted } from './conversation/facts.ts';
import type { Input } from './conversation/input.ts';
import { nameOf } from './conversation/steps/data.ts';
import type { Downloads } from './downloads.ts';
import { monthFacts } from './drawing/facts.ts';
import { monthPicture } from './drawing/month.ts';
import { inspect } from './inspection.ts';
import { JobRefused, type Jobs } from './jobs.ts';
import { KubernetesError } from './kubernetes/client.ts';
import { told, type Logger } from './logging.ts';
import type { Outbox } from './outbox.ts';
import type { Pictures } from './pictures.ts';
import { TelegramRefused, type TelegramFiles } from './telegram.ts';
import type { Deed, Trail } from './trail.ts';
import { upload } from './uploads.ts';
import { uploadLink } from './wording/data.ts';
import { deleted } from './wording/cards.ts';
import { noPictures } from './wording/pictures.ts';

export interface SurroundingsOptions {
  readonly configuration: BotConfiguration;
  readonly accounts: Accounts;
  readonly jobs: Jobs;
  readonly outbox: Outbox;
  readonly files: TelegramFiles;
  readonly pictures: Pictures;
  readonly downloads: Downloads;
  readonly administration: Administration;
  readonly trail: Trail;
  readonly bucket: Bucket;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Doing<E extends Effect['do']> = Extract<Effect, { do: E }>;
const CLUSTER_AWAY = 'I cannot reach the cluster right now. Please try again in a minute.';
const RESULT_AWAY = 'The result cannot be reached right now. Please try again in a minute.';
const MODEL_AWAY = 'The model cannot be reached right now. Please try again in a minute.';
const STORAGE_AWAY = 'the storage does not answer right now. Please try again in a minute.';

export class World implements Surroundings {
  readonly #options: SurroundingsOptions;
  readonly #names: BucketNames;

  constructor(options: SurroundingsOptions) {
    this.#options = options;
    const { bucket, datasetPrefix, modelPrefix, predictionPrefix } = options.configuration;
    this.#names = { bucket, datasetPrefix, modelPrefix, predictionPrefix };
  }

  async facts(chatId: number, userName: string, token: string, wanted: readonly Wanted[]): Promise<Facts> {
    const { configuration, clock, jobs } = this.#options;
    const userId = String(chatId);
    const [account, datasets, trainings, predictions] = await Promise.all([
      this.#account(userId),
      wanted.includes('datasets') ? this.#orNothing(() => this.#datasets(userId)) : undefined,
      wanted.includes('trainings') ? this.#orNothing(() => jobs.trainings(userId)) : undefined,
      wanted.includes('predictions') ? this.#orNothing(() => jobs.predictions(userId)) : undefined,
    ]);
    const own = typeof account === 'object' ? account.spec.limits : undefined;
    return {
      now: clock.now(),
      token,
      userId,
      userName,
      bucket: this.#names,
      cloudEnabled: configuration.cloudEnabled,
      clusterPredictions: configuration.predictionContainerImage !== undefined,
      account,
      limits: {
        trainingUsd: Math.min(own?.trainingUsd ?? Infinity, configuration.maxTrainingCostUsd),
        predictionUsd: Math.min(own?.predictionUsd ?? Infinity, configuration.maxPredictionCostUsd),
        monthlyUsd: own?.monthlyUsd ?? configuration.monthlyBudgetUsd,
      },
      datasetLifecycleDays: configuration.datasetLifecycleDays,
      datasets,
      trainings,
      predictions,
    };
  }

  async #account(userId: string): Promise<Account | undefined | 'unknown'> {
    try {
      return await this.#options.accounts.find(userId);
    } catch (error) {
      this.#options.logger.warn(told(error), 'account not read');
      return 'unknown';
    }
  }

  /** A list that can't be read now is left out of the question rather than holding it up. */
  async #orNothing<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.#options.logger.warn(told(error), 'list not read');
      return undefined;
    }
  }

  async #datasets(userId: string): Promise<StoredDataset[]> {
    const listed = await this.#options.bucket.list(datasetsOf(this.#names, userId));
    return listed
      .map(({ key, bytes, modifiedAt }) => ({
        uri: s3Uri(this.#names.bucket, key),
        name: nameOf(key),
        bytes,
        at: modifiedAt,
      }))
      .sort((a, b) => b.at - a.at);
  }

  async perform(chatId: number, userName: string, effect: Effect, signal: AbortSignal): Promise<Input | undefined> {
    const { outbox } = this.#options;
    switch (effect.do) {
      case 'say':
        await outbox.send(chatId, effect.message);
        return undefined;
      case 'edit':
        await outbox.edit(chatId, effect.messageId, effect.message);
        return undefined;
      case 'toast':
        await outbox.toast(effect.queryId, effect.text);
        return undefined;
      case 'strip':
        outbox.strip(chatId, effect.messageId);
        return undefined;
      case 'openAccount':
        return this.#openAccount(chatId, userName, signal);
      case 'upload':
        return this.#upload(chatId, effect, signal);
      case 'inspect':
        return this.#inspect(chatId, effect);
      case 'uploadLink':
        return this.#uploadLink(chatId, effect);
      case 'train':
      case 'predict':
        return this.#launch(chatId, effect);
      case 'deleteJob':
        return this.#deleteJob(chatId, effect);
      case 'modelLinks':
        return this.#modelLinks(chatId, effect);
      case 'resultLinks':
        return this.#resultLinks(chatId, effect);
      case 'pictures':
        return this.#sendPictures(chatId, effect);
      case 'administer':
        return this.#administer(chatId, effect);
      case 'refusal':
        await this.#options.trail.note(String(chatId), { ...effect, outcome: 'Refused' });
        return undefined;
      case 'monthPicture':
        return this.#monthPicture(chatId);
    }
  }

  async #administer(chatId: number, { token, action }: Doing<'administer'>): Promise<undefined> {
    const { administration } = this.#options;
    await this.#answering(chatId, 'account not changed', CLUSTER_AWAY, () =>
      administration.perform(String(chatId), token, action),
    );
  }

  /** Of an account that has a month; the figures are in the message before it, so that one without a picture is as good. */
  async #monthPicture(chatId: number): Promise<undefined> {
    const { accounts, outbox, clock, logger } = this.#options;
    try {
      const account = await accounts.find(String(chatId));
      const facts = account && monthFacts(account, clock.now());
      if (!facts) return;
      await outbox.photos(chatId, [{ name: `month-${facts.period}`, bytes: await monthPicture(facts), caption: '' }]);
    } catch (error) {
      if (!(error instanceof KubernetesError || error instanceof TelegramRefused)) throw error;
      logger.warn({ chat: chatId, ...told(error) }, 'picture of the month not sent');
    }
  }

  async #openAccount(chatId: number, userName: string, signal: AbortSignal): Promise<Input> {
    try {
      const { accounts, trail } = this.#options;
      const ready = await accounts.open(String(chatId), chatId, userName, signal);
      await trail.note(String(chatId), { what: 'OpenAccount', resource: `Account/${accountName(String(chatId))}` });
      return { kind: 'accountOpened', ready };
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof AccountRefused) {
        const resource = `Account/${accountName(String(chatId))}`;
        await this.#options.trail.note(String(chatId), { what: 'OpenAccount', resource, outcome: 'Refused' });
        return { kind: 'accountRefused', message: error.message };
      }
      this.#options.logger.error(told(error), 'account not opened');
      return { kind: 'accountRefused', message: CLUSTER_AWAY };
    }
  }

  async #upload(chatId: number, effect: Doing<'upload'>, signal: AbortSignal): Promise<Input> {
    const { token, fileId, name, bytes, purpose } = effect;
    const { files, clients, configuration, clock, logger } = this.#options;
    const now = clock.now();
    const key = datasetKey(this.#names, String(chatId), now, name);
    try {
      const source = await files.open(fileId, signal);
      const target = { clients, bucket: this.#names.bucket, kmsKeyId: configuration.kmsKeyId };
      await upload(target, source, { key, name, bytes, uploadedAt: now }, signal);
      logger.info({ chat: chatId, bytes }, 'data set uploaded');
    } catch (error) {
      if (signal.aborted) throw error;
      logger.warn({ chat: chatId, ...told(error) }, 'upload failed');
      return { kind: 'tableRefused', token, message: uploadFailure(error) };
    }
    const uri = s3Uri(this.#names.bucket, key);
    await this.#options.trail.note(String(chatId), { what: 'UploadDataset', resource: uri });
    const read = await this.#inspect(chatId, { do: 'inspect', token, uri, name, discard: true, purpose });
    if (signal.aborted) await this.#discard(key);
    return read;
  }

  async #inspect(chatId: number, { token, uri, name, discard, purpose }: Doing<'inspect'>): Promise<Input> {
    const { bucket, logger } = this.#options;
    const refused = (message: string): Input => ({ kind: 'tableRefused', token, message });
    try {
      const key = readableKey(this.#names, String(chatId), 'dataset', uri);
      return { kind: 'tableRead', token, table: await inspect(bucket, key, { uri, name, purpose }) };
    } catch (error) {
      if (error instanceof AccessError) {
        const { trail } = this.#options;
        await trail.note(String(chatId), {
          what: 'ReadDataset',
          resource: uri,
          outcome: 'Refused',
          detail: error.message,
        });
        return refused(error.message);
      }
      if (error instanceof DataError) {
        if (discard && error.kind !== 'notFound') await this.#discard(uri.slice(`s3://${this.#names.bucket}/`.length));
        return refused(error.message);
      }
      logger.error({ chat: chatId, ...told(error) }, 'data set not read');
      return refused(STORAGE_AWAY);
    }
  }

  async #discard(key: string): Promise<void> {
    await this.#options.bucket.delete(key).catch((error: unknown) => {
      this.#options.logger.warn(told(error), 'unfit data set not deleted');
    });
  }

  async #uploadLink(chatId: number, { token, uri, name }: Doing<'uploadLink'>): Promise<undefined> {
    const { clients, outbox } = this.#options;
    const key = readableKey(this.#names, String(chatId), 'dataset', uri);
    const url = await presignPut(clients, this.#names.bucket, key);
    await outbox.send(chatId, uploadLink(token, name, url));
  }

  async #launch(chatId: number, effect: Doing<'train'> | Doing<'predict'>): Promise<Input> {
    const { jobs, logger, trail } = this.#options;
    const { token } = effect;
    const card = { chatId, messageId: effect.cardId };
    const kind = effect.do === 'train' ? 'TrainingJob' : 'PredictionJob';
    try {
      const name =
        effect.do === 'train'
          ? await jobs.train(String(chatId), token, card, effect.choice)
          : await jobs.predict(String(chatId), token, card, effect.choice);
      logger.info({ chat: chatId, job: name }, 'job created');
      await trail.note(String(chatId), {
        what: `Create${kind}`,
        resource: `${kind}/${namespaceOf(String(chatId))}/${name}`,
      });
      return { kind: 'launched', token, name };
    } catch (error) {
      if (error instanceof JobRefused) {
        const resource = `${kind}/${namespaceOf(String(chatId))}`;
        await trail.note(String(chatId), {
          what: `Create${kind}`,
          resource,
          outcome: 'Refused',
          detail: error.message,
        });
        return { kind: 'launchRefused', token, message: error.message };
      }
      logger.error({ chat: chatId, ...told(error) }, 'job not created');
      return { kind: 'launchRefused', token, message: CLUSTER_AWAY };
    }
  }

  async #deleteJob(chatId: number, { job }: Doing<'deleteJob'>): Promise<undefined> {
    const { jobs, outbox, logger, trail } = this.#options;
    try {
      await jobs.delete(String(chatId), job);
      const resource = `${job.kind}/${namespaceOf(String(chatId))}/${job.name}`;
      await trail.note(String(chatId), { what: `Delete${job.kind}`, resource });
      await outbox.send(chatId, deleted(job.kind, job.name));
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      logger.error({ chat: chatId, ...told(error) }, 'job not deleted');
      await outbox.send(chatId, { html: CLUSTER_AWAY });
    }
  }

  async #modelLinks(chatId: number, { name }: Doing<'modelLinks'>): Promise<undefined> {
    const { jobs, downloads } = this.#options;
    const userId = String(chatId);
    const deed = { what: 'DownloadModel', resource: `TrainingJob/${namespaceOf(userId)}/${name}` };
    await this.#answering(chatId, 'model links not made', MODEL_AWAY, () =>
      this.#told(userId, deed, async () => downloads.ofModel(userId, named(await jobs.trainings(userId), name))),
    );
  }

  async #resultLinks(chatId: number, { name }: Doing<'resultLinks'>): Promise<undefined> {
    const { jobs, downloads } = this.#options;
    const userId = String(chatId);
    const deed = { what: 'DownloadPrediction', resource: `PredictionJob/${namespaceOf(userId)}/${name}` };
    await this.#answering(chatId, 'result links not made', RESULT_AWAY, () =>
      this.#told(userId, deed, async () => downloads.ofPrediction(named(await jobs.predictions(userId), name))),
    );
  }

  /** On the trail with how it came out. */
  async #told<T>(userId: string, deed: Deed, run: () => Promise<T>): Promise<T> {
    const { trail } = this.#options;
    try {
      const made = await run();
      await trail.note(userId, deed);
      return made;
    } catch (error) {
      const outcome = error instanceof AccessError ? 'Refused' : 'Failed';
      await trail.note(userId, { ...deed, outcome, detail: (error as Error).message });
      throw error;
    }
  }

  async #sendPictures(chatId: number, { name, part }: Doing<'pictures'>): Promise<undefined> {
    const { jobs, pictures } = this.#options;
    const userId = String(chatId);
    const deed = { what: 'ShowPictures', resource: `TrainingJob/${namespaceOf(userId)}/${name}` };
    await this.#answering(chatId, 'pictures not sent', MODEL_AWAY, () =>
      this.#told(userId, deed, async () => {
        const job = named(await jobs.trainings(userId), name);
        const sent = job ? await pictures.send(chatId, job, part) : 0;
        return sent === 0 ? [noPictures(name)] : [];
      }),
    );
  }

  /** Sends what is made, or that it can't be made now. */
  async #answering(chatId: number, trouble: string, away: string, make: () => Promise<Message[]>): Promise<void> {
    const { outbox, logger } = this.#options;
    try {
      for (const message of await make()) await outbox.send(chatId, message);
    } catch (error) {
      if (!(error instanceof CloudError || error instanceof KubernetesError)) throw error;
      logger.error({ chat: chatId, ...told(error) }, trouble);
      await outbox.send(chatId, { html: away });
    }
  }
}

const named = <J extends { metadata?: { name?: string } }>(jobs: readonly J[], name: string): J | undefined =>
  jobs.find(({ metadata }) => metadata?.name === name);

function uploadFailure(error: unknown): string {
  if (error instanceof TelegramRefused)
    return /too big/i.test(error.message)
      ? 'it is larger than the 20 MB that Telegram gives to bots. Use the upload link instead.'
      : 'Telegram does not give it to me. Send it once more.';
  if (error instanceof CloudError) return STORAGE_AWAY;
  return 'the transfer broke off. Send it once more.';
}
