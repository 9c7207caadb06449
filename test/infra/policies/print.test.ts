import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { PolicyDocument } from '../../../infra/policies/document.ts';
import { printed } from '../../../infra/policies/print.ts';
import { ACCOUNT, KEY, REGION } from './simulator.ts';

const needed = ['--account', ACCOUNT, '--region', REGION];
const read = (text: string) => JSON.parse(text) as Record<string, PolicyDocument>;

describe('What an administrator gives to whoever deploys', () => {
  it('is printed as policies by name, of the installation that is meant', () => {
    const policies = read(printed([...needed, '--name', 'ours', '--bucket', 'ours-bucket', '--kms', KEY]));
    expect(policies).to.have.all.keys('identities', 'network', 'services', 'data', 'cluster');
    expect(JSON.stringify(policies['data'])).to.include('arn:aws:s3:::ours-bucket/artefacts/*').and.include(KEY);
    expect(JSON.stringify(policies['identities'])).to.include(`arn:aws:iam::${ACCOUNT}:policy/ours-boundary`);
  });

  it('goes without what there will be no cluster for', () => {
    expect(read(printed([...needed, '--cluster', 'none']))).not.to.have.property('cluster');
    const existing = read(printed([...needed, '--cluster', 'existing', '--cluster-name', 'theirs', '--vpc', 'vpc-1']));
    expect(JSON.stringify(existing['cluster'])).to.include('cluster/theirs').and.not.include('eks:CreateCluster');
    expect(JSON.stringify(existing['network'])).to.include('vpc/vpc-1');
  });

  it('comes from the command line', () => {
    const text = execFileSync(process.execPath, ['infra/policies/print.ts', ...needed], { encoding: 'utf8' });
    expect(text).to.equal(printed(needed));
  });

  it('is refused with what is missing', () => {
    expect(() => printed([])).to.throw('--account is the 12 digits');
    expect(() => printed(['--account', '1', '--region', REGION])).to.throw('--account is the 12 digits');
    expect(() => printed(['--account', ACCOUNT])).to.throw('--region is missing');
    expect(() => printed([...needed, '--cluster', 'huge'])).to.throw('--cluster is new, existing or none');
    expect(() => printed([...needed, '--colour', 'red'])).to.throw("'--colour'");
  });
});
