// What the prediction function may do (decision 8): write its log. Data comes and goes by presigned URLs.
import { policy, type Facts, type PolicyDocument } from './document.ts';

export function handlerPolicy({ region, accountId, functionName }: Facts): PolicyDocument {
  return policy({
    Sid: 'Log',
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: [`arn:aws:logs:${region}:${accountId}:log-group:/aws/lambda/${functionName}:log-stream:*`],
  });
}
