// A look at a table in the bucket before the conversation goes on: columns, size, and what the first rows look like. One HEAD and one
// GET of 64 KB, whatever its size. The operator looks again at admission, the worker at every row.
import type { Bucket } from '../cloud/bucket.ts';
import { DataError } from '../cloud/errors.ts';
import { readPackedHead } from '../cloud/packed.ts';
import { guessTarget, lookAtColumns, lookAtTarget, type ColumnLook, type Kind } from '../cloud/preview.ts';
import { HEAD_BYTES, type TableHead } from '../cloud/table.ts';
import type { Purpose } from './conversation/effect.ts';
import type { Preview, Table } from './conversation/state.ts';

/** Of a wider table only the likely target is looked at: each look compares it with every column. */
const MOST_TARGETS = 60;
const MOST_USELESS = 5;
/** Fewer say nothing about a table; and fewer than these nothing against a column. */
const LEAST_ROWS = 5;
const LEAST_ROWS_AGAINST = 20;
const USELESS: ReadonlySet<Kind> = new Set<Kind>(['id', 'constant', 'text']);

const WORKBOOK =
  'it is an Excel workbook, which is not predicted for. In Excel choose File → Save As → CSV (UTF-8), and send that.';

export interface Inspected {
  readonly uri: string;
  readonly name: string;
  readonly purpose: Purpose;
}

/** Rejects with DataError in plain words. */
export async function inspect(bucket: Pick<Bucket, 'head' | 'get'>, key: string, file: Inspected): Promise<Table> {
  const facts = await bucket.head(key);
  if (!facts)
    throw new DataError('there is no such file in the bucket.', { errorCode: 'DatasetMissing', kind: 'notFound' });
  const start = facts.bytes === 0 ? undefined : await bucket.get(key, { bytes: HEAD_BYTES });
  const bytes = start?.body ?? new Uint8Array();
  const { uri, name, purpose } = file;
  const about = { uri, name, bytes: facts.bytes };
  const { format, head, tableBytes } = await readPackedHead(bytes, facts.bytes, key);
  if (purpose === 'predict' && format === 'excel')
    throw new DataError(WORKBOOK, { errorCode: 'NotATable', kind: 'invalid' });
  const packed = tableBytes === facts.bytes ? {} : { tableBytes };
  if (head && purpose === 'predict')
    return { ...about, ...packed, columns: head.columns, rows: head.estimatedRows, classes: [] };
  if (!head) return { ...about, ...packed, columns: [], rows: 0, classes: [] };
  const classes = head.columns.flatMap((_, at) => (lookAtTarget(head, at, 0).task === 'classification' ? [at] : []));
  const preview = head.rows.length < LEAST_ROWS ? {} : { preview: previewOf(head) };
  return { ...about, ...packed, columns: head.columns, rows: head.estimatedRows, classes, ...preview };
}

export function previewOf(head: Pick<TableHead, 'columns' | 'rows'>): Preview {
  const looks = lookAtColumns(head);
  const guess = guessTarget(head.columns, looks);
  const targets = head.columns.length > MOST_TARGETS ? (guess ? [guess.column] : []) : [...head.columns.keys()];
  return {
    rows: head.rows.length,
    kinds: countsOf(looks),
    ...(guess ? { guess } : {}),
    useless: head.rows.length < LEAST_ROWS_AGAINST ? [] : uselessOf(looks),
    targets: Object.fromEntries(targets.map((at) => [at, lookAtTarget(head, at)])),
  };
}

const uselessOf = (looks: readonly ColumnLook[]): Preview['useless'] =>
  looks.flatMap(({ kind }, at) => (USELESS.has(kind) ? [[at, kind] as const] : [])).slice(0, MOST_USELESS);

function countsOf(looks: readonly ColumnLook[]): Partial<Record<Kind, number>> {
  const counts: Partial<Record<Kind, number>> = {};
  for (const { kind } of looks) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
