// AWS SDK clients, made when first asked for and shared (row 1.5). Credentials: the SDK's default chain (Pod Identity, IRSA,
// profile, environment). Endpoints: AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>, which the SDK itself reads.
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';

export interface Clients {
  s3(): Promise<S3Client>;
  /** For presigning only: without it a presigned URL carries the checksum of an empty body. */
  presigning(): Promise<S3Client>;
  ec2(): Promise<EC2Client>;
  lambda(): Promise<LambdaClient>;
  logs(): Promise<CloudWatchLogsClient>;
  sqs(): Promise<SQSClient>;
  /** Closes what was opened. */
  close(): void;
}

/** `attempts` of the SDK's own retry; 1 where a caller owns the retry. An invocation may take as long as the function's time-out. */
export function createClients(region: string, options: { attempts?: number; lambdaTimeoutMs?: number } = {}): Clients {
  const shared = { region, maxAttempts: options.attempts ?? 3 };
  const opened: { destroy(): void }[] = [];
  const once = <C extends { destroy(): void }>(make: () => Promise<C>): (() => Promise<C>) => {
    let client: Promise<C> | undefined;
    return () => (client ??= make().then((made) => (opened.push(made), made)));
  };
  return {
    s3: once(async () => new (await import('@aws-sdk/client-s3')).S3Client(shared)),
    presigning: once(
      async () =>
        new (await import('@aws-sdk/client-s3')).S3Client({ ...shared, requestChecksumCalculation: 'WHEN_REQUIRED' }),
    ),
    // Launches, terminations and looks have a retry of their own, one each (decision 4): EC2's limits are too narrow for two.
    ec2: once(async () => new (await import('@aws-sdk/client-ec2')).EC2Client({ ...shared, maxAttempts: 1 })),
    // A synchronous invocation is never repeated by the SDK: the caller owns the retry (style.md).
    lambda: once(
      async () =>
        new (await import('@aws-sdk/client-lambda')).LambdaClient({
          region,
          maxAttempts: 1,
          requestHandler: { requestTimeout: options.lambdaTimeoutMs ?? 900_000 },
        }),
    ),
    logs: once(async () => new (await import('@aws-sdk/client-cloudwatch-logs')).CloudWatchLogsClient(shared)),
    sqs: once(async () => new (await import('@aws-sdk/client-sqs')).SQSClient(shared)),
    close: () => {
      for (const client of opened.splice(0)) client.destroy();
    },
  };
}
