// Quotes and receipts: pure.
import { expect } from 'chai';
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { receiptOf, savingsOf, specSha256 } from '../../../operator/accounts/receipt.ts';
import { quoteOf as predictionQuote } from '../../../operator/prediction/admission.ts';
import { VOLUME_PER_HOUR } from '../../../operator/training/costs.ts';
import { History, pastOf } from '../../../operator/training/history.ts';
import { pricePercentile, quoteOf, type QuoteFacts } from '../../../operator/training/quote.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const HOUR = 3_600_000;
const facts = (more: Partial<QuoteFacts> = {}): QuoteFacts => ({
  bytes: 20e6,
  past: [],
  price: 0.03,
  series: [],
  onDemandPerHour: 0.096,
  addressPerHour: 0,
  interruptible: true,
  seen: { interruptions: 0, hours: 0 },
  ...more,
});

describe('A quote', () => {
  it('says that its time is a stated model while there is no past', () => {
    const quote = quoteOf(facts(), NOW);
    expect(quote).to.include({ basis: 'Model', samples: 0, secondsLow: 90 + 36, secondsHigh: 90 + 120 });
    expect(quote.usdLow).to.be.closeTo(((0.03 + VOLUME_PER_HOUR) * 126) / 3600, 1e-9);
    expect(quote.usdHigh).to.be.closeTo(((0.03 + VOLUME_PER_HOUR) * 210) / 3600, 1e-9);
    expect(quote.onDemandUsd).to.be.closeTo(((0.096 + VOLUME_PER_HOUR) * 210) / 3600, 1e-9);
  });

  it('counts what is billed beside the instance', () => {
    const quote = quoteOf(facts({ addressPerHour: 0.005 }), NOW);
    expect(quote.pricePerHourP50).to.be.closeTo(0.035 + VOLUME_PER_HOUR, 1e-9);
    expect(quote.onDemandUsd).to.be.closeTo(((0.101 + VOLUME_PER_HOUR) * 210) / 3600, 1e-9);
  });

  it('takes its time from past jobs of the kind, from the tenth to the ninetieth of a hundred', () => {
    const past = Array.from({ length: 10 }, (_, at) => (10 - at) * 1e5);
    const quote = quoteOf(facts({ past }), NOW);
    expect(quote).to.include({ basis: 'History', samples: 10 });
    expect(quote.secondsLow).to.equal(Math.ceil(90 + 20e6 / 9e5));
    expect(quote.secondsHigh).to.equal(90 + 200);
    expect(quoteOf(facts({ past: [1, 2] }), NOW).basis).to.equal('Model');
  });

  it('takes its prices from the last day, by how long each held', () => {
    const series = [
      { at: NOW - 30 * HOUR, usd: 0.02 },
      { at: NOW - 6 * HOUR, usd: 0.05 },
      { at: NOW - HOUR, usd: 0.09 },
    ];
    const quote = quoteOf(facts({ series }), NOW);
    expect(quote.pricePerHourP50).to.be.closeTo(0.02 + VOLUME_PER_HOUR, 1e-9);
    expect(quote.pricePerHourP90).to.be.closeTo(0.05 + VOLUME_PER_HOUR, 1e-9);
    expect(pricePercentile(series, NOW - 24 * HOUR, NOW, 1)).to.equal(0.09);
    expect(pricePercentile([], 0, 1, 0.5)).to.equal(undefined);
    expect(pricePercentile([{ at: 0, usd: 1 }], 5, 5, 0.5)).to.equal(1);
  });

  it('tells the risk of an interruption by what was seen, and none where nothing is taken back', () => {
    const risky = quoteOf(facts({ bytes: 2e9, seen: { interruptions: 30, hours: 40 } }), NOW).interruptionRisk ?? 0;
    const calm = quoteOf(facts({ bytes: 2e9, seen: { interruptions: 0, hours: 400 } }), NOW).interruptionRisk ?? 0;
    expect(risky).to.be.within(0.5, 1);
    expect(calm).to.be.within(0.001, 0.02);
    expect(quoteOf(facts({ interruptible: false }), NOW).interruptionRisk).to.equal(0);
  });

  it('of a prediction has one price, and a range of time', () => {
    const quote = predictionQuote(10, (seconds) => seconds / 1000, NOW);
    expect(quote).to.include({ secondsLow: 6, secondsHigh: 20, usdLow: 0.006, usdHigh: 0.02, onDemandUsd: 0.02 });
  });
});

describe('The past of trainings', () => {
  const job = (more: object = {}, spec: object = {}): TrainingJob =>
    ({
      spec: { model: { type: 'ridge' }, placement: 'Spot', ...spec },
      status: {
        phase: 'Succeeded',
        dataset: { bytes: 1000 },
        attemptCount: 2,
        attempts: [
          {
            market: 'spot',
            launchedAt: '2026-11-24T08:00:00Z',
            startedAt: '2026-11-24T08:00:30Z',
            endedAt: '2026-11-24T08:01:00Z',
            endReason: 'Interrupted',
          },
          {
            market: 'spot',
            launchedAt: '2026-11-24T08:02:00Z',
            startedAt: '2026-11-24T08:02:30Z',
            endedAt: '2026-11-24T08:03:40Z',
            endReason: 'Succeeded',
          },
        ],
        ...more,
      },
    }) as unknown as TrainingJob;

  it('is bytes a second of work by family, and interruptions by hours on Spot', () => {
    const past = pastOf([
      job(),
      job({ dataset: { bytes: 1, tableBytes: 2000 } }),
      job({ phase: 'Failed' }),
      job({}, { placement: 'Cluster' }),
      job({ attemptCount: 30 }),
      { spec: { model: { type: 'auto' } } } as TrainingJob,
    ]);
    expect([...paces(past.paces)]).to.deep.equal([['ridge', [10, 20]]]);
    expect(past.seen.interruptions).to.equal(5);
    expect(past.seen.hours).to.be.closeTo((5 * 160) / 3600, 1e-9);
  });
  const paces = (map: ReadonlyMap<string, readonly number[]>) => [...map].map(([name, list]) => [name, [...list]]);

  it('is gathered once a minute', () => {
    let now = NOW;
    let asked = 0;
    const history = new History(
      () => ((asked += 1), [job()]),
      () => now,
    );
    expect(history.past).to.equal(history.past);
    now += 61_000;
    expect(history.past.seen.interruptions).to.equal(1);
    expect(asked).to.equal(2);
  });
});

describe('A receipt', () => {
  const bought = {
    spec: { b: 1, a: { d: [1, { z: 2, y: undefined }], c: 'x' } },
    quote: { usdLow: 0.01, usdHigh: 0.04 },
    actualUsd: 0.03,
    onDemandUsd: 0.09,
    interruptions: 2,
    interruptionsUsd: 0.004,
    installationUsd: 0.1,
    dataEtag: '"e"',
    dataSha256: 'ab',
  };

  it('puts beside what was quoted what it took, what on-demand would have, and what interruptions cost', () => {
    expect(receiptOf(bought, NOW)).to.deep.equal({
      at: '2026-11-24T10:00:00Z',
      quotedLowUsd: 0.01,
      quotedHighUsd: 0.04,
      actualUsd: 0.03,
      onDemandUsd: 0.09,
      savingsPercent: 66.7,
      interruptions: 2,
      interruptionsUsd: 0.004,
      installationUsd: 0.1,
      specSha256: specSha256(bought.spec),
      dataEtag: '"e"',
      dataSha256: 'ab',
    });
    const { quote: _, dataEtag: _etag, dataSha256: _sha, ...rest } = bought;
    expect(receiptOf(rest, NOW)).to.not.have.any.keys('quotedLowUsd', 'dataEtag', 'dataSha256');
  });

  it('says below 0 % when it was dearer, and 0 % when there was nothing to save', () => {
    expect(savingsOf(0.1, 0.08)).to.equal(-25);
    expect(savingsOf(0, 0)).to.equal(0);
  });

  it('has one hash for one spec, in whatever order it was written', () => {
    expect(specSha256({ a: { c: 'x', d: [1, { z: 2 }] }, b: 1 })).to.equal(specSha256(bought.spec));
    expect(specSha256({ a: 1 })).to.not.equal(specSha256({ a: 2 }));
    expect(specSha256({})).to.match(/^[0-9a-f]{64}$/);
  });
});
