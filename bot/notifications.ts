// Follows the jobs made in chat, in all namespaces: one card a job is edited while it runs; at the end the card tells all there is to
// know, and one message (for a prediction: the file) makes the phone ring; pictures follow. What was announced is written into
// the job before it is sent (claims.ts), so that a restart announces nothing twice; the card can be written as often as one likes.
import type { Bucket as BucketNames } from '../cloud/access.ts';
import type { Clock } from '../cloud/clock.ts';
import { CloudError, isTransient } from '../cloud/errors.ts';
import type { PredictionJob, TrainingJob } from '../crds/crds.generated.ts';
import { userOf } from '../crds/objects.ts';
import { Claims, isNotified, owesPictures } from './claims.ts';
import type { Message } from './conversation/effect.ts';
import { BOT_LABEL, BOT_NAME, CARD_ANNOTATION, CHAT_ANNOTATION, fileOf } from './jobs.ts';
import type { Kubernetes } from './kubernetes/client.ts';
import { Watcher } from './kubernetes/watcher.ts';
import { told, type Logger } from './logging.ts';
import type { Outbox } from './outbox.ts';
import type { Pictures } from './pictures.ts';
import { predictionKeys, resultName, type Results } from './results.ts';
import { TelegramRefused, TelegramUnreachable } from './telegram.ts';
import { goneCard, trainingCard, trainingOver } from './wording/cards.ts';
import { isOver, isTraining, type Job } from './wording/lists.ts';
import { predictionCard, predictionOver, predictionsReady, predictionsTooLarge } from './wording/prediction-card.ts';

/** What a bot may send in one call. */
const TELEGRAM_UPLOAD_BYTES = 50 * 1024 * 1024;
const RETRY_MS = 5_000;

export interface NotificationsOptions {
  readonly kubernetes: Kubernetes;
  readonly outbox: Outbox;
  readonly results: Results;
  readonly pictures: Pictures;
  readonly names: BucketNames;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Followed {
  job: Job;
  /** Of the card as it was last sent. */
  shown: string;
  busy: boolean;
  again: boolean;
  over: boolean;
}

export class Notifications {
  readonly #options: NotificationsOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #claims: Claims;
  readonly #watchers: readonly Watcher[];
  #stopped = false;

  constructor(options: NotificationsOptions) {
    this.#options = options;
    this.#claims = new Claims(options.kubernetes);
    this.#watchers = (['TrainingJob', 'PredictionJob'] as const).map((resource) => {
      const { kubernetes, clock, logger } = options;
      return new Watcher({
        kubernetes,
        resource,
        labelSelector: `${BOT_LABEL}=${BOT_NAME}`,
        clock,
        logger,
        onChange: (object) => this.#changed({ ...object, kind: resource } as Job),
        onGone: (object) => this.#gone({ ...object, kind: resource } as Job),
      });
    });
  }

  /** True once all jobs there are have been seen. */
  get synced(): boolean {
    return this.#watchers.every((watcher) => watcher.synced);
  }

  start(): void {
    for (const watcher of this.#watchers) watcher.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()));
  }

  #changed(job: Job): void {
    const { uid = '' } = job.metadata ?? {};
    if (isNotified(job) && !owesPictures(job) && !this.#followed.has(uid)) return;
    const followed = this.#followed.get(uid) ?? { job, shown: '', busy: false, again: false, over: false };
    followed.job = job;
    this.#followed.set(uid, followed);
    this.#look(uid, followed);
  }

  #gone(job: Job): void {
    const { uid = '' } = job.metadata ?? {};
    const followed = this.#followed.get(uid);
    this.#followed.delete(uid);
    const place = placeOf(job);
    if (!followed || !place || isOver(job)) return;
    void this.#options.outbox
      .edit(place.chatId, place.cardId, goneCard(job))
      .catch((error: unknown) => this.#lost(error));
  }

  /** One look at a time per job; a change meanwhile brings another. */
  #look(uid: string, followed: Followed): void {
    if (followed.over || this.#stopped) return;
    if (followed.busy) {
      followed.again = true;
      return;
    }
    followed.busy = true;
    followed.again = false;
    void this.#show(followed)
      .then(() => {
        // A late event of a job that is over finds the annotations, at the latest when it claims them.
        if (followed.over) this.#followed.delete(uid);
      })
      .catch((error: unknown) => {
        this.#options.logger.warn({ job: followed.job.metadata?.name, ...told(error) }, 'job not shown yet');
        this.#options.clock.after(RETRY_MS, () => this.#look(uid, followed));
      })
      .finally(() => {
        followed.busy = false;
        if (followed.again) this.#look(uid, followed);
      });
  }

  async #show(followed: Followed): Promise<void> {
    const { job } = followed;
    const place = placeOf(job);
    if (!place) return void (followed.over = true);
    if (isOver(job)) {
      await this.#announce(job, place);
      followed.over = true;
      return;
    }
    const card = isTraining(job) ? trainingCard(job, fileOf(job)) : predictionCard(job, fileOf(job));
    const rendered = JSON.stringify(card);
    if (rendered === followed.shown) return;
    followed.shown = rendered;
    // Not waited for: the outbox spaces edits and drops all but the newest.
    void this.#options.outbox.card(place.chatId, place.cardId, card).catch((error: unknown) => this.#lost(error));
  }

  async #announce(job: Job, place: Place): Promise<void> {
    if (!isNotified(job)) {
      if (isTraining(job)) await this.#announceTraining(job, place);
      else await this.#announcePrediction(job, place);
    }
    if (job.status?.phase === 'Succeeded') await this.#pictures(job, place);
  }

  async #announceTraining(job: TrainingJob, place: Place): Promise<void> {
    await this.#finalCard(place, trainingCard(job, fileOf(job)));
    if (await this.#claims.end(job)) await this.#ring(place, trainingOver(job));
  }

  async #announcePrediction(job: PredictionJob, place: Place): Promise<void> {
    const result = job.status?.phase === 'Succeeded' ? await this.#result(job) : undefined;
    await this.#finalCard(place, predictionCard(job, fileOf(job), result?.link));
    if (!(await this.#claims.end(job))) return;
    if (!result) return this.#ring(place, predictionOver(job));
    if (result.bytes > TELEGRAM_UPLOAD_BYTES)
      return this.#ring(place, predictionsTooLarge(result.bytes, job, fileOf(job), result.link));
    await this.#sent(
      this.#options.outbox.document(place.chatId, {
        name: resultName(fileOf(job), result.key),
        open: () => this.#options.results.open(result.key),
        caption: predictionsReady(job, fileOf(job)),
      }),
    );
  }

  /** Undefined when there is none for this user; rejects when the storage is away for a while. */
  async #result(job: PredictionJob): Promise<{ key: string; bytes: number; link: string } | undefined> {
    const { results, names } = this.#options;
    try {
      const key = predictionKeys(names, job).result;
      return { key, bytes: await results.size(key), link: await results.link(key, resultName(fileOf(job), key)) };
    } catch (error) {
      if (isTransient(error)) throw error;
      this.#options.logger.error({ job: job.metadata?.name, ...told(error) }, 'result not found');
      return undefined;
    }
  }

  /** The last state of the card; a new message when the card is gone. */
  async #finalCard(place: Place, card: Message): Promise<void> {
    const { outbox } = this.#options;
    try {
      await outbox.edit(place.chatId, place.cardId, card);
    } catch (error) {
      if (!(error instanceof TelegramRefused)) throw error;
      if (/message (to edit not found|can't be edited)/i.test(error.message))
        await this.#sent(outbox.send(place.chatId, card));
      else this.#lost(error);
    }
  }

  /** What can be tried again (nothing was sent yet) is; what cannot is no loss: model and predictions are as good without. */
  async #pictures(job: Job, place: Place): Promise<void> {
    try {
      await this.#options.pictures.send(place.chatId, job, 'first', this.#claims.pictures(job));
    } catch (error) {
      const lost = error instanceof TelegramRefused || error instanceof TelegramUnreachable;
      if (!lost && !(error instanceof CloudError && !isTransient(error))) throw error;
      this.#lost(error);
    }
  }

  #ring(place: Place, message: Message): Promise<void> {
    return this.#sent(this.#options.outbox.send(place.chatId, message, place.cardId));
  }

  /** A chat that does not want to hear (blocked, deleted) is no reason to try for ever. */
  async #sent(sending: Promise<unknown>): Promise<void> {
    try {
      await sending;
    } catch (error) {
      this.#lost(error);
    }
  }

  #lost(error: unknown): void {
    this.#options.logger.warn(told(error), 'notification not delivered');
  }
}

interface Place {
  readonly chatId: number;
  readonly cardId: number;
}

/** Chat and card of a job; only the chat of the very user whose namespace it is, so that a forged annotation reaches nobody else. */
function placeOf(job: Job): Place | undefined {
  const annotations = job.metadata?.annotations ?? {};
  const chatId = Number(annotations[CHAT_ANNOTATION]);
  const cardId = Number(annotations[CARD_ANNOTATION]);
  const owner = userOf(job.metadata?.namespace ?? '');
  return Number.isSafeInteger(chatId) && Number.isSafeInteger(cardId) && String(chatId) === owner
    ? { chatId, cardId }
    : undefined;
}
