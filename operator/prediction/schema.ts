// Whether a table fits a model, by the table's head, before anything is invoked: columns that are missing, values that the model could
// not read, categories it has never seen. Pure; of rows beyond the head nothing is said. Called by admission.ts.
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { readDate } from '../../cloud/contract/date.ts';
import { numberReader } from '../../cloud/contract/notation.ts';
import { exactNumber } from '../../cloud/contract/number.ts';
import { meantFor } from '../../cloud/spelling.ts';
import { strip } from '../../cloud/table.ts';
import type { Unscored } from '../../cloud/unscored.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import type { PredictionReason } from '../../crds/reasons.ts';

export interface Misfit {
  readonly reason: PredictionReason;
  readonly message: string;
}

export type Fit = { readonly problem: Misfit } | { readonly problem?: undefined; readonly warnings: readonly string[] };

type Model = Pick<Manifest, 'features' | 'preprocessing'>;
type Column = Manifest['preprocessing']['columns'][number];
type Head = Pick<Unscored, 'columns' | 'rows' | 'leftOut'>;
type Spec = Pick<PredictionJob['spec'], 'features' | 'predictionColumn' | 'onBadRow'>;

/** Above this share of a column's cells unreadable, it is another column than the model's. */
const MOSTLY = 0.5;
/** From this share of its cells unknown on, a category is told of; not for fewer cells than FEW. */
const NEARLY_ALL = 0.95;
const FEW = 5;
const NAMES_SHOWN = 20;
const LETTERS_SHOWN = 60;

/** What is wrong between model and table, or what there is to warn of. */
export function fitOf(spec: Spec, model: Model, head: Head): Fit {
  const names = model.features.map(({ name }) => name);
  const foreign = (spec.features ?? []).filter((name) => !names.includes(name));
  if (foreign.length > 0)
    return misfit('InvalidSpec', `The model was not trained on ${listed(foreign)}; it needs ${listed(names)}.`);
  const { columns } = head;
  if (!columns) return { warnings: [] };
  const problem =
    missingColumns(names, columns, head.leftOut) ??
    repeatedColumns(names, columns) ??
    takenName(spec.predictionColumn, columns) ??
    (spec.onBadRow === 'Empty' ? undefined : raggedRow(columns, head.rows)) ??
    unreadableColumn(model, columns, head.rows);
  return problem
    ? { problem }
    : { warnings: [...leftOut(head.leftOut), ...unknownCategories(model, columns, head.rows)] };
}

const misfit = (reason: PredictionReason, message: string): Fit => ({ problem: { reason, message } });
const invalid = (message: string): Misfit => ({ reason: 'InvalidData', message });

function missingColumns(
  names: readonly string[],
  columns: readonly string[],
  others: readonly string[],
): Misfit | undefined {
  const missing = names.filter((name) => !columns.includes(name));
  if (missing.length === 0) return undefined;
  const nested = missing.filter((name) => others.includes(name));
  if (nested.length > 0)
    return invalid(
      `The model needs ${listed(nested)}, which the file holds as lists, records or bytes. Write one value a row.`,
    );
  const unused = columns.filter((column) => !names.includes(column));
  const meant = missing.slice(0, NAMES_SHOWN).flatMap((name) => {
    const close = meantFor(name, unused);
    return close === undefined ? [] : [`${shown(close)} to ${shown(name)}`];
  });
  const advice = meant.length > 0 ? ` Perhaps you only need to rename ${meant.join(', ')}.` : '';
  return {
    reason: 'MissingColumns',
    message: `The table lacks ${missing.length === 1 ? 'the column' : 'the columns'} ${listed(missing)} that the model needs. It has ${listed(columns)}.${advice}`,
  };
}

function repeatedColumns(names: readonly string[], columns: readonly string[]): Misfit | undefined {
  const twice = names.filter((name) => columns.indexOf(name) !== columns.lastIndexOf(name));
  return twice.length === 0
    ? undefined
    : invalid(
        `The table has more than one column named ${listed(twice)}, so it is unclear which one the model should read. Rename the others.`,
      );
}

function takenName(name: string, columns: readonly string[]): Misfit | undefined {
  return columns.includes(name)
    ? invalid(`The table has a column ${JSON.stringify(name)} already; choose another predictionColumn.`)
    : undefined;
}

function raggedRow(columns: readonly string[], rows: Head['rows']): Misfit | undefined {
  const at = rows.findIndex((row) => row.length !== columns.length);
  if (at < 0) return undefined;
  const { length } = rows[at]!;
  return invalid(
    `Row ${at + 1} has ${length} ${length === 1 ? 'cell' : 'cells'} where the header has ${columns.length}. Repair it, or set onBadRow to Empty.`,
  );
}

/** Cells of a column that hold something, with the number of their row. */
function* presentCells(
  { preprocessing }: Model,
  at: number,
  rows: Head['rows'],
): Generator<[row: number, text: string]> {
  const missing = new Set(preprocessing.missing);
  for (const [i, row] of rows.entries()) {
    const text = strip(row[at] ?? '');
    if (text !== '' && !missing.has(text)) yield [i + 1, text];
  }
}

function unreadableColumn(model: Model, columns: readonly string[], rows: Head['rows']): Misfit | undefined {
  for (const feature of model.features) {
    const reader = readerOf(model, feature.name);
    if (!reader) continue;
    const present = [...presentCells(model, columns.indexOf(feature.name), rows)];
    const unreadable = present.filter(([, text]) => !reader.reads(text));
    if (unreadable.length <= MOSTLY * present.length) continue;
    const [row, text] = unreadable[0]!;
    const many = unreadable.length === present.length ? 'all' : `${unreadable.length}`;
    const among = present.length === 1 ? '' : ` The same goes for ${many} of the first ${present.length} values.`;
    return invalid(
      `Row ${row}, column ${shown(feature.name)}: ${shown(text)} is ${reader.not} such as the model learned from (${feature.example}).${among} Write this column as it was written in training, or train a model with a table like this one.`,
    );
  }
  return undefined;
}

interface Reader {
  readonly not: string;
  reads(text: string): boolean;
}

/** How the model reads the cells of a feature; undefined where any text is a category. */
function readerOf({ preprocessing }: Model, name: string): Reader | undefined {
  const column = preprocessing.columns.find((each) => each.column === name);
  switch (column?.kind) {
    case 'number': {
      const read = column.notation ? numberReader(column.notation) : exactNumber;
      return { not: 'not a number', reads: (text) => !Number.isNaN(read(text)) };
    }
    case 'date':
      return { not: 'not a date', reads: (text) => !Number.isNaN(readDate(text, column.orders)) };
    case 'boolean': {
      const words = new Set([...column.yes, ...column.no]);
      return { not: 'neither yes nor no', reads: (text) => words.has(folded(text)) };
    }
    default:
      return undefined;
  }
}

/** As the manifest compares: ASCII letters in lower case. */
const folded = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

function unknownCategories(model: Model, columns: readonly string[], rows: Head['rows']): string[] {
  return model.features.flatMap(({ name, example }) => {
    const known = categoriesOf(model.preprocessing.columns, name);
    if (!known) return [];
    const present = [...presentCells(model, columns.indexOf(name), rows)];
    const unknown = present.filter(([, text]) => !known.has(text));
    if (present.length < FEW || unknown.length < NEARLY_ALL * present.length) return [];
    const examples = listed([...new Set(unknown.map(([, text]) => text))].slice(0, 3));
    return [
      `${unknown.length === present.length ? 'No' : 'Hardly a'} value of ${shown(name)} in the first rows was seen in training: ${examples}, where the model knows values such as ${shown(example)}. Predictions will not make use of this column.`,
    ];
  });
}

/** Undefined: not a category. */
function categoriesOf(columns: readonly Column[], name: string): Set<string> | undefined {
  const own = columns.filter((column) => column.column === name);
  const lists = own.flatMap((column) =>
    column.kind === 'oneHot' || column.kind === 'ordinal' ? [column.categories] : [],
  );
  return lists.length > 0 && lists.length === own.length ? new Set(lists.flat()) : undefined;
}

function leftOut(names: readonly string[]): string[] {
  return names.length === 0
    ? []
    : [`Columns that hold lists, records or bytes are left out of the result: ${listed(names)}.`];
}

const shown = (name: string): string =>
  JSON.stringify(name.length > LETTERS_SHOWN ? `${name.slice(0, LETTERS_SHOWN)}…` : name);

const listed = (names: readonly string[]): string =>
  names.slice(0, NAMES_SHOWN).map(shown).join(', ') +
  (names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '');
