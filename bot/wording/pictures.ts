// Captions of a model's pictures: what to make of each, in words, from the report behind it. A report that is not there or does not hold
// together leaves the general sentence. pictures.ts sends them.
import type { Report } from '../../cloud/contract/contract.generated.ts';
import { familyNamed } from '../../cloud/families.ts';
import type { Message } from '../conversation/effect.ts';
import { count, measured } from './figures.ts';
import { bold, CAPTION_LIMIT, code, message, text } from './html.ts';

interface Words {
  readonly title: string;
  readonly general: string;
  /** HTML; undefined where there is nothing particular to say. */
  readonly told: (report: Report) => string | undefined;
}

const NAME = 40;
const HALF = 0.5;
/** Mean distance between what is told and what comes true. */
const HONEST = 0.03;
const ROUGH = 0.08;
/** Times what chance gives; further off is the model's doing. */
const CHANCE = 1.5;
const NAMED_COLUMNS = 3;
/** Of all importance: one column that carries more than this is worth a question. */
const MOST_BY_ONE = 0.8;
/** Changes of the loss below this are noise. */
const FLAT = 0.01;
/** The last part of the steps, which says where it is going. */
const NEAR_END = 0.2;

/** By file name, the telling ones first. */
const WORDS = {
  confusion_matrix: {
    title: 'Which class was taken for which',
    general: 'Rows on the diagonal are right, all others are mistakes.',
    told: mistakes,
  },
  roc_curve: {
    title: 'ROC curve',
    general: 'The further it bows to the upper left, the better the classes are told apart; the diagonal is guessing.',
    told: toldApart,
  },
  predicted_vs_actual: {
    title: 'Predicted and actual',
    general: 'A point on the line is a prediction that is right.',
    told: offBy,
  },
  importance: {
    title: 'What matters',
    general: 'The longer the bar, the more the model relies on the column.',
    told: whatMatters,
  },
  residuals: {
    title: 'What is left over',
    general: 'A bow or a funnel would mean that something was not learned; a cloud without a shape is good.',
    told: leftOver,
  },
  leaderboard: {
    title: 'What was compared',
    general: 'The candidates that automatic tried, the best first.',
    told: compared,
  },
  calibration: {
    title: 'Can the probabilities be taken at their word?',
    general: 'On the line, 70 % comes true in 7 of 10 cases.',
    told: honesty,
  },
  precision_recall_curve: {
    title: 'Precision and recall',
    general: 'The more of a class one wants to find, the more false alarms come with it.',
    told: alarms,
  },
  learning_curve: {
    title: 'Learning curve',
    general: 'The error on held-out rows after each step of the training; lower is better.',
    told: steps,
  },
} as const satisfies Readonly<Record<string, Words>>;

export type PictureName = keyof typeof WORDS;
export const PICTURES = Object.keys(WORDS) as readonly PictureName[];

export function captionOf(name: PictureName, report: Report | undefined): string {
  const { title, general, told } = WORDS[name];
  return message([`<b>${title}</b>`, (report && sound(() => told(report))) ?? general], CAPTION_LIMIT);
}

/** The report comes out of a bucket: nothing in it may keep a picture from being sent. */
function sound(tell: () => string | undefined): string | undefined {
  try {
    const words = tell();
    return words === undefined || /\b(NaN|undefined|Infinity)\b/.test(words) ? undefined : words;
  } catch {
    return undefined;
  }
}

export const noPictures = (name: string): Message => ({ html: message([`There are no pictures of ${bold(name)}.`]) });

function mistakes({ confusionMatrix }: Report): string | undefined {
  if (!confusionMatrix) return undefined;
  const { classes, rows } = confusionMatrix;
  const cells = rows.flatMap((row, truth) => row.map((many, taken) => ({ truth, taken, many })));
  const all = sum(cells);
  const right = sum(cells.filter(({ truth, taken }) => truth === taken));
  const [worst] = cells.filter(({ truth, taken }) => truth !== taken).sort((a, b) => b.many - a.many);
  if (!worst || worst.many === 0)
    return `All ${count(all)} held-out rows are right. If that is too good to be true, look for a column that gives the answer away.`;
  const most = `${code(classes[worst.truth] ?? '', NAME)} was taken for ${code(classes[worst.taken] ?? '', NAME)}`;
  return `${count(right)} of ${count(all)} held-out rows are right. The most frequent mistake: ${most}, ${times(worst.many)}.`;
}

const sum = (cells: readonly { readonly many: number }[]): number => cells.reduce((all, { many }) => all + many, 0);
const times = (many: number): string => (many === 1 ? 'once' : `${count(many)} times`);

function toldApart({ rocCurves = [], metrics }: Report): string | undefined {
  const areas = rocCurves.map((curve) => ({ name: curve.class, area: area(curve) })).sort((a, b) => b.area - a.area);
  const [best] = areas;
  const worst = areas.at(-1);
  if (!best || !worst) return undefined;
  if (areas.length > 1)
    return `Told apart best from all others: ${code(best.name, NAME)} (${measured(best.area)}), worst: ${code(worst.name, NAME)} (${measured(worst.area)}). 1 would be perfect, 0.5 guessing.`;
  const share = Math.round(100 * (metrics.roc_auc ?? best.area));
  return `Of two rows, one ${code(best.name, NAME)} and one not, the model tells which is which in ${share} of 100 cases. Guessing: 50.`;
}

/** Under a curve, by trapezoids. */
function area({ falsePositiveRate: x, truePositiveRate: y }: NonNullable<Report['rocCurves']>[number]): number {
  const at = (list: readonly number[], place: number) => list[place] ?? NaN;
  return x
    .slice(1)
    .reduce((all, right, left) => all + ((right - at(x, left)) * (at(y, left) + at(y, left + 1))) / 2, 0);
}

function offBy({ metrics, target }: Report): string {
  const { median_absolute_error: median, mean_absolute_error: mean, baseline_mean_absolute_error: baseline } = metrics;
  const own =
    median === undefined
      ? `Predictions of ${code(target.name, NAME)} are off by ${measured(mean ?? NaN)} on average.`
      : `Half of the predictions of ${code(target.name, NAME)} are off by less than ${measured(median)}.`;
  return median !== undefined || baseline === undefined
    ? own
    : `${own} Always telling the same number: ${measured(baseline)}.`;
}

function whatMatters({ importance: { columns } }: Report): string | undefined {
  const useful = columns.filter(({ mean, std }) => mean > std);
  const [first, ...others] = useful.slice(0, NAMED_COLUMNS).map(({ name }) => code(name, NAME));
  if (first === undefined)
    return columns.length > 0
      ? 'No column matters by itself: the model loses next to nothing without any one.'
      : undefined;
  const then = others.length > 0 ? `, then ${others.join(' and ')}` : '';
  const idle = columns.filter(({ mean }) => mean <= 0).length;
  const whole = columns.reduce((all, { mean }) => all + Math.max(0, mean), 0);
  const alone = columns.length > 2 && (useful[0]?.mean ?? 0) > MOST_BY_ONE * whole;
  if (alone) return `${first} carries nearly all${then}. Make sure that it is known when you predict.`;
  const end = idle > 0 ? ` ${idle === 1 ? '1 column is' : `${count(idle)} columns are`} of no use.` : '';
  return `Most of all ${first}${then}.${end}`;
}

function leftOver({ quantiles, target }: Report): string | undefined {
  const [low, high] = [quantiles?.residual[1], quantiles?.residual.at(-2)];
  if (low === undefined || high === undefined) return undefined;
  return `In 8 of 10 rows the actual ${code(target.name, NAME)} lies between ${apart(low)} and ${apart(high)} the predicted one. ${WORDS.residuals.general}`;
}

const apart = (rest: number): string => `${measured(Math.abs(rest))} ${rest < 0 ? 'below' : 'above'}`;

function compared({ leaderboard: { candidates, skipped }, model }: Report): string | undefined {
  const [best] = candidates;
  if (!best) return undefined;
  const left = skipped.length > 0 ? ` Not tried: ${count(skipped.length)}.` : '';
  const taken =
    model.members.length > 1
      ? `Taken: a blend of ${model.members.length} models: ${listed(model.members.map(({ type }) => type))}.`
      : `Taken: ${candidate(best.name)}.`;
  return `${count(candidates.length)} candidates were judged on rows that they had not seen. ${taken}${left}`;
}

const listed = (types: readonly string[]): string => {
  const known = [...new Set(types)].map(candidate);
  return known.length > 1 ? `${known.slice(0, -1).join(', ')} and ${known.at(-1)}` : (known[0] ?? '');
};

/** `svm, soft` → `support vector machine, soft`. */
function candidate(name: string): string {
  const [type = '', ...rest] = name.split(', ');
  return text([familyNamed(type)?.title ?? type, ...rest].join(', '), NAME);
}

function honesty({ calibration }: Report): string | undefined {
  if (!calibration) return undefined;
  const { expectedCalibrationError: error, predicted, rows } = calibration;
  const points = Number((100 * error).toPrecision(2));
  const off = `what is told and what comes true differ by ${points} percentage points on average`;
  if (error <= HONEST) return `Yes: ${off}.`;
  if (error <= CHANCE * byChance(predicted, rows)) return `As far as so few rows can tell: ${off}, as chance would do.`;
  return error <= ROUGH ? `Roughly: ${off}.` : `With care: ${off}. Use them to rank rows rather than as chances.`;
}

/** How far bins of honest probabilities are off on average, since each has few rows: the mean of a folded normal distribution. */
function byChance(predicted: readonly number[], rows: readonly number[]): number {
  const all = rows.reduce((sum, many) => sum + many, 0);
  const deviations = predicted.map((share, at) => Math.sqrt(share * (1 - share) * (rows[at] ?? NaN)));
  return (Math.sqrt(2 / Math.PI) * deviations.reduce((sum, one) => sum + one, 0)) / all;
}

function alarms({ precisionRecallCurves = [] }: Report): string | undefined {
  const [curve, another] = precisionRecallCurves;
  if (!curve || another) return undefined;
  const reached = curve.precision.filter((_, at) => (curve.recall[at] ?? 0) >= HALF);
  const right = Math.round(100 * Math.max(...reached));
  return `Whoever wants to find half of all ${code(curve.class, NAME)} rows gets ${right} right among 100 that are picked. Guessing: ${Math.round(100 * curve.share)}.`;
}

function steps({ learningCurve: { members } }: Report): string | undefined {
  const drawn = members.filter(({ steps: made }) => made.length > 1);
  const [one] = drawn;
  if (!one || drawn.length > 1) return undefined;
  const lowest = Math.min(...one.loss);
  const last = one.loss.at(-1) ?? NaN;
  const before = one.loss[Math.min(one.loss.length - 2, Math.floor(one.loss.length * (1 - NEAR_END)))] ?? NaN;
  if (last > lowest * (1 + FLAT))
    return `The error is lowest after step ${one.steps[one.loss.indexOf(lowest)]} and rises then: fewer steps would do.`;
  return before > last * (1 + FLAT)
    ? 'The error still falls at the end: more steps could help.'
    : 'The error is flat at the end: more steps would not help.';
}
