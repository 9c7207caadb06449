// The lists of the ensemble's attributes, decoded from the bytes of the file.
import { DAMAGED, FINE, OTHER, TOO_LARGE } from './answers';
import { giveBack, setWord, take, word } from './memory';

/** Lists, by their number. */
export const TREE_OF_NODE: i32 = 0;
export const NODE: i32 = 1;
export const FEATURE: i32 = 2;
export const LEFT: i32 = 3;
export const RIGHT: i32 = 4;
export const MODE: i32 = 5;
export const TREE_OF_WEIGHT: i32 = 6;
export const NODE_OF_WEIGHT: i32 = 7;
export const TARGET_OF_WEIGHT: i32 = 8;
const LISTS: i32 = 9;
/** Entries of MODE. */
export const BRANCH: i32 = 0;
export const LEAF: i32 = 1;
/** Tags of AttributeProto: ints alone, ints packed, strings. */
const INTEGER: u64 = (8 << 3) | 0;
const INTEGERS: u64 = (8 << 3) | 2;
const TEXT: u64 = (9 << 3) | 2;
const VARINT: u64 = 0;
const BLOCK: u64 = 2;

/** Address and length of each list. */
const lists = memory.data(LISTS * 4);
const lengths = memory.data(LISTS * 4);
let cursor: usize = 0;
let limit: usize = 0;
let failed = false;

// @ts-ignore: decorator
@inline
export function at(list: i32, index: i32): i32 {
  return word(<usize>word(lists, list), index);
}

export function lengthOf(list: i32): i32 {
  return word(lengths, list);
}

/** Decodes the AttributeProto at [from, to) as list number `list`. */
export function list(list: i32, from: usize, to: usize): i32 {
  const start = take((<u64>(to - from) + 1) * 4); // an entry takes a byte at least
  if (!start) return TOO_LARGE;
  let out = start;
  cursor = from;
  failed = false;
  while (cursor < to && !failed) {
    limit = to;
    const tag = varint();
    if ((tag & 7) == VARINT) {
      const value = varint();
      if (tag != INTEGER) continue;
      store<i32>(out, <i32>value);
      out = integersFrom(out + 4, to);
      continue;
    }
    const length = varint();
    if ((tag & 7) != BLOCK || length > <u64>(to - cursor)) return DAMAGED;
    limit = cursor + <usize>length;
    if (tag == INTEGERS) {
      for (; cursor < limit && !failed; out += 4) store<i32>(out, <i32>varint());
    } else if (tag == TEXT) {
      const mode = modeOf(cursor, length);
      if (mode < 0) return OTHER;
      store<i32>(out, mode);
      out += 4;
    }
    cursor = limit;
  }
  if (failed) return DAMAGED;
  setWord(lists, list, <i32>start);
  setWord(lengths, list, <i32>((out - start) >> 2));
  giveBack(out);
  return FINE;
}

/**
 * Most of a list is of one or two bytes an integer, a tag before each: read in a loop of their own, since a cold start runs it
 * before the compiler has looked at it twice. Stops at the first other field; returns the next place in the list.
 */
function integersFrom(start: usize, to: usize): usize {
  let out = start;
  let from = cursor;
  while (from + 3 <= to && load<u8>(from) == <u8>INTEGER) {
    const low = <i32>load<u8>(from, 1);
    const high = low < 0x80 ? 0 : <i32>load<u8>(from, 2);
    if (high >= 0x80) break;
    store<i32>(out, low < 0x80 ? low : (low & 0x7f) | (high << 7));
    out += 4;
    from += low < 0x80 ? 2 : 3;
  }
  cursor = from;
  return out;
}

/** Fails beyond 31 bits, negative numbers included: the lists hold places in other lists. */
function varint(): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 35 && cursor < limit; shift += 7) {
    const byte = <u64>load<u8>(cursor++);
    value |= (byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (value > 0x7fffffff) failed = true;
    return value;
  }
  failed = true;
  return 0;
}

function modeOf(text: usize, length: u64): i32 {
  if (length == 4 && load<u32>(text) == 0x4641454c) return LEAF; // LEAF
  // BRANCH_LEQ
  if (length == 10 && load<u64>(text) == 0x4c5f48434e415242 && load<u16>(text, 8) == 0x5145) return BRANCH;
  return OTHER;
}
