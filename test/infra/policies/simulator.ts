// Decides requests by all documents that AWS would ask at once: the role's policy, its boundary, the policy of the resource. Documents are
// handed in, so that a test may take a statement out and see who notices.
import { runSimulation, runUnsafeSimulation, type Simulation } from '@cloud-copilot/iam-simulate';
import { permissionsBoundary } from '../../../infra/policies/boundary.ts';
import { botPolicy } from '../../../infra/policies/bot.ts';
import { bucketPolicy } from '../../../infra/policies/bucket.ts';
import {
  roleNames,
  type Installation,
  type PolicyDocument,
  type TrustDocument,
} from '../../../infra/policies/document.ts';
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

/**
 * The roles; `fat …`: the same with everything attached to it, so that only boundary and resource hold it; people and services. `invited
 * account`: one that somebody later lets into the bucket by a statement of its own.
 */
export type Who =
  | Role
  | `fat ${Role}`
  | 'root'
  | 'deployer'
  | 'nosy role'
  | 'foreign account'
  | 'invited account'
  | 'EventBridge'
  | 'S3 logging'
  | 'Lambda';

export type Context = Readonly<Record<string, string | readonly string[]>>;

export const EVERYTHING: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'All', Effect: 'Allow', Action: ['*'], Resource: ['*'] }],
};
const SERVICES: Partial<Record<Who, string>> = {
  EventBridge: 'events.amazonaws.com',
  'S3 logging': 'logging.s3.amazonaws.com',
  Lambda: 'lambda.amazonaws.com',
};

/** A role of the account that trusts, by mistake or malice, a worker's session. */
export const TRUSTING_ROLE = `arn:aws:iam::${ACCOUNT}:role/trusting`;
const TRUST: TrustDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Session',
      Effect: 'Allow',
      Action: ['sts:AssumeRole'],
      Principal: { AWS: [`arn:aws:sts::${ACCOUNT}:assumed-role/ours-worker/i-0aa`] },
    },
  ],
};

/** A key's policy as KMS writes it: the account's IAM decides. */
export const KEY_POLICY: PolicyDocument = {
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

/** The policy of the resource, where it has one. */
function policyOf(who: Who, resource: string, documents: Documents): PolicyDocument | TrustDocument | undefined {
  if (/^arn:aws:s3:::ours-bucket(\/|$)/.test(resource)) {
    const { bucket } = documents;
    if (who !== 'invited account') return bucket;
    const invitation = {
      Sid: 'Invitation',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:*'],
      Resource: ['*'],
    } as const;
    return { ...bucket, Statement: [...bucket.Statement, { ...invitation, Action: ['s3:*'], Resource: ['*'] }] };
  }
  if (/^arn:aws:s3:::ours-bucket-log(\/|$)/.test(resource)) return documents.logs;
  if (resource === `arn:aws:sqs:${REGION}:${ACCOUNT}:ours-interruptions`) return documents.queue;
  if (resource.startsWith('arn:aws:kms:')) return KEY_POLICY;
  return resource === TRUSTING_ROLE ? TRUST : undefined;
}

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
  const account = who.endsWith(' account') ? FOREIGN_ACCOUNT : ACCOUNT;
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
  const fat = who.startsWith('fat ');
  const own = who.replace(/^fat /, '') as Role;
  const ours = own in installation.roles;
  const role = ours ? installation.roles[own] : who.replace(' ', '-');
  const session = own === 'worker' ? 'i-0aa' : 'session';
  return {
    principal: `arn:aws:sts::${account}:assumed-role/${role}/${session}`,
    policies: ours && !fat ? [documents[own]] : [EVERYTHING],
    boundary: ours ? documents.boundary : undefined,
    variables: {
      'aws:PrincipalArn': `arn:aws:iam::${account}:role/${role}`,
      'aws:PrincipalAccount': account,
      'aws:userid': `${ROLE_ID}:${session}`,
    },
  };
}

/** The simulator takes a resource policy's name for granted (0.1.173) and reads one only from this wrapper of its own. */
export const named = (policy: PolicyDocument | TrustDocument | undefined): object | undefined =>
  policy && {
    __validated: true,
    policyDocument: policy,
    metadata: { name: 'resource-policy' },
    errors: [],
  };

/** Over TLS, in our region and of our account's resource unless the context says otherwise. */
function requestOf(documents: Documents, who: Who, action: string, resource: string, context: Context): Simulation {
  const { principal, policies, boundary, variables } = identityOf(who, documents);
  return {
    identityPolicies: policies.map((policy, index) => ({ name: `policy-${index}`, policy })),
    permissionBoundaryPolicies: boundary && [{ name: 'boundary', policy: boundary }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: named(policyOf(who, resource, documents)),
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
  };
}

/** Whether AWS would let the request through. */
export const allows = (documents: Documents, who: Who, action: string, resource: string, context: Context): boolean =>
  runUnsafeSimulation(requestOf(documents, who, action, resource, context), {}) === 'Allowed';

/**
 * The same by the simulator's strict way, which knows from AWS's service authorization reference which actions there are, on what they act
 * and which condition keys a request for them has: `problems` names what AWS would not ask like this.
 */
export async function judge(
  documents: Documents,
  who: Who,
  action: string,
  resource: string,
  context: Context,
): Promise<{ allowed: boolean; problems: readonly string[] }> {
  // EC2 asks for what is still to be made as `instance/*`, which the strict way takes for a question about all there are.
  const one = resource === '*' ? resource : resource.replace(/\*$/, 'one');
  const answer = await runSimulation(requestOf(documents, who, action, one, context), {});
  if (answer.resultType === 'error') return { allowed: false, problems: [answer.errors.message] };
  const problems = answer.resultType === 'single' ? (answer.result.ignoredContextKeys ?? []) : ['wildcard'];
  return { allowed: answer.overallResult === 'Allowed', problems };
}
