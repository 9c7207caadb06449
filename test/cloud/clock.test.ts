import { expect } from 'chai';
import { sleep, systemClock, type Clock } from '../../cloud/clock.ts';

describe('The clock', () => {
  it('calls later, unless cancelled', async () => {
    const clock = systemClock();
    const calls: string[] = [];
    clock.after(0, () => calls.push('never'))();
    await new Promise<void>((resolve) => clock.after(-5, () => (calls.push('now'), resolve())));
    expect(calls).to.deep.equal(['now']);
    expect(Math.abs(clock.now() - Date.now())).to.be.below(1000);
  });

  it('sleeps until the time or the signal, whichever is first', async () => {
    await sleep(systemClock({ unref: false }), 1);
    const never: Clock = { now: () => 0, after: () => () => undefined };
    const stop = new AbortController();
    const slept = sleep(never, 1e9, stop.signal);
    stop.abort();
    await slept;
    await sleep(never, 1e9, stop.signal);
  });
});
