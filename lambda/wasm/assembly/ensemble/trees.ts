// The shape of the trees: which nodes are reached from the roots, in which order they will lie, and what they compare with.
// A node that is come to twice would be a circle, or as good as one.
import {
  CHILD_OUT_OF_RANGE,
  COME_TO_TWICE,
  FEATURE_OUT_OF_RANGE,
  FINE,
  LENGTHS_DIFFER,
  OTHER,
  TOO_LARGE,
} from './answers';
import { at, BRANCH, FEATURE, LEAF, LEFT, lengthOf, MODE, NODE, RIGHT, TREE_OF_NODE } from './lists';
import { number, setNumber, setWord, take, word } from './memory';

/** {place of the root in the order, levels above its highest leaf, first entry in the lists, the one after its last} each. */
export let trees: usize = 0;
export let treeCount: i32 = 0;
/** Nodes that are reached, tree by tree and level by level, the children of a node side by side; and each node's place there. */
export let order: usize = 0;
export let position: usize = 0;
export let reached: i32 = 0;
/** f64 a node. */
export let thresholds: usize = 0;
/** Features of a row. */
export let columns: i32 = 0;
/** Thresholds of feature f: the f64s [starts[f], starts[f + 1]) of `gathered`, unsorted. */
export let starts: usize = 0;
export let gathered: usize = 0;

/** Needs the lists; `values`: address of the thresholds, f64 a node. */
export function gather(width: i32, values: usize, count: i32): i32 {
  columns = width;
  thresholds = values;
  const nodes = lengthOf(TREE_OF_NODE);
  if (nodes == 0 || count != nodes) return LENGTHS_DIFFER;
  for (let list = NODE; list <= MODE; list++) if (lengthOf(list) != nodes) return LENGTHS_DIFFER;
  order = take(<u64>nodes * 4);
  position = take(<u64>nodes * 4);
  trees = take(<u64>nodes * 16);
  if (!order || !position || !trees) return TOO_LARGE;
  memory.fill(position, 0xff, <usize>nodes << 2); // -1: not come to
  for (let from = 0; from < nodes; ) {
    let to = from + 1;
    while (to < nodes && at(TREE_OF_NODE, to) == at(TREE_OF_NODE, from)) to++;
    const answer = walk(from, to);
    if (answer != FINE) return answer;
    from = to;
  }
  return gatherThresholds();
}

/** The tree of the entries [from, to), its root first. */
function walk(from: i32, to: i32): i32 {
  const first = reached;
  let sure = -1;
  let level = 0;
  place(from);
  let levelEnd = reached;
  for (let i = first; i < reached; i++) {
    if (i == levelEnd) {
      level++;
      levelEnd = reached;
    }
    const node = word(order, i);
    if (at(MODE, node) == LEAF) {
      if (sure < 0) sure = level;
      continue;
    }
    const left = at(LEFT, node);
    const right = at(RIGHT, node);
    if (left >= to - from || right >= to - from) return CHILD_OUT_OF_RANGE;
    if (at(FEATURE, node) >= columns) return FEATURE_OUT_OF_RANGE;
    if (isNaN(number(thresholds, node))) return OTHER;
    if (left == right || word(position, from + left) >= 0 || word(position, from + right) >= 0) return COME_TO_TWICE;
    place(from + left);
    place(from + right);
  }
  for (let i = from; i < to; i++) if (at(NODE, i) != i - from) return OTHER;
  const tree = trees + (<usize>treeCount << 4);
  treeCount++;
  store<i32>(tree, first);
  store<i32>(tree, sure, 4);
  store<i32>(tree, from, 8);
  store<i32>(tree, to, 12);
  return FINE;
}

function place(node: i32): void {
  setWord(order, reached, node);
  setWord(position, node, reached++);
}

function gatherThresholds(): i32 {
  starts = take((<u64>columns + 1) * 4);
  const next = take(<u64>columns * 4);
  gathered = take(<u64>reached * 8);
  if (!starts || !next || !gathered) return TOO_LARGE;
  for (let i = 0; i < reached; i++) {
    const node = word(order, i);
    if (at(MODE, node) == BRANCH) setWord(starts, at(FEATURE, node) + 1, word(starts, at(FEATURE, node) + 1) + 1);
  }
  for (let f = 0; f < columns; f++) setWord(starts, f + 1, word(starts, f + 1) + word(starts, f));
  memory.copy(next, starts, <usize>columns << 2);
  for (let i = 0; i < reached; i++) {
    const node = word(order, i);
    if (at(MODE, node) == LEAF) continue;
    const place = word(next, at(FEATURE, node));
    setWord(next, at(FEATURE, node), place + 1);
    setNumber(gathered, place, number(thresholds, node));
  }
  return FINE;
}
