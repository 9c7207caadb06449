import { expect } from 'chai';
import { userData, type BootFacts } from '../../infra/userdata.ts';

const facts: BootFacts = {
  bucket: 'ours',
  region: 'eu-central-1',
  roleId: 'AROAEXAMPLE',
  bundleKey: 'artefacts/worker/ab.tar.gz',
  bundleSha256: 'ab'.repeat(32),
  logGroup: '/aws/ec2/ml-training',
};

describe('User data', () => {
  it('is the worker’s boot script with the installation’s facts, within EC2’s 16 KiB', () => {
    const script = userData(facts);
    expect(script)
      .to.match(/^#!/)
      .and.include('artefacts/worker/ab.tar.gz')
      .and.include('AROAEXAMPLE')
      .and.include('ab'.repeat(32));
    expect(script).not.to.match(/\{\{[A-Z]/);
    expect(Buffer.byteLength(script)).to.be.below(16_384);
  });

  it('lets no text become a command', () => {
    expect(() => userData({ ...facts, bucket: 'x; rm -rf /' })).to.throw('BUCKET is not plain text');
    expect(() => userData({ ...facts, logGroup: '$(id)' })).to.throw('LOG_GROUP is not plain text');
  });

  it('says when the script asks for what nobody provides, or is too long', () => {
    expect(() => userData(facts, 'x {{COLOUR}}')).to.throw('{{COLOUR}}');
    expect(() => userData(facts, 'x'.repeat(17_000))).to.throw('16 KiB');
  });
});
