// How quickly one invocation predicts, for estimates before anything was measured: the operator's of money at admission, the chat's of time.
// Whoever cuts a table goes by what is measured then (operator/prediction/cut.ts), and what may be spent is guarded by what invocations may
// cost at worst (budget.ts there): nothing relies on this figure, so it is cautious and plain. Pure.

/**
 * Bytes of a table on one vCPU. Measured, the whole handler, of rows of 78 bytes: logistic 146 MB, 100 deep trees 34 MB, and where every row is
 * compared with 1,200 others (SVM, nearest neighbours) 6 MB. The rest is room for what is not asked for here: packed tables, which hold several
 * times as many rows in a byte, large networks, wide models.
 */
const BYTES_PER_SECOND = 2_000_000;
/** Compare each row with those that were learned from, so they are slow in proportion. */
const COMPARING: ReadonlySet<string> = new Set(['svm', 'k_nearest_neighbors']);
/** So many are compared with at that speed. Measured: SVM of 20,000 rows 0.4 to 0.8 MB a second, neighbours among 100,000 0.18 MB. */
const ROWS_COMPARED = 4_000;
/** Lambda gives a whole vCPU from here on, below in proportion; the handler uses no second one. */
const VCPU_MIB = 1_769;

/** What is known of a model and of where it runs; what is not counts as usual. */
export interface Predictor {
  /** Families in it: of a blend, its members'. */
  readonly families?: readonly string[];
  readonly trainRows?: number;
  /** Of the function. */
  readonly memoryMib?: number;
}

export function predictionBytesPerSecond(predictor: Predictor = {}): number {
  const { families = [], trainRows = 0, memoryMib = VCPU_MIB } = predictor;
  const compares = families.some((family) => COMPARING.has(family));
  const slower = compares ? Math.max(1, trainRows / ROWS_COMPARED) : 1;
  return (BYTES_PER_SECOND / slower) * Math.min(1, memoryMib / VCPU_MIB);
}
