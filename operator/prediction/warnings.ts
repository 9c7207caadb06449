// What an analyst should know before trusting the predictions, a plain sentence or two each: what it is, how it was in training, what to do.
// Names stand in quotation marks, cut and on one line; there is no markup, whoever shows them escapes them. From summary.ts. Pure.
import { count, percent } from '../../cloud/figures.ts';
import { short } from '../../cloud/labels.ts';
import type { FeatureSummary, Summary } from './summary.ts';

export const MOST_WARNINGS = 20;
const MOST_CHARACTERS = 500;
const NAME = 60;
/** Below, unknown categories are in the summary but no reason to worry: each table has some that are rare. */
const TELLING_UNKNOWN = 0.01;
/** Fewer rows may well all be alike. */
const ROWS_TO_DIFFER = 20;

interface Warning {
  /** How much it matters: bad rows above all, then what is known to hurt. */
  readonly weight: number;
  readonly words: string;
}

/** At most 20, the most severe first. */
export function warningsOf(summary: Omit<Summary, 'warnings'>): string[] {
  const predicted = summary.rows - summary.badRows;
  const found = [...badRows(summary), ...allAlike(summary, predicted)];
  for (const feature of summary.features)
    found.push(
      ...drifted(feature),
      ...unreadable(feature, predicted),
      ...unknown(feature, predicted),
      ...gaps(feature),
    );
  const words = found.sort((a, b) => b.weight - a.weight).map((one) => short(one.words, MOST_CHARACTERS));
  if (words.length <= MOST_WARNINGS) return words;
  const rest = words.length - (MOST_WARNINGS - 1);
  return [
    ...words.slice(0, MOST_WARNINGS - 1),
    `${count(rest)} more warnings: summary.json has the figures of all columns.`,
  ];
}

const column = ({ name }: FeatureSummary): string => `Column “${short(name, NAME) || '(blank)'}”`;
const many = (number: number, one: string, more: string): string => `${count(number)} ${number === 1 ? one : more}`;

function badRows({ badRows: rows, firstBadRow: first }: Omit<Summary, 'warnings'>): Warning[] {
  if (rows === 0) return [];
  const which = first
    ? ` ${rows === 1 ? 'It is' : 'The first is'} row ${count(first.row)}, which ${short(first.problem, 200)}.`
    : '';
  const what = `${many(rows, 'row', 'rows')} could not be read and ${rows === 1 ? 'has' : 'have'} no prediction.`;
  return [{ weight: 100, words: what + which }];
}

function drifted(feature: FeatureSummary): Warning[] {
  const { drift } = feature;
  if (!drift || drift.level === 'none') return [];
  const { psi, level, difference } = drift;
  const [much, advice] =
    level === 'major'
      ? ['differ much', 'Trust the predictions less, and train again with newer data if this is here to stay.']
      : ['differ somewhat', 'Keep an eye on it.'];
  return [
    {
      weight: (level === 'major' ? 20 : 2) + Math.min(psi, 10),
      words: `${column(feature)}: values ${much} from those the model learned from (PSI ${psi.toFixed(2)}): ${difference}. ${advice}`,
    },
  ];
}

function unreadable(feature: FeatureSummary, rows: number): Warning[] {
  const { invalid } = feature.cells;
  if (invalid === 0) return [];
  const what = feature.type === 'date' ? 'no date that the model can read' : 'no number';
  const share = invalid / rows;
  return [
    {
      weight: 1 + 18 * share,
      words: `${column(feature)}: ${many(invalid, 'cell is', 'cells are')} ${what} (${percent(share)}) and ${invalid === 1 ? 'was' : 'were'} taken for missing. Correct ${invalid === 1 ? 'it' : 'them'} and predict again if the column matters.`,
    },
  ];
}

function unknown(feature: FeatureSummary, rows: number): Warning[] {
  const share = feature.cells.unknown / rows;
  if (!(share >= TELLING_UNKNOWN)) return [];
  return [
    {
      weight: 1 + 18 * share,
      words: `${column(feature)}: ${many(feature.cells.unknown, 'cell holds', 'cells hold')} a value that the model does not know (${percent(share)}): new, or too rare in training. It makes nothing of ${feature.cells.unknown === 1 ? 'it' : 'them'}; check the spelling, or train again with newer data.`,
    },
  ];
}

function gaps(feature: FeatureSummary): Warning[] {
  const { now, trained, changed } = feature.missing;
  if (!changed || trained === undefined) return [];
  // Cells that cannot be read have a sentence of their own.
  if (feature.cells.invalid > feature.cells.missing) return [];
  const before = trained === 0 ? 'none were' : `${percent(trained)} were`;
  const advice =
    now > trained ? 'The model fills the gaps with what was usual in training.' : 'Check that both mean the same.';
  return [
    {
      weight: now > trained ? 10 + 9 * (now - trained) : 1,
      words: `${column(feature)}: ${percent(now)} of the cells are missing, in training ${before}. ${advice}`,
    },
  ];
}

/** Not wrong by itself, but nothing that anybody wants a model for. */
function allAlike({ predictions }: Omit<Summary, 'warnings'>, rows: number): Warning[] {
  if (rows < ROWS_TO_DIFFER) return [];
  if (predictions.is === 'values')
    return predictions.min !== undefined && predictions.min === predictions.max
      ? [{ weight: 19, words: `All ${count(rows)} rows have the same prediction.` }]
      : [];
  const only = predictions.classes.find((one) => one.rows === rows);
  return only
    ? [{ weight: 19, words: `All ${count(rows)} rows are predicted to be “${short(only.class, NAME)}”.` }]
    : [];
}
