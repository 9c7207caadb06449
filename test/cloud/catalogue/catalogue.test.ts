import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  differences,
  parseCatalogue,
  renderCatalogue,
  type Catalogue,
  type CatalogueRow,
} from '../../../cloud/catalogue/catalogue.ts';
import { DataError } from '../../../cloud/errors.ts';
import { INSTANCE_TYPES, PRICES } from '../../../cloud/prices.ts';

const FILE = new URL('../../../cloud/catalogue.json', import.meta.url);
const row = (name: string, more: Partial<CatalogueRow> = {}): CatalogueRow => ({
  ...{ name, vcpu: 2, memoryGiB: 8, onDemand: 0.1, spot: 0.04 },
  ...more,
});
const of = (...types: CatalogueRow[]): Catalogue => ({
  date: '2026-01-01',
  region: 'us-east-1',
  sources: { types: 't', onDemand: 'o', spot: 's' },
  types,
});

describe('The catalogue of instance types', () => {
  const text = readFileSync(FILE, 'utf8');
  const catalogue = parseCatalogue(text, 'catalogue.json');

  it('is written as the refresh would write it, each type once', () => {
    expect(renderCatalogue(catalogue)).to.equal(text);
    expect(new Set(catalogue.types.map(({ name }) => name)).size).to.equal(catalogue.types.length);
  });

  it('says its date and where its facts are from', () => {
    expect(PRICES.date)
      .to.equal(catalogue.date)
      .and.to.match(/^\d{4}-\d\d-\d\d$/);
    for (const source of Object.values(catalogue.sources)) expect(source).to.match(/\S/);
  });

  it('has the current families of both architectures, and GPUs', () => {
    const names = INSTANCE_TYPES.map(({ name }) => name);
    for (const family of ['t3', 't3a', 't4g', 'm5', 'm6i', 'm6a', 'm6g', 'm7i', 'm7a', 'm7g', 'm7i-flex', 'c7g', 'r7a'])
      expect(
        names.some((name) => name.startsWith(`${family}.`)),
        family,
      ).to.equal(true);
    for (const { name, arch, burstable, gpu } of INSTANCE_TYPES) {
      expect(arch, name).to.equal(/^[a-z]+\d+g[a-z]*\./.test(name) ? 'arm64' : 'x86_64');
      expect(burstable, name).to.equal(name.startsWith('t'));
      expect(gpu > 0, name).to.equal(/^[gp]\d/.test(name));
    }
  });

  it('is the same bytes whatever the order of its types; a row too long for a line is broken as the formatter would', () => {
    const long = row('verylongfamily-flex.48xlarge', { arch: 'arm64', gpu: 8, onDemand: 10.123456, burstable: true });
    const types = [row('m5.xlarge', { vcpu: 4 }), row('m5.large'), row('m5.b'), row('c5.large'), long];
    const written = renderCatalogue(of(...types));
    expect(renderCatalogue(of(...types.toReversed()))).to.equal(written);
    expect(written.split('\n').every((line) => line.length <= 120)).to.equal(true);
    expect(parseCatalogue(written, 'f').types.map(({ name }) => name)).to.deep.equal([
      'c5.large',
      'm5.b',
      'm5.large',
      'm5.xlarge',
      'verylongfamily-flex.48xlarge',
    ]);
    expect(parseCatalogue(written, 'f').types.at(-1)).to.deep.equal(long);
  });

  for (const [what, broken, words] of [
    ['no JSON', '{', 'it is not JSON'],
    ['nothing', 'null', 'it has no date'],
    ['without a region', '{"date": "2026-01-01"}', 'it has no region'],
    ['without types', '{"date": "2026-01-01", "region": "us-east-1", "types": []}', 'it has no types'],
    ['with a nameless type', renderCatalogue(of(row('m5'))), 'type number 1 has no name'],
    ['with a type without price', renderCatalogue(of(row('m5.large', { spot: NaN }))), 'm5.large lacks vcpu'],
  ] as const)
    it(`is refused when it is ${what}`, () => {
      expect(() => parseCatalogue(broken, 'a.json')).to.throw(
        DataError,
        `a.json is no catalogue of instance types: ${words}`,
      );
    });

  it('is compared in words; a Spot price that moved a little is the same', () => {
    const before = of(row('m5.large'), row('m5.old'), row('t3.medium'), row('c5.large'));
    const after = of(
      row('m5.large', { onDemand: 0.2, spot: 0.049 }),
      row('t3.medium', { burstable: true, memoryGiB: 4 }),
      row('c5.large', { spot: 0.06 }),
      row('g7.large', { gpu: 1, arch: 'arm64' }),
    );
    expect(differences(before, before)).to.deep.equal([]);
    expect(differences(before, after)).to.deep.equal([
      'c5.large Spot was 0.04, is 0.06 USD per hour',
      'g7.large is new: arm64 2 vCPU 8 GiB 1 GPU, on-demand 0.1, Spot 0.04 USD per hour',
      'm5.large on-demand was 0.1, is 0.2 USD per hour',
      't3.medium was x86_64 2 vCPU 8 GiB, is x86_64 2 vCPU 4 GiB burstable',
      'm5.old is gone',
    ]);
  });
});
