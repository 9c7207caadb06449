// Which models a conversation offers, and in which order: the handful most used for the task first, the rest on a second page.
import { AUTO, familiesFor, FAMILIES, familyNamed, type Task } from '../../cloud/families.ts';
import type { At } from './state.ts';

const FIRST: Readonly<Record<Task, readonly string[]>> = {
  regression: ['linear', 'ridge', 'random_forest', 'gradient_boosting', 'xgboost', 'lightgbm'],
  classification: ['logistic', 'random_forest', 'gradient_boosting', 'xgboost', 'lightgbm', 'svm'],
};
/** Where nobody knows yet whether it is classes or a number. */
const FIRST_OF_ANY = ['ridge', 'logistic', 'random_forest', 'gradient_boosting', 'xgboost', 'lightgbm'];
/** The worker takes no more classes. */
const MOST_CLASSES = 100;

type Asked = Pick<At<'trainModel'>, 'table' | 'target' | 'task'>;

/** What the user said, else what the first rows look like; undefined where they can't be seen. */
export function taskOf({ table, target, task }: Asked): Task | undefined {
  if (task !== undefined || table.columns.length === 0) return task;
  return table.classes.includes(table.columns.indexOf(target)) ? 'classification' : 'regression';
}

/** Names of the families for page 0 (after auto) and page 1. */
export function offered(state: Asked): readonly [readonly string[], readonly string[]] {
  const task = taskOf(state);
  const all = (task === undefined ? FAMILIES : familiesFor(task)).map(({ name }) => name);
  const often = (task === undefined ? FIRST_OF_ANY : FIRST[task]).filter((name) => all.includes(name));
  return [often, all.filter((name) => !often.includes(name))];
}

export const isOffered = (state: Asked, model: string): boolean =>
  model === AUTO || offered(state).some((page) => page.includes(model));

/** The other task, if the column could be predicted so. */
export function otherTask(state: Asked): Task | undefined {
  const task = taskOf(state);
  const look = state.table.preview?.targets[state.table.columns.indexOf(state.target)];
  if (task === undefined || !look?.numeric) return undefined;
  if (task === 'classification') return 'regression';
  return look.values <= MOST_CLASSES ? 'classification' : undefined;
}

/** `Random forest`; a name that is not known as it is. */
export function modelName(type: string): string {
  if (type === AUTO) return 'Automatic';
  const title = familyNamed(type)?.title ?? type;
  return title.charAt(0).toUpperCase() + title.slice(1);
}
