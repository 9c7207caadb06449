// The tables that rows are scored with, addresses and counts in u32 unless said otherwise:
//   features    {offset of the number in a row of input, address of its thresholds, how many}
//   thresholds  f64, ascending, each once, a list a feature
//   trees       {address of the root, levels above its highest leaf, pairs of targets, address of their offsets in a row of sums}
//   nodes       {u32 address of the left child, the right one follows; u16 offset of a rank in a row of ranks; u16 rank}
//   leaves      address of what a leaf adds, an entry a node
//   weights     f64, pairs of targets
import { FINE, LENGTHS_DIFFER, OTHER, TARGET_OUT_OF_RANGE, TOO_LARGE } from './answers';
import { at, FEATURE, LEAF, lengthOf, MODE, NODE_OF_WEIGHT, TARGET_OF_WEIGHT, TREE_OF_NODE, TREE_OF_WEIGHT } from './lists';
import { giveBack, number, setNumber, setWord, take, word } from './memory';
import { columns, gathered, order, position, reached, starts, thresholds, treeCount, trees } from './trees';

export let features: usize = 0;
export let featureCount: i32 = 0;
export let nodes: usize = 0;
export let leaves: usize = 0;
/** f64 places in a row of sums, and the place of each target in it. */
export let sumWidth: i32 = 0;
export let places: usize = 0;

const MOST_FEATURES: i32 = 32767;
const MOST_THRESHOLDS: i32 = 65534;
/** Rank of a leaf's threshold: no number's rank is above it. */
const UNREACHED: u16 = 0xffff;
const PAIR_SHIFT: i32 = 4;
/** -0, which changes no number it is added to. */
const NOTHING: u64 = 0x8000000000000000;

/** Leaves each threshold once. From here on `starts` of a feature in use is its number among those. */
export function addFeatures(offset: i32, numberBytes: i32): i32 {
  features = take(<u64>columns * 12);
  if (!features) return TOO_LARGE;
  for (let f = 0; f < columns; f++) {
    const from = word(starts, f);
    const count = word(starts, f + 1) - from;
    if (count == 0) continue;
    const values = gathered + (<usize>from << 3);
    let kept = 1;
    for (let i = 1; i < count; i++)
      if (number(values, i) != number(values, kept - 1)) setNumber(values, kept++, number(values, i));
    if (kept > MOST_THRESHOLDS || featureCount == MOST_FEATURES) return OTHER;
    const feature = features + <usize>featureCount * 12;
    store<i32>(feature, (offset + f) * numberBytes);
    store<u32>(feature, <u32>values, 4);
    store<i32>(feature, kept, 8);
    setWord(starts, f, featureCount++);
  }
  return FINE;
}

export function addNodes(): i32 {
  nodes = take(<u64>reached * 8);
  leaves = take(<u64>reached * 4);
  if (!nodes || !leaves) return TOO_LARGE;
  for (let t = 0; t < treeCount; t++) {
    const tree = trees + (<usize>t << 4);
    const first = load<i32>(tree);
    const end = t + 1 < treeCount ? load<i32>(tree, 16) : reached;
    let child = nodes + (<usize>(first + 1) << 3);
    for (let i = first; i < end; i++) {
      const node = nodes + (<usize>i << 3);
      if (at(MODE, word(order, i)) == LEAF) {
        store<u32>(node, <u32>node);
        store<u16>(node, UNREACHED, 6);
        continue;
      }
      store<u32>(node, <u32>child);
      child += 16;
      addComparison(node, word(order, i));
    }
    store<u32>(tree, <u32>(nodes + (<usize>first << 3)));
  }
  return FINE;
}

function addComparison(node: usize, entry: i32): void {
  const index = word(starts, at(FEATURE, entry));
  const feature = features + <usize>index * 12;
  const rank = below(number(thresholds, entry), <usize>load<u32>(feature, 4), <usize>load<u32>(feature, 8));
  store<u16>(node, <u16>(index << 1), 4);
  store<u16>(node, <u16>rank, 6);
}

/** How many of the ascending thresholds do not hold as "at most"; all of them for NaN. Halves are chosen without a branch. */
// @ts-ignore: decorator
@inline
export function below(value: f64, values: usize, count: usize): usize {
  let from: usize = 0;
  let length = count;
  while (length > 1) {
    const half = length >>> 1;
    from += half * <usize>!(value <= load<f64>(values + ((from + half - 1) << 3)));
    length -= half;
  }
  return from + <usize>!(value <= load<f64>(values + (from << 3)));
}

/** Targets get places as trees ask for them, so that a tree adds to few pairs of places. */
export function addWeights(targets: i32, weights: usize, count: i32): i32 {
  if (lengthOf(TREE_OF_WEIGHT) != count || lengthOf(NODE_OF_WEIGHT) != count || lengthOf(TARGET_OF_WEIGHT) != count)
    return LENGTHS_DIFFER;
  places = take(<u64>targets * 4);
  const pairsOfTree = take(<u64>targets * 4);
  if (!places || !pairsOfTree) return TOO_LARGE;
  memory.fill(places, 0xff, <usize>targets << 2); // -1: no place yet
  memory.fill(pairsOfTree, 0xff, <usize>targets << 2);
  let used = 0;
  let from = 0;
  for (let t = 0; t < treeCount; t++) {
    const tree = trees + (<usize>t << 4);
    const number = at(TREE_OF_NODE, load<i32>(tree, 8));
    let to = from;
    for (; to < count && at(TREE_OF_WEIGHT, to) == number; to++) {
      const target = at(TARGET_OF_WEIGHT, to);
      if (target >= targets) return TARGET_OUT_OF_RANGE;
      if (word(places, target) < 0) setWord(places, target, used++);
    }
    const answer = addLeaves(t, from, to, weights, pairsOfTree, targets);
    if (answer != FINE) return answer;
    from = to;
  }
  for (let target = 0; target < targets; target++) if (word(places, target) < 0) setWord(places, target, used++);
  sumWidth = (used + 1) & ~1;
  return from == count ? FINE : OTHER;
}

/** Of tree t: its pairs, and what its leaves add, from the weights [from, to). */
function addLeaves(t: i32, from: i32, to: i32, weights: usize, pairsOfTree: usize, targets: i32): i32 {
  const tree = trees + (<usize>t << 4);
  const firstEntry = load<i32>(tree, 8);
  const entries = load<i32>(tree, 12) - firstEntry;
  const offsets = take(<u64>targets * 4);
  if (!offsets) return TOO_LARGE;
  let pairs = 0;
  for (let i = from; i < to; i++) {
    const pair = word(places, at(TARGET_OF_WEIGHT, i)) >> 1;
    if (word(pairsOfTree, pair) >= 0) continue;
    setWord(pairsOfTree, pair, pairs);
    setWord(offsets, pairs++, pair << PAIR_SHIFT);
  }
  giveBack(offsets + (<usize>pairs << 2));
  const missing = addEmptyLeaves(t, pairs);
  if (missing < 0) return TOO_LARGE;
  let told = 0;
  for (let i = from; i < to; i++) {
    const entry = at(NODE_OF_WEIGHT, i);
    if (entry >= entries || at(MODE, firstEntry + entry) != LEAF) return OTHER;
    const index = word(position, firstEntry + entry);
    if (index < 0) continue;
    const place = word(places, at(TARGET_OF_WEIGHT, i));
    const leaf = <usize>word(leaves, index) + (<usize>word(pairsOfTree, place >> 1) << PAIR_SHIFT) + ((place & 1) << 3);
    if (load<u64>(leaf) != NOTHING) return OTHER; // a second weight of the same
    store<u64>(leaf, load<u64>(weights + (<usize>i << 3)));
    if (word(order, index) >= 0) told++;
    setWord(order, index, -1);
  }
  for (let i = 0; i < pairs; i++) setWord(pairsOfTree, word(offsets, i) >> PAIR_SHIFT, -1);
  store<i32>(tree, pairs, 8);
  store<u32>(tree, <u32>offsets, 12);
  return told == missing ? FINE : OTHER;
}

/** Returns how many leaves tree t has; negative when there is no room. */
function addEmptyLeaves(t: i32, pairs: i32): i32 {
  const tree = trees + (<usize>t << 4);
  const first = <i32>((<usize>load<u32>(tree) - nodes) >> 3);
  const end = t + 1 < treeCount ? <i32>((<usize>load<u32>(tree, 16) - nodes) >> 3) : reached;
  let count = 0;
  for (let i = first; i < end; i++) if (load<u16>(nodes + (<usize>i << 3), 6) == UNREACHED) count++;
  const bytes = <usize>pairs << PAIR_SHIFT;
  let next = take(<u64>count * bytes);
  if (!next) return -1;
  for (let at: usize = 0; at < <usize>count * bytes; at += 8) store<u64>(next + at, NOTHING);
  for (let i = first; i < end; i++) {
    if (load<u16>(nodes + (<usize>i << 3), 6) != UNREACHED) continue;
    setWord(leaves, i, <i32>next);
    next += bytes;
  }
  return count;
}
