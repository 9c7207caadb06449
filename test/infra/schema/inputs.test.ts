import { expect } from 'chai';
import { programOf, type Recorded } from '../mocks.ts';
import { WAYS } from '../ways.ts';
import { checkInputs } from './inputs.ts';

const made = (type: string, inputs: Record<string, unknown>): Recorded => ({
  ...{ type, name: 'the wrong one', inputs, secrets: [], urn: '', id: '', parent: undefined, provider: undefined },
  ...{ protect: false, retain: false, dependsOn: [], custom: true },
});

/** Each wrong in one way, and a word of what is said of it. */
const WRONG: [Recorded, string][] = [
  [made('aws:sqs/queue:Queue', { name: 'q', messageRetentionSecond: 60 }), 'messageRetentionSecond'],
  [made('aws:sqs/queue:Queue', { name: 7 }), "'number' is not assignable"],
  [made('aws:s3/bucketObjectv2:BucketObjectv2', { bucket: 'b', sauce: 'x' }), 'sauce'],
  [made('aws:iam/role:Role', { name: 'r' }), 'assumeRolePolicy'],
  [made('aws:ec2/launchTemplate:LaunchTemplate', { metadataOptions: { httpToken: 'required' } }), 'httpToken'],
  [made('aws:s3/bucket:Bucket', { bucket: 'b', acl: 'private' }), 'acl is deprecated'],
  [made('docker-build:index:Image', { push: true, platforms: ['linux/amd6'] }), 'linux/amd6'],
];

describe('The provider’s own schema', function () {
  this.timeout(120_000);
  let all: Recorded[];
  let found: string[];
  // Both at once: the compiler takes seconds to read the schema.
  before(async () => {
    all = [];
    for (const run of Object.values(WAYS)) all.push(...(await programOf(run)).resources);
    found = checkInputs([...all, ...WRONG.map(([resource]) => resource)]);
  });
  const ofTheWrong = (sentence: string) => sentence.includes(' the wrong one: ');

  it('has every input of every resource, in every way to install', () => {
    expect(all.filter(({ type }) => type.startsWith('aws:')).length).to.be.above(200);
    expect(found.filter((sentence) => !ofTheWrong(sentence))).to.deep.equal([]);
  });

  it('would say what is not in it', () => {
    for (const [, words] of WRONG)
      expect(
        found.filter(ofTheWrong).some((sentence) => sentence.includes(words)),
        words,
      ).to.equal(true);
  });
});
