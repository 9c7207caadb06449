// `node infra/policies/print.ts --account 111122223333 --region eu-central-1`: the policies of whoever deploys, as JSON by name, to be made
// in IAM by an administrator before the first `pulumi up` (docs/deploy.md).
import { parseArgs } from 'node:util';
import { names } from '../naming.ts';
import { deployerPolicies } from './deployer.ts';

export const USAGE = `node infra/policies/print.ts --account ID --region REGION [--name spotlearn-dev] [--cluster new|existing|none]
  [--cluster-name NAME] [--vpc ID] [--bucket NAME] [--kms ARN]   as in the stack's configuration`;

/** Throws in plain words when an argument is missing or wrong. */
export function printed(args: readonly string[]): string {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ account: text, region: text, bucket: text, vpc: text, kms: text, 'cluster-name': text },
      name: { ...text, default: 'spotlearn-dev' },
      cluster: { ...text, default: 'new' },
    },
  });
  const { account, region, name, cluster } = values;
  if (!account || !/^\d{12}$/.test(account)) throw new Error(`--account is the 12 digits of an AWS account\n${USAGE}`);
  if (!region) throw new Error(`--region is missing\n${USAGE}`);
  if (cluster !== 'new' && cluster !== 'existing' && cluster !== 'none')
    throw new Error(`--cluster is new, existing or none\n${USAGE}`);
  const clusterName = values['cluster-name'];
  const { bucket, logGroup, functionName, queueName, roles } = names(
    { name, bucket: values.bucket, region, clusterName },
    account,
  );
  const policies = deployerPolicies({
    ...{ name, region, accountId: account, bucket, logGroup, functionName, queueName, roles },
    ...{ cluster, clusterName, vpcId: values.vpc, kmsKeyArn: values.kms },
  });
  return `${JSON.stringify(policies, null, 2)}\n`;
}

if (import.meta.main) process.stdout.write(printed(process.argv.slice(2)));
