// summary.json and its warnings, from what handlers answer: adding up chunks, distributions, drift in words.
import { expect } from 'chai';
import fc from 'fast-check';
import { manifestOf, number } from '../../../bench/prediction/manifest.ts';
import type { Manifest, PredictionDone } from '../../../cloud/contract/contract.generated.ts';
import { bucketOf } from '../../../cloud/contract/statistics.ts';
import { type Summary, summarised } from '../../../operator/prediction/summary.ts';
import { added, NOTHING, type Totals, totalsOf } from '../../../operator/prediction/totals.ts';

type Statistics = NonNullable<PredictionDone['statistics']>;
type Feature = Manifest['features'][number];

const done = (rest: Partial<PredictionDone> = {}): PredictionDone => ({
  success: true,
  predictions_s3_uri: 's3://b/k',
  num_predictions: 1000,
  execution_time_ms: 1,
  bytes: 1,
  counts: {},
  summary: { good: 600, bad: 400 },
  ...rest,
});

const sampled = (features: Statistics['features'], rest: Partial<Statistics> = {}): Statistics => ({
  sampled: 1000,
  features,
  ...rest,
});

const QUANTILES = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
const age: Feature = {
  name: 'age',
  type: 'number',
  example: '1',
  statistics: { missing: 0, quantiles: QUANTILES, atMost: QUANTILES.map((value) => value / 100) },
};
const EVEN = [0, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 0];

function model(
  features: Feature[],
  rest: Partial<Manifest> = {},
  columns?: Manifest['preprocessing']['columns'],
): Manifest {
  const manifest = manifestOf({
    columns: columns ?? features.map(({ name }) => number(name)),
    width: 1,
    classes: ['good', 'bad'],
  });
  return {
    ...manifest,
    features: features as Manifest['features'],
    split: { kind: 'random', trainRows: 2000, testRows: 1 },
    ...rest,
  };
}

function summary(manifest: Manifest, ...answers: PredictionDone[]): Summary {
  const classification = manifest.target.classes !== null;
  return summarised({
    manifest,
    totals: answers.map((answer) => totalsOf(answer, classification)).reduce(added, NOTHING),
    job: { namespace: 'ml-user-1', name: 'j', uid: 'u' },
    model: { id: 'm', uri: 's3://b/m/' },
    data: { uri: 's3://b/d.csv', bytes: 1 },
    outputUri: 's3://b/o.csv',
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:20.000Z',
    chunks: answers.length,
    cost: { usd: 0.01, billedSeconds: 20, invocations: answers.length },
  });
}

const anyAnswer: fc.Arbitrary<PredictionDone> = fc
  .record({
    rows: fc.integer({ min: 0, max: 1e6 }),
    bad: fc.option(fc.integer({ min: 1, max: 1e6 }), { nil: undefined }),
    name: fc.constantFrom('a', '__proto__', 'constructor', 'é'),
    counts: fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)),
    bins: fc.array(fc.nat(99), { minLength: 12, maxLength: 12 }),
    values: fc.dictionary(fc.constantFrom('0', '+3', '-3', '+-7'), fc.nat(9)),
    confidence: fc.array(fc.nat(9), { minLength: 20, maxLength: 20 }),
  })
  .map(({ rows, bad, name, counts: [missing, invalid, unknown], bins, values, confidence }) =>
    done({
      num_predictions: rows,
      ...(bad !== undefined && bad <= rows && { bad_rows: 1, first_bad_row: { row: bad, problem: `p${bad}` } }),
      counts: Object.fromEntries([[name, { missing, invalid, unknown }]]),
      summary: Object.fromEntries([[name, rows]]),
      statistics: sampled(
        Object.fromEntries([
          ['n', { missing, bins }],
          ['t', { missing: 0, shares: Object.fromEntries([[name, unknown]]), other: invalid }],
        ]),
        { values, confidence },
      ),
    }),
  );

describe('Totals of chunks', () => {
  const plain = (totals: Totals): unknown =>
    JSON.parse(JSON.stringify(totals, (_, value: unknown) => (value instanceof Map ? [...value].sort() : value)));

  it('are the same however the table was cut', () => {
    fc.assert(
      fc.property(anyAnswer, anyAnswer, anyAnswer, (...answers) => {
        const [a, b, c] = answers.map((answer) => totalsOf(answer, true)) as [Totals, Totals, Totals];
        expect(plain(added(added(a, b), c))).to.deep.equal(plain(added(a, added(b, c))));
        expect(plain(added(NOTHING, a))).to.deep.equal(plain(a));
        expect(plain(added(a, NOTHING))).to.deep.equal(plain(a));
      }),
    );
  });

  it('do not depend on the order of chunks, but for the first bad row', () => {
    fc.assert(
      fc.property(anyAnswer, anyAnswer, (x, y) => {
        const [a, b] = [totalsOf(x, true), totalsOf(y, true)];
        const unordered = (totals: Totals) => plain({ ...totals, firstBadRow: undefined });
        expect(unordered(added(a, b))).to.deep.equal(unordered(added(b, a)));
      }),
    );
  });

  it('find the first bad row by its place in the table', () => {
    const bad = done({ bad_rows: 2, first_bad_row: { row: 5, problem: 'has 3 cells where the header has 4' } });
    const told = summary(model([age]), done(), bad, bad);
    expect(told.firstBadRow).to.deep.equal({ row: 1005, problem: 'has 3 cells where the header has 4' });
    expect(told.warnings[0]).to.equal(
      '4 rows could not be read and have no prediction. The first is row 1,005, which has 3 cells where the header has 4.',
    );
  });

  it('weigh means by rows', () => {
    const manifest = model([age], { target: { name: 'price', classes: null } });
    const { predictions } = summary(
      manifest,
      done({ num_predictions: 10, summary: { min: 1, max: 3, mean: 2 } }),
      done({ num_predictions: 30, summary: { min: -5, max: 8, mean: 6 } }),
      done({ num_predictions: 7, bad_rows: 7, summary: {} }),
    );
    expect(predictions).to.deep.equal({ is: 'values', min: -5, max: 8, mean: 5, buckets: [] });
  });
});

describe('The summary of a prediction', () => {
  it('has rows by class, in the order of the model, and how sure it was', () => {
    const confidence = Array.from({ length: 20 }, (_, at) => at);
    const answer = done({ num_predictions: 1001, bad_rows: 1, statistics: sampled({}, { confidence }) });
    const told = summary(model([age]), answer, answer);
    expect(told.predictions).to.deep.equal({
      is: 'classes',
      classes: [
        { class: 'good', rows: 1200, share: 0.6 },
        { class: 'bad', rows: 800, share: 0.4 },
      ],
      confidence: confidence.map((count) => 2 * count),
    });
    expect(told).to.include({ rows: 2002, badRows: 2, sampledRows: 2000, chunks: 2 });
    expect(JSON.parse(JSON.stringify(told))).to.deep.equal(told);
  });

  it('has quantiles that are off by no more than a bucket', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 60 }),
        (predicted) => {
          const values: Record<string, number> = {};
          for (const value of predicted) values[bucketOf(value)] = (values[bucketOf(value)] ?? 0) + 1;
          const sorted = [...predicted].sort((a, b) => a - b);
          const mean = predicted.reduce((a, b) => a + b, 0) / predicted.length;
          const manifest = model([age], { target: { name: 'price', classes: null } });
          const { predictions } = summary(
            manifest,
            done({
              num_predictions: predicted.length,
              summary: { min: sorted[0]!, max: sorted.at(-1)!, mean },
              statistics: sampled({}, { values }),
            }),
          );
          if (predictions.is !== 'values') throw new Error('no values');
          for (const [name, share] of Object.entries({ p05: 0.05, p25: 0.25, p50: 0.5, p75: 0.75, p95: 0.95 })) {
            const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
            const told = predictions.quantiles![name as 'p50'];
            expect(Math.abs(told - exact)).to.be.at.most(0.0021 * Math.abs(exact) + Number.MIN_VALUE, name);
          }
        },
      ),
    );
  });

  it('knows nothing of a model without statistics, and says so by leaving it out', () => {
    const told = summary(model([{ name: 'age', type: 'number', example: '1' }]), done({ statistics: sampled({}) }));
    expect(told.features).to.deep.equal([
      {
        name: 'age',
        type: 'number',
        cells: { missing: 0, invalid: 0, unknown: 0 },
        missing: { now: 0, changed: false },
      },
    ]);
    expect(summary(model([age]), done()).features[0]!.drift).to.equal(undefined);
    expect(summary(model([age]), done({ num_predictions: 0, summary: {} })).warnings).to.deep.equal([]);
  });
});

describe('Warnings to the analyst', () => {
  const withBins = (bins: number[]) => done({ statistics: sampled({ age: { missing: 0, bins } }) });

  it('are none where nothing is wrong', () => {
    expect(summary(model([age]), withBins(EVEN)).warnings).to.deep.equal([]);
  });

  it('say how the values differ and what to do', () => {
    const [only, ...others] = summary(
      model([age]),
      withBins([0, 10, 10, 20, 20, 40, 50, 150, 200, 250, 250, 0]),
    ).warnings;
    expect(only).to.match(
      /^Column “age”: values differ much from those the model learned from \(PSI \d\.\d\d\): 85 % of them are above 60, in training 40 % were\. Trust the predictions less/,
    );
    expect(others).to.deep.equal([]);
  });

  it('say when values leave the range of the training, on either side', () => {
    const told = (bins: number[]) => summary(model([age]), withBins(bins)).warnings[0];
    expect(told([0, ...Array.from({ length: 10 }, () => 50), 500])).to.include(
      '50 % of them are above 100, in training none were',
    );
    expect(told([500, ...Array.from({ length: 10 }, () => 50), 0])).to.include(
      '50 % of them are below 0, in training none were',
    );
    expect(told([0, 700, 300, ...Array.from({ length: 9 }, () => 0)])).to.include(
      'all of them are at most 20, in training 20 % were',
    );
  });

  it('show dates as dates', () => {
    const day: Feature = { ...age, name: 'day', type: 'date' };
    const column = {
      column: 'day',
      kind: 'date' as const,
      orders: ['YMD' as const],
      parts: [{ part: 'elapsed' as const, impute: 0, center: 0, scale: 1 }],
      indicator: false,
    };
    const bins = [0, ...Array.from({ length: 10 }, () => 1), 990];
    const told = summary(model([day], {}, [column]), done({ statistics: sampled({ day: { missing: 0, bins } }) }));
    expect(told.warnings[0]).to.include('99 % of them are after 1970-04-11, in training none were');
  });

  it('know how frequent a value was that fills several deciles', () => {
    // 75 % are 0, the rest 1: the deciles alone would say 70 %.
    const quantiles = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1];
    const atMost = [0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 1, 1, 1];
    const flag = { ...age, statistics: { missing: 0, quantiles, atMost } };
    const told = summary(model([flag]), withBins([0, 750, 0, 0, 0, 0, 0, 0, 250, 0, 0, 0])).features[0]!.drift!;
    expect(told.psi).to.equal(0);
    expect(told.groups.filter(({ trained }) => trained > 0)).to.deep.equal([
      { what: 'up to 0', now: 0.75, trained: 0.75 },
      { what: 'above 0 up to 1', now: 0.25, trained: 0.25 },
    ]);
    const moved = summary(model([flag]), withBins([0, 250, 0, 0, 0, 0, 0, 0, 750, 0, 0, 0]));
    expect(moved.warnings[0]).to.include('75 % of them are above 0, in training 25 % were');
  });

  it('give a model of before the benefit of the doubt', () => {
    const quantiles = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1];
    const flag = { ...age, statistics: { missing: 0, quantiles } };
    expect(summary(model([flag]), withBins([0, 790, 0, 0, 0, 0, 0, 0, 210, 0, 0, 0])).features[0]!.drift!.psi).to.equal(
      0,
    );
    expect(summary(model([flag]), withBins([0, 300, 0, 0, 0, 0, 0, 0, 700, 0, 0, 0])).warnings).to.have.length(1);
  });

  const city: Feature = {
    name: 'city',
    type: 'category',
    example: 'a',
    statistics: { missing: 0.1, shares: { Köln: 0.6, Bonn: 0.2 } },
  };
  const cityColumn = { column: 'city', kind: 'oneHot' as const, categories: ['Köln', 'Bonn'], impute: null };

  it('name the texts that became frequent or rare', () => {
    const shares = { Köln: 100, Bonn: 700 };
    const answer = done({
      statistics: sampled({ city: { missing: 100, shares, other: 100 } }),
      counts: { city: { missing: 100, invalid: 0, unknown: 0 } },
    });
    const told = summary(model([city], {}, [cityColumn]), answer);
    expect(told.warnings).to.have.length(1);
    expect(told.warnings[0]).to.include('11.1 % of them are “Köln”, in training 66.7 % were');
    expect(told.features[0]!.missing).to.deep.equal({ now: 0.1, trained: 0.1, changed: false });
  });

  it('count yes and no however they are written', () => {
    const paid: Feature = {
      name: 'paid',
      type: 'boolean',
      example: 'Yes',
      statistics: { missing: 0, shares: { Yes: 0.4, YES: 0.1, no: 0.5 } },
    };
    const column = {
      column: 'paid',
      kind: 'boolean' as const,
      yes: ['yes'],
      no: ['no'],
      impute: 1,
      indicator: false,
      center: 0,
      scale: 1,
    };
    const answer = done({ statistics: sampled({ paid: { missing: 0, shares: { Yes: 500, no: 500 }, other: 0 } }) });
    expect(summary(model([paid], {}, [column]), answer).features[0]!.drift!.psi).to.equal(0);
  });

  it('count what could not be read, was not known or is missing, the worst first', () => {
    const counts = {
      age: { missing: 0, invalid: 1, unknown: 0 },
      city: { missing: 100, invalid: 0, unknown: 300 },
      gap: { missing: 700, invalid: 0, unknown: 0 },
    };
    const gap: Feature = { name: 'gap', type: 'number', example: '1', statistics: { missing: 0.05 } };
    const told = summary(model([age, city, gap], {}, [number('age'), cityColumn, number('gap')]), done({ counts }));
    expect(told.warnings).to.deep.equal([
      'Column “gap”: 70 % of the cells are missing, in training 5 % were. The model fills the gaps with what was usual in training.',
      'Column “city”: 300 cells hold a value that the model does not know (30 %): new, or too rare in training. It makes nothing of them; check the spelling, or train again with newer data.',
      'Column “age”: 1 cell is no number (0.1 %) and was taken for missing. Correct it and predict again if the column matters.',
    ]);
  });

  it('say when a model says the same of all rows', () => {
    expect(summary(model([age]), done({ summary: { good: 1000, bad: 0 } })).warnings).to.deep.equal([
      'All 1,000 rows are predicted to be “good”.',
    ]);
    const manifest = model([age], { target: { name: 'price', classes: null } });
    expect(summary(manifest, done({ summary: { min: 5, max: 5, mean: 5 } })).warnings).to.deep.equal([
      'All 1,000 rows have the same prediction.',
    ]);
  });

  it('are at most twenty, of at most 500 characters, in one line each, whatever columns are called', () => {
    const features = Array.from({ length: 30 }, (_, at): Feature => ({ ...age, name: `${at}\n<b>${'x'.repeat(900)}` }));
    const counts = Object.fromEntries(
      features.map(({ name }, at) => [name, { missing: 0, invalid: 10 * (at + 1), unknown: 0 }]),
    );
    const { warnings } = summary(model(features), done({ counts }));
    expect(warnings).to.have.length(20);
    expect(warnings[0]).to.match(/^Column “29 <b>x+…”: 300 cells are no number \(30 %\)/);
    expect(warnings.at(-1)).to.equal('11 more warnings: summary.json has the figures of all columns.');
    for (const words of warnings) expect(words).to.have.length.below(501).and.not.match(/\n/);
  });
});
