// What a table looks like by its first rows, before money is spent: when the target is asked for, and once more before the start. It
// always says that it is a sample; the worker's own check of every row opens the training.
import type { Kind, TargetLook } from '../../cloud/preview.ts';
import type { Table, TrainingChoice } from '../conversation/state.ts';
import { count } from './figures.ts';
import { bold, code, text } from './html.ts';

const KINDS: readonly (readonly [Kind, one: string, many: string])[] = [
  ['number', 'number', 'numbers'],
  ['category', 'category', 'categories'],
  ['boolean', 'yes/no', 'yes/no'],
  ['date', 'date', 'dates'],
  ['text', 'free text', 'free texts'],
  ['id', 'id', 'ids'],
  ['constant', 'constant', 'constants'],
];
const USELESS: Readonly<Partial<Record<Kind, string>>> = {
  id: 'looks like an id',
  constant: 'never differs',
  text: 'is free text',
};
const USELESS_SHOWN = 3;
const SUSPECTS_SHOWN = 3;
const SHARES_SHOWN = 3;
/** From here on a model that always says the same looks good by its accuracy. */
const UNEQUAL = 0.8;

const percent = (share: number): string => String(Math.round(100 * share));

/** Below the size of the table: kinds of columns, the likely target, what to be careful about. */
export function previewLines(table: Table): string[] {
  const { preview, columns } = table;
  if (!preview) return [];
  const kinds = KINDS.flatMap(([kind, one, many]) => {
    const found = preview.kinds[kind] ?? 0;
    return found === 0 ? [] : [`${count(found)} ${found === 1 ? one : many}`];
  });
  const look = preview.guess && preview.targets[preview.guess.column];
  const guess = preview.guess
    ? [
        `Likely target: ${bold(columns[preview.guess.column] ?? '')} (${preview.guess.reason})${look ? `: ${taskInWords(look)}` : ''}.`,
      ]
    : [];
  const useless = preview.useless
    .slice(0, USELESS_SHOWN)
    .map(([at, kind]) => `${code(columns[at] ?? '', 40)} ${USELESS[kind] ?? ''}`);
  return [
    `Its first ${count(preview.rows)} rows: ${kinds.join(', ')}.`,
    ...guess,
    ...(useless.length > 0 ? [`Of little use: ${useless.join(', ')}.`] : []),
  ];
}

/** `2 classes, 70 : 30`, `a number`. */
function taskInWords({ task, values, shares }: TargetLook): string {
  if (task === 'regression') return 'a number';
  const shown = shares.slice(0, SHARES_SHOWN).map(([, share]) => percent(share));
  return `${count(values)} ${values === 1 ? 'class' : 'classes'}${values > 1 ? `, ${shown.join(' : ')}${values > shown.length ? ' : …' : ''} %` : ''}`;
}

/** Before the start, of the target that was chosen. */
export function targetLines({ table, target, features, task }: Omit<TrainingChoice, 'model' | 'settings'>): string[] {
  const { preview, columns } = table;
  const look = preview?.targets[columns.indexOf(target)];
  if (!preview || !look) return [];
  const rows = `the first ${count(preview.rows)} rows`;
  const suspects = look.suspects
    .map((at) => columns[at] ?? '')
    .filter((name) => features.length === 0 || features.includes(name))
    .slice(0, SUSPECTS_SHOWN);
  const most = look.shares[0];
  const unequal = look.task === 'classification' && look.values > 1 && (most?.[1] ?? 0) >= UNEQUAL;
  return [
    task === undefined || task === look.task
      ? `In ${rows}: ${taskInWords(look)}`
      : `Predicted as ${task === 'regression' ? 'a number' : 'classes'}, as you said`,
    ...(look.constant ? [`⚠️ It does not differ in ${rows}. Is the file sorted, or the column the wrong one?`] : []),
    ...(unequal && most
      ? [
          `⚠️ ${percent(most[1])} % are ${code(most[0], 30)}: look at ROC AUC and balanced accuracy rather than accuracy.`,
        ]
      : []),
    ...suspects.map(
      (name) =>
        `⚠️ ${code(name, 40)} alone tells ${text(target, 40)} there. If it is known only afterwards, leave it out.`,
    ),
    'All rows are checked when the training starts.',
  ];
}
