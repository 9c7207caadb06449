// Metrics by names people know, the telling one first, each with its interval and beside what a model that knows nothing reaches.
import type { TrainingJobStatus } from '../../crds/crds.generated.ts';
import { count } from './figures.ts';
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
const DIGITS = 3;

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
  return first && `${metricName(first[0])} ${measured(first[1])}`;
}

/** `ROC AUC: <b>0.784</b> (0.72–0.84), baseline 0.5`. */
export const metricLines = (metrics: Metrics | undefined, intervals: Intervals = {}): string[] =>
  ordered(metrics)
    .slice(0, METRICS_SHOWN)
    .map(([name, value]) => {
      const interval = intervals[name];
      const baseline = metrics?.[BASELINE + name];
      const range = interval ? ` (${measured(interval.low)}–${measured(interval.high)})` : '';
      return `${text(metricName(name))}: <b>${measured(value)}</b>${range}${baseline === undefined ? '' : `, baseline ${measured(baseline)}`}`;
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

const measured = (value: number): string =>
  Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(DIGITS)));
