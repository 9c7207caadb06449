// Who may send to the interruption queue: EventBridge, for the rules of this installation, over TLS.
import { policy, type Facts, type PolicyDocument } from './document.ts';

export function queuePolicy({ region, accountId, queueName }: Facts, ruleArns: readonly string[]): PolicyDocument {
  const queue = `arn:aws:sqs:${region}:${accountId}:${queueName}`;
  return policy(
    {
      Sid: 'Events',
      Effect: 'Allow',
      Principal: { Service: ['events.amazonaws.com'] },
      Action: ['sqs:SendMessage'],
      Resource: [queue],
      Condition: { ArnEquals: { 'aws:SourceArn': [...ruleArns] } },
    },
    {
      Sid: 'DenyWithoutTls',
      Effect: 'Deny',
      Principal: '*',
      Action: ['sqs:*'],
      Resource: [queue],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  );
}
