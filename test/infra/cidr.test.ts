import { expect } from 'chai';
import fc from 'fast-check';
import { CidrError, contains, overlaps, parseCidr, split, format } from '../../infra/cidr.ts';

describe('IPv4 networks', () => {
  it('are read and written', () => {
    expect(parseCidr('10.64.0.0/16')).to.deep.equal({ first: 0x0a400000, bits: 16 });
    expect(format(parseCidr('255.255.255.255/32'))).to.equal('255.255.255.255/32');
    expect(parseCidr('0.0.0.0/0').bits).to.equal(0);
  });

  for (const text of ['10.64.0.0', '10.64.0.0/33', '256.0.0.0/8', '10.0.0/8', 'ten/8', '', '10.64.0.0/-1'])
    it(`refuse ${JSON.stringify(text)}`, () => expect(() => parseCidr(text)).to.throw(CidrError, 'is no IPv4 network'));

  it('refuse bits beyond the prefix, and say what was meant', () => {
    expect(() => parseCidr('10.64.3.0/16')).to.throw(CidrError, 'its network is 10.64.0.0/16');
  });

  it('are cut into equal parts', () => {
    expect(split('10.64.0.0/16', 4, 0)).to.equal('10.64.0.0/20');
    expect(split('10.64.0.0/16', 4, 15)).to.equal('10.64.240.0/20');
    expect(() => split('10.64.0.0/16', 4, 16)).to.throw(CidrError, 'no part 16 of 16');
    expect(() => split('10.64.0.0/30', 4, 0)).to.throw(CidrError, 'too small');
  });

  it('know what lies within them', () => {
    expect(contains('10.64.0.0/16', '10.64.16.0/20')).to.equal(true);
    expect(contains('10.64.16.0/20', '10.64.0.0/16')).to.equal(false);
    expect(overlaps('10.64.0.0/16', '10.64.255.0/24')).to.equal(true);
    expect(overlaps('10.64.0.0/16', '10.65.0.0/16')).to.equal(false);
  });

  it('have parts that lie within them and apart from each other', () => {
    const cuts = fc.record({
      first: fc.nat({ max: 2 ** 16 - 1 }),
      newBits: fc.integer({ min: 1, max: 6 }),
      pair: fc.tuple(fc.nat(), fc.nat()),
    });
    fc.assert(
      fc.property(cuts, ({ first, newBits, pair }) => {
        const whole = format({ first: first * 2 ** 16, bits: 16 });
        const [a, b] = pair.map((one) => one % 2 ** newBits) as [number, number];
        const [one, other] = [split(whole, newBits, a), split(whole, newBits, b)];
        expect(contains(whole, one)).to.equal(true);
        expect(overlaps(one, other)).to.equal(a === b);
      }),
    );
  });
});
