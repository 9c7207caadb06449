// Outages of everything around the operator; `npm run faults -- outages` plays them at every moment of a job's life.
import { expect } from 'chai';
import { OUTAGES, outageTable, survive, type Survived } from './outages.ts';

/** Of those that come at four moments, one or two. */
const sampled = OUTAGES.filter(
  ({ name }) => !/, while (booting|finishing)|(EC2|SQS|back).*launching|forward.*running/.test(name),
);

describe('With the world away or in a mood, the operator', function () {
  this.timeout(120_000);
  const survived = new Map<string, Survived>();
  after(() => console.log(`\n${outageTable(survived)}`));

  for (const outage of sampled)
    it(`recovers nothing falsely and loses no job: ${outage.name}`, async () => {
      const found = await survive(outage);
      survived.set(outage.name, found);
      expect(found.violations).to.deep.equal([]);
      expect(found.interruptions).to.equal(2);
    });
});
