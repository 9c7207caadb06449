// What a job left in the bucket, as notifications need it: size, bytes and a link for an hour.
import type { Readable } from 'node:stream';
import type { Bucket } from '../cloud/bucket.ts';
import type { Clients } from '../cloud/clients.ts';
import { calling, S3Error } from '../cloud/errors.ts';
import { presignGet } from '../cloud/presign.ts';

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
