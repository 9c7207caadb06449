// The picture of a month's money: what the drawing says and where it stands; as pixels, that it is a picture at all.
import { expect } from 'chai';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import fc from 'fast-check';
import { type MonthFacts, monthPicture, monthSvg } from '../../../bot/drawing/month.ts';
import { BLUE, ORANGE, VERMILION } from '../../../cloud/drawing/svg.ts';

const month = (rest: Partial<MonthFacts> = {}): MonthFacts => ({
  period: '2026-11',
  limitUsd: 100,
  spentUsd: 12.34,
  reservedUsd: 0,
  forecastUsd: 45,
  byDay: [0, 2.34, 0, 10],
  today: 5,
  ...rest,
});

type Attributes = Record<string, string> & { readonly '#text': string };
interface Drawing {
  readonly text: Attributes[];
  readonly rect: Attributes[];
  readonly line: Attributes[];
  readonly polyline: Attributes[];
}

function drawn(facts: MonthFacts): Drawing {
  const svg = monthSvg(facts);
  expect(XMLValidator.validate(svg)).to.equal(true);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    isArray: (name, _path, _leaf, isAttribute) => !isAttribute && name !== 'svg',
  });
  return (parser.parse(svg) as { svg: Drawing }).svg;
}

const words = (facts: MonthFacts): string[] => drawn(facts).text.map((text) => text['#text']);
const bars = (facts: MonthFacts): Attributes[] => drawn(facts).rect.filter(({ fill }) => fill === BLUE);
const points = ({ points = '' }: Attributes): number[][] =>
  points.split(' ').map((point) => point.split(',').map(Number));

/** The curve of a colour in the plot, after the one in the legend. */
function curve(facts: MonthFacts, colour: string): number[][] | undefined {
  const [, found] = drawn(facts).polyline.filter(({ stroke }) => stroke === colour);
  return found && points(found);
}

/** Left, top, right and bottom of a text; a character of DejaVu Sans is about 0.64 of its size wide, or 0.7 bold. */
function box(text: Attributes): [number, number, number, number] {
  const [x, y, size] = [Number(text['x']), Number(text['y']), Number(text['font-size'])];
  const width = text['#text'].length * size * (text['font-weight'] === 'bold' ? 0.7 : 0.64);
  const left = x - width * { start: 0, middle: 0.5, end: 1 }[text['text-anchor'] as 'start' | 'middle' | 'end'];
  return [left, y - 0.8 * size, left + width, y + 0.1 * size];
}

const extreme: Readonly<Record<string, Partial<MonthFacts>>> = {
  'an ordinary month': { reservedUsd: 9 },
  'an empty one': { spentUsd: 0, forecastUsd: 0, byDay: [] },
  'the first day': { spentUsd: 1.5, byDay: [1.5], today: 1, reservedUsd: 20 },
  'the last of 31': { period: '2026-10', today: 31, byDay: Array.from({ length: 31 }, () => 3), spentUsd: 93 },
  'a month over its limit': { spentUsd: 180, byDay: [180], reservedUsd: 20, forecastUsd: 400 },
  'no limit to spend to': { limitUsd: 0 },
  'no money at all': { limitUsd: 0, spentUsd: 0, forecastUsd: 0, byDay: [] },
  'tiny amounts': {
    limitUsd: 0.0005,
    spentUsd: 0.0001,
    byDay: [0.00004, 0.00006],
    reservedUsd: 1e-6,
    forecastUsd: 3e-4,
  },
  'nano-dollars': { limitUsd: 3e-9, spentUsd: 1e-9, byDay: [1e-9], reservedUsd: 1e-9, forecastUsd: 2e-9 },
  'huge amounts': {
    limitUsd: 900_000,
    spentUsd: 870_967.74,
    byDay: [870_967.74],
    reservedUsd: 1e5,
    forecastUsd: 1.2e6,
  },
  'a limit that is near': { limitUsd: 99_999.99, spentUsd: 99_999.98, byDay: [99_999.98], forecastUsd: 1e5 },
};

describe("The picture of a month's money", () => {
  it('says in its title what was spent, and of how much', () => {
    expect(words(month())[0]).to.equal('November 2026: $12.34 of $100.00');
  });

  it('says the figures beside the signs of the legend', () => {
    expect(words(month({ reservedUsd: 1.2 })).slice(1, 5)).to.deep.equal([
      'Spent $12.34',
      'Limit $100.00',
      'Forecast $45.00',
      'Held back $1.20',
    ]);
    expect(words(month()).join()).to.not.include('Held back');
  });

  it('has a bar for each day on which something was spent, as high as its amount', () => {
    const [second, fourth] = bars(month());
    expect(bars(month())).to.have.length(2);
    expect(Number(fourth?.['height']) / Number(second?.['height'])).to.be.closeTo(10 / 2.34, 0.05);
    const month31 = month({ period: '2026-10', today: 31, byDay: Array.from({ length: 31 }, () => 1) });
    const lefts = bars(month31).map(({ x }) => Number(x));
    expect(new Set(lefts).size).to.equal(31);
    const width = Number(bars(month31)[0]?.['width']);
    expect(lefts.slice(1).every((x, at) => x >= (lefts[at] ?? 0) + width)).to.equal(true);
  });

  it('shows the least amount beside the largest', () => {
    const [least] = bars(month({ byDay: [0.0001, 900_000] }));
    expect(Number(least?.['height'])).to.be.at.least(2);
  });

  it('leaves out what is said of days to come', () => {
    expect(bars(month({ today: 2, byDay: [1, 1, 1, 1] }))).to.have.length(2);
  });

  for (const [period, last] of Object.entries({ '2026-02': '28', '2028-02': '29', '2026-11': '30', '2026-12': '31' })) {
    it(`counts ${last} days in ${period}`, () => {
      expect(words(month({ period })).slice(-7)).to.deep.equal(['1', '5', '10', '15', '20', '25', last]);
    });
  }

  it('sums up the days, and ends at what was spent', () => {
    const sums = curve(month(), BLUE) ?? [];
    const limit = curve(month(), VERMILION)?.[0]?.[1] ?? 0;
    const base = sums[0]?.[1] ?? 0;
    const usd = sums.map(([, y = 0]) => ((base - y) / (base - limit)) * 100);
    expect(usd.map((one) => Math.round(one * 10) / 10)).to.have.length(6);
    [0, 0, 2.34, 2.34, 12.34, 12.34].forEach((sum, at) => expect(usd[at]).to.be.closeTo(sum, 0.1));
  });

  it('draws the limit all along, with its figure', () => {
    const [from, to] = curve(month(), VERMILION) ?? [];
    expect(from?.[1]).to.equal(to?.[1]);
    const figure = drawn(month()).text.find((text) => text['#text'] === '$100.00');
    expect(Number(figure?.['y'])).to.be.closeTo(from?.[1] ?? 0, 12);
    expect(Number(figure?.['x'])).to.be.above(to?.[0] ?? Infinity);
    expect(words(month({ limitUsd: 900_000 }))).to.include('$900K');
  });

  it('goes on, dashed, from today to the forecast at the end of the month', () => {
    const [from, to] = curve(month(), ORANGE) ?? [];
    expect(from).to.deep.equal(curve(month(), BLUE)?.at(-1));
    expect(to?.[0]).to.equal(curve(month(), VERMILION)?.[1]?.[0]);
    expect(to?.[1]).to.be.below(from?.[1] ?? 0);
    const dashed = drawn(month()).polyline.filter((one) => one['stroke-dasharray'] !== undefined);
    expect(dashed.map(({ stroke }) => stroke)).to.deep.equal([ORANGE, ORANGE]);
  });

  it('has no forecast on the last day', () => {
    const svg = monthSvg(month({ today: 30, forecastUsd: 1e6 }));
    expect(svg).to.not.include('dasharray').and.not.include('Forecast').and.not.include('$1M');
  });

  it('hints above the last point what is held back, however little', () => {
    const band = (reservedUsd: number) =>
      drawn(month({ reservedUsd })).rect.find(({ fill, width }) => fill === '#A6CEE3' && width !== '46');
    const last = curve(month(), BLUE)?.at(-1) ?? [];
    for (const reservedUsd of [0.0001, 30]) {
      const held = band(reservedUsd);
      expect(Number(held?.['y']) + Number(held?.['height'])).to.be.closeTo(last[1] ?? 0, 0.2);
      expect(Number(held?.['x']) + Number(held?.['width'])).to.be.closeTo(last[0] ?? 0, 0.2);
      expect(Number(held?.['height'])).to.be.at.least(6);
    }
    expect(Number(band(30)?.['height'])).to.be.above(60);
    expect(band(0)).to.equal(undefined);
  });

  it('is red in its title once the limit is exceeded, not when it is met', () => {
    const fill = (spentUsd: number) => drawn(month({ spentUsd })).text[0]?.['fill'];
    expect(fill(100.01)).to.equal(VERMILION);
    expect(fill(100)).to.not.equal(VERMILION);
  });

  it('says that nothing was spent, unless something was that no day has yet', () => {
    const empty = { spentUsd: 0, byDay: [] };
    expect(words(month(empty))).to.include('Nothing was spent yet');
    expect(words(month({ ...empty, today: 30 }))).to.include('Nothing was spent');
    expect(words(month({ byDay: [] })).join()).to.not.include('Nothing');
  });

  it('escapes what would be markup', () => {
    expect(monthSvg(month({ spentUsd: 0.00001 }))).to.include('November 2026: &lt;$0.0001 of $100.00');
  });

  it('tells the lines of a scale apart, of whatever size', () => {
    for (const usd of [2e-9, 3e-6, 0.0001, 0.02, 0.7, 3, 40, 15_000, 900_000, 3e9]) {
      const ticks = drawn(month({ byDay: [usd], spentUsd: usd, limitUsd: usd, forecastUsd: 0 }))
        .text.filter((text) => text['text-anchor'] === 'end')
        .map((text) => `${Number(text['y']) > 530 ? 'days' : 'sum'} ${text['#text']}`);
      expect(new Set(ticks).size, String(usd)).to.equal(ticks.length).and.above(4);
      expect(ticks.join()).to.not.include('…');
    }
  });

  for (const [name, rest] of Object.entries(extreme)) {
    it(`keeps its labels within the picture and apart: ${name}`, () => {
      const boxes = drawn(month(rest)).text.filter((text) => text['#text']);
      for (const [at, one] of boxes.entries()) {
        const [left, top, right, bottom] = box(one);
        expect(left >= 0 && top >= 0 && right <= 1200 && bottom <= 800, one['#text']).to.equal(true);
        for (const other of boxes.slice(at + 1)) {
          const [l, t, r, b] = box(other);
          const apart = l >= right || r <= left || t >= bottom || b <= top;
          expect(apart, `${one['#text']} and ${other['#text']}`).to.equal(true);
        }
      }
    });
  }

  it('keeps all shapes within the picture, whatever the amounts', () => {
    const usd = fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e9, noNaN: true }));
    const facts = fc.record({
      period: fc.constantFrom('2026-02', '2028-02', '2026-11', '2026-12'),
      limitUsd: usd,
      spentUsd: usd,
      reservedUsd: usd,
      forecastUsd: usd,
      byDay: fc.array(fc.oneof(usd, fc.double({ min: -5, max: 0, noNaN: true })), { maxLength: 31 }),
      today: fc.integer({ min: 1, max: 31 }),
    });
    fc.assert(
      fc.property(facts, (some) => {
        const { rect, polyline, line } = drawn(some);
        const corners = [
          ...rect.flatMap(({ x, y, width, height }) => [
            [Number(x), Number(y)],
            [Number(x) + Number(width), Number(y) + Number(height)],
          ]),
          ...line.flatMap(({ x1, y1, x2, y2 }) => [
            [Number(x1), Number(y1)],
            [Number(x2), Number(y2)],
          ]),
          ...polyline.flatMap(points),
        ];
        for (const [x = NaN, y = NaN] of corners) expect(x >= 0 && x <= 1200 && y >= 0 && y <= 800).to.equal(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is a PNG of 1,200 by 800 pixels', async () => {
    const png = Buffer.from(await monthPicture(month()));
    expect([...png.subarray(0, 8)]).to.deep.equal([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).to.deep.equal([1200, 800]);
  });
});
