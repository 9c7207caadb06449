// The one message a prediction has while it runs, what it becomes in the end, and what comes with the result. Rendered from the custom
// resource alone, as the cards of trainings (cards.ts).
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { identityOf } from '../../crds/objects.ts';
import type { Message } from '../conversation/effect.ts';
import { charged, costLines, ON_CLUSTER, reasonOf, troubles } from './cards.ts';
import { bar, bytes, count, duration, figure, usd } from './figures.ts';
import { bold, CAPTION_LIMIT, code, escape, message, short, text } from './html.ts';
import { jobButton, MARKS, phaseOf } from './lists.ts';
import { quoteLines } from './money.ts';

const WARNINGS_SHOWN = 5;
const SUMMARY_SHOWN = 6;

/** `link`: to the result, good for an hour. */
export function predictionCard(job: PredictionJob, file: string, link?: string): Message {
  switch (job.status?.phase) {
    case 'Failed':
    case 'Cancelled':
      return endedCard(job, file);
    case 'Succeeded':
      return {
        html: message([
          '✅ <b>Predicted</b>',
          '',
          ...resultLines(job, file),
          ...(link === undefined
            ? []
            : ['', `⬇️ <a href="${escape(link)}">Download</a> (the link is valid for 1 hour)`]),
        ]),
        ...(link === undefined ? {} : { buttons: [[resultButton(job)]] }),
      };
    default:
      return runningCard(job, file);
  }
}

const resultButton = (job: PredictionJob, words = '🔗 New links to the files') =>
  jobButton('result', identityOf(job), words);

function runningCard(job: PredictionJob, file: string): Message {
  const { message: said, progress, rows } = job.status ?? {};
  const now = phaseOf(job);
  const percent = progress?.percent;
  // How far it is stands above already.
  const news = said?.replace(/^[\d,]+ of [\d,]+ chunks (is|are) done, [\d.]+ % of the table\. ?/, '');
  return {
    html: message([
      `${MARKS[now] ?? '•'} <b>Predicting with ${code(job.spec.modelRef, 60)}</b> – ${now}`,
      text(file),
      ...(percent === undefined ? [] : ['', bar(percent)]),
      ...piecesLine(job),
      ...(rows ? [`Rows: ${count(rows)} so far`] : []),
      ...costSoFar(job),
      ...quoteLines(job),
      ...(news ? ['', `<i>${text(news, 300)}</i>`] : []),
      ...troubles(job),
      ...warningLines(job),
    ]),
    buttons: [[jobButton('cancel', identityOf(job), '⏹ Cancel the job')]],
  };
}

/** `Pieces: 3 of 40, 8 at work, about 2 min to go`. */
function piecesLine({ status }: PredictionJob): string[] {
  const { chunks, progress } = status ?? {};
  const parts = [
    ...((chunks?.total ?? 0) > 1 ? [`Pieces: ${count(chunks?.done ?? 0)} of ${count(chunks?.total ?? 0)}`] : []),
    ...((chunks?.total ?? 0) > 1 && chunks?.running ? [`${count(chunks.running)} at work`] : []),
    ...(!progress?.etaSeconds ? [] : [`about ${duration(progress.etaSeconds)} to go`]),
  ];
  return parts.length === 0 ? [] : [parts.join(', ')];
}

function costSoFar({ spec, status }: PredictionJob): string[] {
  if (spec.placement === 'Cluster') return [`Where: ${ON_CLUSTER}`];
  const { actualUsd, estimatedUsd } = status?.cost ?? {};
  if (actualUsd === undefined) return [];
  return [`Cost so far: ${usd(actualUsd)}${estimatedUsd === undefined ? '' : ` of about ${usd(estimatedUsd)}`}`];
}

function endedCard(job: PredictionJob, file: string): Message {
  const failed = job.status?.phase === 'Failed';
  return {
    html: message([
      failed ? '❌ <b>Prediction failed</b>' : '✖️ <b>Prediction cancelled</b>',
      '',
      `${code(job.metadata?.name ?? '', 80)}, ${text(file)}`,
      '',
      ...(failed ? [escape(short(reasonOf(job), 1500)), ''] : []),
      charged(job),
    ]),
  };
}

const resultLines = (job: PredictionJob, file: string): string[] => [
  `${text(file)} → column ${code(job.spec.predictionColumn, 40)}`,
  ...(job.status?.rows === undefined ? [] : [`Rows: ${count(job.status.rows)}`]),
  ...summaryLines(job),
  ...costLines(job),
  ...(job.status?.durationSeconds === undefined
    ? []
    : [`Took: ${job.status.durationSeconds < 1 ? 'under 1 s' : duration(job.status.durationSeconds)}`]),
  ...warningLines(job),
];

function summaryLines(job: PredictionJob): string[] {
  const entries = Object.entries(job.status?.summary ?? {});
  if (entries.length === 0) return [];
  const classes = job.status?.model?.task === 'classification';
  if (classes && entries.length > SUMMARY_SHOWN) entries.sort((a, b) => b[1] - a[1]);
  const shown = entries.slice(0, SUMMARY_SHOWN).map(([name, value]) => `${text(name, 24)}: ${figure(value)}`);
  const more = entries.length > SUMMARY_SHOWN ? ` and ${entries.length - SUMMARY_SHOWN} more` : '';
  return [`${classes ? 'Rows by class' : 'Predictions'}: ${shown.join(', ')}${more}`];
}

/** What to know before trusting the result. */
function warningLines({ status }: PredictionJob): string[] {
  const { badRows = 0, warnings = [] } = status ?? {};
  return [
    ...(badRows > 0
      ? [
          `⚠️ ${count(badRows)} ${badRows === 1 ? 'row could not be read and has' : 'rows could not be read and have'} no prediction.`,
        ]
      : []),
    ...warnings.slice(0, WARNINGS_SHOWN).map((one) => `⚠️ ${text(one, 300)}`),
    ...(warnings.length > WARNINGS_SHOWN
      ? [`⚠️ ${warnings.length - WARNINGS_SHOWN} more warnings are in summary.json.`]
      : []),
  ];
}

/** Caption of the result file. */
export const predictionsReady = (job: PredictionJob, file: string): string =>
  message(['✅ <b>Predictions ready</b>', '', ...resultLines(job, file)], CAPTION_LIMIT);

export const predictionsTooLarge = (size: number, job: PredictionJob, file: string, link: string): Message => ({
  html: message([
    '✅ <b>Predictions ready</b>',
    '',
    ...resultLines(job, file),
    '',
    `With ${bytes(size)} the file is larger than Telegram takes from bots: ⬇️ <a href="${escape(link)}">download it</a> (valid for 1 hour).`,
  ]),
  buttons: [[resultButton(job)]],
});

/** Caption of the picture. */
export const predictionPicture = (job: PredictionJob): string =>
  message(
    [
      '<b>What was predicted</b>',
      'Above the predictions; below, how far each column differs from what the model was trained on. Where it differs much, the predictions are less sure than the figures of the training say.',
      ...warningLines(job),
    ],
    CAPTION_LIMIT,
  );

export const predictionOver = (job: PredictionJob): Message => ({
  html: message([
    job.status?.phase === 'Succeeded'
      ? `⚠️ ${bold(job.metadata?.name ?? '')} is done, but its result is not where it should be. Tell the administrator.`
      : `❌ ${bold(job.metadata?.name ?? '')} did not come to an end: ${text(reasonOf(job), 300)}`,
  ]),
});
