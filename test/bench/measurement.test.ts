import { expect } from 'chai';
import { alone, compared, median, table } from '../../bench/measurement.ts';

describe('a measurement', () => {
  it('says how many times better it is than its peer, whichever way is better', () => {
    expect(compared('speed', 10, 'rows/s', 'other', 5, 'more').ratio).to.equal(2);
    expect(compared('time', 10, 'ms', 'other', 5, 'less').ratio).to.equal(0.5);
    expect(alone('size', 1, 'MiB')).to.deep.equal({
      name: 'size',
      value: 1,
      unit: 'MiB',
      peer: null,
      peerValue: null,
      ratio: null,
    });
  });

  it('is the middle of the rounds', () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([4, 1, 2, 3])).to.equal(2.5);
    expect(() => median([])).to.throw('no median');
  });

  it('is shown in columns', () => {
    const lines = table([
      compared('speed', 12345.6, 'rows/s', 'other', 5, 'more'),
      alone('size', 1.23456, 'MiB'),
    ]).split('\n');
    expect(lines[0]).to.match(/^what +value +unit +peer +peer's value +times better$/);
    expect(lines[2]).to.match(/^speed +12,346 +rows\/s +other +5 +2469\.12$/);
    expect(lines[3]).to.match(/^size +1\.235 +MiB$/);
  });
});
