import { expect } from 'chai';
import { readPriceList } from '../../../cloud/catalogue/offers.ts';
import { DataError } from '../../../cloud/errors.ts';
import { priceList } from './price-list.ts';

async function* pieces(text: string, size: number): AsyncIterable<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}
const read = (text: string, size = 1000, region = 'us-east-1') =>
  readPriceList(pieces(text, size), { from: 'offers.json', region });

async function complaint(text: string, region?: string): Promise<string> {
  try {
    await read(text, 1000, region);
  } catch (error) {
    expect(error).to.be.instanceOf(DataError);
    return (error as Error).message;
  }
  return expect.fail('It was read');
}

describe('A price list of AmazonEC2', () => {
  const list = priceList('us-east-1', { 'm5.large': 0.096, 'm8i.large': 0.10584 });

  it('gives the price of a plain Linux instance among all that is sold, and when it was published', async () => {
    const { published, onDemand } = await read(JSON.stringify(list, undefined, 2));
    expect(published).to.equal('2026-11-20');
    expect([...onDemand]).to.deep.equal([
      ['m5.large', 0.096],
      ['m8i.large', 0.10584],
    ]);
  });

  for (const size of [1, 2, 3, 7, 64])
    it(`may come in pieces of ${size} letters`, async () => {
      expect([...(await read(JSON.stringify(list), size)).onDemand.keys()]).to.deep.equal(['m5.large', 'm8i.large']);
    });

  it('is not confused by braces, quotes and commas inside texts', async () => {
    const odd = { 'a "quoted\\" {key': '}, "products": {', ...list, disclaimer: '\\' };
    expect((await read('\uFEFF ' + JSON.stringify(odd))).onDemand.size).to.equal(2);
  });

  it('leaves out what has no price per hour in US dollars', async () => {
    const none = priceList('us-east-1', { 'm5.large': 0.096, 'm5.xlarge': 0 });
    expect([...(await read(JSON.stringify(none))).onDemand.keys()]).to.deep.equal(['m5.large']);
  });

  it('is refused when it is something else, saying what', async () => {
    const about = 'offers.json is not the price list of AmazonEC2 for us-east-1 as JSON: ';
    expect(await complaint('')).to.equal(`${about}it is not a JSON object.`);
    expect(await complaint('sku,price\n1,2')).to.equal(`${about}it is not a JSON object.`);
    expect(await complaint('"text"')).to.equal(`${about}it is not a JSON object.`);
    expect(await complaint('{}')).to.equal(`${about}it has no Linux prices per hour in USD.`);
    expect(await complaint(JSON.stringify(list).slice(0, -20))).to.equal(`${about}it is cut off.`);
    expect(await complaint('{"products": {"A": {"sku": }}}')).to.equal(`${about}it is damaged.`);
    expect(await complaint(JSON.stringify(list), 'eu-central-1')).to.match(
      /for eu-central-1 .* its prices are of us-east-1\.$/,
    );
    const unpriced = { ...list, terms: {} };
    expect(await complaint(JSON.stringify(unpriced))).to.equal(`${about}it has no Linux prices per hour in USD.`);
  });

  it('fails as its source fails', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield '{';
      throw new Error('gone');
    }
    let said = '';
    await readPriceList(broken(), { from: 'f', region: 'r' }).catch((error: Error) => (said = error.message));
    expect(said).to.equal('gone');
  });
});
