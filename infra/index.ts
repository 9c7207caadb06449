// The Pulumi program: reads the stack's configuration, asks AWS what must be known beforehand, wires the components, says the outputs. What
// each part is made of stands in its own file; Pulumi.dev.yaml describes the configuration, docs/deploy.md the way from nothing to a first message.
import { resolve } from 'node:path';
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { ArtefactsMissing, readArtefacts, readContexts } from './artefacts.ts';
import { Budget } from './budget.ts';
import { Cluster } from './cluster.ts';
import { readSettings, SettingsError, type Settings } from './configuration.ts';
import { environmentOf, type Made } from './environment.ts';
import { Grants } from './grants.ts';
import { Interruptions } from './interruptions.ts';
import { IMAGES, names, NAMESPACE, tagsOf } from './naming.ts';
import { Network } from './network.ts';
import { Observability } from './observability.ts';
import type { Facts } from './policies/document.ts';
import { Prediction } from './prediction.ts';
import { choose, typesNeeded, type Answers } from './preflight.ts';
import { Registry } from './registry.ts';
import { Roles } from './roles.ts';
import { Spot } from './spot.ts';
import { Storage } from './storage.ts';
import { Workloads } from './workloads.ts';

/** The stack's outputs; `pulumi stack output --json` gives them to `npm start -- --stack`, the sweep and verify:aws. */
export default async function program(): Promise<Record<string, unknown>> {
  try {
    return await installation();
  } catch (error) {
    // Pulumi shows the message of such an error alone, without a stack.
    if (error instanceof SettingsError || error instanceof ArtefactsMissing) throw new pulumi.RunError(error.message);
    throw error;
  }
}

async function installation(): Promise<Record<string, unknown>> {
  const settings = readSettings(pulumi.runtime.allConfig(), pulumi.getStack());
  // Pulumi runs the program from within this folder.
  const built = resolve(import.meta.dirname, '..', settings.artefacts);
  const artefacts = readArtefacts(built, settings.functionArchitecture);
  const given = givenImages(settings);
  const missing = settings.cluster === 'none' ? [] : IMAGES.filter((image) => given[image] === undefined);
  const contexts = readContexts(built, missing);
  const caller = await aws.getCallerIdentity({});
  const named = names(settings, caller.accountId);
  const { zones, architecture } = choose(settings, named.bucket, await ask(settings, named.bucket));
  const { issuerArn } = await aws.iam.getSessionContext({ arn: caller.arn });

  const { name, region } = settings;
  const facts: Facts = {
    name,
    region,
    accountId: caller.accountId,
    bucket: named.bucket,
    logGroup: named.logGroup,
    functionName: named.functionName,
    queueName: named.queueName,
    roles: named.roles,
    kmsKeyArn: settings.kmsKeyArn,
  };
  const provider = new aws.Provider('aws', { region: region as aws.Region, defaultTags: { tags: tagsOf(name) } });
  const options: pulumi.ComponentResourceOptions = { providers: { aws: provider } };

  const network = new Network(
    'network',
    {
      ...{ cidr: settings.cidr, zones, natGateway: settings.natGateway, region },
      existing: settings.vpcId === undefined ? undefined : { vpcId: settings.vpcId, subnetIds: settings.subnetIds },
    },
    options,
  );
  const cluster =
    settings.cluster === 'none'
      ? undefined
      : new Cluster('cluster', { settings, names: named, subnetIds: network.subnetIds, architecture }, options);
  const roles = new Roles(
    'roles',
    {
      ...{ settings, facts },
      cluster: cluster && { arn: cluster.clusterArn, oidcIssuer: cluster.oidcIssuer },
      assumers: settings.assumers.length > 0 ? [...settings.assumers] : [issuerArn],
    },
    options,
  );
  const storage = new Storage(
    'storage',
    { ...{ settings, names: named, facts, artefacts }, deployers: [issuerArn, ...settings.deployers] },
    options,
  );
  const { role } = roles;
  const spot = new Spot(
    'spot',
    { ...{ settings, names: named }, vpcId: network.vpcId, workerRole: role.worker, bundles: storage.worker },
    options,
  );
  const grants = new Grants(
    'grants',
    {
      ...{ roles, facts },
      launchTemplateId: spot.launchTemplateId,
      imageIds: pulumi
        .all([spot.imageId, spot.imageArm64Id])
        .apply((ids) => [...new Set(ids.filter((id) => id !== undefined))]),
      clusterName: cluster?.clusterName,
    },
    options,
  );
  const interruptions = new Interruptions('interruptions', { names: named, facts }, options);
  const { handler } = artefacts;
  const prediction = new Prediction(
    'prediction',
    {
      ...{ settings, names: named, roleArn: role.handler.arn, bucket: storage.bucket },
      handler: { key: storage.handlerKey, sha256: handler.sha256 },
      layer: handler.layer && storage.layerKey && { key: storage.layerKey, sha256: handler.layer.sha256 },
    },
    options,
  );
  const observability = new Observability(
    'observability',
    {
      ...{ settings, names: named, functionName: named.functionName },
      ...{ queueName: interruptions.queueName, deadLetterQueueName: interruptions.deadLetterQueueName },
    },
    options,
  );
  if (settings.awsBudgetUsd > 0)
    new Budget(
      'budget',
      {
        ...{ installation: name, monthlyUsd: settings.awsBudgetUsd },
        ...{ warnPercent: settings.warnPercent, emails: settings.alarmEmails },
      },
      options,
    );
  const images =
    cluster && new Registry('registry', { name, given, contexts, kmsKeyArn: settings.kmsKeyArn }, options).references;

  const made = pulumi
    .output({
      bucket: storage.bucket,
      launchTemplateId: spot.launchTemplateId,
      subnetIds: network.subnetIds,
      securityGroupId: spot.securityGroupId,
      imageId: spot.imageId,
      imageArm64Id: spot.imageArm64Id,
      workerRoleId: role.worker.uniqueId,
      workerRoleArn: role.worker.arn,
      queueUrl: interruptions.queueUrl,
      logGroup: observability.logGroup,
      functionName: prediction.functionName,
      images: images && { worker: images.worker, prediction: images.prediction },
    })
    .apply((known): Made => ({ accountId: caller.accountId, ...known }));
  const operatorEnvironment = made.apply((facts) => environmentOf('operator', settings, facts));
  const botEnvironment = made.apply((facts) => environmentOf('bot', settings, facts));
  if (cluster && images)
    new Workloads(
      'workloads',
      {
        provider: cluster.provider,
        namespace: NAMESPACE,
        installation: name,
        images,
        operatorEnvironment,
        botEnvironment,
        telegramToken: new pulumi.Config().requireSecret('telegramToken'),
        spotNodes: cluster.spotNodes,
        paused: settings.paused,
      },
      { ...options, dependsOn: [...grants.all] },
    );

  return {
    installation: name,
    region,
    accountId: caller.accountId,
    bucket: storage.bucket,
    bucketKept: settings.protectData,
    launchTemplateId: spot.launchTemplateId,
    subnetIds: network.subnetIds,
    securityGroupId: spot.securityGroupId,
    interruptionQueueUrl: interruptions.queueUrl,
    logGroup: observability.logGroup,
    functionName: prediction.functionName,
    roles: {
      operator: role.operator.arn,
      bot: role.bot.arn,
      worker: role.worker.arn,
      handler: role.handler.arn,
    },
    operatorEnvironment,
    botEnvironment,
    ...(cluster && { clusterName: cluster.clusterName }),
    namespace: NAMESPACE,
  };
}

/** What the program must know before it makes anything. */
async function ask(settings: Settings, bucket: string): Promise<Answers> {
  const [zones, types, owner] = await Promise.all([
    aws.getAvailabilityZones({
      state: 'available',
      filters: [{ name: 'opt-in-status', values: ['opt-in-not-required'] }],
    }),
    aws.ec2.getInstanceTypeOfferings({ filters: [{ name: 'instance-type', values: typesNeeded(settings) }] }),
    aws.s3.getBucket({ bucket }).then(
      () => 'ours' as const,
      (error: Error) => (/\b403\b|Forbidden|AccessDenied/.test(error.message) ? ('taken' as const) : ('free' as const)),
    ),
  ]);
  return { zones: zones.names, offered: types.instanceTypes, bucket: owner };
}

const givenImages = (settings: Settings) => ({
  operator: settings.operatorImage,
  bot: settings.botImage,
  worker: settings.workerImage,
  prediction: settings.predictionImage,
});
