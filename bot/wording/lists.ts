// Answers of /jobs /status /models /datasets /cost and of /cancel: lists, each cut to what a message holds.
import type { Account, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { condition } from '../../crds/conditions.ts';
import { createdAt, identityOf } from '../../crds/objects.ts';
import type { Button, Message } from '../conversation/effect.ts';
import type { StoredDataset } from '../conversation/facts.ts';
import { modelName } from '../conversation/models.ts';
import { bar, bytes, count, duration, usd, when } from './figures.ts';
import { bold, code, escape, label, message, short, text } from './html.ts';
import { mainMetric } from './metrics.ts';
import { quoteLines } from './money.ts';

const JOBS_SHOWN = 12;
const DATASETS_SHOWN = 25;
const MODELS_SHOWN = 12;
const BUTTONS_SHOWN = 6;

export type Job = TrainingJob | PredictionJob;
export const isTraining = (job: Job): job is TrainingJob => job.kind === 'TrainingJob';

export const MARKS: Readonly<Record<string, string>> = {
  Pending: '🕓',
  Queued: '🕓',
  Waiting: '🕓',
  Launching: '🚀',
  Booting: '🚀',
  Running: '⚙️',
  Merging: '⚙️',
  Recovering: '♻️',
  Stopping: '⏹',
  Suspended: '⏸',
  Finishing: '📦',
  Succeeded: '✅',
  Failed: '❌',
  Cancelled: '✖️',
};

export const phaseOf = (job: Job): string =>
  job.metadata?.deletionTimestamp ? 'Stopping' : (job.status?.phase ?? 'Pending');
export const isOver = (job: Job): boolean => ['Succeeded', 'Failed', 'Cancelled'].includes(job.status?.phase ?? '');
/** Callback data of a job's buttons: works as long as the job is there, for its owner only. */
export const jobButton = (action: JobAction, uid: string, words: string): Button => ({
  text: words,
  data: `job:${action}:${uid}`,
});
/** pictures: those that did not come with the news of the model; album: all; result: links to the files of a prediction. */
export type JobAction = 'predict' | 'model' | 'pictures' | 'album' | 'result' | 'cancel' | 'delete' | 'keep';

function jobLine(job: Job): string {
  const what = isTraining(job)
    ? `training ${code(job.spec.target, 30)}`
    : `prediction with ${code(job.spec.modelRef, 40)}`;
  const made = createdAt(job);
  const cost = job.status?.cost?.actualUsd;
  return `${MARKS[phaseOf(job)] ?? '•'} ${bold(job.metadata?.name ?? '')} – ${what}, ${phaseOf(job)}${cost === undefined ? '' : `, ${usd(cost)}`}${made ? ` · ${when(Date.parse(made))}` : ''}`;
}

const newestFirst = <J extends Job>(jobs: readonly J[]): J[] =>
  [...jobs].sort((a, b) => createdAt(b).localeCompare(createdAt(a)));

export function jobsList(jobs: readonly Job[]): Message {
  if (jobs.length === 0) return { html: 'You have no jobs yet. /train makes the first.' };
  const shown = newestFirst(jobs).slice(0, JOBS_SHOWN);
  return {
    html: message([
      `<b>Your jobs</b>${jobs.length > shown.length ? ` (the newest ${shown.length} of ${jobs.length})` : ''}`,
      ...shown.map(jobLine),
    ]),
    ...resultButtons(shown),
  };
}

function resultButtons(jobs: readonly Job[]): Pick<Message, 'buttons'> {
  const buttons = jobs
    .filter((job) => !isTraining(job) && job.status?.phase === 'Succeeded')
    .slice(0, BUTTONS_SHOWN)
    .map((job) => [jobButton('result', identityOf(job), label(`⬇️ Result of ${job.metadata?.name ?? ''}`))]);
  return buttons.length > 0 ? { buttons } : {};
}

export function statusList(jobs: readonly Job[], account: Account): Message {
  const running = newestFirst(jobs.filter((job) => !isOver(job)));
  const lines = running.slice(0, JOBS_SHOWN).flatMap((job) => {
    const percent = job.status?.progress?.percent;
    const said = job.status?.message;
    return [
      '',
      jobLine(job),
      ...(percent === undefined ? [] : [bar(percent)]),
      ...(said ? [escape(short(said, 200))] : []),
      ...quoteLines(job),
      ...troubles(job),
    ];
  });
  const ready = account.status?.namespace !== undefined;
  return {
    html: message([
      `<b>${running.length === 0 ? 'Nothing runs right now' : running.length === 1 ? 'One job runs' : `${running.length} jobs run`}</b>`,
      ready ? '🟢 Your workspace is ready.' : '🟡 Your workspace is still being prepared.',
      ...(account.spec.suspend ? ['⏸ Your account is suspended.'] : []),
      ...lines,
    ]),
    ...cancelButtons(running),
  };
}

function troubles(job: Job): string[] {
  return ['Interrupted', 'CheckpointStale', 'BudgetExhausted'].flatMap((type) => {
    const one = condition(job.status?.conditions, type);
    return one?.status === 'True' ? [`⚠️ ${escape(short(one.message, 200))}`] : [];
  });
}

function cancelButtons(running: readonly Job[]): Pick<Message, 'buttons'> {
  const buttons = running
    .slice(0, BUTTONS_SHOWN)
    .map((job) => [jobButton('cancel', identityOf(job), label(`⏹ Cancel ${job.metadata?.name ?? ''}`))]);
  return buttons.length > 0 ? { buttons } : {};
}

export function offerCancel(running: readonly Job[], left: boolean): Message {
  const first = left ? '✖️ This conversation is cancelled; nothing was started.' : undefined;
  return {
    html: message([
      first,
      ...(running.length > 0 ? [...(left ? [''] : []), 'These jobs run; press to cancel one:'] : []),
    ]),
    ...cancelButtons(newestFirst(running)),
  };
}

export const confirmCancel = (job: Job): Message => ({
  html: message([
    `<b>Cancel ${text(job.metadata?.name ?? '')}?</b>`,
    `${isTraining(job) ? 'The job is deleted and its instance stopped.' : 'The job is deleted, what runs for it is ended, and nothing of its result is kept.'}${(job.status?.cost?.actualUsd ?? 0) > 0 ? ` The ${usd(job.status?.cost?.actualUsd ?? 0)} it cost so far stay charged.` : ''}`,
  ]),
  buttons: [
    [jobButton('delete', identityOf(job), '⏹ Yes, cancel it')],
    [jobButton('keep', identityOf(job), '↩️ Keep it running')],
  ],
});

export function modelsList(models: readonly TrainingJob[]): Message {
  if (models.length === 0) return { html: 'You have no trained model yet. /train makes one.' };
  const shown = newestFirst(models).slice(0, MODELS_SHOWN);
  return {
    html: message([
      `<b>Your models</b>${models.length > shown.length ? ` (the newest ${shown.length} of ${models.length})` : ''}`,
      ...shown.flatMap((job, at) => {
        const { model, metrics } = job.status ?? {};
        const metric = mainMetric(metrics);
        return [
          '',
          `${at + 1}. 🧠 ${bold(job.metadata?.name ?? '')} – predicts ${code(job.spec.target, 40)}`,
          `${escape(modelName(model?.type ?? job.spec.model.type))}${metric ? ` · ${escape(metric)}` : ''}${model?.bytes ? ` · ${bytes(model.bytes)}` : ''}`,
        ];
      }),
    ]),
    // By number: side by side on a phone, two names would be cut where they differ.
    buttons: shown.slice(0, BUTTONS_SHOWN).map((job, at) => {
      const uid = identityOf(job);
      return [
        jobButton('predict', uid, `🔮 Predict with ${at + 1}`),
        jobButton('album', uid, `📊 Pictures of ${at + 1}`),
      ];
    }),
  };
}

export function datasetsList(datasets: readonly StoredDataset[], lifecycleDays: number): Message {
  if (datasets.length === 0) return { html: 'You have no data sets yet. /train asks for one.' };
  const shown = datasets.slice(0, DATASETS_SHOWN);
  const total = datasets.reduce((sum, one) => sum + one.bytes, 0);
  return {
    html: message([
      `<b>Your data sets</b>: ${count(datasets.length)}, ${bytes(total)} in all${datasets.length > shown.length ? ` (the newest ${shown.length} are shown)` : ''}`,
      ...shown.map((one) => `📄 ${text(one.name)} · ${bytes(one.bytes)} · ${when(one.at)}`),
      '',
      `Each is deleted ${lifecycleDays} days after its upload.`,
    ]),
  };
}

export function costList(account: Account, now: number): Message {
  const { limits } = account.spec;
  const { month, history = [] } = account.status ?? {};
  const period = month?.period ?? new Date(now).toISOString().slice(0, 7);
  const spent = month?.spentUsd ?? 0;
  const limit = month?.limitUsd ?? limits.monthlyUsd;
  return {
    html: message([
      `<b>${escape(period)}</b>: ${usd(spent)} of ${usd(limit)}${limit > limits.monthlyUsd ? `, ${usd(limit - limits.monthlyUsd)} of it on top for this month` : ''}`,
      bar(limit > 0 ? (100 * spent) / limit : 0),
      ...(month?.reservedUsd ? [`Held back for what runs: ${usd(month.reservedUsd)}`] : []),
      ...(month?.remainingUsd === undefined ? [] : [`Left for more: ${usd(month.remainingUsd)}`]),
      ...(month?.forecastUsd ? [`At this pace the whole month: ${usd(month.forecastUsd)}`] : []),
      ...(month?.operations === undefined ? [] : [`Operations: ${count(month.operations)}`]),
      ...parts('By service', month?.byService),
      ...parts('By operation', month?.byOperation),
      ...stored(account),
      ...(history.length > 0
        ? ['', '<b>Before</b>', ...history.slice(-3).map((one) => `${text(one.period)}: ${usd(one.spentUsd)}`)]
        : []),
      ...ofInstallation(account),
      '',
      `At most ${usd(limits.trainingUsd)} a training, ${usd(limits.predictionUsd)} a prediction.`,
    ]),
  };
}

function parts(title: string, by: Readonly<Record<string, number>> | undefined): string[] {
  if (!by || Object.keys(by).length === 0) return [];
  return ['', `<b>${title}</b>`, ...Object.entries(by).map(([name, value]) => `${text(name)}: ${usd(value)}`)];
}

function stored({ status }: Account): string[] {
  const { datasets = 0, models = 0, predictions = 0, bytes: size, monthlyUsd = 0 } = status?.storage ?? {};
  if (size === undefined) return [];
  const what = `${counted(datasets, 'data set')}, ${counted(models, 'model')}, ${counted(predictions, 'prediction')}`;
  return ['', `Stored: ${bytes(size)} in ${what}; keeping it costs ${usd(monthlyUsd)} a month`];
}

const counted = (many: number, what: string): string => `${count(many)} ${what}${many === 1 ? '' : 's'}`;

/** Only administrators' accounts have it. */
function ofInstallation({ status }: Account): string[] {
  const { usdPerDay = 0, jobs = 0, usdPerJob = 0 } = status?.installation ?? {};
  if (usdPerDay === 0) return [];
  const share =
    jobs === 0
      ? 'no job ran in the last 24 hours'
      : `${counted(jobs, 'job')} in the last 24 hours, ${usd(usdPerJob)} each`;
  return ['', `🏗 The installation itself: ${usd(usdPerDay)} a day; ${share}`];
}

export const ago = (from: string | undefined, to: number): string | undefined =>
  from === undefined ? undefined : duration((to - Date.parse(from)) / 1000);
