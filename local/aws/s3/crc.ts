// CRC-32C and CRC-64/NVME, which Node does not have, eight bytes a step (slicing-by-8). CRC-64 is kept as two 32-bit halves:
// BigInt would be fifty times slower.

const CRC32C_POLYNOMIAL = 0x82f63b78;
const CRC64_POLYNOMIAL_HIGH = 0x9a6c9329;
const CRC64_POLYNOMIAL_LOW = 0xac4bc9b5;

let crc32cTables: Uint32Array[] | undefined;

function tables32(): Uint32Array[] {
  if (crc32cTables) return crc32cTables;
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  const [first] = tables as [Uint32Array];
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CRC32C_POLYNOMIAL : crc >>> 1;
    first[byte] = crc >>> 0;
  }
  for (let byte = 0; byte < 256; byte++) {
    let crc = first[byte] as number;
    for (const table of tables.slice(1)) {
      crc = (crc >>> 8) ^ (first[crc & 255] as number);
      table[byte] = crc >>> 0;
    }
  }
  crc32cTables = tables;
  return tables;
}

/** Continues from `previous` (0 to start). */
export function crc32c(data: Buffer, previous = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables32() as unknown as number[][] as [
    number[],
    number[],
    number[],
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  let crc = ~previous;
  let at = 0;
  for (const end = data.length - 7; at < end; at += 8) {
    const low = crc ^ data.readInt32LE(at);
    crc =
      (t7[low & 255] as number) ^
      (t6[(low >>> 8) & 255] as number) ^
      (t5[(low >>> 16) & 255] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[data[at + 4] as number] as number) ^
      (t2[data[at + 5] as number] as number) ^
      (t1[data[at + 6] as number] as number) ^
      (t0[data[at + 7] as number] as number);
  }
  for (; at < data.length; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (data[at] as number)) & 255] as number);
  return ~crc >>> 0;
}

/** 256 entries of [high, low] for each of the eight positions, flat. */
let crc64Tables: { high: Int32Array; low: Int32Array } | undefined;

function tables64(): { high: Int32Array; low: Int32Array } {
  if (crc64Tables) return crc64Tables;
  const high = new Int32Array(8 * 256);
  const low = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let h = 0;
    let l = byte;
    for (let bit = 0; bit < 8; bit++) {
      const odd = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (odd) {
        h ^= CRC64_POLYNOMIAL_HIGH;
        l ^= CRC64_POLYNOMIAL_LOW;
      }
    }
    high[byte] = h;
    low[byte] = l;
  }
  for (let index = 256; index < 2048; index++) {
    const h = high[index - 256] as number;
    const l = low[index - 256] as number;
    high[index] = (h >>> 8) ^ (high[l & 255] as number);
    low[index] = ((l >>> 8) | (h << 24)) ^ (low[l & 255] as number);
  }
  crc64Tables = { high, low };
  return crc64Tables;
}

export interface Crc64 {
  high: number;
  low: number;
}

export function crc64nvme(data: Buffer, previous: Crc64 = { high: 0, low: 0 }): Crc64 {
  const { high, low } = tables64();
  let h = ~previous.high;
  let l = ~previous.low;
  let at = 0;
  for (const end = data.length - 7; at < end; at += 8) {
    const x = l ^ data.readInt32LE(at);
    const y = h ^ data.readInt32LE(at + 4);
    const a = 1792 + (x & 255);
    const b = 1536 + ((x >>> 8) & 255);
    const c = 1280 + ((x >>> 16) & 255);
    const d = 1024 + (x >>> 24);
    const e = 768 + (y & 255);
    const f = 512 + ((y >>> 8) & 255);
    const g = 256 + ((y >>> 16) & 255);
    const i = y >>> 24;
    h =
      (high[a] as number) ^
      (high[b] as number) ^
      (high[c] as number) ^
      (high[d] as number) ^
      (high[e] as number) ^
      (high[f] as number) ^
      (high[g] as number) ^
      (high[i] as number);
    l =
      (low[a] as number) ^
      (low[b] as number) ^
      (low[c] as number) ^
      (low[d] as number) ^
      (low[e] as number) ^
      (low[f] as number) ^
      (low[g] as number) ^
      (low[i] as number);
  }
  for (; at < data.length; at++) {
    const index = (l ^ (data[at] as number)) & 255;
    l = ((l >>> 8) | (h << 24)) ^ (low[index] as number);
    h = (h >>> 8) ^ (high[index] as number);
  }
  return { high: ~h >>> 0, low: ~l >>> 0 };
}
