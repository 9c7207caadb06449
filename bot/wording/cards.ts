// The one message a job has while it runs, and what it becomes in the end (of a prediction: prediction-card.ts). Rendered from the custom resource alone, so that a
// restarted bot shows the same. Foreign words (messages of conditions, names) are escaped and shortened.
import { condition } from '../../crds/conditions.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { identityOf } from '../../crds/objects.ts';
import type { Message } from '../conversation/effect.ts';
import { modelName } from '../conversation/models.ts';
import type { JobRef } from '../conversation/state.ts';
import { bar, bytes, count, duration, figure, usd } from './figures.ts';
import { bold, code, escape, label, message, MESSAGE_LIMIT, short, text } from './html.ts';
import { isOver, jobButton, MARKS, phaseOf, type Job } from './lists.ts';
import { quoteLines, receiptLines } from './money.ts';
import { metricLines, metricName, metricsMeaning, metricsWarning } from './metrics.ts';

const NOTES_SHOWN = 3;
const MEMBERS_SHOWN = 5;

export function trainingCard(job: TrainingJob, file: string): Message {
  const phase = job.status?.phase;
  if (phase === 'Succeeded') return succeededTraining(job, file);
  if (phase === 'Failed') return failedTraining(job, file);
  const { progress, attempts, message: said, cost } = job.status ?? {};
  const attempt = attempts?.at(-1);
  const now = phaseOf(job);
  return {
    html: message([
      `${MARKS[now] ?? '•'} <b>Training ${code(job.spec.target, 40)}</b> – ${now}`,
      text(file),
      '',
      bar(progress?.percent ?? 0),
      ...(progress?.stage
        ? [
            `Stage: ${text(progress.stage)}${progress.etaSeconds === undefined ? '' : `, about ${duration(progress.etaSeconds)} to go`}`,
          ]
        : []),
      ...(progress?.metricName !== undefined && progress.metricValue !== undefined
        ? [`${text(metricName(progress.metricName))}: ${figure(progress.metricValue)}`]
        : []),
      ...(attempt?.instanceType ? [whereOf(attempt)] : []),
      ...((job.status?.counts?.interruptions ?? 0) > 0
        ? [`Interruptions survived: ${job.status?.counts?.interruptions}`]
        : []),
      ...(cost?.actualUsd === undefined || attempt?.market === 'cluster'
        ? []
        : [
            `Cost so far: ${usd(cost.actualUsd)}${cost.estimatedUsd === undefined ? '' : ` of about ${usd(cost.estimatedUsd)}`}`,
          ]),
      ...quoteLines(job),
      ...(said || progress?.message ? ['', `<i>${text(progress?.message ?? said ?? '', 300)}</i>`] : []),
      ...troubles(job),
    ]),
    buttons: [[jobButton('cancel', identityOf(job), '⏹ Cancel the job')]],
  };
}

export const ON_CLUSTER = '🏠 on the cluster, which costs nothing extra';

function whereOf({ market, instanceType = '', zone, pricePerHour }: Attempt): string {
  if (market === 'cluster') return `Where: ${ON_CLUSTER}`;
  const price = pricePerHour === undefined ? '' : `, ${usd(pricePerHour)}/h`;
  return `Instance: ${text(instanceType)}${zone ? ` in ${text(zone)}` : ''}${price}`;
}

/** What its conditions warn of. */
export function troubles(job: Job): string[] {
  return ['Suspended', 'Interrupted', 'CheckpointStale', 'BudgetExhausted'].flatMap((type) => {
    const one = condition(job.status?.conditions, type);
    return one?.status === 'True' && one.message ? [`⚠️ ${text(one.message, 300)}`] : [];
  });
}

function succeededTraining(job: TrainingJob, file: string): Message {
  const { model, startTime, completionTime } = job.status ?? {};
  const uid = identityOf(job);
  return {
    html: message([
      '✅ <b>Model ready</b>',
      '',
      `Name: ${code(job.metadata?.name ?? '', 80)}`,
      `Predicts: ${code(job.spec.target, 64)} from ${text(file)}`,
      `Model: ${modelInWords(job)}${model?.task ? `, ${text(model.task)}` : ''}${model?.bytes ? `, ${bytes(model.bytes)}` : ''}`,
      ...(model?.trainRows
        ? [`Rows: ${count(model.trainRows)} to learn, ${count(model.testRows ?? 0)} held out for the figures below`]
        : []),
      '',
      ...metricLines(job.status?.metrics, job.status?.intervals),
      ...metricsMeaning(job.status?.metrics, job.status?.intervals),
      ...metricsWarning(job.status?.metrics, job.status?.intervals),
      '',
      ...notesOf(job),
      ...costLines(job),
      ...took(startTime, completionTime),
      ...survived(job),
    ]),
    buttons: [
      [jobButton('predict', uid, '🔮 Predict with it')],
      [jobButton('pictures', uid, '📊 All pictures')],
      [jobButton('model', uid, '📦 Download the model')],
    ],
  };
}

function notesOf({ status }: TrainingJob): string[] {
  const notes = (status?.model?.notes ?? []).slice(0, NOTES_SHOWN).map((note) => `ℹ️ ${text(note, 200)}`);
  return notes.length > 0 ? [...notes, ''] : [];
}

/** `Random forest`, or what a blend is made of. */
function modelInWords({ status, spec }: TrainingJob): string {
  const { type, members } = status?.model ?? {};
  if (!members) return text(modelName(type ?? spec.model.type));
  const shown = members
    .slice(0, MEMBERS_SHOWN)
    .map((one) => `${modelName(one.type)} ${Math.round(100 * one.weight)} %`);
  return `a blend of ${text(shown.join(', '), 200)}${members.length > MEMBERS_SHOWN ? ` and ${members.length - MEMBERS_SHOWN} more` : ''}`;
}

export function costLines(job: Job): string[] {
  const receipt = receiptLines(job);
  if (receipt.length > 0) return receipt;
  const cost: { actualUsd?: number; estimatedUsd?: number; onDemandUsd?: number } = job.status?.cost ?? {};
  if (cost.actualUsd === undefined) return [];
  if (job.spec.placement === 'Cluster' && cost.actualUsd === 0) return [`Where: ${ON_CLUSTER}`];
  const { actualUsd, estimatedUsd, onDemandUsd } = cost;
  const saved =
    onDemandUsd !== undefined && onDemandUsd > actualUsd
      ? ` (${Math.round(100 * (1 - actualUsd / onDemandUsd))} % saved)`
      : '';
  return [
    `Cost: <b>${usd(actualUsd)}</b>${estimatedUsd === undefined ? '' : `, estimated ${usd(estimatedUsd)}`}${onDemandUsd === undefined ? '' : `, on demand ${usd(onDemandUsd)}${saved}`}`,
  ];
}

const took = (start: string | undefined, end: string | undefined): string[] =>
  start && end ? [`Took: ${duration((Date.parse(end) - Date.parse(start)) / 1000)}`] : [];

/** The receipt says it with what they cost. */
const survived = (job: TrainingJob): string[] =>
  (job.status?.counts?.interruptions ?? 0) > 0 && receiptLines(job).length === 0
    ? [`Interruptions survived: ${job.status?.counts?.interruptions}`]
    : [];

/** What went wrong: the Failed condition's words, else the status's. */
export const reasonOf = (job: Job): string =>
  condition(job.status?.conditions, 'Failed')?.message || job.status?.message || 'No reason was given.';

function failedTraining(job: TrainingJob, file: string): Message {
  return {
    html: message([
      '❌ <b>Training failed</b>',
      '',
      `${code(job.metadata?.name ?? '', 80)}, ${code(job.spec.target, 40)} from ${text(file)}`,
      '',
      escape(short(reasonOf(job), 1500)),
      '',
      charged(job),
      ...survived(job),
      '/train begins another.',
    ]),
  };
}

/** Honest: an instance that ran is paid for, whatever came of it. */
export function charged(job: Job): string {
  const usdSpent = job.status?.cost?.actualUsd ?? 0;
  if (usdSpent > 0) return `It cost ${usd(usdSpent)} until then, which stays charged.`;
  return job.spec.placement === 'Cluster'
    ? 'The cluster costs nothing extra, so nothing was charged.'
    : 'Nothing was launched, so nothing was charged.';
}

/** The message that makes the phone ring; all there is to know is on the card it answers to. */
export const trainingOver = (job: TrainingJob): Message => ({
  html:
    job.status?.phase === 'Succeeded'
      ? message([
          `✅ ${bold(job.metadata?.name ?? '')} is trained: see above for figures and what you can do with it.`,
          ...receiptLines(job),
        ])
      : message([
          `❌ ${bold(job.metadata?.name ?? '')} did not come to an end: ${text(reasonOf(job), 300)}`,
          ...receiptLines(job),
        ]),
});

export const deleted = (kind: JobRef['kind'], name: string): Message => ({
  html: message([
    `⏹ ${bold(name)} is cancelled. ${
      kind === 'TrainingJob'
        ? 'Its instance, if one ran, is being stopped'
        : 'What runs for it is being ended, and nothing of its result is kept'
    }; what it cost until then stays charged.`,
  ]),
});

export const goneCard = (job: Job): Message => ({
  html: message([
    `✖️ ${bold(job.metadata?.name ?? '')} was ${isOver(job) ? 'removed' : 'cancelled'}.`,
    ...(isOver(job) ? [] : [charged(job)]),
  ]),
});

/** Links packed into as few messages as hold them. */
export function fileLinks(name: string, links: readonly { file: string; bytes: number; url: string }[]): Message[] {
  if (links.length === 0) return [{ html: 'The folder of the model is empty.' }];
  const head = `📦 ${bold(name)} – each link is valid for 1 hour`;
  const messages: string[][] = [[head]];
  let length = head.length;
  for (const { file, bytes: size, url } of links) {
    const line = `⬇️ <a href="${escape(url)}">${label(escape(file))}</a> (${bytes(size)})`;
    if (length + line.length + 1 > MESSAGE_LIMIT - 100) {
      messages.push([]);
      length = 0;
    }
    messages.at(-1)?.push(line);
    length += line.length + 1;
  }
  return messages.map((lines) => ({ html: lines.join('\n') }));
}
