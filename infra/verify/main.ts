// `npm run verify:aws -- --stack FILE`: runs the checks that only a real account can answer, with your credentials, and says beforehand what they
// cost. Exit code 0: all well; 3: some are not.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';
import { CHECKS, COST, type Clients, type Stack } from './checks.ts';

const USAGE = 'Usage: npm run verify:aws -- --stack FILE, FILE being the saved `pulumi stack output --json`';
const NEEDED = [
  ...['installation', 'region', 'accountId', 'bucket', 'launchTemplateId', 'subnetIds', 'securityGroupId'],
  ...['interruptionQueueUrl', 'logGroup', 'functionName', 'roles', 'operatorEnvironment'],
];

/** A wrong command line or file, in one sentence. */
export class UsageError extends Error {}

export function readStack(args: readonly string[]): Stack & { readonly region: string } {
  let file: string | undefined;
  try {
    file = parseArgs({ args: [...args], options: { stack: { type: 'string' } } }).values.stack;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('\n')[0]} ${USAGE}`);
  }
  if (file === undefined) throw new UsageError(USAGE);
  let outputs: Record<string, unknown>;
  try {
    outputs = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch {
    throw new UsageError(`${file} cannot be read as JSON. ${USAGE}`);
  }
  const missing = NEEDED.filter((key) => outputs[key] === undefined);
  if (missing.length > 0) throw new UsageError(`${file} lacks ${missing.join(', ')}. ${USAGE}`);
  return outputs as unknown as Stack & { region: string };
}

/** Resolves with the exit code. */
export async function verify(clients: Clients, stack: Stack, tell: (line: string) => void): Promise<number> {
  tell(`${CHECKS.length} checks of ${stack.installation}, which read and change nothing. They cost ${COST}.`);
  let wrong = 0;
  for (const check of CHECKS) {
    const { id } = check;
    tell(`\n${check.asks}`);
    try {
      tell(`  ok      ${id}: ${await check.run(clients, stack)}`);
    } catch (error) {
      wrong += 1;
      tell(`  WRONG   ${id}: ${(error as Error).message}`);
    }
  }
  tell(wrong === 0 ? '\nAll well.' : `\n${wrong} of ${CHECKS.length} are not well.`);
  return wrong === 0 ? 0 : 3;
}

if (import.meta.main) {
  try {
    const stack = readStack(process.argv.slice(2));
    const { region } = stack;
    const clients = {
      s3: new S3Client({ region, forcePathStyle: process.env['AWS_ENDPOINT_URL'] !== undefined }),
      ec2: new EC2Client({ region }),
      lambda: new LambdaClient({ region }),
      logs: new CloudWatchLogsClient({ region }),
      sqs: new SQSClient({ region }),
      sts: new STSClient({ region }),
    };
    process.exitCode = await verify(clients, stack, (line) => process.stdout.write(`${line}\n`));
    for (const client of Object.values(clients)) client.destroy();
  } catch (error) {
    process.stderr.write(`verify:aws: ${(error as Error).message}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
