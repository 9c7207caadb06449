// summary.png: the drawing as text, against one that was looked at (UPDATE_GOLDEN=1 writes it anew: look again), and as pixels.
import { readFileSync, writeFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import fc from 'fast-check';
import { bucketEdges, bucketOf } from '../../../cloud/contract/statistics.ts';
import { pictureOf } from '../../../operator/prediction/picture.ts';
import { pngOf } from '../../../cloud/drawing/raster.ts';
import type { FeatureSummary, Summary } from '../../../operator/prediction/summary.ts';

const golden = new URL('summary.svg', import.meta.url);

const feature = (name: string, psi: number, level: 'none' | 'moderate' | 'major'): FeatureSummary => ({
  name,
  type: 'number',
  cells: { missing: 0, invalid: 0, unknown: 0 },
  missing: { now: 0, trained: 0, changed: false },
  drift: { psi, level, difference: '', groups: [] },
});

const classesOf = (names: readonly string[]): Summary['predictions'] => ({
  is: 'classes',
  classes: names.map((name, at) => ({ class: name, rows: 100 * (at + 1), share: (at + 1) / 10 })),
  confidence: Array.from({ length: 20 }, (_, at) => (at < 10 ? 0 : at)),
});

const valuesOf = (min: number, max: number, buckets: readonly [number, number, number][]): Summary['predictions'] => ({
  is: 'values',
  min,
  max,
  mean: min / 2 + max / 2,
  buckets: buckets.map(([from, to, rows]) => ({ from, to, rows })),
});

const summary = (rest: Partial<Summary> = {}): Summary => ({
  version: 1,
  job: { namespace: 'ml-user-1', name: 'j', uid: 'u' },
  model: { id: 'credit-1', uri: 's3://b/m/', type: 'logistic', task: 'classification', target: 'class' },
  data: { uri: 's3://b/d.csv', bytes: 1 },
  outputUri: 's3://b/o.csv',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:20.000Z',
  chunks: 1,
  cost: { usd: 0.01, billedSeconds: 20, invocations: 1 },
  rows: 1000,
  badRows: 0,
  predictions: classesOf(['good', 'bad', 'so <so>']),
  sampledRows: 1000,
  features: [feature('age', 0.41, 'major'), feature('amount', 0.15, 'moderate'), feature('a & b', 0.02, 'none')],
  warnings: [],
  ...rest,
});

interface Pixels {
  readonly width: number;
  readonly height: number;
  count(colour: string): number;
}

/** Of a PNG of 8 bits a channel with alpha, not interlaced. */
function pixelsOf(png: Uint8Array): Pixels {
  const bytes = Buffer.from(png);
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  expect([...bytes.subarray(24, 29)]).to.deep.equal([8, 6, 0, 0, 0]);
  const data: Buffer[] = [];
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(data));
  const stride = width * 4;
  const out = Buffer.alloc(stride * height);
  const of = (row: number, at: number) => (row < 0 || at < 0 ? 0 : out[row * stride + at]!);
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (stride + 1)]!;
    for (let at = 0; at < stride; at++) {
      const [left, up, corner] = [of(row, at - 4), of(row - 1, at), at < 4 ? 0 : of(row - 1, at - 4)];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!;
      out[row * stride + at] = raw[row * (stride + 1) + 1 + at]! + guess;
    }
  }
  return {
    width,
    height,
    count(colour) {
      const wanted = Number.parseInt(`${colour.slice(1)}ff`, 16);
      let found = 0;
      for (let at = 0; at < out.length; at += 4) if (out.readUInt32BE(at) === wanted) found++;
      return found;
    },
  };
}

function paeth(a: number, b: number, c: number): number {
  const [pa, pb, pc] = [b - c, a - c, a + b - 2 * c].map(Math.abs) as [number, number, number];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** Texts in a drawing, as a reader of XML sees them; fails where it is no XML. */
function textsIn(svg: string): string[] {
  expect(XMLValidator.validate(svg)).to.equal(true);
  const { svg: parsed } = new XMLParser({ parseTagValue: false }).parse(svg) as { svg: { text: unknown[] } };
  return parsed.text.map((one) => (typeof one === 'string' ? one : (one as { '#text': string })['#text']));
}

describe('The picture of a summary', () => {
  it('is as it was when somebody looked at it', () => {
    const svg = pictureOf(summary());
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, svg);
    expect(svg).to.equal(readFileSync(golden, 'utf8'));
  });

  it('is a PNG with bars in the colours of what they say', async () => {
    const png = await pngOf(pictureOf(summary()));
    expect([...png.subarray(0, 8)]).to.deep.equal([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const pixels = pixelsOf(png);
    expect(pixels.width).to.equal(1080);
    expect(pixels.height).to.be.within(900, 1300);
    for (const colour of ['#0072B2', '#D55E00', '#E69F00']) expect(pixels.count(colour), colour).to.be.above(1000);
    expect(pixels.count('#222222'), 'letters').to.be.above(1000);
    expect(await pngOf(pictureOf(summary())), 'drawn again').to.deep.equal(png);
  });

  it('shows the twelve most frequent classes, and the rest together', () => {
    const names = Array.from({ length: 20 }, (_, at) => `class ${at}`);
    const texts = textsIn(pictureOf(summary({ predictions: classesOf(names) })));
    expect(texts.filter((one) => one.startsWith('class '))).to.deep.equal(names.slice(9).reverse());
    expect(texts).to.include('9 other classes');
    const few = textsIn(pictureOf(summary({ predictions: classesOf(names.slice(0, 12)) })));
    expect(few.filter((one) => one.startsWith('class '))).to.have.length(12);
  });

  it('says which classes never came up', () => {
    const predictions = {
      ...classesOf(['a', 'b']),
      classes: [
        { class: 'a', rows: 0, share: 0 },
        { class: 'b', rows: 9, share: 1 },
      ],
    };
    expect(textsIn(pictureOf(summary({ predictions })))).to.include(
      'Share of the rows by predicted class; 1 of 2 classes never',
    );
  });

  it('shows the fifteen columns that differ most, those that surely do first', () => {
    const features = [
      ...Array.from({ length: 20 }, (_, at) => feature(`col ${at}`, at / 100, 'none')),
      feature('unsure', 0.6, 'none'),
      feature('sure', 0.3, 'major'),
    ];
    const texts = textsIn(pictureOf(summary({ features })));
    const columns = texts.filter((one) => /^(col|sure|unsure)/.test(one));
    expect(columns.slice(0, 3)).to.deep.equal(['sure', 'unsure', 'col 19']);
    expect(columns).to.have.length(15);
    expect(texts).to.include.members(['0.30 differs much', '0.60 may be chance']);
    expect(texts).to.include('1 of 22 differs (the 15 most different are shown). Population stability index (PSI):');
  });

  it('shows gaps that were none in training, though the cells there are were like those', () => {
    const gaps = { ...feature('gaps', 0, 'none'), missing: { now: 0.334, trained: 0, changed: true } };
    const texts = textsIn(pictureOf(summary({ features: [feature('alike', 0.05, 'none'), gaps] })));
    expect(texts).to.include.members(['0.00, 33.4 % missing, in training none', '0.05']);
    expect(texts.indexOf('gaps')).to.be.below(texts.indexOf('alike'));
    expect(texts).to.include('1 of 2 differs. Population stability index (PSI):');
  });

  it('cuts nothing of what it says of large numbers', () => {
    const quantiles = { p05: 1e5, p25: 1e5, p50: 216_789.1, p75: 2e5, p95: 2e5 };
    const buckets: [number, number, number][] = [
      [108_000, 109_000, 1],
      [200_000, 201_000, 600],
      [210_000, 211_000, 600],
    ];
    const predictions = { ...valuesOf(108_849.2, 267_580.6, buckets), quantiles };
    expect(textsIn(pictureOf(summary({ predictions })))).to.include(
      'From 108,849 to 267,581, mean 188,215, median 216,789; 0.0833 % are not drawn',
    );
  });

  it('does not invent what is not known', () => {
    expect(textsIn(pictureOf(summary({ features: [] })))).to.include('Not known: there is nothing to compare with.');
    const none = { is: 'values', buckets: [] } as const;
    expect(textsIn(pictureOf(summary({ predictions: none })))).to.include('No row has a finite prediction.');
  });

  it('draws numbers of all sizes', () => {
    const buckets: [number, number, number][] = [
      [1, 1.002, 5],
      [1.5, 1.503, 90],
      [2, 2.004, 5],
    ];
    expect(textsIn(pictureOf(summary({ predictions: valuesOf(1, 2, buckets) })))).to.include.members([
      '1.2',
      '1.4',
      '1.8',
    ]);
    expect(textsIn(pictureOf(summary({ predictions: valuesOf(5, 5, [[4.99, 5.001, 9]]) })))).to.include(
      'The same for all rows: 5',
    );
    const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(numbers, fc.nat(9), (predicted, more) => {
        const [min, max] = [Math.min(...predicted), Math.max(...predicted)];
        const buckets = predicted
          .map((value): [number, number, number] => [...bucketEdges(bucketOf(value)), 1 + more])
          .sort(([a], [b]) => a - b);
        const svg = pictureOf(summary({ predictions: valuesOf(min, max, buckets) }));
        expect(/NaN|Infinity|undefined/.exec(svg)).to.equal(null);
      }),
    );
  });

  it('takes no text for markup, and stays XML whatever the text', () => {
    const [first] = textsIn(pictureOf(summary({ predictions: classesOf(['<b>&amp;"x"</b>']) }))).slice(4);
    expect(first).to.equal('<b>&amp;"x"</b>');
    const anything = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(
        anything,
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
        (name, units) => {
          const { model } = summary();
          const svg = pictureOf(
            summary({
              model: { ...model, target: name },
              predictions: classesOf([units]),
              features: [feature(name, 1, 'major')],
            }),
          );
          expect(XMLValidator.validate(svg)).to.equal(true);
          // What XML 1.0 has no way to write.
          expect(svg).to.not.match(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Cs}]/u);
        },
      ),
    );
  });

  it('shows letters that the font lacks as boxes, one a letter, and cuts long names in the middle', () => {
    const names = ['日本語', 'Größe', 'ряд', 'नमस्ते', `${'long_'.repeat(20)}end`];
    const texts = textsIn(pictureOf(summary({ features: names.map((name) => feature(name, 0, 'none')) })));
    expect(texts).to.include.members(['□□□', 'Größe', 'ряд', '□□□']);
    expect(texts.find((one) => one.startsWith('long'))).to.match(/^long_.{4,14}….{0,6}_?end$/);
  });
});
