// What is said to each picture: figures in words, names of the data escaped and shortened, and always something, whatever the report is.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Report } from '../../../cloud/contract/contract.generated.ts';
import { captionOf, noPictures, PICTURES, type PictureName } from '../../../bot/wording/pictures.ts';
import { format } from '../../../local/telegram/text/formatted.ts';

const caption = (name: PictureName, report: object): string => captionOf(name, report as Report);
const members = (...types: string[]) => types.map((type) => ({ type, hyperparameters: {}, weight: 1 }));
const column = (name: string, mean: number, std = 0.001) => ({ name, mean, std });
/** Probabilities in 8 bins of so many rows. */
const told = (expectedCalibrationError: number, rows: number) => ({
  calibration: { expectedCalibrationError, predicted: Array(8).fill(0.3), rows: Array(8).fill(rows) },
});
const curve = (name: string, ...points: [x: number, y: number][]) => ({
  class: name,
  falsePositiveRate: points.map(([x]) => x),
  truePositiveRate: points.map(([, y]) => y),
});

describe('The caption of a picture', () => {
  const CASES: [what: string, name: PictureName, report: object, words: string][] = [
    [
      'the most frequent mistake',
      'confusion_matrix',
      {
        confusionMatrix: {
          classes: ['<b>', 'no'],
          rows: [
            [8, 1],
            [1200, 20],
          ],
        },
      },
      '28 of 1,229 held-out rows are right. The most frequent mistake: <code>no</code> was taken for <code>&lt;b&gt;</code>, 1,200 times.',
    ],
    [
      'that nothing is wrong',
      'confusion_matrix',
      {
        confusionMatrix: {
          classes: ['a', 'b'],
          rows: [
            [8, 0],
            [0, 9],
          ],
        },
      },
      'All 17 held-out rows are right. If that is too good to be true',
    ],
    [
      'how well two classes are told apart',
      'roc_curve',
      { metrics: { roc_auc: 0.784 }, rocCurves: [curve('bad & ugly', [0, 0], [1, 1])] },
      'one <code>bad &amp; ugly</code> and one not, the model tells which is which in 78 of 100 cases. Guessing: 50.',
    ],
    [
      'which class is told apart best and worst',
      'roc_curve',
      {
        metrics: {},
        rocCurves: [
          curve('mid', [0, 0], [0.5, 1], [1, 1]),
          curve('low', [0, 0], [1, 1]),
          curve('top', [0, 0], [0, 1], [1, 1]),
        ],
      },
      'best from all others: <code>top</code> (1), worst: <code>low</code> (0.5).',
    ],
    [
      'the typical error',
      'predicted_vs_actual',
      { target: { name: '<price>' }, metrics: { median_absolute_error: 1_234_567.8, mean_absolute_error: 2 } },
      'Half of the predictions of <code>&lt;price&gt;</code> are off by less than 1.23 million.',
    ],
    [
      'the mean error beside that of one number for all',
      'predicted_vs_actual',
      { target: { name: 'y' }, metrics: { mean_absolute_error: 0.51234, baseline_mean_absolute_error: 12 } },
      'Predictions of <code>y</code> are off by 0.512 on average. Always telling the same number: 12.',
    ],
    [
      'the columns that matter, and how many do not',
      'importance',
      {
        importance: {
          columns: [column('a', 0.3), column('b', 0.2), column('c', 0.1), column('d', 0.05), column('e', 0)],
        },
      },
      'Most of all <code>a</code>, then <code>b</code> and <code>c</code>. 1 column is of no use.',
    ],
    [
      'that one column carries all',
      'importance',
      { importance: { columns: [column('a', 0.9), column('b', 0.02), column('c', -0.1)] } },
      '<code>a</code> carries nearly all, then <code>b</code>. Make sure that it is known when you predict.',
    ],
    [
      'that none matters',
      'importance',
      { importance: { columns: [column('a', 0.001, 0.002)] } },
      'No column matters by itself',
    ],
    [
      'how far most rows are off',
      'residuals',
      { target: { name: 'y' }, quantiles: { residual: [-99, -12.5, 1, 2, 3, 4, 5, 6, 7, 3000, 9000] } },
      'In 8 of 10 rows the actual <code>y</code> lies between 12.5 below and 3,000 above the predicted one. A bow',
    ],
    [
      'what was taken of how many',
      'leaderboard',
      {
        model: { members: members('svm') },
        leaderboard: { candidates: [{ name: 'svm, soft' }, { name: 'ridge' }], skipped: [{}, {}] },
      },
      '2 candidates were judged on rows that they had not seen. Taken: support vector machine, soft. Not tried: 2.',
    ],
    [
      'what a blend is of',
      'leaderboard',
      {
        model: { members: members('svm', 'random_forest', 'svm') },
        leaderboard: { candidates: [{ name: 'blend' }], skipped: [] },
      },
      'Taken: a blend of 3 models: support vector machine and random forest.',
    ],
    [
      'honest probabilities',
      'calibration',
      told(0.0213, 20_000),
      'Yes: what is told and what comes true differ by 2.1 percentage',
    ],
    // 8 bins of 20 rows: chance alone is off by about 8 points.
    [
      'that rows are too few to judge',
      'calibration',
      told(0.0856, 20),
      'so few rows can tell: what is told and what comes true differ by 8.6 percentage points',
    ],
    ['rough probabilities', 'calibration', told(0.05, 20_000), 'Roughly: '],
    ['bad probabilities', 'calibration', told(0.2, 20), 'With care: '],
    [
      'false alarms',
      'precision_recall_curve',
      { precisionRecallCurves: [{ class: 'x', share: 0.3, recall: [0, 0.4, 0.6, 1], precision: [1, 0.9, 0.6, 0.3] }] },
      'half of all <code>x</code> rows gets 60 right among 100 that are picked. Guessing: 30.',
    ],
    [
      'that more steps could help',
      'learning_curve',
      { learningCurve: { members: [{ steps: [1, 2, 3, 4], loss: [4, 3, 2, 1] }] } },
      'still falls at the end',
    ],
    [
      'that fewer steps would do',
      'learning_curve',
      { learningCurve: { members: [{ steps: [10, 20, 30, 40], loss: [4, 1, 2, 3] }] } },
      'lowest after step 20 and rises then',
    ],
    [
      'that the steps were enough',
      'learning_curve',
      {
        learningCurve: {
          members: [
            { steps: [1], loss: [1] },
            { steps: [1, 2, 3, 4], loss: [4, 1, 1, 1] },
          ],
        },
      },
      'flat at the end',
    ],
  ];
  for (const [what, name, report, words] of CASES)
    it(`tells ${what}`, () => {
      expect(caption(name, report))
        .to.match(/^<b>[^<]+<\/b>\n/)
        .and.to.include(words);
    });

  it('is general where the report is missing, broken or of many', () => {
    for (const name of PICTURES) {
      const general = captionOf(name, undefined);
      expect(general.split('\n')).to.have.length(2);
      for (const broken of [
        {},
        null,
        7,
        { confusionMatrix: { classes: [], rows: 7 }, importance: {}, calibration: {} },
      ])
        expect(captionOf(name, broken as unknown as Report)).to.equal(general);
    }
    const curves = [1, 2].map((at) => ({ class: String(at), share: 0.1, recall: [1], precision: [1] }));
    expect(caption('precision_recall_curve', { precisionRecallCurves: curves })).to.include('false alarms');
    const two = [1, 2].map(() => ({ steps: [1, 2], loss: [2, 1] }));
    expect(caption('learning_curve', { learningCurve: { members: two } })).to.include('lower is better');
    expect(caption('importance', { importance: { columns: [] } })).to.include('The longer the bar');
  });

  it('is HTML that Telegram takes, and short, whatever the names are (property)', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 3000, unit: 'grapheme' }), fc.nat(2000), (name, many) => {
        const report = {
          target: { name },
          metrics: { median_absolute_error: many },
          model: { members: members(name, 'svm') },
          leaderboard: { candidates: [{ name }], skipped: [] },
          confusionMatrix: {
            classes: [name, name],
            rows: [
              [1, many],
              [2, 3],
            ],
          },
          rocCurves: [curve(name, [0, 0], [1, 1]), curve(name, [0, 0], [1, 1])],
          importance: { columns: [column(name, 0.3), column(name, 0.2)] },
          quantiles: { residual: [-2, -1, many, 3, 4] },
          calibration: { expectedCalibrationError: many, predicted: [0.5], rows: [many] },
          precisionRecallCurves: [{ class: name, share: 0.5, recall: [1], precision: [0.5] }],
        };
        for (const picture of PICTURES) {
          const html = caption(picture, report);
          expect(html.length).to.be.at.most(1024);
          expect(format(html, 'HTML', undefined).text.length).to.be.at.most(600);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('Where there are no pictures', () => {
  it('the chat says so by name', () => {
    expect(noPictures('<m>').html).to.equal('There are no pictures of <b>&lt;m&gt;</b>.');
  });
});
