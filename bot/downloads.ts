// Links, good for an hour, to what a job left in the bucket: the files of a model, or those of a prediction. Asked for again, they are
// made again; nothing is kept of them.
import { readableKey, type Bucket as BucketNames } from '../cloud/access.ts';
import type { Bucket } from '../cloud/bucket.ts';
import type { Clients } from '../cloud/clients.ts';
import { presignGet } from '../cloud/presign.ts';
import type { PredictionJob, TrainingJob } from '../crds/crds.generated.ts';
import type { Message } from './conversation/effect.ts';
import { fileOf } from './jobs.ts';
import { predictionKeys, resultName } from './results.ts';
import { fileLinks } from './wording/cards.ts';

export interface DownloadsOptions {
  readonly bucket: Pick<Bucket, 'list' | 'head'>;
  readonly names: BucketNames;
  readonly clients: Clients;
}

interface File {
  readonly key: string;
  readonly name: string;
  readonly bytes: number;
}

export class Downloads {
  readonly #options: DownloadsOptions;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /** Rejects with AccessError when the status names a folder that is not this user's, and as S3 does. */
  async ofModel(userId: string, job: TrainingJob | undefined): Promise<Message[]> {
    const uri = job?.status?.model?.uri;
    if (!job || uri === undefined) return [{ html: 'There is no model to download.' }];
    const { bucket, names } = this.#options;
    const folder = readableKey(names, userId, 'model', `${uri.replace(/\/$/, '')}/x`).slice(0, -1);
    const files = (await bucket.list(folder)).map(({ key, bytes }) => ({ key, bytes, name: key.slice(folder.length) }));
    return this.#links(job.metadata?.name ?? '', files);
  }

  /** Rejects as ofModel does. */
  async ofPrediction(job: PredictionJob | undefined): Promise<Message[]> {
    if (!job || job.status?.phase !== 'Succeeded') return [{ html: 'There is no result to download.' }];
    const { result, summary, picture } = predictionKeys(this.#options.names, job);
    const wanted = [
      { key: result, name: resultName(fileOf(job), result) },
      ...(summary ? [{ key: summary, name: 'summary.json' }] : []),
      ...(picture ? [{ key: picture, name: 'summary.png' }] : []),
    ];
    const found = await Promise.all(
      wanted.map(async (file) => ({ ...file, bytes: (await this.#options.bucket.head(file.key))?.bytes })),
    );
    const files = found.flatMap(({ bytes, ...file }) => (bytes === undefined ? [] : [{ ...file, bytes }]));
    if (files.length === 0) return [{ html: 'The result is no longer there.' }];
    return this.#links(job.metadata?.name ?? '', files);
  }

  async #links(name: string, files: readonly File[]): Promise<Message[]> {
    const { clients, names } = this.#options;
    const links = await Promise.all(
      files.map(async ({ key, name: file, bytes }) => ({
        file,
        bytes,
        url: await presignGet(clients, names.bucket, key, undefined, file.split('/').at(-1)),
      })),
    );
    return fileLinks(name, links);
  }
}
