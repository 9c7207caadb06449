// Questions and answers of the prediction conversation.
import type { Message } from '../conversation/effect.ts';
import type { Facts } from '../conversation/facts.ts';
import type { At, PredictionChoice, Table } from '../conversation/state.ts';
import { button, mark } from '../conversation/turn.ts';
import { predictionSeconds } from '../estimate.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { identityOf } from '../../crds/objects.ts';
import { bytes, count, duration, usd } from './figures.ts';
import { bold, code, label, message, short, text } from './html.ts';
import { mainMetric } from './metrics.ts';

const MODELS_SHOWN = 10;

export function askPredictPlace(token: string, facts: Facts): Message {
  return {
    html: message([
      '<b>Where shall the prediction run?</b>',
      '',
      `☁️ <b>Cloud</b>: Lambda functions, usually done in seconds; at most ${usd(facts.limits.predictionUsd)} a prediction${facts.cloudEnabled ? '' : ' (switched off in this installation)'}.`,
      ...(facts.clusterPredictions
        ? ['🏠 <b>On the cluster</b>: as jobs beside this bot, which cost nothing extra.']
        : []),
    ]),
    buttons: [
      [button(token, 'cloud', '☁️ Cloud (Lambda)')],
      ...(facts.clusterPredictions ? [[button(token, 'cluster', '🏠 On the cluster')]] : []),
    ],
  };
}

export function askPredictModel(token: string, models: readonly TrainingJob[]): Message {
  return {
    html: message([
      '<b>With which model?</b>',
      ...(models.length > MODELS_SHOWN
        ? [`The newest ${MODELS_SHOWN} of ${models.length}; or type the name of another.`]
        : []),
    ]),
    buttons: models
      .slice(0, MODELS_SHOWN)
      .map((job) => [button(token, `m${mark(identityOf(job))}`, label(modelLabel(job)))]),
  };
}

function modelLabel(job: TrainingJob): string {
  const metric = mainMetric(job.status?.metrics);
  const said = metric ? ` · ${metric}` : '';
  return `${short(job.spec.target, 20)} · ${short(job.metadata?.name ?? '', 24)}${said}`;
}

export const noModels = (): Message => ({ html: 'You have no trained model yet. /train makes one.' });

export function askColumn(state: At<'predictColumn'>, suggested: string): Message {
  return {
    html: message([
      `${bold(state.table.name)}: ${sizeOf(state.table)}.`,
      '',
      '<b>What shall the prediction column be called?</b>',
      'Press the button, or type a name.',
    ]),
    buttons: [[button(state.token, 'use', `Use “${suggested}”`)]],
  };
}

/** Rows where they can be told. */
const sizeOf = ({ bytes: size, rows }: Table): string =>
  `${bytes(size)}${rows > 0 ? `, about ${count(rows)} rows` : ''}`;

export const columnTaken = (name: string): Message => ({
  html: message([`The table already has a column ${code(name, 80)}. Type another name.`]),
});

export const columnUnfit = (): Message => ({
  html: 'A column name has 1 to 300 characters on one line. Type another name.',
});

export function askPrediction(state: At<'predictConfirm'>, facts: Facts): Message {
  return {
    html: message([
      '<b>Ready to predict</b>',
      '',
      ...predictionLines(state),
      '',
      `Estimated time: about ${duration(predictionSeconds(state.place, state.table))}`,
      state.place === 'Cloud'
        ? `Cost: at most ${usd(facts.limits.predictionUsd)}, usually far below a cent.`
        : 'Cost: $0.00',
    ]),
    buttons: [[button(state.token, 'go', '🚀 Start predicting')], [button(state.token, 'no', '✖️ Cancel')]],
  };
}

export const predictionLines = (choice: PredictionChoice): string[] => [
  `Data: ${text(choice.table.name)} (${sizeOf(choice.table)})`,
  `Model: ${code(choice.model.ref, 80)}, predicts ${code(choice.model.target, 64)}`,
  `New column: ${code(choice.column, 64)}`,
  `Where: ${choice.place === 'Cloud' ? '☁️ Lambda' : '🏠 on the cluster'}`,
];

export const launchingPrediction = (choice: PredictionChoice): Message => ({
  html: message(['🚀 <b>Launching the prediction</b>', '', ...predictionLines(choice)]),
});
