// The model families as the worker describes them (contract/families.json, made by `python -m trainer.families`). Chat offers them, and
// chat and admission refuse a hyperparameter that the worker would refuse, before an instance costs. Pure.
import described from './contract/families.json' with { type: 'json' };

export type Task = 'regression' | 'classification';
export type Setting = string | number | boolean;

export interface Hyperparameter {
  readonly name: string;
  /** whole, real, choice, flag, layers; one that is not known here is left to the worker. */
  readonly kind: string;
  /** null: no limit, none, or by the data. */
  readonly default: Setting | null;
  /** What it may be, in words. */
  readonly allowed: string;
  readonly low?: number;
  readonly high?: number;
  readonly words?: readonly string[];
  /** What the word auto does; empty or absent: it is not taken. */
  readonly auto?: string;
  /** layers: how many, and of what size. */
  readonly most?: number;
  readonly size?: number;
}

export interface Family {
  readonly name: string;
  /** In lower case, as inside a sentence. */
  readonly title: string;
  readonly tasks: readonly Task[];
  /** Largest difference between the exported model and the library's: of a probability, or of a value relative to it. */
  readonly tolerance: number;
  /** Of a fit with the defaults; 1: it cannot be cut. */
  readonly steps: number;
  /** Why predictions may differ from the library's on some rows; empty: they cannot. */
  readonly inexact: string;
  readonly hyperparameters: readonly Hyperparameter[];
}

/** The choice among families; itself none. */
export const AUTO = 'auto';
export const FAMILIES = described.families as readonly Family[];
const BY_NAME = new Map(FAMILIES.map((family) => [family.name, family]));

const MOST_NAMED = 5;
const MOST_SHOWN = 60;
/** As it is said where nothing was asked for. */
export const defaultInWords = ({ default: value, auto, words, low }: Hyperparameter): string =>
  value !== null ? String(value) : auto ? 'auto' : words ? 'none' : low === 0 ? '0' : 'none';

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

export const familyNamed = (name: string): Family | undefined => BY_NAME.get(name);
export const familiesFor = (task: Task): readonly Family[] => FAMILIES.filter(({ tasks }) => tasks.includes(task));

/** What the worker would say against these hyperparameters, with all that are allowed; undefined: nothing, or the family is not known. */
export function hyperparameterProblem(model: string, asked: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(asked);
  if (model === AUTO)
    return names.length === 0
      ? undefined
      : `auto chooses hyperparameters itself: leave out ${listed(names)}, or name a model type.`;
  const family = familyNamed(model);
  if (!family) return undefined;
  const known = new Map(family.hyperparameters.map((one) => [one.name, one]));
  const unknown = names.filter((name) => !known.has(name)).sort();
  if (unknown.length > 0) return `${model} has no hyperparameter ${listed(unknown)}. Allowed: ${allowedOf(family)}.`;
  for (const [name, value] of Object.entries(asked)) {
    const one = known.get(name);
    if (one && !fits(one, value))
      return `${name} of ${model} cannot be ${shown(value)}. It must be ${one.allowed}. Allowed: ${allowedOf(family)}.`;
  }
  return undefined;
}

/** All hyperparameters of a family and what they may be. */
export const allowedOf = ({ hyperparameters }: Family): string =>
  hyperparameters.map(({ name, allowed }) => `${name}: ${allowed}`).join('; ') || 'none';

function fits(one: Hyperparameter, value: unknown): boolean {
  const { kind, low = -Infinity, high = Infinity, words = [], auto, most = Infinity, size = Infinity } = one;
  const within = (number: number, from: number, to: number) => number >= from && number <= to;
  switch (kind) {
    case 'whole':
      return Number.isInteger(numberOf(value)) && within(numberOf(value), low, high);
    case 'real':
      return within(numberOf(value), low, high) || (value === 'auto' && auto !== undefined && auto !== '');
    case 'layers': {
      const sizes = typeof value === 'string' ? value.split(',').map(numberOf) : [numberOf(value)];
      return sizes.length <= most && sizes.every((each) => Number.isInteger(each) && within(each, 1, size));
    }
    case 'choice':
      return typeof value === 'string' && words.includes(value);
    case 'flag':
      return typeof value === 'boolean' || (typeof value === 'string' && /^(true|false)$/i.test(value));
    default:
      return true;
  }
}

/** Numbers may come as text; NaN for all else. */
const numberOf = (value: unknown): number =>
  typeof value === 'number' ? value : typeof value === 'string' && NUMBER.test(value) ? Number(value) : NaN;

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
};

const listed = (names: readonly string[]): string =>
  names
    .slice(0, MOST_NAMED)
    .map((name) => name.slice(0, MOST_SHOWN))
    .join(', ');
