// Quotes and receipts in words, on cards, in the news of the end and in /status.
import { expect } from 'chai';
import { trainingCard, trainingOver } from '../../../bot/wording/cards.ts';
import { statusList } from '../../../bot/wording/lists.ts';
import { quoteLines, receiptLines } from '../../../bot/wording/money.ts';
import { predictionCard, predictionsReady } from '../../../bot/wording/prediction-card.ts';
import type { PredictionJob, TrainingJob } from '../../../crds/crds.generated.ts';
import { account, prediction, training } from '../conversation/setting.ts';

const QUOTE = {
  ...{ basis: 'History', samples: 7, secondsLow: 120, secondsHigh: 600, usdLow: 0.01, usdHigh: 0.05 },
  ...{ pricePerHourP50: 0.03, pricePerHourP90: 0.04, interruptionRisk: 0.054, onDemandUsd: 0.2 },
};
const RECEIPT = {
  ...{ quotedLowUsd: 0.01, quotedHighUsd: 0.05, actualUsd: 0.02, onDemandUsd: 0.1, savingsPercent: 80 },
  ...{ interruptions: 2, interruptionsUsd: 0.003 },
};
const withStatus = (more: object, phase = 'Running'): TrainingJob => {
  const job = training(phase);
  return { ...job, status: { ...job.status, ...more } } as TrainingJob;
};
const predicted = (more: object, phase: string): PredictionJob =>
  ({ ...prediction(phase), status: { phase, ...more } }) as unknown as PredictionJob;

describe('A quote', () => {
  const of = (more: object) => quoteLines(withStatus({ quote: { ...QUOTE, ...more } })).join('\n');

  it('tells money, time, what it is based on, the risk, the ceiling and the price', () => {
    expect(of({})).to.equal(
      'Quoted: $0.0100 – $0.0500, 2 min – 10 min (by 7 jobs like it); risk of an interruption 5 %; on demand at most $0.2000\nPrice of the last day: $0.0300 – $0.0400 an hour',
    );
  });

  it('says so where it is a rule of thumb, where nothing can be interrupted, and where there is one figure', () => {
    const plain = { basis: 'Model', interruptionRisk: 0, pricePerHourP50: undefined, usdLow: 0.05, secondsLow: 600 };
    expect(of(plain)).to.equal('Quoted: $0.0500, 10 min (by a rule of thumb)');
    expect(of({ interruptionRisk: 0.001 })).to.contain('risk of an interruption under 1 %');
  });

  it('is left out of what costs nothing, and of jobs of before there were quotes', () => {
    expect(of({ usdHigh: 0 })).to.equal('');
    expect(quoteLines(training('Running'))).to.deep.equal([]);
  });

  it('stands on the cards of what runs, and in /status', () => {
    const job = withStatus({ quote: QUOTE });
    expect(trainingCard(job, 'a.csv').html).to.contain('Quoted: $0.0100');
    expect(statusList([job], account).html).to.contain('Quoted: $0.0100');
    expect(predictionCard(predicted({ quote: QUOTE }, 'Running'), 'a.csv').html).to.contain('Quoted: $0.0100');
  });
});

describe('A receipt', () => {
  const of = (more: object) => receiptLines(withStatus({ receipt: { ...RECEIPT, ...more } }, 'Succeeded')).join('\n');

  it('tells what it cost, was quoted, would have cost on demand, and what interruptions cost', () => {
    expect(of({})).to.equal(
      '🧾 Cost: <b>$0.0200</b>, quoted $0.0100 – $0.0500, on demand $0.1000 (80 % saved)\nInterruptions survived: 2, which cost $0.0030 in work done again',
    );
  });

  it('is honest when it was dearer, and says no more than it knows', () => {
    expect(of({ savingsPercent: -12, interruptions: 0 }))
      .to.contain('(12 % dearer)')
      .and.to.not.contain('survived');
    expect(of({ quotedLowUsd: undefined, onDemandUsd: 0, interruptions: 0 })).to.equal('🧾 Cost: <b>$0.0200</b>');
  });

  it('is left out for the cluster, which costs nothing, and for jobs of before', () => {
    const job = withStatus({ receipt: { actualUsd: 0 } }, 'Succeeded');
    expect(receiptLines({ ...job, spec: { ...job.spec, placement: 'Cluster' } })).to.deep.equal([]);
    expect(receiptLines(training('Succeeded'))).to.deep.equal([]);
  });

  it('stands once on the card of what is over, in the message that rings, and with a result', () => {
    const job = withStatus({ receipt: RECEIPT, counts: { interruptions: 2 }, cost: { actualUsd: 0.02 } }, 'Succeeded');
    const card = trainingCard(job, 'a.csv').html;
    expect(card.match(/Interruptions survived/g)).to.have.length(1);
    expect(card.match(/Cost/g)).to.have.length(1);
    for (const over of [job, withStatus({ receipt: RECEIPT }, 'Failed')])
      expect(trainingOver(over).html).to.contain('🧾 Cost: <b>$0.0200</b>, quoted');
    const done = predicted({ receipt: RECEIPT, cost: { actualUsd: 0.02 } }, 'Succeeded');
    expect(predictionsReady(done, 'a.csv')).to.contain('🧾 Cost: <b>$0.0200</b>, quoted');
  });
});
