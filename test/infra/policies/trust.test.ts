import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import { expect } from 'chai';
import type { TrustDocument } from '../../../infra/policies/document.ts';
import { handlerTrust, personTrust, podIdentityTrust, serviceTrust } from '../../../infra/policies/trust.ts';
import { workerTrust } from '../../../infra/policies/worker.ts';
import { ACCOUNT, EVERYTHING, FOREIGN_ACCOUNT, installation, named, REGION, type Context } from './simulator.ts';

const CLUSTER = `arn:aws:eks:${REGION}:${ACCOUNT}:cluster/ours`;
const FUNCTION = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:ours-prediction`;
const ME = `arn:aws:iam::${ACCOUNT}:user/me`;
const DOCUMENTS = {
  operator: podIdentityTrust(installation, {
    ...{ clusterArn: CLUSTER, namespace: 'spotlearn-system', serviceAccount: 'spotlearn-operator' },
  }),
  handler: handlerTrust(installation),
  worker: workerTrust(installation),
  'operator without a cluster': personTrust([ME, `arn:aws:iam::${ACCOUNT}:role/server`]),
  'control plane': serviceTrust('eks.amazonaws.com'),
  node: serviceTrust('ec2.amazonaws.com'),
};
type Document = keyof typeof DOCUMENTS;

const tags = (cluster: string, namespace: string, account: string): Context => ({
  'aws:RequestTag/eks-cluster-arn': cluster,
  'aws:RequestTag/kubernetes-namespace': namespace,
  'aws:RequestTag/kubernetes-service-account': account,
});
const from = (account: string, arn?: string): Context => ({
  'aws:SourceAccount': account,
  ...(arn === undefined ? {} : { 'aws:SourceArn': arn }),
});
const PODS = 'pods.eks.amazonaws.com';
const LAMBDA = 'lambda.amazonaws.com';
const ours = { ...from(ACCOUNT), ...tags(CLUSTER, 'spotlearn-system', 'spotlearn-operator') };

type Row = [role: Document, allowed: boolean, who: string, action: string, context: Context];
const ROWS: Row[] = [
  ['operator', true, PODS, 'sts:AssumeRole', ours],
  ['operator', true, PODS, 'sts:TagSession', ours],
  ['operator', false, PODS, 'sts:AssumeRole', { ...ours, ...from(FOREIGN_ACCOUNT) }],
  ['operator', false, PODS, 'sts:AssumeRole', { ...ours, ...tags(CLUSTER, 'default', 'spotlearn-operator') }],
  ['operator', false, PODS, 'sts:AssumeRole', { ...ours, ...tags(CLUSTER, 'spotlearn-system', 'spotlearn-bot') }],
  ['operator', false, PODS, 'sts:AssumeRole', { ...ours, ...tags(CLUSTER, 'ml-user-1', 'spotlearn-operator') }],
  [
    'operator',
    false,
    PODS,
    'sts:AssumeRole',
    { ...ours, ...tags(`${CLUSTER}-2`, 'spotlearn-system', 'spotlearn-operator') },
  ],
  ['operator', false, PODS, 'sts:AssumeRole', from(ACCOUNT)],
  ['operator', false, 'ec2.amazonaws.com', 'sts:AssumeRole', ours],
  ['operator', false, LAMBDA, 'sts:AssumeRole', ours],
  ['operator', false, `arn:aws:iam::${ACCOUNT}:role/admin`, 'sts:AssumeRole', ours],
  ['operator', false, `arn:aws:sts::${ACCOUNT}:assumed-role/ours-bot/session`, 'sts:AssumeRole', ours],
  ['handler', true, LAMBDA, 'sts:AssumeRole', from(ACCOUNT, FUNCTION)],
  ['handler', true, LAMBDA, 'sts:AssumeRole', from(ACCOUNT, `${FUNCTION}:live`)],
  ['handler', true, LAMBDA, 'sts:AssumeRole', from(ACCOUNT)],
  ['handler', false, LAMBDA, 'sts:AssumeRole', from(ACCOUNT, `${FUNCTION}-2`)],
  ['handler', false, LAMBDA, 'sts:AssumeRole', from(FOREIGN_ACCOUNT, FUNCTION)],
  ['handler', false, 'edgelambda.amazonaws.com', 'sts:AssumeRole', from(ACCOUNT, FUNCTION)],
  ['handler', false, `arn:aws:iam::${ACCOUNT}:role/admin`, 'sts:AssumeRole', from(ACCOUNT, FUNCTION)],
  ['worker', true, 'ec2.amazonaws.com', 'sts:AssumeRole', {}],
  ['worker', false, LAMBDA, 'sts:AssumeRole', {}],
  ['worker', false, PODS, 'sts:AssumeRole', ours],
  ['worker', false, `arn:aws:sts::${ACCOUNT}:assumed-role/ours-operator/session`, 'sts:AssumeRole', {}],
  ['operator without a cluster', true, ME, 'sts:AssumeRole', {}],
  ['operator without a cluster', true, `arn:aws:sts::${ACCOUNT}:assumed-role/server/i-1`, 'sts:AssumeRole', {}],
  ['operator without a cluster', false, ME, 'sts:TagSession', {}],
  ['operator without a cluster', false, `arn:aws:iam::${ACCOUNT}:user/you`, 'sts:AssumeRole', {}],
  ['operator without a cluster', false, `arn:aws:iam::${FOREIGN_ACCOUNT}:user/me`, 'sts:AssumeRole', {}],
  ['operator without a cluster', false, PODS, 'sts:AssumeRole', ours],
  ['control plane', true, 'eks.amazonaws.com', 'sts:AssumeRole', {}],
  ['control plane', false, 'ec2.amazonaws.com', 'sts:AssumeRole', {}],
  ['node', true, 'ec2.amazonaws.com', 'sts:AssumeRole', {}],
  ['node', false, 'eks.amazonaws.com', 'sts:AssumeRole', {}],
];

/** Whoever comes may do everything by its own policies: the trust alone decides. */
const allowed = (document: TrustDocument, [, , principal, action, context]: Row): boolean =>
  runUnsafeSimulation(
    {
      identityPolicies: principal.startsWith('arn:') ? [{ name: 'all', policy: EVERYTHING }] : [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: named(document),
      request: {
        ...{ action, principal },
        resource: { resource: `arn:aws:iam::${ACCOUNT}:role/ours`, accountId: ACCOUNT },
        contextVariables: context as Record<string, string | string[]>,
      },
    },
    {},
  ) === 'Allowed';

describe('Who may act as a role, decided by a simulator', () => {
  for (const row of ROWS)
    it(`${row[2]} ${row[1] ? 'may' : 'may not'} act as ${row[0]} (${row[3]} ${JSON.stringify(row[4])})`, () => {
      expect(allowed(DOCUMENTS[row[0]], row)).to.equal(row[1]);
    });

  for (const [name, document] of Object.entries(DOCUMENTS) as [Document, TrustDocument][])
    for (const [at, { Sid, Condition = {}, Action }] of document.Statement.entries()) {
      const noticed = (change: (statement: TrustDocument['Statement'][number]) => object) => {
        const Statement = document.Statement.map((statement, index) =>
          index === at ? { ...statement, ...change(statement) } : statement,
        );
        return ROWS.filter(([role]) => role === name).some(
          (row) => allowed({ ...document, Statement }, row) !== row[1],
        );
      };
      for (const action of Action)
        it(`of ${name} would not be the same without ${action} of ${Sid}`, () => {
          expect(
            noticed(() => ({ Action: [...Action.filter((one) => one !== action), 'sts:GetCallerIdentity'] })),
          ).to.equal(true);
        });
      for (const [operator, keys] of Object.entries(Condition))
        for (const key of Object.keys(keys))
          it(`of ${name} would not be the same without the condition ${operator} ${key} of ${Sid}`, () => {
            const { [key]: _, ...others } = keys;
            expect(noticed(() => ({ Condition: { ...Condition, [operator]: others } }))).to.equal(true);
          });
    }

  it('lets pods of the workers’ account act as a worker that call themselves a Job’s, and nobody without a cluster', () => {
    expect(workerTrust(installation).Statement).to.have.length(1);
    const [, pods] = workerTrust(installation, 'oidc.example/id/1').Statement;
    expect(pods?.Principal).to.deep.equal({
      Federated: [`arn:aws:iam::${ACCOUNT}:oidc-provider/oidc.example/id/1`],
    });
    // Decided by the local STS in test/local/aws/iam/web-identity.test.ts.
    expect(pods?.Condition).to.deep.equal({
      StringEquals: { 'oidc.example/id/1:aud': 'sts.amazonaws.com' },
      StringLike: {
        'oidc.example/id/1:sub': 'system:serviceaccount:ml-user-*:spotlearn-worker',
        'sts:RoleSessionName': 'cluster-*',
      },
    });
  });

  it('names somebody', () => {
    expect(() => personTrust([])).to.throw('at least one principal');
  });

  it('is small enough for IAM: 2,048 characters, also with many people', () => {
    const many = Array.from({ length: 20 }, (_, at) => `arn:aws:iam::${ACCOUNT}:user/person-${at}`);
    for (const document of [
      ...Object.values(DOCUMENTS),
      workerTrust(installation, `oidc.eks.${REGION}.amazonaws.com/id/${'A'.repeat(32)}`),
      personTrust(many),
    ])
      expect(JSON.stringify(document).length).to.be.at.most(2_048);
  });
});
