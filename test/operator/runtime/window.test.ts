// What merges calls: windows, mergers and token buckets, on a clock of its own.
import { expect } from 'chai';
import { Merger, TokenBucket, Window, WINDOW_IDLE_MS, WINDOW_MOST_MS } from '../../../operator/runtime/window.ts';
import { ManualClock } from '../clock.ts';

const opened = (clock: ManualClock, delayMs?: () => number) => {
  const begun = clock.now();
  const closes: number[] = [];
  const window = new Window({ clock, delayMs, onClose: () => closes.push(clock.now() - begun) });
  return { window, closes };
};

describe('A window', () => {
  it('closes when nothing came for a while', async () => {
    const clock = new ManualClock();
    const { window, closes } = opened(clock);
    await clock.advance(WINDOW_IDLE_MS - 1);
    window.touch();
    await clock.advance(1_000);
    expect(closes).to.deep.equal([2 * WINDOW_IDLE_MS - 1]);
    expect(window.closed).to.equal(true);
  });

  it('closes at the latest a second after it opened', async () => {
    const clock = new ManualClock();
    const { window, closes } = opened(clock);
    for (let at = 0; at < 200; at += 1) {
      window.touch();
      await clock.advance(10);
    }
    expect(closes).to.deep.equal([WINDOW_MOST_MS]);
  });

  it('stays open for those it was told of, until they came or its time is over', async () => {
    const clock = new ManualClock();
    const one = opened(clock);
    one.window.hold();
    const other = opened(clock);
    other.window.hold();
    await clock.advance(500);
    one.window.release();
    await clock.advance(1_000);
    expect(one.closes).to.deep.equal([500 + WINDOW_IDLE_MS]);
    expect(other.closes).to.deep.equal([WINDOW_MOST_MS]);
  });

  it('stays open for as long as the other side must be spared', async () => {
    const clock = new ManualClock();
    const spared = clock.now() + 4_000;
    const { window, closes } = opened(clock, () => Math.max(0, spared - clock.now()));
    await clock.advance(2_000);
    window.touch();
    await clock.advance(8_000);
    expect(closes).to.deep.equal([4_000]);
  });

  it('closes once, also when it is told to or given up', async () => {
    const clock = new ManualClock();
    const { window, closes } = opened(clock);
    window.close();
    window.close();
    window.touch();
    const given = opened(clock);
    given.window.cancel();
    await clock.advance(2_000);
    expect([closes, given.closes]).to.deep.equal([[0], []]);
    expect(clock.pending).to.equal(0);
  });
});

describe('A merger', () => {
  it('makes two calls of a thousand items, and tells each of its own', async () => {
    const clock = new ManualClock();
    const calls: number[] = [];
    const merger = new Merger<number>(clock, async (items) => {
      calls.push(items.length);
      if (items.includes(7)) throw new Error('seven');
    });
    const answers = Promise.allSettled(Array.from({ length: 1_000 }, (_, item) => merger.add([item])));
    await clock.advance(1_000);
    const failed = (await answers).filter(({ status }) => status === 'rejected');
    expect(calls).to.deep.equal([500, 500]);
    expect(failed).to.have.length(500);
  });

  it('begins anew after a call', async () => {
    const clock = new ManualClock();
    const calls: (readonly string[])[] = [];
    const merger = new Merger<string>(clock, async (items) => void calls.push(items));
    const first = merger.add(['a', 'b']);
    await clock.advance(WINDOW_IDLE_MS);
    await first;
    const second = merger.add(['c']);
    await clock.advance(WINDOW_IDLE_MS);
    await second;
    expect(calls).to.deep.equal([['a', 'b'], ['c']]);
  });
});

describe('A token bucket', () => {
  it('lets a burst through and then what its rate gives, whatever the clock does', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(clock, 2, 0.5);
    for (let call = 0; call < 2; call += 1) {
      expect(bucket.waitMs()).to.equal(0);
      bucket.take();
    }
    expect(bucket.waitMs()).to.equal(2_000);
    await clock.advance(2_000);
    expect(bucket.waitMs()).to.equal(0);
    bucket.take();
    await clock.advance(3_600_000);
    bucket.take();
    bucket.take();
    expect(bucket.waitMs()).to.equal(2_000);
  });
});
