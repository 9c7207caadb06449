// What tells a platform engineer how the installation is: the workers' log group with an end, alarms on what nobody would see in chat,
// one dashboard.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { Settings } from './configuration.ts';
import type { Names } from './naming.ts';

export interface ObservabilityArgs {
  settings: Settings;
  names: Names;
  queueName: pulumi.Input<string>;
  deadLetterQueueName: pulumi.Input<string>;
  functionName: string;
}

interface Alarm {
  readonly about: string;
  readonly namespace: string;
  readonly metric: string;
  readonly statistic: string;
  readonly dimensions: Record<string, pulumi.Input<string>>;
  readonly above: number;
  /** Length of a look and how many looks in a row. */
  readonly seconds: number;
  readonly times: number;
}

export class Observability extends pulumi.ComponentResource {
  readonly logGroup: pulumi.Output<string>;
  /** Undefined when nobody is to be told. */
  readonly topicArn: pulumi.Output<string> | undefined;

  constructor(name: string, args: ObservabilityArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:observability:Observability', name, {}, options);
    const parent = { parent: this };
    const { settings, names } = args;
    const logs = new aws.cloudwatch.LogGroup(
      `${name}-workers`,
      { name: names.logGroup, retentionInDays: Number(settings.logRetentionDays) },
      parent,
    );
    const topic =
      settings.alarmEmails.length === 0
        ? undefined
        : new aws.sns.Topic(`${name}-alarms`, { name: `${settings.name}-alarms` }, parent);
    settings.alarmEmails.forEach(
      (endpoint, index) =>
        topic &&
        new aws.sns.TopicSubscription(
          `${name}-alarms-${index}`,
          { topic: topic.arn, protocol: 'email', endpoint },
          { parent: topic },
        ),
    );
    const lambda = { FunctionName: args.functionName };
    const alarms: Record<string, Alarm> = {
      'notices-old': {
        about: 'Interruption notices lie unread: the operator is away, and each costs progress.',
        ...{ namespace: 'AWS/SQS', metric: 'ApproximateAgeOfOldestMessage', statistic: 'Maximum' },
        dimensions: { QueueName: args.queueName },
        ...{ above: 120, seconds: 60, times: 3 },
      },
      'dead-letters': {
        about: 'Interruption notices that the operator could not read.',
        ...{ namespace: 'AWS/SQS', metric: 'ApproximateNumberOfMessagesVisible', statistic: 'Maximum' },
        dimensions: { QueueName: args.deadLetterQueueName },
        ...{ above: 0, seconds: 300, times: 1 },
      },
      'function-errors': {
        about: 'The prediction function ends with errors.',
        ...{ namespace: 'AWS/Lambda', metric: 'Errors', statistic: 'Sum' },
        dimensions: lambda,
        ...{ above: 5, seconds: 300, times: 2 },
      },
      'function-throttles': {
        about: 'Predictions are throttled: raise the concurrency of Lambda, or they take longer.',
        ...{ namespace: 'AWS/Lambda', metric: 'Throttles', statistic: 'Sum' },
        dimensions: lambda,
        ...{ above: 100, seconds: 300, times: 3 },
      },
    };
    for (const [what, alarm] of Object.entries(alarms))
      new aws.cloudwatch.MetricAlarm(
        `${name}-${what}`,
        {
          name: `${settings.name}-${what}`,
          alarmDescription: alarm.about,
          namespace: alarm.namespace,
          metricName: alarm.metric,
          statistic: alarm.statistic,
          dimensions: alarm.dimensions,
          comparisonOperator: 'GreaterThanThreshold',
          threshold: alarm.above,
          period: alarm.seconds,
          evaluationPeriods: alarm.times,
          treatMissingData: 'notBreaching',
          alarmActions: topic ? [topic.arn] : [],
          okActions: topic ? [topic.arn] : [],
        },
        parent,
      );
    new aws.cloudwatch.Dashboard(
      name,
      {
        dashboardName: settings.name,
        dashboardBody: pulumi.jsonStringify(
          dashboard(settings.region, [
            {
              title: 'Interruption notices',
              metrics: [
                ['AWS/SQS', 'NumberOfMessagesReceived', 'QueueName', args.queueName],
                ['AWS/SQS', 'ApproximateAgeOfOldestMessage', 'QueueName', args.queueName],
                ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName', args.deadLetterQueueName],
              ],
            },
            {
              title: 'Predictions: invocations',
              metrics: ['Invocations', 'Errors', 'Throttles'].map((metric) => [
                'AWS/Lambda',
                metric,
                'FunctionName',
                args.functionName,
              ]),
            },
            {
              title: 'Predictions: time and concurrency',
              metrics: ['Duration', 'ConcurrentExecutions'].map((metric) => [
                'AWS/Lambda',
                metric,
                'FunctionName',
                args.functionName,
              ]),
            },
            {
              title: 'Data',
              metrics: [['AWS/S3', 'BucketSizeBytes', 'BucketName', names.bucket, 'StorageType', 'StandardStorage']],
            },
          ]),
        ),
      },
      parent,
    );
    this.logGroup = logs.name;
    this.topicArn = topic?.arn;
    this.registerOutputs({ logGroup: this.logGroup });
  }
}

interface Graph {
  readonly title: string;
  readonly metrics: readonly (readonly pulumi.Input<string>[])[];
}

/** CloudWatch's dashboard body: two graphs a row, 12 × 6 units each. */
function dashboard(region: string, graphs: readonly Graph[]) {
  return {
    widgets: graphs.map(({ title, metrics }, index) => ({
      type: 'metric',
      x: (index % 2) * 12,
      y: Math.floor(index / 2) * 6,
      width: 12,
      height: 6,
      properties: { title, metrics, region, view: 'timeSeries', period: 300 },
    })),
  };
}
