// The prediction function: code from the bucket by content hash, a version for each, the alias `live` that is moved when the new version
// exists; no retry by Lambda itself, since the operator owns them; its log group with an end.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { Settings } from './configuration.ts';
import { ALIAS, type Names } from './naming.ts';

export interface PredictionArgs {
  settings: Settings;
  names: Names;
  roleArn: pulumi.Input<string>;
  bucket: pulumi.Input<string>;
  handler: { key: pulumi.Input<string>; sha256: string };
  layer?: { key: pulumi.Input<string>; sha256: string };
}

const RUNTIME = 'nodejs22.x';
/** Of an event that could not be delivered, in its queue (`invocationType: Event`). */
const EVENT_AGE_SECONDS = 3_600;

export class Prediction extends pulumi.ComponentResource {
  /** With the alias: what the operator calls. */
  readonly functionName: pulumi.Output<string>;
  readonly logGroup: pulumi.Output<string>;

  constructor(name: string, args: PredictionArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:prediction:Prediction', name, {}, options);
    const parent = { parent: this };
    const { settings, names, layer } = args;
    const logs = new aws.cloudwatch.LogGroup(
      name,
      { name: `/aws/lambda/${names.functionName}`, retentionInDays: Number(settings.logRetentionDays) },
      parent,
    );
    const layers = layer && [
      new aws.lambda.LayerVersion(
        name,
        {
          layerName: `${settings.name}-onnxruntime`,
          s3Bucket: args.bucket,
          s3Key: layer.key,
          sourceCodeHash: base64Of(layer.sha256),
          compatibleRuntimes: [RUNTIME],
          compatibleArchitectures: [settings.functionArchitecture],
        },
        parent,
      ).arn,
    ];
    const fn = new aws.lambda.Function(
      name,
      {
        name: names.functionName,
        description: 'Spotlearn: predictions for a piece of a table',
        runtime: RUNTIME,
        handler: 'index.handler',
        role: args.roleArn,
        s3Bucket: args.bucket,
        s3Key: args.handler.key,
        sourceCodeHash: base64Of(args.handler.sha256),
        layers,
        architectures: [settings.functionArchitecture],
        memorySize: settings.functionMemoryMib,
        timeout: settings.functionTimeoutSeconds,
        reservedConcurrentExecutions: settings.functionConcurrency,
        publish: true,
        // ONNX Runtime reports to its maker otherwise.
        environment: { variables: { ORT_DISABLE_TELEMETRY: '1' } },
        loggingConfig: { logFormat: 'Text', logGroup: logs.name },
      },
      parent,
    );
    const alias = new aws.lambda.Alias(
      name,
      { name: ALIAS, functionName: fn.name, functionVersion: fn.version, description: 'What the operator calls' },
      parent,
    );
    new aws.lambda.FunctionEventInvokeConfig(
      name,
      {
        functionName: fn.name,
        qualifier: alias.name,
        maximumRetryAttempts: 0,
        maximumEventAgeInSeconds: EVENT_AGE_SECONDS,
      },
      { parent: alias },
    );
    this.functionName = pulumi.interpolate`${fn.name}:${alias.name}`;
    this.logGroup = logs.name;
    this.registerOutputs({ functionName: this.functionName });
  }
}

const base64Of = (sha256: string): string => Buffer.from(sha256, 'hex').toString('base64');
