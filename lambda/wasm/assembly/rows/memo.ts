// Part of rows.ts. What the raw bytes of a cell meant is remembered, so that a category is decoded, unquoted, stripped and looked up once
// and then recognised by its bytes: an open-addressing table a step, SLOT bytes a slot: key, length or -1, code. A cell of
// up to eight bytes (most codes) is its own key; of longer ones the text is kept too and compared.
const SLOT: i32 = 16;
const MOST_BYTES: i32 = 64;
const SPREAD: u64 = 0x9e3779b97f4a7c15;
const MASKS = memory.data<u64>([
  0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff, 0xffffffffffffffff,
]);

/** For lengths above 8. */
function hash(start: i32, length: i32): u64 {
  let key: u64 = length as u64;
  const last = start + length - 8;
  for (let at = start; at < last; at += 8) key = rotl((key ^ load<u64>(at)) * SPREAD, 29);
  return (key ^ load<u64>(last)) * SPREAD;
}

/** Of a step: its table, how far a key is shifted to a slot's number. */
@inline
export function find(step: i32, start: i32, end: i32): i32 {
  const length = (end & 0x7fffffff) - start;
  if (length > MOST_BYTES) return -1;
  const key = length <= 8 ? load<u64>(start) & load<u64>(MASKS + (length << 3)) : hash(start, length);
  const slots = load<i32>(step, 8);
  const shift = load<i32>(step, 12);
  const mask = ((1 << (64 - shift)) - 1) as u64;
  let slot = (key * SPREAD) >> (shift as u64);
  while (true) {
    const at = slots + ((slot as i32) << 4);
    const held = load<i32>(at, 8);
    if (held == length && load<u64>(at) == key && (length <= 8 || same(slots, slot as i32, shift, start, length)))
      return load<i32>(at, 12);
    if (held < 0) return -1;
    slot = (slot + 1) & mask;
  }
}

/** Texts stand behind the slots, MOST_BYTES each. */
@inline
function textOf(slots: i32, slot: i32, shift: i32): i32 {
  return slots + (SLOT << (64 - shift)) + slot * MOST_BYTES;
}

function same(slots: i32, slot: i32, shift: i32, start: i32, length: i32): bool {
  return memory.compare(textOf(slots, slot, shift), start, length) == 0;
}

/** Makes `find` know a cell. A table is half empty at least: lambda/encode/memo.ts counts. */
export function learn(step: i32, start: i32, end: i32, code: i32): void {
  const length = (end & 0x7fffffff) - start;
  const key = length <= 8 ? load<u64>(start) & load<u64>(MASKS + (length << 3)) : hash(start, length);
  const slots = load<i32>(step, 8);
  const shift = load<i32>(step, 12);
  let slot = ((key * SPREAD) >> (shift as u64)) as i32;
  while (load<i32>(slots + (slot << 4), 8) >= 0) slot = (slot + 1) & ((1 << (64 - shift)) - 1);
  const at = slots + (slot << 4);
  store<u64>(at, key);
  store<i32>(at, length, 8);
  store<i32>(at, code, 12);
  if (length > 8) memory.copy(textOf(slots, slot, shift), start, length);
}
