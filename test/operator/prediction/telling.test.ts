import { expect } from 'chai';
import { Alarm, Telling } from '../../../operator/prediction/telling.ts';
import { ManualClock } from '../clock.ts';

describe('A run that does something of itself', () => {
  it('asks for a status once a second however much happens, and at once when it matters', async () => {
    const clock = new ManualClock();
    const told: number[] = [];
    const began = clock.now();
    const telling = new Telling(clock, () => told.push(clock.now() - began));
    for (let tenth = 0; tenth < 35; tenth += 1) {
      for (let chunk = 0; chunk < 20; chunk += 1) telling.soon();
      await clock.advance(100);
    }
    expect(told).to.deep.equal([1_000, 2_000, 3_000]);
    telling.now();
    expect(told.at(-1)).to.equal(3_500);
    telling.soon();
    telling.stop();
    await clock.advance(10_000);
    expect(told).to.have.length(4);
    expect(clock.pending).to.equal(0);
  });

  it('wakes up once, at the earliest time it was set to, and again when it is set again', async () => {
    const clock = new ManualClock();
    const rung: number[] = [];
    const began = clock.now();
    const alarm = new Alarm(clock, () => rung.push(clock.now() - began));
    for (const at of [5_000, 2_000, 3_000]) alarm.at(began + at);
    await clock.advance(10_000);
    expect(rung).to.deep.equal([2_000]);
    alarm.at(began + 12_000);
    await clock.advance(10_000);
    expect(rung).to.deep.equal([2_000, 12_000]);
    alarm.at(began + 30_000);
    alarm.stop();
    await clock.advance(20_000);
    expect(rung).to.have.length(2);
  });
});
