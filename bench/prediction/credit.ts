// A made-up table of the shape of German credit: 7 numbers and 13 codes, about 78 bytes a row, any number of rows.
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

const CODES = [4, 0, 5, 10, 0, 5, 5, 0, 5, 3, 0, 4, 0, 3, 3, 0, 4, 0, 2, 2];
const NUMBERS: Record<number, [number, number]> = {
  1: [4, 72],
  4: [250, 18424],
  7: [1, 4],
  10: [1, 4],
  12: [19, 75],
  15: [1, 4],
  17: [1, 2],
};

/** By column, the codes that occur; undefined for a column of numbers. */
export const CATEGORIES = CODES.map((count, i) =>
  i in NUMBERS ? undefined : Array.from({ length: count }, (_, code) => `A${i + 1}${code}`),
);
export const COLUMNS = CODES.map((_, i) => `Attribute${i + 1}`);
export const TARGET = 'class';

/** A small repeatable generator (mulberry32): the same table on every machine. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes a header and `rows` rows; `quoted`: codes stand in quotes. */
export async function writeCredit(
  path: string,
  rows: number,
  options: { target?: boolean; quoted?: boolean; seed?: number } = {},
): Promise<void> {
  const random = randomNumbers(options.seed ?? 1);
  const file = createWriteStream(path);
  file.write(`${[...COLUMNS, ...(options.target ? [TARGET] : [])].join(',')}\n`);
  let block: string[] = [];
  for (let row = 0; row < rows; row++) {
    let signal = 0;
    const cells = CODES.map((count, i) => {
      const range = NUMBERS[i];
      if (range) {
        const share = random();
        signal += share - 0.5;
        return String(Math.floor(range[0] + share * (range[1] - range[0] + 1)));
      }
      const code = Math.floor(random() * count);
      signal += i === 0 ? code - 1.5 : 0;
      return options.quoted ? `"A${i + 1}${code}"` : `A${i + 1}${code}`;
    });
    if (options.target) cells.push(signal + random() > 0.5 ? '2' : '1');
    block.push(cells.join(','));
    if (block.length === 10_000 || row === rows - 1) {
      if (!file.write(`${block.join('\n')}\n`)) await once(file, 'drain');
      block = [];
    }
  }
  file.end();
  await once(file, 'close');
}
