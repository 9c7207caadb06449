// Hyperparameters as people type them: `n_estimators=200, max_depth=5`. Names and values are checked again by the worker, which
// knows the bounds; here only what can't be meant is refused, before money is spent.
import type { ModelType, Setting } from './state.ts';

/** Settings of each family by scikit-learn's names, with an example. */
export const SETTINGS: Record<ModelType, Readonly<Record<string, string>>> = {
  auto: {},
  linear: { fit_intercept: 'true' },
  ridge: { alpha: '1.0', fit_intercept: 'true' },
  logistic: { C: '1.0', class_weight: 'balanced', max_iter: '1000' },
  random_forest: {
    n_estimators: '200',
    max_depth: '10',
    min_samples_leaf: '2',
    max_features: 'sqrt',
    class_weight: 'balanced',
  },
  gradient_boosting: {
    n_estimators: '200',
    learning_rate: '0.1',
    max_depth: '3',
    min_samples_leaf: '2',
    subsample: '0.8',
  },
};

export type Settings = Readonly<Record<string, Setting>>;

/** The settings, or what is wrong with the text. */
export function parseSettings(typed: string): { settings: Settings } | { problem: string } {
  const settings: Record<string, Setting> = {};
  const parts = typed.split(/[\s,;]+/).filter((part) => part !== '');
  for (const part of typed.trim() === '' ? [] : parts) {
    const match = /^([A-Za-z_]\w{0,59})[=:](\S{1,100})$/.exec(part);
    if (!match?.[1] || match[2] === undefined)
      return { problem: `“${part}” is not of the form name=value, such as n_estimators=200.` };
    if (Object.hasOwn(settings, match[1])) return { problem: `${match[1]} is given twice.` };
    settings[match[1]] = valueOf(match[2]);
  }
  const many = Object.keys(settings).length;
  if (many === 0) return { problem: 'There is no setting in it; write name=value, such as n_estimators=200.' };
  return many > 50 ? { problem: 'At most 50 settings.' } : { settings };
}

function valueOf(text: string): Setting {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}
