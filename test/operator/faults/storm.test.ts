// Forty jobs in an interruption storm; `npm run faults -- storm` does it with two hundred.
import { expect } from 'chai';
import { storm } from './storm.ts';

describe('In a storm of interruptions and droughts', function () {
  this.timeout(120_000);

  it('every job ends with the model of an uninterrupted training, and no more than an interval of work is lost', async () => {
    const { summary, violations, interruptions, jobs, attempts } = await storm({ jobs: 40, seed: 2026 });
    console.log(`\n${summary}`);
    expect(violations).to.deep.equal([]);
    expect(jobs).to.equal(40);
    expect(interruptions).to.be.greaterThan(20);
    expect(attempts).to.be.greaterThan(60);
  });
});
