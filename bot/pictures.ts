// The pictures of a job in chat: those of a model are read from beside it in the bucket, captioned from its report (wording/pictures.ts)
// and sent as an album; a prediction has one. One that is missing or that nobody can read is left out: the result is as good without.
import { readableKey, type Bucket as BucketNames } from '../cloud/access.ts';
import type { Bucket } from '../cloud/bucket.ts';
import type { Report } from '../cloud/contract/contract.generated.ts';
import { CloudError, isTransient } from '../cloud/errors.ts';
import type { PredictionJob, TrainingJob } from '../crds/crds.generated.ts';
import { userOf } from '../crds/objects.ts';
import { told, type Logger } from './logging.ts';
import type { Claim, Outbox } from './outbox.ts';
import type { Photo } from './payloads.ts';
import { TelegramRefused } from './telegram.ts';
import { predictionKeys } from './results.ts';
import { isTraining, type Job } from './wording/lists.ts';
import { captionOf, PICTURES, type PictureName } from './wording/pictures.ts';
import { predictionPicture } from './wording/prediction-card.ts';

/** first: with the news that a model is ready; rest: the others, or all where there are no others. */
export type Part = 'first' | 'rest' | 'all';

const FIRST = 4;
/** What Telegram takes as a photo. */
const PHOTO_BYTES = 10 * 1024 * 1024;
const REPORT_BYTES = 8 * 1024 * 1024;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export interface PicturesOptions {
  readonly bucket: Pick<Bucket, 'list' | 'get' | 'head'>;
  readonly names: BucketNames;
  readonly outbox: Pick<Outbox, 'photos'>;
  readonly logger: Logger;
}

export class Pictures {
  readonly #options: PicturesOptions;

  constructor(options: PicturesOptions) {
    this.#options = options;
  }

  /**
   * Resolves with how many there were, sent or claimed by somebody else. Rejects when storage or cluster are away for a while, before
   * anything was sent; with an AccessError when the status names something that is not this user's; and as the outbox does.
   */
  async send(chatId: number, job: Job, part: Part, claim?: Claim): Promise<number> {
    const { outbox, logger } = this.#options;
    const photos = isTraining(job) ? await this.#read(job, part) : await this.#predicted(job);
    if (photos.length === 0) {
      await claim?.take();
      return 0;
    }
    try {
      await outbox.photos(chatId, photos, claim);
    } catch (error) {
      if (!(error instanceof TelegramRefused) || error.code !== 400) throw error;
      logger.warn({ job: job.metadata?.name, ...told(error) }, 'album refused');
      // One that Telegram cannot read spoils the album, not the others.
      for (const photo of photos)
        await outbox.photos(chatId, [photo]).catch((refusal: unknown) => {
          logger.warn({ job: job.metadata?.name, picture: photo.name, ...told(refusal) }, 'picture not sent');
        });
    }
    return photos.length;
  }

  async #read(job: TrainingJob, part: Part): Promise<Photo[]> {
    const { bucket, names } = this.#options;
    const uri = job.status?.model?.uri?.replace(/\/$/, '');
    if (uri === undefined) return [];
    const owner = userOf(job.metadata?.namespace ?? '') ?? '';
    const folder = readableKey(names, owner, 'model', `${uri}/x`).slice(0, -1);
    const sizes = new Map((await bucket.list(folder)).map(({ key, bytes }) => [key.slice(folder.length), bytes]));
    const there = PICTURES.filter((name) => fits(sizes.get(fileOf(name)), PHOTO_BYTES));
    const rest = there.length > FIRST ? there.slice(FIRST) : there;
    const wanted = { first: there.slice(0, FIRST), rest, all: there }[part];
    if (wanted.length === 0) return [];
    const report = fits(sizes.get(REPORT), REPORT_BYTES) ? await this.#report(folder + REPORT) : undefined;
    const photos = await Promise.all(wanted.map((name) => this.#photo(folder, name, report)));
    return photos.filter((photo) => photo !== undefined);
  }

  async #predicted(job: PredictionJob): Promise<Photo[]> {
    const { picture } = predictionKeys(this.#options.names, job);
    if (picture === undefined || !fits((await this.#options.bucket.head(picture))?.bytes, PHOTO_BYTES)) return [];
    const bytes = await this.#png(picture);
    return bytes ? [{ name: 'summary', bytes, caption: predictionPicture(job) }] : [];
  }

  async #photo(folder: string, name: PictureName, report: Report | undefined): Promise<Photo | undefined> {
    const bytes = await this.#png(folder + fileOf(name));
    return bytes && { name, bytes, caption: captionOf(name, report) };
  }

  async #png(key: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#get(key);
    return bytes && PNG.every((byte, at) => bytes[at] === byte) ? bytes : undefined;
  }

  async #report(key: string): Promise<Report | undefined> {
    try {
      return JSON.parse(new TextDecoder().decode(await this.#get(key))) as Report;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Undefined when it is not there or may not be read. */
  async #get(key: string): Promise<Uint8Array | undefined> {
    try {
      return (await this.#options.bucket.get(key))?.body;
    } catch (error) {
      if (!(error instanceof CloudError) || isTransient(error)) throw error;
      this.#options.logger.warn({ key, ...told(error) }, 'picture or report not read');
      return undefined;
    }
  }
}

const REPORT = 'report.json';
const fileOf = (name: PictureName): string => `pictures/${name}.png`;
const fits = (bytes: number | undefined, most: number): boolean => bytes !== undefined && bytes > 0 && bytes <= most;
