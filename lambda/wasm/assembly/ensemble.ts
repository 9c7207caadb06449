// An ensemble of trees (ONNX's TreeEnsembleRegressor): its flat attribute lists, read from the bytes of the file, become tables
// (once), and rows of numbers become sums over the leaves they reach. The file is a stranger's: whatever would make a row walk
// for ever or out of a table is refused while the tables are built, so that scoring need not look. Parts are in ensemble/;
// driven by lambda/score/ensemble.ts.
//
// A row's numbers are first replaced by ranks: how many thresholds of the feature lie below. Ranks compare as the numbers would,
// whatever their type. A leaf is its own left child and has a rank that no row passes, so rows walk on the spot once they are
// there, and eight rows go through a tree abreast without a branch on what they find.
import { FINE, TOO_LARGE } from './ensemble/answers';
import { take } from './ensemble/memory';
import {
  addFeatures,
  addNodes,
  addWeights,
  below,
  featureCount,
  features,
  leaves,
  nodes,
  sumWidth,
} from './ensemble/tables';
import { treeCount, trees } from './ensemble/trees';

export { take } from './ensemble/memory';
export { list } from './ensemble/lists';
export { gather, gathered, starts } from './ensemble/trees';
export { places, sumWidth } from './ensemble/tables';

const LANES: i32 = 8;
const MOST_BLOCK_ROWS: i32 = 256;
/** A block's ranks fill about half of the nearest cache. */
const BLOCK_RANK_BYTES: i32 = 24 * 1024;

let ranks: usize = 0;
let rankBytes: usize = 0;
let rowBytes: usize = 0;
let double = false;
/** Rows of a block; where the caller puts their numbers and finds their sums. */
export let blockRows: i32 = 0;
export let input: usize = 0;
export let sums: usize = 0;

/**
 * The tables, once `gather` is done and the caller has sorted the thresholds of each feature. `weights`: address of `count` f64;
 * number f of a row of input is the (`offset` + f)th of `stride`, in f64 when `wide`, else in f32.
 */
export function build(targets: i32, weights: usize, count: i32, stride: i32, offset: i32, wide: bool): i32 {
  const numberBytes: i32 = wide ? 8 : 4;
  let answer = addFeatures(offset, numberBytes);
  if (answer == FINE) answer = addNodes();
  if (answer == FINE) answer = addWeights(targets, weights, count);
  if (answer != FINE) return answer;
  double = wide;
  rowBytes = <usize>(stride * numberBytes);
  rankBytes = <usize>(2 * max(1, featureCount));
  blockRows = LANES * max(1, min(MOST_BLOCK_ROWS, BLOCK_RANK_BYTES / <i32>rankBytes) / LANES);
  input = take(<u64>rowBytes * blockRows);
  ranks = take(<u64>rankBytes * blockRows);
  sums = take(<u64>sumWidth * 8 * blockRows);
  return input && ranks && sums ? FINE : TOO_LARGE;
}

/** Writes the sums of the block's first `rows` rows. */
export function score(rows: i32): void {
  for (let i = 0; i < featureCount; i++) rank(i, rows);
  memory.fill(sums, 0, <usize>rows * sumBytes());
  // Behind the last row lie ranks of an earlier block: as good as any.
  for (let i = 0; i < treeCount; i++) walk(trees + (<usize>i << 4), rows);
}

// @ts-ignore: decorator
@inline
function sumBytes(): usize {
  return <usize>sumWidth << 3;
}

function rank(index: i32, rows: i32): void {
  const feature = features + <usize>index * 12;
  const thresholds = <usize>load<u32>(feature, 4);
  const count = <usize>load<u32>(feature, 8);
  let from = input + <usize>load<u32>(feature);
  let to = ranks + (<usize>index << 1);
  for (let row = 0; row < rows; row++) {
    const value: f64 = double ? load<f64>(from) : <f64>load<f32>(from);
    store<u16>(to, <u16>below(value, thresholds, count));
    from += rowBytes;
    to += rankBytes;
  }
}

// @ts-ignore: decorator
@inline
function step(node: usize, row: usize): usize {
  const rank = <i32>load<u16>(row + <usize>load<u16>(node, 4));
  return <usize>load<u32>(node) + (<usize>(rank > <i32>load<u16>(node, 6)) << 3);
}

/** Adds the leaves of one tree to the sums of all rows. */
function walk(tree: usize, rows: i32): void {
  const root = <usize>load<u32>(tree);
  const sure = load<i32>(tree, 4);
  const pairs = load<i32>(tree, 8);
  const offsets = <usize>load<u32>(tree, 12);
  const next = rankBytes;
  const bytes = sumBytes();
  const weights = leaves - (nodes >> 1);
  let row = ranks;
  let to = sums;
  for (let done = 0; done < rows; done += LANES) {
    const r1 = row + next, r2 = r1 + next, r3 = r2 + next, r4 = r3 + next, r5 = r4 + next, r6 = r5 + next, r7 = r6 + next;
    let a = root, b = root, c = root, d = root, e = root, f = root, g = root, h = root;
    for (let level = 0; level < sure; level++) {
      a = step(a, row); b = step(b, r1); c = step(c, r2); d = step(d, r3);
      e = step(e, r4); f = step(f, r5); g = step(g, r6); h = step(h, r7);
    }
    let moved: usize = 1;
    while (moved) {
      a = step(a, row); b = step(b, r1); c = step(c, r2); d = step(d, r3);
      e = step(e, r4); f = step(f, r5); g = step(g, r6); h = step(h, r7);
      const a2 = step(a, row), b2 = step(b, r1), c2 = step(c, r2), d2 = step(d, r3);
      const e2 = step(e, r4), f2 = step(f, r5), g2 = step(g, r6), h2 = step(h, r7);
      moved = (a ^ a2) | (b ^ b2) | (c ^ c2) | (d ^ d2) | (e ^ e2) | (f ^ f2) | (g ^ g2) | (h ^ h2);
      a = a2; b = b2; c = c2; d = d2; e = e2; f = f2; g = g2; h = h2;
    }
    row = r7 + next;
    to = add(to, bytes, weights + (a >> 1), pairs, offsets);
    to = add(to, bytes, weights + (b >> 1), pairs, offsets);
    to = add(to, bytes, weights + (c >> 1), pairs, offsets);
    to = add(to, bytes, weights + (d >> 1), pairs, offsets);
    to = add(to, bytes, weights + (e >> 1), pairs, offsets);
    to = add(to, bytes, weights + (f >> 1), pairs, offsets);
    to = add(to, bytes, weights + (g >> 1), pairs, offsets);
    to = add(to, bytes, weights + (h >> 1), pairs, offsets);
  }
}

/** Adds a leaf's pairs to a row of sums; returns the next row. */
// @ts-ignore: decorator
@inline
function add(to: usize, sumBytes: usize, leaf: usize, pairs: i32, offsets: usize): usize {
  let weights = <usize>load<u32>(leaf);
  for (let i = 0; i < pairs; i++) {
    const place = to + <usize>load<u32>(offsets + (<usize>i << 2));
    v128.store(place, f64x2.add(v128.load(place), v128.load(weights)));
    weights += 16;
  }
  return to + sumBytes;
}
