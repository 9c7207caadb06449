// How the operator hears of an interruption before it happens: EC2's events → EventBridge → a queue (decision 6), with a queue for
// what was received too often.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { Names } from './naming.ts';
import type { Facts } from './policies/document.ts';
import { queuePolicy } from './policies/queue.ts';

export interface InterruptionsArgs {
  names: Names;
  facts: Facts;
}

/** A notice is worthless after an hour; one that could not be read is kept for whoever looks into it. */
const NOTICE_SECONDS = 3_600;
const DEAD_LETTER_SECONDS = 14 * 86_400;
const MOST_RECEIVES = 5;
/** Longer than the operator takes for a batch of notices. */
const VISIBILITY_SECONDS = 30;

/** Names of rules → the event of EC2 each passes on (operator/interruption/notification.ts reads them). */
export const EVENTS = {
  interruption: 'EC2 Spot Instance Interruption Warning',
  rebalance: 'EC2 Instance Rebalance Recommendation',
  state: 'EC2 Instance State-change Notification',
} as const;

export class Interruptions extends pulumi.ComponentResource {
  readonly queueUrl: pulumi.Output<string>;
  readonly queueName: pulumi.Output<string>;
  readonly deadLetterQueueName: pulumi.Output<string>;

  constructor(name: string, { names, facts }: InterruptionsArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:interruptions:Interruptions', name, {}, options);
    const parent = { parent: this };
    const deadLetters = new aws.sqs.Queue(
      `${name}-dead-letters`,
      {
        name: names.deadLetterQueueName,
        messageRetentionSeconds: DEAD_LETTER_SECONDS,
        sqsManagedSseEnabled: true,
      },
      parent,
    );
    const queue = new aws.sqs.Queue(
      name,
      {
        name: names.queueName,
        messageRetentionSeconds: NOTICE_SECONDS,
        visibilityTimeoutSeconds: VISIBILITY_SECONDS,
        receiveWaitTimeSeconds: 20,
        sqsManagedSseEnabled: true,
        redrivePolicy: pulumi.jsonStringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: MOST_RECEIVES }),
      },
      parent,
    );
    const rules = Object.entries(EVENTS).map(([what, detailType]) => {
      const rule = new aws.cloudwatch.EventRule(
        `${name}-${what}`,
        {
          name: `${facts.name}-${what}`,
          description: `${detailType}, for the operator of ${facts.name}`,
          // Who owns an instance is not part of the event: the operator leaves out what is not its own.
          eventPattern: JSON.stringify({
            source: ['aws.ec2'],
            'detail-type': [detailType],
            ...(what === 'state' && ENDINGS),
          }),
        },
        parent,
      );
      new aws.cloudwatch.EventTarget(
        `${name}-${what}`,
        { rule: rule.name, arn: queue.arn, retryPolicy: { maximumEventAgeInSeconds: 300, maximumRetryAttempts: 20 } },
        { parent: rule },
      );
      return rule.arn;
    });
    new aws.sqs.QueuePolicy(
      name,
      {
        queueUrl: queue.url,
        policy: pulumi.all(rules).apply((arns) => JSON.stringify(queuePolicy(facts, arns))),
      },
      { parent: queue },
    );
    this.queueUrl = queue.url;
    this.queueName = queue.name;
    this.deadLetterQueueName = deadLetters.name;
    this.registerOutputs({ queueUrl: this.queueUrl });
  }
}

/** Starting and running tell the operator nothing that it does not see anyway. */
const ENDINGS = { detail: { state: ['shutting-down', 'stopping', 'stopped', 'terminated'] } };
