// The compute services wired to each other, as the account has them: EC2's events go through EventBridge to a queue,
// functions write to Logs and are read from S3. For main.ts and for tests that need all of them.
import { lambdaService, type LambdaOptions } from '../lambda/service.ts';
import { logsService } from '../logs/service.ts';
import type { AwsService, ServiceContext } from '../service.ts';
import { sqsService } from '../sqs/service.ts';
import { ec2Service, type Ec2Options } from './service.ts';

export interface ComputeOptions {
  /** Machine images by AMI id. */
  readonly images?: Ec2Options['images'];
  /** Queue that EC2's events go to, by name; it may be created later. */
  readonly eventQueue?: string;
  /** For reading function code from S3 on behalf of a permitted caller. */
  readonly rootCredentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly ec2?: Partial<Ec2Options>;
  readonly lambda?: Partial<LambdaOptions>;
}

/** ec2, lambda, logs and sqs; they close in reverse order, so instances end before their queue does. */
export function computeServices(context: ServiceContext, options: ComputeOptions): AwsService[] {
  const logs = logsService(context);
  const sqs = sqsService(context);
  const { eventQueue, rootCredentials } = options;
  const lambda = lambdaService(context, {
    logs,
    readObject:
      rootCredentials && ((bucket, key, version) => readObject(context, rootCredentials, bucket, key, version)),
    ...options.lambda,
  });
  const ec2 = ec2Service(context, {
    images: options.images,
    onEvent: eventQueue === undefined ? undefined : (event) => void sqs.deliver(eventQueue, JSON.stringify(event)),
    ...options.ec2,
  });
  return [logs, sqs, lambda, ec2];
}

async function readObject(
  context: ServiceContext,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
  Bucket: string,
  Key: string,
  VersionId?: string,
): Promise<Buffer> {
  const { GetObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({
    endpoint: context.endpoint(),
    region: context.region,
    credentials,
    forcePathStyle: true,
  });
  try {
    const answer = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
    return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  } finally {
    client.destroy();
  }
}
