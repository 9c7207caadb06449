import { expect } from 'chai';
import { ManualClock, turned } from './clock.ts';
import { Doom, type Side } from './doom.ts';

class Shop {
  readonly sold: string[] = [];
  async sell(what: string): Promise<string> {
    this.sold.push(what);
    return what;
  }
  async look(): Promise<number> {
    return this.sold.length;
  }
  async listen(hear: (what: string) => void): Promise<void> {
    hear('open');
  }
}

describe('A process that meets its doom', () => {
  let shop: Shop;
  let answers: string[];
  const tell = (promise: Promise<unknown>): void => {
    promise.then(
      (answer) => answers.push(`answered ${String(answer)}`),
      (error: Error) => answers.push(error.message),
    );
  };
  function meet(side: Side): { doom: Doom; mine: Shop } {
    const doom = new Doom(2, side);
    return { doom, mine: doom.over(shop, ['sell']) };
  }
  beforeEach(() => {
    shop = new Shop();
    answers = [];
  });

  for (const [side, sold] of [
    ['before', ['a']],
    ['after', ['a', 'b']],
  ] as const)
    it(`killed ${side} a call has ${sold.length} in effect, and no answer until it is buried`, async () => {
      const { doom, mine } = meet(side);
      tell(mine.sell('a'));
      tell(mine.sell('b'));
      tell(mine.look());
      await turned();
      expect(shop.sold).to.deep.equal(sold);
      expect(doom.isStruck).to.equal(true);
      doom.bury();
      tell(mine.look());
      await turned();
      expect(answers.filter((one) => one === 'killed')).to.have.length.of.at.least(3);
      expect(shop.sold).to.deep.equal(sold);
      expect(doom.calls).to.deep.equal(['sell a', 'sell b']);
    });

  it('cut off makes its call and the later ones when it is released', async () => {
    const { doom, mine } = meet('moved');
    const heard: string[] = [];
    await mine.sell('a');
    tell(mine.sell('b'));
    tell(mine.look());
    await turned();
    await shop.sell('by another');
    expect(answers).to.deep.equal([]);
    doom.release();
    await mine.listen((what) => heard.push(what));
    expect(shop.sold).to.deep.equal(['a', 'by another', 'b']);
    expect(answers).to.deep.equal(['answered b', 'answered 3']);
    expect(heard).to.deep.equal(['open']);
  });

  it('paused has no time meanwhile: what came due runs when it goes on', async () => {
    const clock = new ManualClock(0, turned);
    const { doom, mine } = meet('paused');
    const own = doom.clock(clock);
    const rung: number[] = [];
    own.after(1000, () => rung.push(own.now()));
    own.after(2000, () => rung.push(-1))();
    await mine.sell('a');
    tell(mine.sell('b'));
    await clock.advance(60_000);
    expect(rung).to.deep.equal([]);
    doom.release();
    expect(rung).to.deep.equal([60_000]);
  });

  it('names what it calls, and leaves leases out', async () => {
    const doom = new Doom();
    const api = doom.over({ patch: async (..._: unknown[]) => 1, put: async (..._: unknown[]) => 1 }, ['patch', 'put']);
    await api.patch({ plural: 'leases' }, 'l');
    await api.patch({ plural: 'trainingjobs' }, 'job', {}, { namespace: 'n' });
    await api.patch({ plural: 'events' }, { metadata: { name: 'e' } });
    await api.put('key', 'body');
    await api.put(['i-1', 'i-2']);
    await api.put();
    expect(doom.calls).to.deep.equal([
      ...['patch trainingjobs/job', 'patch events/e'],
      ...['put key', 'put i-1 i-2', 'put'],
    ]);
  });
});
