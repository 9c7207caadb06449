// Metrics by names people know, the telling one first, each with its interval and beside what a model that knows nothing reaches.
import type { TrainingJobStatus } from '../../crds/crds.generated.ts';
import { measured, percent } from './figures.ts';
import { text } from './html.ts';

/** By scikit-learn's names, the telling ones first. */
const NAMES: Readonly<Record<string, string>> = {
  roc_auc: 'ROC AUC',
  roc_auc_ovr: 'ROC AUC (each class against the rest)',
  r2: 'R²',
  root_mean_squared_error: 'RMSE',
  mean_absolute_error: 'MAE',
  balanced_accuracy: 'Balanced accuracy',
  accuracy: 'Accuracy',
  average_precision: 'PR AUC',
  average_precision_macro: 'PR AUC (mean over classes)',
  f1: 'F1',
  f1_macro: 'F1 (mean over classes)',
  mean_absolute_percentage_error: 'MAPE',
  median_absolute_error: 'Median absolute error',
  log_loss: 'Log loss',
  brier_score_loss: 'Brier score',
  precision: 'Precision',
  recall: 'Recall',
};
const ORDER = Object.keys(NAMES);
const BASELINE = 'baseline_';
const METRICS_SHOWN = 8;
/** Metrics that tell how much better than nothing a model is, the first there is; higher is better. */
const DECISIVE = ['roc_auc', 'roc_auc_ovr', 'r2', 'balanced_accuracy'];
/** scikit-learn's are shares. */
const SHARES: ReadonlySet<string> = new Set(['mean_absolute_percentage_error']);

type Metrics = NonNullable<TrainingJobStatus['metrics']>;
type Intervals = NonNullable<TrainingJobStatus['intervals']>;

export const metricName = (name: string): string => NAMES[name] ?? name;

const place = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

/** Without the baselines, the telling ones first. */
const ordered = (metrics: Metrics | undefined): [string, number][] =>
  Object.entries(metrics ?? {})
    .filter(([name]) => !name.startsWith(BASELINE))
    .sort(([a], [b]) => place(a) - place(b));

/** `ROC AUC 0.784`; undefined without metrics. Plain text. */
export function mainMetric(metrics: Metrics | undefined): string | undefined {
  const [first] = ordered(metrics);
  return first && `${metricName(first[0])} ${shown(...first)}`;
}

/** `ROC AUC: <b>0.784</b> (0.72–0.84), baseline 0.5`; a range that begins below zero is written with a word. */
export const metricLines = (metrics: Metrics | undefined, intervals: Intervals = {}): string[] =>
  ordered(metrics)
    .slice(0, METRICS_SHOWN)
    .map(([name, value]) => {
      const interval = intervals[name];
      const baseline = metrics?.[BASELINE + name];
      const told = (one: number) => shown(name, one);
      const to = interval && interval.low < 0 ? ' to ' : '–';
      const range = interval ? ` (${told(interval.low)}${to}${told(interval.high)})` : '';
      return `${text(metricName(name))}: <b>${told(value)}</b>${range}${baseline === undefined ? '' : `, baseline ${told(baseline)}`}`;
    });

/** One line below figures that have intervals or baselines. */
export const metricsMeaning = (metrics: Metrics | undefined, intervals: Intervals = {}): string[] => {
  const [first] = ordered(metrics);
  if (!first) return [];
  const parts = [
    ...(Object.keys(intervals).length > 0 ? ['In brackets: where the figure lies with 95 % confidence.'] : []),
    ...(metrics?.[BASELINE + first[0]] === undefined ? [] : ['Baseline: what a model reaches that knows nothing.']),
  ];
  return parts.length > 0 ? [`<i>${parts.join(' ')}</i>`] : [];
};

/** A warning when the figures do not show that the model is of any use. */
export function metricsWarning(metrics: Metrics | undefined, intervals: Intervals = {}): string[] {
  const name = DECISIVE.find((one) => metrics?.[one] !== undefined && metrics[BASELINE + one] !== undefined);
  if (name === undefined) return [];
  const surely = intervals[name]?.low ?? metrics?.[name] ?? 0;
  return surely > (metrics?.[BASELINE + name] ?? 0)
    ? []
    : [`⚠️ By ${text(metricName(name))} it is not surely better than a model that knows nothing.`];
}

const shown = (name: string, value: number): string => (SHARES.has(name) ? percent(value) : measured(value));
