// What late invocations put after the end of their job is removed too.
import { expect } from 'chai';
import { pino } from 'pino';
import type { PredictionJob } from '../../../crds/crds.generated.ts';
import { Stragglers } from '../../../operator/prediction/stragglers.ts';
import { ManualClock } from '../clock.ts';

const job = (name: string): PredictionJob => ({ metadata: { namespace: 'ml-user-1', name } }) as PredictionJob;

describe('Stragglers of predictions', () => {
  let clock: ManualClock;
  let cleaned: string[];
  const stragglers = (fail = false) =>
    new Stragglers({
      clock,
      logger: pino({ enabled: false }),
      clean: async ({ metadata }) => {
        cleaned.push(metadata?.name ?? '');
        if (fail) throw new Error('S3 is away');
      },
    });
  beforeEach(() => {
    clock = new ManualClock();
    cleaned = [];
  });

  it('are cleaned up after soon, and when none can write any more', async () => {
    stragglers().expect(job('a'), 900_000);
    await clock.advance(14_999);
    expect(cleaned).to.deep.equal([]);
    await clock.advance(1);
    expect(cleaned).to.deep.equal(['a']);
    await clock.advance(884_999);
    expect(cleaned).to.have.length(1);
    await clock.advance(1);
    expect(cleaned).to.deep.equal(['a', 'a']);
    expect(clock.pending).to.equal(0);
  });

  it('of which the clean-up fails are looked at again, and then left', async () => {
    stragglers(true).expect(job('a'), 20_000);
    await clock.advance(3_600_000);
    expect(cleaned).to.have.length(2);
  });

  it('are nobody’s any more when this process stops', async () => {
    const all = stragglers();
    all.expect(job('a'), 20_000);
    all.stop();
    await clock.advance(3_600_000);
    expect([cleaned, clock.pending]).to.deep.equal([[], 0]);
  });
});
