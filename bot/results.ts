// What a prediction left in the bucket: where it lies, size, bytes and links for an hour.
import type { Readable } from 'node:stream';
import { readableKey, type Bucket as BucketNames } from '../cloud/access.ts';
import type { Bucket } from '../cloud/bucket.ts';
import type { Clients } from '../cloud/clients.ts';
import { calling, S3Error } from '../cloud/errors.ts';
import { presignGet } from '../cloud/presign.ts';
import type { PredictionJob } from '../crds/crds.generated.ts';
import { userOf } from '../crds/objects.ts';

/** Keys of the files; throws AccessError when the status names something that is not this user's. */
export function predictionKeys(
  names: BucketNames,
  { metadata, status }: PredictionJob,
): { result: string; summary?: string; picture?: string } {
  const userId = userOf(metadata?.namespace ?? '') ?? '';
  const keyOf = (uri: string) => readableKey(names, userId, 'prediction', uri);
  const { outputUri = '', summaryUri, pictureUri } = status ?? {};
  return {
    result: keyOf(outputUri),
    ...(summaryUri ? { summary: keyOf(summaryUri) } : {}),
    ...(pictureUri ? { picture: keyOf(pictureUri) } : {}),
  };
}

/** `houses.csv` → `houses_predictions.csv`, with the ending that the result has. */
export function resultName(file: string, key: string): string {
  const base = file
    .replace(/(\.gz)?$/i, '')
    .replace(/\.[^.]*$/, '')
    .replace(/[\p{Cc}/\\:*?"<>|]+/gu, '_')
    .slice(0, 60)
    .toWellFormed();
  return `${base || 'data'}_predictions${/\.parquet$/.test(key) ? '.parquet' : '.csv'}`;
}

export interface Results {
  size(key: string): Promise<number>;
  open(key: string): Promise<Readable>;
  link(key: string, fileName: string): Promise<string>;
}

export function resultsOf(clients: Clients, bucket: Bucket): Results {
  return {
    async size(key) {
      const facts = await bucket.head(key);
      if (!facts) throw new S3Error('the result is not there', { service: 's3', kind: 'notFound' });
      return facts.bytes;
    },
    async open(key) {
      const [{ GetObjectCommand }, client] = await Promise.all([import('@aws-sdk/client-s3'), clients.s3()]);
      const answer = await calling('s3', () => client.send(new GetObjectCommand({ Bucket: bucket.name, Key: key })));
      return answer.Body as Readable;
    },
    link: (key, fileName) => presignGet(clients, bucket.name, key, undefined, fileName),
  };
}
