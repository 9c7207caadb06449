// The account's owner in the embedded AWS: puts a data set into the bucket, and gives the cloud itself the orders of
// local/aws/ec2/admin.ts (interrupt, kill, rebalance …), which no user of AWS can. For story.ts.
import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ADMIN_PREFIX } from '../aws/ec2/admin.ts';
import { StartFailure } from '../stack/failure.ts';
import { REGION } from '../stack/installation.ts';
import type { Access } from '../stack/provision.ts';

export class CloudOwner {
  readonly #client: ReturnType<typeof settingsOf>;

  constructor(access: Access) {
    this.#client = settingsOf(access);
  }

  /** Gives the object's address. */
  async put(bucket: string, key: string, body: Uint8Array): Promise<string> {
    const s3 = new S3Client({ ...this.#client, forcePathStyle: true });
    try {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
      return `s3://${bucket}/${key}`;
    } finally {
      s3.destroy();
    }
  }

  /** `POST /_spotlearn/ec2/<method>`. Rejects with StartFailure when the cloud refuses. */
  async order(method: string, body: object): Promise<void> {
    const ec2 = new EC2Client(this.#client);
    // Any call will do: its path and body are exchanged before it is signed.
    ec2.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { path: string; body: string; headers: Record<string, string> };
        request.path = `${ADMIN_PREFIX}${method}`;
        request.body = JSON.stringify(body);
        request.headers['content-length'] = String(Buffer.byteLength(request.body));
        return next(args);
      },
      { step: 'build', priority: 'low' },
    );
    const status = await ec2
      .send(new DescribeVpcsCommand({}))
      .then(
        ({ $metadata }) => $metadata.httpStatusCode,
        // The answer is JSON, which the SDK cannot read as an answer of EC2.
        (error: unknown) => (error as { $response?: { statusCode: number } }).$response?.statusCode,
      )
      .finally(() => ec2.destroy());
    if (status !== 200) throw new StartFailure(`The embedded EC2 refused to ${method} (${status ?? 'no answer'}).`);
  }
}

const settingsOf = ({ endpoint, accessKeyId, secretAccessKey }: Access) => ({
  region: REGION,
  endpoint,
  credentials: { accessKeyId, secretAccessKey },
  maxAttempts: 1,
});
