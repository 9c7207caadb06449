// What a table looks like by its head, before money is spent: the kind of each column, a guess at the target, its classes, columns that
// may know the answer. Pure, and from a sample only: the worker looks at every row (trainer/features) and reports at the start.
import type { Task } from './families.ts';
import type { TableHead } from './table.ts';

/** number, boolean, date, category: as the worker would take it; id, constant, text: of little use to a model. */
export type Kind = 'number' | 'boolean' | 'date' | 'category' | 'id' | 'constant' | 'text';

export interface ColumnLook {
  readonly kind: Kind;
  /** Share of cells missing, 0 to 1. */
  readonly missing: number;
  /** The first cell that is present, at most 40 characters. */
  readonly example: string;
}

export interface Guess {
  /** Position of the column. */
  readonly column: number;
  readonly reason: string;
}

/** How a column would be as the target. */
export interface TargetLook {
  readonly task: Task;
  /** Different values. */
  readonly values: number;
  /** Of a classification: the most frequent classes and their shares, at most 4. */
  readonly shares: readonly (readonly [name: string, share: number])[];
  /** Whether it could also be predicted as a number. */
  readonly numeric: boolean;
  /** Positions of columns that alone tell it in the sample. */
  readonly suspects: readonly number[];
  /** It is the same in every row of the sample, or in none. */
  readonly constant: boolean;
}

export const MISSING: ReadonlySet<string> = new Set(
  '||NA|N/A|n/a|NaN|nan|NULL|Null|null|None|none|#N/A|#NA|<NA>|?|-'.split('|'),
);

/** Of the cells present, as in the worker. */
const MOSTLY = 0.95;
const WHOLE_CLASSES_MAX = 10;
const ROWS_PER_CLASS = 5;
const ID_ROWS = 20;
const TEXT_WORDS = 4;
const TEXT_LETTERS = 80;
const SUSPECT_ROWS = 20;
/** A column tells the target only if its values come again, and if the rarer class is there more than by chance. */
const ROWS_PER_VALUE = 3;
const LEAST_OF_A_CLASS = 3;
const PROPORTIONAL = 0.999_99;
const EXAMPLE_LENGTH = 40;
const SHARES_SHOWN = 4;

const NUMBER = /^[+-]?(\d+([.,]\d+)?|[.,]\d+)(e[+-]?\d+)?$/i;
const GROUPED = /^[+-]?\d{1,3}([,.'\u00a0\u2009\u202f ]\d{3})+([.,]\d+)?$/;
const UNIT = /^[€$£¥]\s*|\s*[€$£¥%]$/g;
const DATE = /^(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3\d{4})([T ]\d{1,2}:\d{2}.*)?$/;
const YES_NO: ReadonlySet<string> = new Set('yes|no|y|n|true|false|t|f|on|off|ja|nein|oui|non|si|sí'.split('|'));
const ID_NAME = /(^|[\W_])(id|uuid|guid|key|index|idx|row(num|number)?|nr|no)$|[a-z](Id|ID|Key|Index)$/i;
const TARGET_NAME =
  /^(target|label|labels|class|classes|y|outcome|response|churn|churned|survived|default|defaulted|fraud|price|saleprice|species|diagnosis|quality)$/i;

/** Looks at every column of a head, in its order. */
export const lookAtColumns = ({ columns, rows }: Pick<TableHead, 'columns' | 'rows'>): ColumnLook[] =>
  columns.map((name, at) => {
    const cells = rows.map((row) => row[at] ?? '');
    const present = cells.filter((cell) => !MISSING.has(cell));
    return {
      kind: kindOf(name, present),
      missing: cells.length === 0 ? 0 : 1 - present.length / cells.length,
      example: (present[0] ?? '').slice(0, EXAMPLE_LENGTH),
    };
  });

function kindOf(name: string, present: readonly string[]): Kind {
  const different = new Set(present);
  if (different.size <= 1) return 'constant';
  const all = (test: (cell: string) => boolean) =>
    present.filter((cell) => test(cell)).length >= MOSTLY * present.length;
  const unique = different.size === present.length && present.length >= ID_ROWS;
  if (different.size === 2 && present.every((cell) => YES_NO.has(cell.toLowerCase()))) return 'boolean';
  if (all(isNumber)) return unique && (isCounter(present) || (ID_NAME.test(name) && all(isWhole))) ? 'id' : 'number';
  if (all((cell) => DATE.test(cell))) return 'date';
  const letters = present.reduce((sum, cell) => sum + cell.length, 0) / present.length;
  const spaces = present.reduce((sum, cell) => sum + cell.split(/\s+/).length, 0) / present.length;
  if (different.size > present.length / 2 && (spaces >= TEXT_WORDS || letters > TEXT_LETTERS)) return 'text';
  return unique ? 'id' : 'category';
}

const bare = (cell: string): string => cell.replace(UNIT, '');
const isNumber = (cell: string): boolean => NUMBER.test(bare(cell)) || GROUPED.test(bare(cell));
const isWhole = (cell: string): boolean => /^\d+$/.test(cell);
const isCounter = (cells: readonly string[]): boolean =>
  cells.every((cell, at) => isWhole(cell) && (at === 0 || Number(cell) === Number(cells[at - 1]) + 1));

/** The column that is most likely to be predicted: by its name, else the last one that can be. Undefined: none can. */
export function guessTarget(columns: readonly string[], looks: readonly ColumnLook[]): Guess | undefined {
  const can = ({ kind }: ColumnLook) => kind === 'number' || kind === 'boolean' || kind === 'category';
  const named = columns.findLastIndex((name, at) => TARGET_NAME.test(name.trim()) && looks[at] && can(looks[at]));
  if (named >= 0) return { column: named, reason: 'by its name' };
  const last = looks.findLastIndex(can);
  if (last < 0) return undefined;
  return { column: last, reason: last === columns.length - 1 ? 'the last column' : 'the last column of use' };
}

/** How the column at `at` would be as the target. Suspects are looked for among at most `most` columns. */
export function lookAtTarget(
  { columns, rows }: Pick<TableHead, 'columns' | 'rows'>,
  at: number,
  most = 500,
): TargetLook {
  const known = rows.filter((row) => !MISSING.has(row[at] ?? ''));
  const truth = known.map((row) => row[at] ?? '');
  const counts = countsOf(truth);
  const task = taskOf(truth, counts);
  const suspects =
    columns.length > most
      ? []
      : columns.flatMap((_, other) =>
          other !== at &&
          tells(
            known.map((row) => row[other] ?? ''),
            truth,
            task,
            counts,
          )
            ? [other]
            : [],
        );
  const often = task === 'regression' ? [] : [...counts].sort((a, b) => b[1] - a[1]).slice(0, SHARES_SHOWN);
  return {
    ...{ task, suspects, values: counts.size, constant: counts.size <= 1, numeric: isNumeric(truth) },
    shares: often.map(([name, count]) => [name.slice(0, EXAMPLE_LENGTH), count / truth.length] as const),
  };
}

function countsOf(cells: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  return counts;
}

/** The worker's rule, on the sample: texts, two values, or few whole numbers that come often are classes. */
function taskOf(truth: readonly string[], counts: ReadonlyMap<string, number>): Task {
  if (!isNumeric(truth) || counts.size <= 2) return 'classification';
  const few = counts.size <= WHOLE_CLASSES_MAX && truth.length >= ROWS_PER_CLASS * counts.size;
  return few && [...counts.keys()].every((cell) => /^[+-]?\d+$/.test(cell)) ? 'classification' : 'regression';
}

const isNumeric = (cells: readonly string[]): boolean => cells.filter(isNumber).length >= MOSTLY * cells.length;

/** Whether a column alone tells the target in these rows, which it would hardly do by chance. */
function tells(
  cells: readonly string[],
  truth: readonly string[],
  task: Task,
  counts: ReadonlyMap<string, number>,
): boolean {
  if (truth.length < SUSPECT_ROWS || counts.size < 2) return false;
  if (cells.every((cell, at) => cell === truth[at])) return true;
  if (task === 'regression') return isProportional(cells, truth);
  if (truth.length - Math.max(...counts.values()) < LEAST_OF_A_CLASS) return false;
  const told = new Map<string, string>();
  for (const [at, cell] of cells.entries()) {
    const before = told.get(cell);
    if (before !== undefined && before !== truth[at]) return false;
    told.set(cell, truth[at] ?? '');
  }
  return told.size * ROWS_PER_VALUE <= truth.length;
}

/** Correlated beyond what a cause would be: the same quantity in another unit. */
function isProportional(cells: readonly string[], truth: readonly string[]): boolean {
  const pairs = cells.flatMap((cell, at): [number, number][] => {
    const pair: [number, number] = [Number(cell === '' ? NaN : cell), Number(truth[at])];
    return pair.every(Number.isFinite) ? [pair] : [];
  });
  if (pairs.length < SUSPECT_ROWS) return false;
  const mean = (side: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const [a, b] of pairs) {
    xy += (a - x) * (b - y);
    xx += (a - x) ** 2;
    yy += (b - y) ** 2;
  }
  return xx > 0 && yy > 0 && Math.abs(xy) / Math.sqrt(xx * yy) > PROPORTIONAL;
}
