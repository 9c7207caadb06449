// A sample of the kill matrix in every run of the tests; `npm run faults -- kill` plays all of it.
import { expect } from 'chai';
import { SIDES } from '../doom.ts';
import { doomed, undoomed } from './kill.ts';
import { matrixOf } from './matrix.ts';
import { SCENARIOS } from './scenarios.ts';

/** One call in so many, another one for every scenario and side. */
const ONE_IN = 37;

describe('An operator killed, cut off or paused at a call that changes the world', function () {
  this.timeout(180_000);

  it('leaves nothing running, launches nothing twice, loses no attempt, and the job ends right', async () => {
    const { text, runs, failures } = await matrixOf(
      SCENARIOS,
      { undoomed, doomed },
      (scenario, side, call) => (call * 7 + scenario * 5 + side * 3) % ONE_IN === 0,
    );
    console.log(`\n${text}\n${runs} runs, a sample; npm run faults -- kill plays every call`);
    expect(runs).to.be.greaterThan(SCENARIOS.length * SIDES.length);
    expect(failures).to.deep.equal([]);
  });
});
