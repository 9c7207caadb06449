import { readFileSync } from 'node:fs';
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

  it('carries the dead-man switch: two days of life, 15 minutes without a heartbeat, off whatever the worker’s end', () => {
    const script = userData(facts);
    expect(script).to.include('LIFETIME_SECONDS:-172800}').and.include('IDLE_SECONDS:-900}');
    expect(script).to.match(/export SPOTLEARN_ALIVE_FILE=/);
    expect(script)
      .to.match(/^trap finish EXIT$/m)
      .and.match(/^power_off\(\) \{ shutdown -h now \|\| poweroff -f; \}$/m);
  });

  it('is the same for every job: it has no other place to fill in than the installation’s facts', () => {
    const places = [...readFileSync('trainer/boot.sh', 'utf8').matchAll(/\{\{([A-Z0-9_]+)\}\}/g)].map(
      ([, name]) => name,
    );
    expect(places).to.have.members([
      ...[
        'BUCKET',
        'REGION',
        'ROLE_ID',
        'LOG_GROUP',
        'BUNDLE_KEY',
        'BUNDLE_SHA256',
        'BUNDLE_KEY_ARM64',
        'BUNDLE_SHA256_ARM64',
      ],
    ]);
    expect(userData(facts)).to.equal(userData({ ...facts }));
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
