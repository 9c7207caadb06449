// The plan's matrix (row 3.1): which instance type a model's family needs at least, by the size of the table as CSV. The operator's need
// and the chat's estimate start from it. Pure.
const MB = 1e6;
const GB = 1e9;

const LINEAR: ReadonlySet<string> = new Set([
  'linear',
  'ridge',
  'lasso',
  'elastic_net',
  'polynomial',
  'logistic',
  'naive_bayes',
  'sgd',
]);
const TREES: ReadonlySet<string> = new Set([
  'decision_tree',
  'random_forest',
  'extra_trees',
  'gradient_boosting',
  'hist_gradient_boosting',
  'xgboost',
  'lightgbm',
  'auto',
]);

/**
 * Linear models below 100 MB t3.medium, else m5.large; trees below 1 GB m5.large, else m5.xlarge; a neural network above 5 GB a GPU, else
 * m5.xlarge; all others (svm, k_nearest_neighbors) the configured type. scikit-learn's perceptron leaves the GPU idle: the row is kept as
 * the plan has it, and spec.resources.gpu of 0 says otherwise.
 */
export function floorType(model: string, bytes: number, fallback: string): string {
  if (LINEAR.has(model)) return bytes < 100 * MB ? 't3.medium' : 'm5.large';
  if (TREES.has(model)) return bytes < GB ? 'm5.large' : 'm5.xlarge';
  if (model === 'neural_network') return bytes > 5 * GB ? 'g4dn.xlarge' : 'm5.xlarge';
  return fallback;
}
