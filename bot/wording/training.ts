// Questions and answers of the training conversation.
import type { Message } from '../conversation/effect.ts';
import type { Facts } from '../conversation/facts.ts';
import { button } from '../conversation/turn.ts';
import { AUTO, defaultInWords } from '../../cloud/families.ts';
import { modelName, offered, otherTask, taskOf } from '../conversation/models.ts';
import type { At, Table, TrainingChoice } from '../conversation/state.ts';
import { exampleOf, hyperparametersOf } from '../conversation/settings.ts';
import { estimateTraining } from '../estimate.ts';
import { bytes, count, duration, usd } from './figures.ts';
import { bold, code, escape, label, message, names, short, text } from './html.ts';
import { previewLines, targetLines } from './preview.ts';

const COLUMNS_A_PAGE = 8;

export function askTrainPlace(token: string, facts: Facts): Message {
  return {
    html: message([
      '<b>Where shall the model be trained?</b>',
      '',
      `☁️ <b>Cloud</b>: an EC2 Spot instance of its own, any size. You pay what it costs, at most ${usd(facts.limits.trainingUsd)} a training${facts.cloudEnabled ? '' : ' (switched off in this installation)'}.`,
      '🏠 <b>On the cluster</b>: as a job beside this bot. Free of Spot cost, limited in size.',
    ]),
    buttons: [[button(token, 'cloud', '☁️ Cloud (Spot)')], [button(token, 'cluster', '🏠 On the cluster')]],
  };
}

export function askTarget(state: At<'trainTarget'>): Message {
  const { table, token } = state;
  const { columns } = table;
  if (columns.length === 0)
    return {
      html: message([
        `${bold(table.name)}: ${bytes(table.bytes)}. Its columns cannot be listed here; the training reads them.`,
        '',
        '<b>Which column shall be predicted?</b>',
        'Type its name, exactly as in the file.',
      ]),
    };
  return {
    html: message([
      `${bold(table.name)}: ${bytes(table.bytes)}, about ${count(table.rows)} rows, ${columns.length} columns.`,
      ...previewLines(table),
      '',
      '<b>Which column shall be predicted?</b>',
      'Press it, or type its name.',
    ]),
    buttons: targetButtons(table, state.page, token),
  };
}

/** The likely target first, else the last column: it is the target in most tables. */
function targetButtons({ columns, preview }: Table, page: number, token: string) {
  const first = preview?.guess?.column ?? columns.length - 1;
  const order = [first, ...columns.map((_, at) => at).filter((at) => at !== first)];
  const pages = Math.ceil(order.length / COLUMNS_A_PAGE);
  const shown = order.slice(page * COLUMNS_A_PAGE, (page + 1) * COLUMNS_A_PAGE);
  const rows = [];
  for (let at = 0; at < shown.length; at += 2)
    rows.push(shown.slice(at, at + 2).map((one) => button(token, `c${one}`, label(columns[one] ?? ''))));
  const turns = [
    ...(page > 0 ? [button(token, `p${page - 1}`, '◀️')] : []),
    ...(page < pages - 1 ? [button(token, `p${page + 1}`, '▶️')] : []),
  ];
  return turns.length > 0 ? [...rows, turns] : rows;
}

export const pagesOf = (columns: readonly string[]): number => Math.ceil(columns.length / COLUMNS_A_PAGE);

export const unknownColumn = (typed: string, columns: readonly string[]): Message => ({
  html: message([`There is no column ${code(typed, 80)} in this table.`, `It has ${names(columns, 30)}.`]),
});

export function askFeatures(state: At<'trainFeatures'>): Message {
  const others = state.table.columns.filter((name) => name !== state.target);
  return {
    html: message([
      `${bold(state.target)} it is.`,
      '',
      '<b>Which columns shall it be predicted from?</b>',
      `There ${others.length === 1 ? 'is' : 'are'} ${names(others)}.`,
      'Press the button for all of them, or type names, one a line or with commas.',
    ]),
    buttons: [[button(state.token, 'all', 'All other columns')]],
  };
}

export function askModel(state: At<'trainModel'>): Message {
  const { token, page = 0, target } = state;
  const [often, rest] = offered(state);
  const shown = page === 0 ? often : rest;
  const task = taskOf(state);
  const other = otherTask(state);
  const looks =
    task === undefined
      ? 'Whether it is classes or a number is seen when the training starts.'
      : `${bold(target)} ${state.task ? 'is taken for' : 'looks like'} ${task === 'classification' ? 'classes' : 'a number'}; these are the models for that.`;
  return {
    html: message([
      '<b>Which model?</b>',
      '',
      'Automatic compares several and keeps the best, or a blend of them.',
      looks,
    ]),
    buttons: [
      ...(page === 0 ? [[button(token, AUTO, modelName(AUTO))]] : []),
      ...pairs(shown.map((name) => button(token, name, modelName(name)))),
      ...(other && page > 0
        ? [[button(token, 'task', other === 'regression' ? '🔁 It is a number' : '🔁 It is classes')]]
        : []),
      ...(page > 0
        ? [[button(token, 'often', '◀️ Back')]]
        : rest.length > 0 || other
          ? [[button(token, 'more', 'More models…')]]
          : []),
    ],
  };
}

const pairs = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / 2) }, (_, at) => all.slice(2 * at, 2 * at + 2));

export function askSettings(state: At<'trainSettings'>): Message {
  const known = hyperparametersOf(state.model);
  return {
    html: message([
      `<b>Settings of ${escape(modelName(state.model))}</b>`,
      '',
      ...known.map((one) => `${code(one.name)}: ${text(one.allowed, 120)} (now ${text(defaultInWords(one), 30)})`),
      '',
      'Type those to change as name=value, for example:',
      code(exampleOf(state.model)),
    ]),
    buttons: [[button(state.token, 'back', '↩️ Keep the defaults')]],
  };
}

export function askTraining(state: At<'trainConfirm'>, facts: Facts): Message {
  const { token } = state;
  const buttons = [[button(token, 'go', '🚀 Start training')], [button(token, 'no', '✖️ Cancel')]];
  if (hyperparametersOf(state.model).length > 0) buttons.splice(1, 0, [button(token, 'adjust', '⚙️ Adjust settings')]);
  return {
    html: message([
      '<b>Ready to train</b>',
      '',
      ...choiceLines(state),
      ...targetLines(state),
      '',
      ...costLines(state, facts),
    ]),
    buttons,
  };
}

export function choiceLines(choice: TrainingChoice): string[] {
  const { table, target, features, model, settings, place } = choice;
  const shown = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return [
    `Data: ${text(table.name)} (${bytes(table.bytes)}${table.rows > 0 ? `, about ${count(table.rows)} rows` : ''})`,
    `Predict: ${code(target, 64)}`,
    `From: ${features.length > 0 ? names(features, 8) : `all other ${table.columns.length > 0 ? `${table.columns.length - 1} ` : ''}columns`}`,
    `Model: ${text(modelName(model))}${shown.length > 0 ? ` with ${code(short(shown.join(' '), 150))}` : ''}`,
    `Where: ${place === 'Cloud' ? '☁️ EC2 Spot' : '🏠 on the cluster'}`,
  ];
}

function costLines(choice: TrainingChoice, facts: Facts): string[] {
  const { table, model, place } = choice;
  const features = choice.features.length || Math.max(1, table.columns.length - 1);
  const { types, seconds, usd: range, onDemandUsd } = estimateTraining(place, model, table, features);
  const time = `Estimated time: about ${duration(Math.ceil(seconds / 30) * 30)}`;
  if (place === 'Cluster') return [time, 'Estimated cost: $0.00 (no instance of its own)'];
  const type = types[0];
  return [
    ...(type
      ? [`Instance: ${types.map(({ name }) => name).join(', ')} or alike (${type.vcpu} vCPU, ${type.memoryGiB} GiB)`]
      : []),
    time,
    `Estimated cost: ${usd(range.low)} – ${usd(range.high)} (on demand about ${usd(onDemandUsd)})`,
    `At most ${usd(facts.limits.trainingUsd)}: it checkpoints and stops before that. You pay for what was used, also when a training fails.`,
  ];
}

export const launchingTraining = (choice: TrainingChoice): Message => ({
  html: message(['🚀 <b>Launching</b>', '', ...choiceLines(choice)]),
});

export const launchRefused = (what: 'training' | 'prediction', reason: string): Message => ({
  html: message([
    `The ${what} could not be started:`,
    escape(short(reason, 1500)),
    '',
    'Nothing runs and nothing was charged.',
  ]),
});
