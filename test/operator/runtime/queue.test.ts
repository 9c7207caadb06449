import { expect } from 'chai';
import { BACKOFF, Queue } from '../../../operator/runtime/queue.ts';
import { ManualClock, settled } from '../clock.ts';

describe('The work queue', () => {
  let clock: ManualClock;
  let queue: Queue;
  beforeEach(() => {
    clock = new ManualClock();
    queue = new Queue(clock);
  });

  it('holds a key once, however often it is added', async () => {
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.depth).to.equal(2);
    expect([await queue.take(), await queue.take()]).to.deep.equal(['a', 'b']);
  });

  it('never hands out a key that is in work, and hands it out again afterwards', async () => {
    queue.add('a');
    await queue.take();
    queue.add('a');
    expect(queue.depth).to.equal(0);
    queue.done('a');
    expect(await queue.take()).to.equal('a');
    queue.done('a');
    expect(queue.depth).to.equal(0);
  });

  it('adds later what is added for later, at the earliest of several times', async () => {
    queue.addAfter('a', 5_000);
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 3_000);
    await clock.advance(999);
    expect(queue.depth).to.equal(0);
    await clock.advance(1);
    expect(queue.depth).to.equal(1);
    await clock.advance(10_000);
    expect(queue.depth).to.equal(1);
  });

  it('forgets the later time when the key is added now', async () => {
    queue.addAfter('a', 5_000);
    queue.add('a');
    await queue.take();
    queue.done('a');
    await clock.advance(10_000);
    expect(queue.depth).to.equal(0);
  });

  it('waits twice as long after each failure in a row, two minutes at most, and starts over when forgotten', async () => {
    const waits: number[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      const before = clock.now();
      queue.addRateLimited('a');
      const taken = queue.take().then(() => waits.push(clock.now() - before));
      await clock.advance(BACKOFF.mostMs);
      await taken;
      queue.done('a');
    }
    expect(waits.slice(0, 4)).to.deep.equal([200, 400, 800, 1600]);
    expect(waits.at(-1)).to.equal(BACKOFF.mostMs);
    expect(queue.failures('a')).to.equal(12);
    queue.forget('a');
    expect(queue.failures('a')).to.equal(0);
  });

  it('tells how long a key waited', async () => {
    const waits: number[] = [];
    queue = new Queue(clock, (ms) => waits.push(ms));
    queue.add('a');
    await clock.advance(70);
    await queue.take();
    expect(waits).to.deep.equal([70]);
  });

  it('gives waiting takers undefined once closed, and takes nothing any more', async () => {
    const taken = queue.take();
    queue.addAfter('a', 5);
    queue.close();
    expect(await taken).to.equal(undefined);
    queue.add('b');
    queue.addAfter('b', 1);
    expect(await queue.take()).to.equal(undefined);
    expect(clock.pending).to.equal(0);
  });
});

describe('A key that somebody waits for', () => {
  it('is settled when nothing of it waits, runs or is to be tried again', async () => {
    const queue = new Queue(new ManualClock());
    const seen: string[] = [];
    await queue.settled('a');
    queue.add('a');
    void queue.settled('a').then(() => seen.push('settled'));
    await queue.take();
    queue.add('a');
    queue.done('a');
    await settled();
    expect(seen).to.deep.equal([]);
    await queue.take();
    queue.addRateLimited('a');
    queue.done('a');
    await settled();
    expect(seen).to.deep.equal([]);
    queue.add('a');
    await queue.take();
    queue.forget('a');
    queue.done('a');
    await settled();
    expect(seen).to.deep.equal(['settled']);
  });
});
