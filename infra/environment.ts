// The environment of operator and bot, made from what the program made: the ConfigMaps of a cluster and the stack's outputs for
// `npm start -- --stack` have exactly this. The Telegram token is never part of it. Pure.
import { FIELDS, type FieldName } from '../cloud/configuration/fields.ts';
import type { Settings } from './configuration.ts';
import { dailyCost } from './costs.ts';
import { NAMESPACE } from './naming.ts';

/** What only the provider knows. */
export interface Made {
  readonly accountId: string;
  readonly bucket: string;
  readonly launchTemplateId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  readonly imageId: string;
  readonly imageArm64Id?: string;
  readonly workerRoleId: string;
  readonly workerRoleArn: string;
  readonly queueUrl: string;
  readonly logGroup: string;
  readonly functionName: string;
  /** Of pods; absent without a cluster. */
  readonly images?: { readonly worker: string; readonly prediction: string };
}

export type Environment = Record<string, string>;

type Text = string | number | boolean | readonly string[] | undefined;

export function environmentOf(program: 'operator' | 'bot', settings: Settings, made: Made): Environment {
  const values: Partial<Record<FieldName, Text>> = {
    cloudEnabled: settings.cloudEnabled,
    installation: settings.name,
    region: settings.region,
    accountId: made.accountId,
    bucket: made.bucket,
    datasetLifecycleDays: settings.datasetDays,
    kmsKeyId: settings.kmsKeyArn,
    accessLogging: settings.accessLogging,
    launchTemplateId: made.launchTemplateId,
    subnetIds: made.subnetIds,
    securityGroupId: made.securityGroupId,
    imageId: made.imageId,
    imageArm64Id: made.imageArm64Id,
    workerRoleId: made.workerRoleId,
    // Only pods of a cluster get a role by annotation.
    workerRoleArn: made.images && made.workerRoleArn,
    workerContainerImage: made.images?.worker,
    predictionContainerImage: made.images?.prediction,
    defaultInstanceType: settings.defaultInstanceType,
    spotMaxPriceUsd: settings.spotMaxPriceUsd,
    interruptionQueueUrl: made.queueUrl,
    logGroup: made.logGroup,
    functionName: made.functionName,
    functionMemoryMib: settings.functionMemoryMib,
    functionArchitecture: settings.functionArchitecture,
    // Without a NAT gateway there is no other way out; subnets of others are taken to be public.
    publicAddresses: !settings.natGateway,
    functionTimeoutSeconds: settings.functionTimeoutSeconds,
    maxTrainingCostUsd: settings.maxTrainingCostUsd,
    maxPredictionCostUsd: settings.maxPredictionCostUsd,
    monthlyBudgetUsd: settings.monthlyBudgetUsd,
    warnPercent: settings.warnPercent,
    operatorNamespace: NAMESPACE,
    accountPolicy: settings.accountPolicy,
    allowedUsers: settings.allowedUsers,
    adminUsers: settings.adminUsers,
    standingUsdPerDay: dailyCost(settings).toFixed(4),
    logLevel: settings.logLevel,
  };
  return Object.fromEntries(
    (Object.entries(values) as [FieldName, Text][])
      .filter(([name]) => (FIELDS[name].for as readonly string[]).includes(program))
      .map(([name, value]): [string, string] => [
        FIELDS[name].env,
        typeof value === 'object' ? value.join(',') : String(value ?? ''),
      ])
      .filter(([, text]) => text !== ''),
  );
}
