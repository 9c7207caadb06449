// Decides requests by all documents that AWS would ask at once: the role's policy, its boundary, the policy of the resource. Documents are
// handed in, so that a test may take a statement out and see who notices.
import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import { permissionsBoundary } from '../../../infra/policies/boundary.ts';
import { botPolicy } from '../../../infra/policies/bot.ts';
import { bucketPolicy } from '../../../infra/policies/bucket.ts';
import { roleNames, type Installation, type PolicyDocument } from '../../../infra/policies/document.ts';
import { handlerPolicy } from '../../../infra/policies/handler.ts';
import { logsBucketPolicy } from '../../../infra/policies/logs-bucket.ts';
import { operatorPolicy } from '../../../infra/policies/operator.ts';
import { queuePolicy } from '../../../infra/policies/queue.ts';
import { workerPolicy } from '../../../infra/policies/worker.ts';

export const ACCOUNT = '111122223333';
export const FOREIGN_ACCOUNT = '999988887777';
export const REGION = 'eu-central-1';
export const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef`;
export const RULE = `arn:aws:events:${REGION}:${ACCOUNT}:rule/ours-interruption`;
export const ROLE_ID = 'AROAOURSWORKERXXXXXXX';

export const installation: Installation = {
  name: 'ours',
  region: REGION,
  accountId: ACCOUNT,
  bucket: 'ours-bucket',
  launchTemplateId: 'lt-0123456789abcdef0',
  imageIds: ['ami-0123456789abcdef0'],
  logGroup: '/aws/ec2/ml-training/ours',
  functionName: 'ours-prediction',
  queueName: 'ours-interruptions',
  roles: roleNames('ours'),
};

export type Role = 'operator' | 'bot' | 'worker' | 'handler';
export type Documents = Record<Role | 'boundary' | 'bucket' | 'logs' | 'queue', PolicyDocument>;

export const documentsOf = (facts: Installation): Documents => ({
  operator: operatorPolicy(facts),
  bot: botPolicy(facts),
  worker: workerPolicy(facts),
  handler: handlerPolicy(facts),
  boundary: permissionsBoundary(facts),
  bucket: bucketPolicy(facts, [`arn:aws:iam::${ACCOUNT}:role/deployer`]),
  logs: logsBucketPolicy(facts),
  queue: queuePolicy(facts, [RULE]),
});

/** The roles; `fat*`: the same with everything attached to it, so that only the boundary holds; people and services. */
export type Who =
  | Role
  | 'fat worker'
  | 'root'
  | 'deployer'
  | 'nosy role'
  | 'foreign account'
  | 'EventBridge'
  | 'S3 logging'
  | 'Lambda';

export type Context = Readonly<Record<string, string | readonly string[]>>;

const EVERYTHING: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'All', Effect: 'Allow', Action: ['*'], Resource: ['*'] }],
};
const SERVICES: Partial<Record<Who, string>> = {
  EventBridge: 'events.amazonaws.com',
  'S3 logging': 'logging.s3.amazonaws.com',
  Lambda: 'lambda.amazonaws.com',
};

/** The policy of the resource, where it has one. */
function policyOf(resource: string, documents: Documents): PolicyDocument | undefined {
  if (/^arn:aws:s3:::ours-bucket(\/|$)/.test(resource)) return documents.bucket;
  if (/^arn:aws:s3:::ours-bucket-log(\/|$)/.test(resource)) return documents.logs;
  if (resource === `arn:aws:sqs:${REGION}:${ACCOUNT}:ours-interruptions`) return documents.queue;
  if (resource.startsWith('arn:aws:kms:')) return KEY_POLICY;
  return undefined;
}

/** A key's policy as KMS writes it: the account's IAM decides. */
const KEY_POLICY: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Account',
      Effect: 'Allow',
      Principal: { AWS: [`arn:aws:iam::${ACCOUNT}:root`] },
      Action: ['kms:*'],
      Resource: ['*'],
    },
  ],
};

interface Identity {
  readonly principal: string;
  readonly policies: readonly PolicyDocument[];
  readonly boundary: PolicyDocument | undefined;
  readonly variables: Record<string, string>;
}

function identityOf(who: Who, documents: Documents): Identity {
  const service = SERVICES[who];
  if (service !== undefined)
    return {
      principal: service,
      policies: [],
      boundary: undefined,
      variables: { 'aws:PrincipalIsAWSService': 'true' },
    };
  const account = who === 'foreign account' ? FOREIGN_ACCOUNT : ACCOUNT;
  if (who === 'root')
    return {
      principal: `arn:aws:iam::${ACCOUNT}:root`,
      policies: [EVERYTHING],
      boundary: undefined,
      variables: {
        'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:root`,
        'aws:PrincipalAccount': ACCOUNT,
        'aws:userid': ACCOUNT,
      },
    };
  const own = who in installation.roles;
  const role = own
    ? installation.roles[who as Role]
    : who === 'fat worker'
      ? installation.roles.worker
      : who.replace(' ', '-');
  const session = who === 'worker' || who === 'fat worker' ? 'i-0aa' : 'session';
  return {
    principal: `arn:aws:sts::${account}:assumed-role/${role}/${session}`,
    policies: own ? [documents[who as Role]] : [EVERYTHING],
    boundary: own || who === 'fat worker' ? documents.boundary : undefined,
    variables: {
      'aws:PrincipalArn': `arn:aws:iam::${account}:role/${role}`,
      'aws:PrincipalAccount': account,
      'aws:userid': `${ROLE_ID}:${session}`,
    },
  };
}

/** Whether AWS would let the request through. Over TLS, in our region and of our account's resource unless the context says otherwise. */
export function allows(
  documents: Documents,
  who: Who,
  action: string,
  resource: string,
  context: Context = {},
): boolean {
  const { principal, policies, boundary, variables } = identityOf(who, documents);
  const resourcePolicy = policyOf(resource, documents);
  const result = runUnsafeSimulation(
    {
      identityPolicies: policies.map((policy, index) => ({ name: `policy-${index}`, policy })),
      permissionBoundaryPolicies: boundary && [{ name: 'boundary', policy: boundary }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      // The simulator takes a resource policy's name for granted (0.1.173) and reads one only from this wrapper of its own.
      resourcePolicy: resourcePolicy && {
        __validated: true,
        policyDocument: resourcePolicy,
        metadata: { name: 'resource-policy' },
        errors: [],
      },
      request: {
        action,
        principal,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: {
          'aws:SecureTransport': 'true',
          'aws:RequestedRegion': REGION,
          ...variables,
          ...(context as Record<string, string | string[]>),
        },
      },
    },
    {},
  );
  return result === 'Allowed';
}
