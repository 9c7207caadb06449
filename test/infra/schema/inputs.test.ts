import { expect } from 'chai';
import { programOf, type Recorded } from '../mocks.ts';
import { WAYS } from '../ways.ts';
import { checkInputs } from './inputs.ts';

const made = (type: string, inputs: Record<string, unknown>): Recorded => ({
  ...{ type, name: 'one', inputs, secrets: [], urn: '', id: '', parent: undefined, provider: undefined },
  ...{ protect: false, retain: false, dependsOn: [], custom: true },
});

describe('The provider’s own schema', function () {
  this.timeout(120_000);

  it('has every input of every resource, in every way to install', async () => {
    const all: Recorded[] = [];
    for (const run of Object.values(WAYS)) all.push(...(await programOf(run)).resources);
    expect(all.filter(({ type }) => type.startsWith('aws:')).length).to.be.above(200);
    expect(checkInputs(all)).to.deep.equal([]);
  });

  it('would say what is not in it', () => {
    const queue = 'aws:sqs/queue:Queue';
    const wrong: [Recorded, string][] = [
      [made(queue, { name: 'q', messageRetentionSecond: 60 }), 'messageRetentionSecond'],
      [made(queue, { name: 7 }), "'number' is not assignable"],
      [made('aws:s3/bucketObjectv2:BucketObjectv2', { bucket: 'b', sauce: 'x' }), 'sauce'],
      [made('aws:iam/role:Role', { name: 'r' }), 'assumeRolePolicy'],
      [made('aws:ec2/launchTemplate:LaunchTemplate', { metadataOptions: { httpToken: 'required' } }), 'httpToken'],
      [made('aws:s3/bucket:Bucket', { bucket: 'b', acl: 'private' }), 'deprecated'],
      [made('docker-build:index:Image', { push: true, platforms: ['linux/amd6'] }), 'linux/amd6'],
    ];
    const found = checkInputs(wrong.map(([resource]) => resource));
    for (const [, words] of wrong)
      expect(
        found.some((sentence) => sentence.includes(words)),
        words,
      ).to.equal(true);
  });
});
