import { expect } from 'chai';
import { mayRead } from '../../../cloud/access.ts';
import { DEFAULT_PREFIXES } from '../../../cloud/keys.ts';
import type { PolicyDocument } from '../../../infra/policies/document.ts';
import { allows, documentsOf, EVERYTHING, installation, judge, KEY, type Documents } from './simulator.ts';
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

  it('asks only what AWS would ask: actions, resources and condition keys as its reference has them, and the same answers', async () => {
    const odd: string[] = [];
    for (const row of TABLE) {
      const { who, action, resource, context, kms, allowed } = row;
      const answer = await judge(kms ? withKey : plain, who, action, resource, context);
      // The encryption context is in the reference, but this way does not know keys with a name of ours at their end.
      const problems = answer.problems.filter((problem) => !problem.startsWith('kms:EncryptionContext:'));
      if (problems.length > 0 || (answer.problems.length === 0 && answer.allowed !== allowed))
        odd.push(`${told(row)}: ${problems.join(', ') || 'the other answer'}`);
    }
    expect(odd).to.deep.equal([]);
  });

  it('leaves whose is whose among users to the access rule, which IAM can not tell', () => {
    const names = { ...DEFAULT_PREFIXES, bucket: installation.bucket };
    for (const [what, path] of [
      ['dataset', 'datasets/user_2/a.csv'],
      ['model', 'models/user_2/m/model.onnx'],
      ['prediction', 'predictions/user_2/j/p.csv'],
    ] as const) {
      expect(allows(plain, 'bot', 's3:GetObject', `arn:aws:s3:::${installation.bucket}/${path}`, {})).to.equal(true);
      expect(mayRead(names, '2', what, `s3://${installation.bucket}/${path}`)).to.equal(true);
      for (const other of ['1', '20', '22'])
        expect(mayRead(names, other, what, `s3://${installation.bucket}/${path}`)).to.equal(false);
    }
  });

  it('follows the prefixes that are configured', () => {
    const prefixes = { datasetPrefix: 'in', modelPrefix: 'm', predictionPrefix: 'out' };
    const documents = documentsOf({ ...installation, prefixes, imageIds: undefined });
    const key = (path: string) => `arn:aws:s3:::${installation.bucket}/${path}`;
    expect(allows(documents, 'bot', 's3:PutObject', key('in/user_1/a.csv'), {})).to.equal(true);
    expect(allows(documents, 'bot', 's3:PutObject', key('datasets/user_1/a.csv'), {})).to.equal(false);
    expect(allows(documents, 'operator', 's3:PutObject', key('out/user_1/j/p.csv'), {})).to.equal(true);
    expect(allows(documents, 'operator', 's3:PutObject', key('models/user_1/m'), {})).to.equal(false);
  });

  it('is a table of at least 150 rows, more of them attacks than ways', () => {
    const allowed = TABLE.filter((row) => row.allowed).length;
    expect(TABLE.length).to.be.at.least(150);
    expect(TABLE.length - allowed).to.be.above(allowed);
    expect(new Set(TABLE.map(told)).size).to.equal(TABLE.length);
    console.log(`      ${TABLE.length} rows: ${allowed} allowed, ${TABLE.length - allowed} denied`);
  });

  type Change = (policy: PolicyDocument) => PolicyDocument;
  /** A role's policy is looked at without the boundary, which would hide what is missing in it. */
  const alone = (documents: Documents): Documents => ({ ...documents, boundary: EVERYTHING });
  const rowsOf = (name: keyof Documents) =>
    name in installation.roles ? TABLE.filter(({ who }) => who === name) : TABLE;

  it('is held by the policies of the roles without the boundary too', () => {
    const documents = { plain: alone(plain), withKey: alone(withKey) };
    for (const row of TABLE.filter(({ who }) => who in installation.roles))
      expect(decide(row, documents), told(row)).to.equal(row.allowed);
  });

  /** Whether a row comes out otherwise when a document is changed. */
  const noticed = (name: keyof Documents, change: Change): boolean => {
    const changed = (documents: Documents): Documents => ({
      ...(name in installation.roles ? alone(documents) : documents),
      [name]: change(documents[name]),
    });
    const documents = { plain: changed(plain), withKey: changed(withKey) };
    return rowsOf(name).some((row) => decide(row, documents) !== row.allowed);
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
    // Inline policies of a role, a managed policy, a bucket's, a queue's; IAM does not count spaces between words.
    const size = (document: object) => JSON.stringify(document).length;
    for (const role of ['operator', 'bot', 'worker', 'handler'] as const)
      expect(size(withKey[role])).to.be.at.most(10_240);
    expect(size(withKey.boundary)).to.be.at.most(6_144);
    for (const bucket of ['bucket', 'logs'] as const) expect(size(withKey[bucket])).to.be.at.most(20_480);
    expect(size(withKey.queue)).to.be.at.most(65_536);
  });
});
