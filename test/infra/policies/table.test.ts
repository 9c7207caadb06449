import { expect } from 'chai';
import type { PolicyDocument, TrustDocument } from '../../../infra/policies/document.ts';
import { handlerTrust, personTrust, podIdentityTrust, serviceTrust } from '../../../infra/policies/trust.ts';
import { workerTrust } from '../../../infra/policies/worker.ts';
import { ACCOUNT, allows, documentsOf, installation, KEY, REGION, type Documents } from './simulator.ts';
import { TABLE, type Row } from './table.ts';

const plain = documentsOf(installation);
const withKey = documentsOf({ ...installation, kmsKeyArn: KEY });
const decide = ({ who, action, resource, context, kms }: Row, documents: { plain: Documents; withKey: Documents }) =>
  allows(kms ? documents.withKey : documents.plain, who, action, resource, context);

const told = ({ who, allowed, action, resource, about, context, kms }: Row): string => {
  const more = Object.entries(context).map(([key, value]) => `${key}=${String(value)}`);
  const circumstances = [about, ...more, kms ? 'in an installation with a key' : ''].filter((text) => text !== '');
  return `the ${who} ${allowed ? 'may' : 'may not'} ${action} ${resource}${circumstances.length > 0 ? ` (${circumstances.join(', ')})` : ''}`;
};

describe('What the policies allow, decided by a simulator', () => {
  for (const row of TABLE)
    it(told(row), () => {
      expect(decide(row, { plain, withKey })).to.equal(row.allowed);
    });

  it('is a table of at least 150 rows, more of them attacks than ways', () => {
    const allowed = TABLE.filter((row) => row.allowed).length;
    expect(TABLE.length).to.be.at.least(150);
    expect(TABLE.length - allowed).to.be.above(allowed);
    expect(new Set(TABLE.map(told)).size).to.equal(TABLE.length);
    console.log(`      ${TABLE.length} rows: ${allowed} allowed, ${TABLE.length - allowed} denied`);
  });

  type Change = (policy: PolicyDocument) => PolicyDocument;
  /**
   * Whether a row comes out otherwise when a document is changed. Where the boundary repeats what a role's policy says, both are changed, and
   * only rows that ask the role's policy count.
   */
  const noticed = (name: keyof Documents, change: Change): boolean => {
    const isRole = name in installation.roles;
    const changed = (documents: Documents): Documents => ({
      ...documents,
      ...(isRole ? { boundary: change(documents.boundary) } : {}),
      [name]: change(documents[name]),
    });
    const documents = { plain: changed(plain), withKey: changed(withKey) };
    const rows = isRole ? TABLE.filter(({ who }) => who === name) : TABLE;
    return rows.some((row) => decide(row, documents) !== row.allowed);
  };
  const names = Object.keys(plain) as (keyof Documents)[];

  for (const name of names)
    for (const { Sid } of withKey[name].Statement)
      it(`would not be the same without the statement ${Sid} of ${name}`, () => {
        const drop = (policy: PolicyDocument) => ({
          ...policy,
          Statement: policy.Statement.filter((statement) => statement.Sid !== Sid),
        });
        expect(noticed(name, drop)).to.equal(true);
      });

  for (const name of names)
    for (const { Sid, Condition = {} } of withKey[name].Statement)
      for (const [operator, keys] of Object.entries(Condition))
        for (const key of Object.keys(keys))
          it(`would not be the same without the condition ${operator} ${key} of ${Sid} of ${name}`, () => {
            const drop = (policy: PolicyDocument) => ({
              ...policy,
              Statement: policy.Statement.map((statement) => {
                if (statement.Sid !== Sid || !statement.Condition?.[operator]) return statement;
                const { [key]: _, ...others } = statement.Condition[operator];
                const { [operator]: __, ...rest } = statement.Condition;
                const Condition = Object.keys(others).length > 0 ? { ...rest, [operator]: others } : rest;
                return { ...statement, Condition };
              }),
            });
            expect(noticed(name, drop)).to.equal(true);
          });

  it('is small enough for IAM, S3 and SQS', () => {
    const size = (document: object) => JSON.stringify(document).length;
    for (const role of ['operator', 'bot', 'worker', 'handler'] as const)
      expect(size(withKey[role])).to.be.below(10_240);
    expect(size(withKey.boundary)).to.be.below(6_144);
    expect(size(withKey.bucket)).to.be.below(20_480);
    expect(size(withKey.queue)).to.be.below(65_536);
  });
});

describe('Who may act as a role', () => {
  const only = (document: TrustDocument) => {
    expect(document.Statement).to.have.length(1);
    return document.Statement[0]!;
  };
  it('is the one service account of the one cluster, for operator and bot', () => {
    const clusterArn = `arn:aws:eks:${REGION}:${ACCOUNT}:cluster/ours`;
    const statement = only(podIdentityTrust(installation, { clusterArn, namespace: 'n', serviceAccount: 's' }));
    expect(statement.Principal).to.deep.equal({ Service: ['pods.eks.amazonaws.com'] });
    expect(statement.Action).to.have.members(['sts:AssumeRole', 'sts:TagSession']);
    expect(statement.Condition).to.deep.equal({
      StringEquals: {
        'aws:SourceAccount': ACCOUNT,
        'aws:RequestTag/kubernetes-namespace': 'n',
        'aws:RequestTag/kubernetes-service-account': 's',
      },
      ArnEquals: { 'aws:SourceArn': clusterArn },
    });
  });

  it('is the one function, for the handler', () => {
    expect(only(handlerTrust(installation)).Condition?.['ArnLike']).to.deep.equal({
      'aws:SourceArn': `arn:aws:lambda:${REGION}:${ACCOUNT}:function:ours-prediction`,
    });
  });

  it('is who was named, without a cluster', () => {
    expect(only(personTrust(['arn:aws:iam::1:user/me'])).Principal).to.deep.equal({ AWS: ['arn:aws:iam::1:user/me'] });
    expect(only(serviceTrust('eks.amazonaws.com')).Principal).to.deep.equal({ Service: ['eks.amazonaws.com'] });
  });

  it('is an instance, and with a cluster a pod of the workers’ account that calls itself a Job’s', () => {
    expect(workerTrust(installation).Statement).to.have.length(1);
    const [, pods] = workerTrust(installation, 'oidc.example/id/1').Statement;
    expect(pods?.Condition?.['StringLike']).to.include({ 'sts:RoleSessionName': 'cluster-*' });
  });
});
