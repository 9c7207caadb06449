import { expect } from 'chai';
import { readSettings, type SettingsError } from '../../infra/configuration.ts';
import { choose, typesNeeded, type Answers } from '../../infra/preflight.ts';

const settings = (more: Record<string, string> = {}) =>
  readSettings({ 'aws:region': 'eu-central-1', 'spotlearn:telegramToken': `1:${'a'.repeat(30)}`, ...more }, 'dev');
const answers: Answers = {
  zones: ['eu-central-1a', 'eu-central-1b', 'eu-central-1c', 'eu-central-1d'],
  offered: ['m5.large', 't4g.small', 't4g.medium', 't3.small', 'g5g.xlarge', 'g4dn.xlarge', 'a1.medium'],
  bucket: 'free',
};
const refused = (more: Record<string, string>, given: Partial<Answers> = {}) => {
  try {
    choose(settings(more), 'the-bucket', { ...answers, ...given });
    return [];
  } catch (error) {
    return (error as SettingsError).problems;
  }
};

describe('What a region and an account must have', () => {
  it('chooses as many zones as wanted and the processor of the nodes', () => {
    expect(choose(settings(), 'b', answers)).to.deep.equal({ zones: answers.zones.slice(0, 3), architecture: 'arm64' });
    expect(choose(settings({ 'spotlearn:nodeTypes': 't3.small' }), 'b', answers).architecture).to.equal('x86_64');
    expect(choose(settings({ 'spotlearn:nodeTypes': 'g4dn.xlarge' }), 'b', answers).architecture).to.equal('x86_64');
    expect(choose(settings({ 'spotlearn:nodeTypes': 'g5g.xlarge,a1.medium' }), 'b', answers).architecture).to.equal(
      'arm64',
    );
  });

  it('refuses a region with one zone, or with none for this account', () => {
    expect(refused({}, { zones: ['eu-central-1a'] })[0]).to.match(
      /^aws:region is eu-central-1, .* one zone; allowed: /,
    );
    expect(refused({}, { zones: [] })[0]).to.include('no zone');
    const network = { 'spotlearn:vpcId': 'vpc-12345678', 'spotlearn:subnetIds': 'subnet-12345678,subnet-12345679' };
    expect(refused(network, { zones: ['eu-central-1a'] })).to.deep.equal([]);
  });

  it('refuses types that the region does not have, by key', () => {
    const found = refused({}, { offered: ['t4g.small'] });
    expect(found).to.have.length(2);
    expect(found[0]).to.include('spotlearn:defaultInstanceType names m5.large, which eu-central-1 does not offer');
    expect(found[1]).to.include('spotlearn:nodeTypes names t4g.medium');
  });

  it('asks for no nodes where none are made', () => {
    expect(typesNeeded(settings({ 'spotlearn:cluster': 'none' }))).to.deep.equal(['m5.large']);
    expect(refused({ 'spotlearn:cluster': 'none' }, { offered: ['m5.large'] })).to.deep.equal([]);
  });

  it('refuses a bucket name that another account has, and nodes of two kinds', () => {
    expect(refused({}, { bucket: 'taken' })[0]).to.include('the name the-bucket belongs to another account');
    expect(refused({}, { bucket: 'ours' })).to.deep.equal([]);
    expect(refused({ 'spotlearn:nodeTypes': 't4g.small,t3.small' })[0]).to.include('of two architectures');
  });
});
