// What the bot says outside the two conversations: welcome, help, refusals.
import type { Message } from '../conversation/effect.ts';
import type { Facts } from '../conversation/facts.ts';
import type { CommandName } from '../conversation/input.ts';
import { ADMIN_COMMANDS } from './accounts.ts';
import { usd } from './figures.ts';
import { bold, code, escape, message, short } from './html.ts';

/** Registered with setMyCommands, in this order. */
export const COMMANDS: Readonly<Record<CommandName, string>> = {
  start: 'Open your account',
  train: 'Train a model on a table',
  predict: 'Predict with a trained model',
  jobs: 'Your jobs, newest first',
  models: 'Your models',
  datasets: 'Your data sets',
  cost: 'What this month cost',
  status: 'What runs now',
  cancel: 'Stop this conversation or a running job',
  help: 'What I can do',
};

export const welcome = (facts: Facts, ready: boolean): Message => ({
  html: message([
    `👋 Welcome${facts.userName ? `, ${bold(facts.userName, 40)}` : ''}!`,
    '',
    'I train machine-learning models on your tables, on cheap EC2 Spot instances, and predict with them.',
    `You may spend up to ${usd(facts.limits.monthlyUsd)} a month, ${usd(facts.limits.trainingUsd)} a training.`,
    ...(ready ? [] : ['', 'Your workspace is still being prepared; jobs wait for it.']),
    '',
    '/train begins, /help shows all I can do.',
  ]),
});

export const help = (admin = false): Message => ({
  html: message([
    '<b>What I can do</b>',
    '',
    ...Object.entries(COMMANDS).map(([name, about]) => `/${name} – ${escape(about)}`),
    ...(admin
      ? [
          '',
          '<b>As an administrator</b>',
          ...Object.entries(ADMIN_COMMANDS).map(([name, about]) => `/${name} – ${escape(about)}`),
        ]
      : []),
    '',
    'Tables are CSV files with a header line: separated by commas, semicolons, tabs or bars, in UTF-8, UTF-16 or Latin-1.',
    'Gzipped ones and Parquet files are fine too, and Excel workbooks to learn from.',
  ]),
});

export const startFirst = (): Message => ({ html: 'You have no account here yet. Send /start to open it.' });
export const accountRefused = (reason: string): Message => ({ html: escape(short(reason, 800)) });
export const suspended = (): Message => ({
  html: 'Your account is suspended, so nothing can be started. Ask the administrator.',
});
export const unreachable = (): Message => ({
  html: 'I cannot reach the cluster right now. Please try again in a minute; nothing was lost.',
});
export const BEING_REMOVED = 'Your account is being removed. When that is done, /start opens another.';
export const suspendedNow = 'Your account is suspended, so nothing can be started.';
export const unreachableNow = 'I cannot reach the cluster right now. Try again in a minute.';
export const chooseAButton = (): Message => ({ html: 'Press one of the buttons above, please, or /cancel.' });
export const pleaseWait = (): Message => ({ html: 'It is being launched. A moment, please.' });
export const launchingNow = (): Message => ({
  html: 'It is being launched at this moment. Send /cancel once more when its card shows that it runs.',
});
export const idle = (): Message => ({
  html: 'Nothing is asked right now. /train begins a training, /predict a prediction, /help shows more.',
});
export const fileWhileIdle = (): Message => ({
  html: 'Nice file! Begin with /train to learn from it or /predict to predict for it, then send it again.',
});
export const unknownCommand = (typed: string): Message => ({
  html: message([`I don’t know ${code(typed, 40)}. /help shows what I can do.`]),
});
export const privateOnly = 'I only work in private chats.';
export const noCloud = 'The cloud is switched off in this installation; choose the cluster.';
export const noCluster = 'Nothing is predicted on the cluster in this installation; choose the cloud.';
export const stale = 'This button belongs to an earlier question.';
export const goneJob = 'I don’t find that job any more.';

export const cancelled = (what: 'training' | 'prediction'): Message => ({
  html: `✖️ The ${what} was not started. Nothing was charged.`,
});
export const nothingToCancel = (): Message => ({ html: 'There is nothing to cancel.' });
