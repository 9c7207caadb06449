// Hyperparameters as people type them: `n_estimators=200, max_depth=5`. What each family takes is the worker's own description
// (cloud/families.ts), so that a wrong one is refused here, before money is spent.
import {
  defaultInWords,
  familyNamed,
  hyperparameterProblem,
  type Hyperparameter,
  type Setting,
} from '../../cloud/families.ts';

export type Settings = Readonly<Record<string, Setting>>;

const MOST = 50;
/** A separator counts only before the next name: a value may hold commas (hidden_layer_sizes=64,32). */
const BETWEEN = /[\s,;]+(?=[A-Za-z_]\w*\s*[=:])/;
const EXAMPLES = 2;

export const hyperparametersOf = (model: string): readonly Hyperparameter[] =>
  familyNamed(model)?.hyperparameters ?? [];

/** `n_estimators=200 learning_rate=0.1`, or nothing for a model without settings. */
export const exampleOf = (model: string): string =>
  hyperparametersOf(model)
    .slice(0, EXAMPLES)
    .map((one) => `${one.name}=${defaultInWords(one)}`)
    .join(' ');

/** The settings of the model, or what is wrong with the text. */
export function settingsOf(model: string, typed: string): { settings: Settings } | { problem: string } {
  const parsed = parseSettings(typed);
  if ('problem' in parsed) return parsed;
  const problem = hyperparameterProblem(model, parsed.settings);
  return problem === undefined ? parsed : { problem };
}

export function parseSettings(typed: string): { settings: Settings } | { problem: string } {
  const settings: Record<string, Setting> = {};
  const parts = typed
    .replace(/[\s,;]+$/, '')
    .split(BETWEEN)
    .filter((part) => part.trim() !== '');
  for (const part of parts) {
    const match = /^\s*([A-Za-z_]\w{0,59})\s*[=:]\s*([^\s;]{1,100})$/.exec(part);
    if (!match?.[1] || match[2] === undefined)
      return { problem: `“${part.trim()}” is not of the form name=value, such as n_estimators=200.` };
    if (Object.hasOwn(settings, match[1])) return { problem: `${match[1]} is given twice.` };
    settings[match[1]] = valueOf(match[2]);
  }
  const many = Object.keys(settings).length;
  if (many === 0) return { problem: 'There is no setting in it; write name=value, such as n_estimators=200.' };
  return many > MOST ? { problem: `At most ${MOST} settings.` } : { settings };
}

function valueOf(text: string): Setting {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}
