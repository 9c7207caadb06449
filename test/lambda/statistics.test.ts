// The handler's sample against a naive count of the cells themselves, on the worker's golden tables and models; and which
// rows are looked at.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { type Column, manifestOf, number } from '../../bench/prediction/manifest.ts';
import type { Manifest, Statistics } from '../../cloud/contract/contract.generated.ts';
import { readDate } from '../../cloud/contract/date.ts';
import { numberReader } from '../../cloud/contract/notation.ts';
import { exactNumber } from '../../cloud/contract/number.ts';
import { bucketEdges, bucketOf, tellingColumn, textsCounted } from '../../cloud/contract/statistics.ts';
import { stripped } from '../../lambda/csv/cell.ts';
import { readHeader } from '../../lambda/csv/dialect.ts';
import { StatisticsCollector } from '../../lambda/statistics.ts';
import { Batches } from './encode/batches.ts';

const folder = new URL('../golden/', import.meta.url);
const golden = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const read = (name: string): Buffer => readFileSync(new URL(name, folder));

const DAY_MS = 86_400_000;
const nothing = { missing: 0, invalid: 0, unknown: 0 };

/** Statistics of a file whose model says the same of every row. */
function collected(manifest: Manifest, file: Buffer): Statistics {
  const header = readHeader(file, 0, file.length, true, 'utf-8')!;
  const batches = new Batches(manifest, header.names, header.delimiter, file.subarray(header.next));
  const { encoder } = batches;
  const collector = new StatisticsCollector(manifest, () => encoder.counts());
  const classes = manifest.target.classes?.length ?? 1;
  for (let rows = 1; rows > 0; ) {
    rows = batches.next(collector.limit(7));
    collector.observe(encoder.input, rows, new Float64Array(rows * classes).fill(1));
  }
  return collector.result();
}

function naiveNumber(column: Column, text: string): number {
  if (column.kind === 'date') return readDate(text, column.orders) / DAY_MS;
  return column.kind === 'number' && column.notation ? numberReader(column.notation)(text) : exactNumber(text);
}

function naiveBins(manifest: Manifest, column: Column, cells: readonly string[], quantiles: readonly number[]) {
  const scaling = column.kind === 'date' ? column.parts.find(({ part }) => part === 'elapsed')! : column;
  if (!('center' in scaling)) throw new Error('no numbers');
  // As the model sees them: two stamps that float32 cannot tell apart are the same number.
  const seen = (x: number) => {
    const value = (x - scaling.center) / scaling.scale;
    return manifest.onnx.input.type === 'float32' ? Math.fround(value) : value;
  };
  const edges = quantiles.map(seen);
  const told = { missing: 0, bins: Array.from({ length: 12 }, () => 0) };
  for (const text of cells) {
    const value = manifest.preprocessing.missing.includes(text) ? Number.NaN : seen(naiveNumber(column, text));
    if (Number.isNaN(value)) told.missing++;
    else if (value < edges[0]!) told.bins[0]!++;
    else told.bins[1 + edges.slice(1).filter((edge) => value > edge).length]!++;
  }
  return told;
}

function naiveShares(manifest: Manifest, column: Column, cells: readonly string[], shares: Record<string, number>) {
  const told = { missing: 0, shares: {} as Record<string, number>, other: 0 };
  const counted = [...textsCounted(column, shares).keys()];
  const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  for (const text of cells) {
    const side = column.kind === 'boolean' && [column.yes, column.no].find((words) => words.includes(lower(text)));
    const shown = side ? counted.find((one) => side.includes(lower(one))) : counted.find((one) => one === text);
    if (manifest.preprocessing.missing.includes(text)) told.missing++;
    else if (shown === undefined || (column.kind === 'boolean' && !side)) told.other++;
    else told.shares[shown] = (told.shares[shown] ?? 0) + 1;
  }
  return told;
}

describe('The sample of statistics', () => {
  for (const { name } of golden) {
    it(`counts the cells of ${name} as they stand in the file`, () => {
      const manifest = JSON.parse(read(`${name}/manifest.json`).toString()) as Manifest;
      const file = read(`${name}/input.csv`);
      const rows = parse(file, { columns: true, bom: true }) as Record<string, string>[];
      const told = collected(manifest, file);
      expect(told.sampled).to.equal(rows.length);
      let compared = 0;
      for (const feature of manifest.features) {
        const column = manifest.preprocessing.columns[tellingColumn(manifest, feature)]!;
        const cells = rows.map((row) => stripped(row[feature.name]!));
        const { quantiles, shares } = feature.statistics!;
        const expected = quantiles
          ? naiveBins(manifest, column, cells, quantiles)
          : naiveShares(manifest, column, cells, shares!);
        expect(told.features[feature.name], feature.name).to.deep.equal(expected);
        compared++;
      }
      expect(compared).to.be.greaterThan(5);
    });
  }

  const one = (): Manifest => {
    const manifest = manifestOf({ columns: [number('c')], width: 1 });
    const quantiles = Array.from({ length: 11 }, (_, i) => i * 100_000);
    manifest.features = [{ name: 'c', type: 'number', example: '1', statistics: { missing: 0, quantiles } }];
    return manifest;
  };

  /** A table whose cells are the numbers of its rows. */
  function counting(rows: number, batch: (most: number) => number): { told: Statistics; looks: number } {
    const collector = new StatisticsCollector(one(), () => ({}));
    let looks = 0;
    for (let at = 0; at < rows; ) {
      const count = Math.min(batch(collector.limit(4096)), rows - at);
      const input = Float64Array.from({ length: count }, (_, i) => at + i);
      looks++;
      collector.observe(input, count, input);
      at += count;
    }
    return { told: collector.result(), looks };
  }

  it('is spread over the whole table, however long, and stays small', () => {
    const { told, looks } = counting(1_000_000, (most) => most);
    expect(told.sampled).to.be.within(4096, 8192);
    const bins = told.features.c!.bins!.slice(1, 11);
    for (const bin of bins) expect(bin / told.sampled).to.be.closeTo(0.1, 0.05);
    expect(looks).to.be.lessThan(700);
  });

  it('is every row of a small table', () => {
    expect(counting(8000, (most) => most).told.sampled).to.equal(8000);
    expect(counting(0, (most) => most).told).to.deep.equal({
      sampled: 0,
      features: { c: { missing: 0, bins: Array.from({ length: 12 }, () => 0) } },
      values: {},
    });
  });

  it('does not depend on where batches end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40_000 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 900 })),
        (n, cuts) => {
          const ragged = counting(n, (most) => Math.min(most, cuts.next().value!)).told;
          expect(ragged).to.deep.equal(counting(n, (most) => most).told);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('forgets imputed cells where they were imputed', () => {
    const manifest = manifestOf({ columns: [number('c', { impute: 550_000 })], width: 1 });
    manifest.features = one().features;
    const counts = { c: { ...nothing } };
    const collector = new StatisticsCollector(manifest, () => structuredClone(counts));
    collector.limit(10);
    counts.c = { missing: 2, invalid: 1, unknown: 0 };
    collector.observe(Float64Array.of(550_000, 1, 550_000, 550_000), 4, new Float64Array(4));
    expect(collector.result().features.c).to.deep.equal({
      missing: 3,
      bins: [0, 1, ...Array.from({ length: 10 }, () => 0)],
    });
  });

  it('compares dates and numbers turned round by a negative scale', () => {
    const manifest = manifestOf({ columns: [number('c', { scale: -10, center: 3 })], width: 1 });
    manifest.features = one().features;
    const collector = new StatisticsCollector(manifest, () => ({}));
    collector.limit(10);
    collector.observe(
      Float64Array.from([-5, 0, 100_000, 100_001, 2e6], (x) => (x - 3) / -10),
      5,
      new Float64Array(5),
    );
    expect(collector.result().features.c!.bins).to.deep.equal([1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('tells how sure the model was of the labels it gave', () => {
    const manifest = manifestOf({ columns: [number('c')], width: 1, classes: ['a', 'b'], threshold: 0.3, divisor: 10 });
    const collector = new StatisticsCollector(manifest, () => ({}));
    collector.limit(10);
    collector.observe(new Float64Array(3), 3, Float64Array.of(9.7, 0.3, 6.9, 3.1, 0, 10));
    const { confidence, values } = collector.result();
    expect(values).to.equal(undefined);
    expect(confidence!.map((count, i) => [i, count]).filter(([, count]) => count! > 0)).to.deep.equal([
      [6, 1],
      [19, 2],
    ]);
  });

  it('sorts predicted numbers into buckets, and leaves out what is no number', () => {
    const manifest = manifestOf({ columns: [number('c')], width: 1 });
    const collector = new StatisticsCollector(manifest, () => ({}));
    collector.limit(10);
    collector.observe(new Float64Array(4), 4, Float64Array.of(0, 100, 100.001, Number.POSITIVE_INFINITY));
    expect(collector.result().values).to.deep.equal({ '0': 1, '+2304': 2 });
  });
});

describe('Buckets of predicted numbers', () => {
  it('hold what was put into them, to 0.2 %', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const [low, high] = bucketEdges(bucketOf(value));
        expect(low).to.be.at.most(high);
        const slack = Math.abs(value) * 1e-9 + Number.MIN_VALUE;
        expect(value).to.be.within(low - slack, high + slack);
        if (Math.abs(value) > 1e-300) expect(high - low).to.be.at.most(0.00201 * Math.abs(value));
      }),
    );
  });

  it('have no other names', () => {
    for (const name of ['', '1', '+', '+1.5', '--', '+1e3', 'constructor'])
      expect(() => bucketEdges(name)).to.throw(RangeError);
  });
});
