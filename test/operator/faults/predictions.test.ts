// Every scenario once, and a sample of its kill matrix, in every run of the tests; `npm run faults -- predictions` plays all of it.
import { expect } from 'chai';
import { KubernetesError } from '../../../operator/runtime/kubernetes.ts';
import { SIDES } from '../doom.ts';
import { Random } from '../simulation/random.ts';
import { unreachable } from '../simulation/weather.ts';
import { matrixOf } from './matrix.ts';
import { doomed, PREDICTIONS, undoomed } from './predictions.ts';

/** One call in so many, another one for every scenario and side. */
const ONE_IN = 113;

describe('A prediction whose invocations go wrong, under an operator killed, cut off or paused', function () {
  this.timeout(180_000);

  it('ends with the table and its predictions, byte for byte, or says why not; nothing is left, nothing is paid twice', async () => {
    const { text, runs, failures } = await matrixOf(
      PREDICTIONS,
      { undoomed, doomed },
      (scenario, side, call) => (call * 7 + scenario * 11 + side * 29) % ONE_IN === 0,
    );
    console.log(`\n${text}\n${runs} runs, a sample; npm run faults -- predictions plays every call`);
    expect(runs).to.be.greaterThan(SIDES.length);
    expect(failures).to.deep.equal([]);
  });

  for (const seed of [1, 2, 3])
    it(`ends right though one call in ten to S3 and Kubernetes fails, before or after it took effect (${seed})`, async () => {
      const { violations } = await undoomed({
        name: 'weather',
        rows: 288,
        fate: (_, nth) => (nth === 1 && seed === 2 ? 'unheard' : undefined),
        plot: ({ sim }) => {
          const random = new Random(seed);
          sim.weather.rule(({ service }) => {
            if (!random.chance(0.1)) return undefined;
            const error = service === 'kubernetes' ? new KubernetesError('Unreachable', 'no answer') : unreachable();
            return random.chance(0.5) ? { after: error } : { before: error };
          });
        },
      });
      expect(violations).to.deep.equal([]);
    });
});
