// The pictures of a model in chat: read from beside the model in the bucket, captioned from its report (wording/pictures.ts), sent as an
// album. One that is missing or that nobody can read is left out: the model is as good without.
import { readableKey, type Bucket as BucketNames } from '../cloud/access.ts';
import type { Bucket } from '../cloud/bucket.ts';
import type { Report } from '../cloud/contract/contract.generated.ts';
import { CloudError, isTransient } from '../cloud/errors.ts';
import type { TrainingJob } from '../crds/crds.generated.ts';
import { userOf } from '../crds/objects.ts';
import { told, type Logger } from './logging.ts';
import type { Claim, Outbox } from './outbox.ts';
import type { Photo } from './payloads.ts';
import { TelegramRefused } from './telegram.ts';
import { captionOf, PICTURES, type PictureName } from './wording/pictures.ts';

/** first: with the news that a model is ready; rest: the others, or all where there are no others. */
export type Part = 'first' | 'rest' | 'all';

const FIRST = 4;
/** What Telegram takes as a photo. */
const PHOTO_BYTES = 10 * 1024 * 1024;
const REPORT_BYTES = 8 * 1024 * 1024;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export interface PicturesOptions {
  readonly bucket: Pick<Bucket, 'list' | 'get'>;
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
   * anything was sent; with an AccessError when the status names a folder that is not this user's; and as the outbox does.
   */
  async send(chatId: number, job: TrainingJob, part: Part, claim?: Claim): Promise<number> {
    const { outbox, logger } = this.#options;
    const photos = await this.#read(job, part);
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

  async #photo(folder: string, name: PictureName, report: Report | undefined): Promise<Photo | undefined> {
    const bytes = await this.#get(folder + fileOf(name));
    if (!bytes || !PNG.every((byte, at) => bytes[at] === byte)) return undefined;
    return { name, bytes, caption: captionOf(name, report) };
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
      this.#options.logger.warn({ key, ...told(error) }, 'file of a model not read');
      return undefined;
    }
  }
}

const REPORT = 'report.json';
const fileOf = (name: PictureName): string => `pictures/${name}.png`;
const fits = (bytes: number | undefined, most: number): boolean => bytes !== undefined && bytes > 0 && bytes <= most;
