// The card of a prediction in each phase: only what is known, in words, every foreign one escaped.
import { expect } from 'chai';
import fc from 'fast-check';
import type { PredictionJob } from '../../../crds/crds.generated.ts';
import {
  predictionCard,
  predictionOver,
  predictionPicture,
  predictionsReady,
  predictionsTooLarge,
} from '../../../bot/wording/prediction-card.ts';
import { CAPTION_LIMIT, MESSAGE_LIMIT } from '../../../bot/wording/html.ts';
import { buttons } from '../conversation/setting.ts';

const job = (status: object, spec: object = {}): PredictionJob =>
  ({
    kind: 'PredictionJob',
    metadata: { name: 'new-1', uid: 'u' },
    spec: { modelRef: 'houses', predictionColumn: 'price', placement: 'Lambda', ...spec },
    status,
  }) as unknown as PredictionJob;
const html = (status: object, spec?: object, link?: string) => predictionCard(job(status, spec), 'new.csv', link).html;

describe('The card of a prediction', () => {
  it('says nothing that is not known yet', () => {
    expect(html({})).to.equal('🕓 <b>Predicting with <code>houses</code></b> – Pending\nnew.csv');
    const one = html({ phase: 'Running', chunks: { total: 1, running: 1, done: 0 }, cost: { actualUsd: 0 } });
    expect(one).to.not.match(/Pieces|to go|Rows|%/);
    expect(one).to.contain('Cost so far: $0.00');
    expect(buttons(predictionCard(job({}), 'new.csv'))).to.deep.equal(['⏹ Cancel the job']);
  });

  it('tells pieces, time to go, rows and cost while it runs', () => {
    const running = html({
      phase: 'Running',
      message: '12 of 40 chunks are done, 30.4 % of the table. One is tried again: <reset>.',
      progress: { percent: 30.4, etaSeconds: 95 },
      chunks: { total: 40, done: 12, running: 8 },
      rows: 1_234_567,
      cost: { actualUsd: 0.0004, estimatedUsd: 0.001 },
      warnings: ['"area" & <rooms> differ.'],
    });
    for (const words of [
      '▰▰▰▰▱▱▱▱▱▱▱▱ 30 %',
      'Pieces: 12 of 40, 8 at work, about 1 min 35 s to go',
      'Rows: 1,234,567 so far',
      'Cost so far: $0.0004 of about $0.0010',
      '\n\n<i>One is tried again: &lt;reset&gt;.</i>\n',
      '⚠️ &quot;area&quot; &amp; &lt;rooms&gt; differ.',
    ])
      expect(running).to.contain(words);
  });

  it('says once how far it is, and no time of nothing', () => {
    const merging = html({
      phase: 'Running',
      message: '1 of 2 chunks is done, 50 % of the table.',
      progress: { percent: 50, etaSeconds: 0 },
      chunks: { total: 2, done: 1, running: 0 },
    });
    expect(merging)
      .to.contain('Pieces: 1 of 2')
      .and.not.match(/chunk|to go|<i>/);
    expect(html({ phase: 'Succeeded', durationSeconds: 0 })).to.contain('Took: under 1 s');
  });

  it('names the largest classes of many', () => {
    const summary = { ...{ 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6 }, seven: 70 };
    const done = html({ phase: 'Succeeded', model: { task: 'classification' }, summary });
    expect(done).to.contain('Rows by class: seven: 70, 6: 6, 5: 5, 4: 4, 3: 3, 2: 2 and 1 more');
  });

  it('speaks of no money on the cluster', () => {
    const placement = { placement: 'Cluster' };
    const running = html({ phase: 'Running', cost: { actualUsd: 0, estimatedUsd: 0 } }, placement);
    expect(running).to.contain('Where: 🏠 on the cluster').and.not.contain('$');
    expect(html({ phase: 'Succeeded', cost: { actualUsd: 0 } }, placement)).to.not.contain('$');
  });

  it('tells the result, its cost and what to be careful about', () => {
    const status = {
      phase: 'Succeeded',
      rows: 3,
      badRows: 2,
      durationSeconds: 61,
      summary: { min: 1.23456, max: 9 },
      cost: { actualUsd: 0.002, estimatedUsd: 0.003 },
      warnings: Array.from({ length: 8 }, (_, at) => `Warning ${at}.`),
    };
    const done = html(status, {}, 'https://bucket/x?a=1&b="2"');
    for (const words of [
      'new.csv → column <code>price</code>',
      'Rows: 3',
      'Predictions: min: 1.235, max: 9',
      'Cost: <b>$0.0020</b>, estimated $0.0030',
      'Took: 1 min 1 s',
      '⚠️ 2 rows could not be read and have no prediction.',
      '⚠️ Warning 4.',
      '⚠️ 3 more warnings are in summary.json.',
      '<a href="https://bucket/x?a=1&amp;b=&quot;2&quot;">Download</a> (the link is valid for 1 hour)',
    ])
      expect(done).to.contain(words);
    expect(done).to.not.contain('Warning 5');
    expect(buttons(predictionCard(job(status), 'new.csv', 'https://x'))).to.deep.equal(['🔗 New links to the files']);
    expect(buttons(predictionCard(job(status), 'new.csv'))).to.deep.equal([]);
    expect(predictionPicture(job(status))).to.contain('⚠️ 2 rows');
    expect(predictionsTooLarge(60e6, job(status), 'new.csv', 'https://x').html).to.contain('With 60.0 MB');
  });

  it('is honest when it failed or was cancelled', () => {
    const failed = { phase: 'Failed', message: 'Row 3 has <2> cells.', cost: { actualUsd: 0.01 } };
    expect(html(failed)).to.contain('Row 3 has &lt;2&gt; cells.').and.contain('It cost $0.0100 until then');
    expect(html({ phase: 'Cancelled' }))
      .to.contain('cancelled')
      .and.contain('nothing was charged');
    expect(html({ phase: 'Failed' }, { placement: 'Cluster' })).to.contain('The cluster costs nothing extra');
    expect(predictionOver(job(failed)).html).to.contain('did not come to an end: Row 3 has &lt;2&gt; cells.');
  });

  it('fits into a message and lets no foreign text through, whatever the status says', () => {
    const foreign = fc.string({ unit: 'binary', maxLength: 600 });
    fc.assert(
      fc.property(
        fc.constantFrom('Running', 'Succeeded', 'Failed', 'Cancelled'),
        fc.array(foreign, { maxLength: 20 }),
        foreign,
        foreign,
        fc.dictionary(foreign, fc.double({ noNaN: true, noDefaultInfinity: true }), { maxKeys: 8 }),
        (phase, warnings, message, file, summary) => {
          const one = job({ phase, warnings, message, summary, badRows: warnings.length }, { modelRef: message });
          const card = predictionCard(one, file).html;
          expect(card.length).to.be.at.most(MESSAGE_LIMIT);
          expect(card.replace(/<\/?(b|i|code)>/g, '')).to.not.match(/[<>]/);
          expect(predictionsReady(one, file).length).to.be.at.most(CAPTION_LIMIT);
          expect(predictionPicture(one).length).to.be.at.most(CAPTION_LIMIT);
        },
      ),
      { numRuns: 50 },
    );
  });
});
