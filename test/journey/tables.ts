// Small tables for the journeys: one that can be learnt, and what people send instead.

export const ROWS = 60;
export const TARGET = 'bought';

/** Cells of a table with a number, a town and a target that follows from the number (with some noise). */
export function cells(): string[][] {
  const towns = ['Bonn', 'Köln', 'Ulm'];
  const rows = Array.from({ length: ROWS }, (_, at) => {
    const age = 20 + ((at * 37) % 50);
    const bought = at % 11 === 0 ? age < 45 : age >= 45;
    return [String(age), towns[at % 3] ?? '', String((at * 13) % 7), bought ? 'yes' : 'no'];
  });
  return [['age', 'town', 'visits', TARGET], ...rows];
}

export const csv = (table: readonly (readonly string[])[], delimiter = ',', ending = '\n'): string =>
  table.map((row) => row.join(delimiter)).join(ending) + ending;

export const plain = (): string => csv(cells());

/** The table with one column renamed. */
export function renamed(from: string, to: string, table = cells()): string[][] {
  const quoted = /[",\n;]/.test(to) ? `"${to.replaceAll('"', '""')}"` : to;
  return table.map((row, at) => (at === 0 ? row.map((name) => (name === from ? quoted : name)) : row));
}

/** Every third cell of a feature is gone, in the ways people write it. */
export function holey(): string[][] {
  const gone = ['', 'NA', '?'];
  let count = 0;
  return cells().map((row, at) =>
    row.map((cell, column) => {
      if (at === 0 || column === row.length - 1) return cell;
      count += 1;
      return (count * 7) % 10 < 3 ? (gone[count % 3] ?? '') : cell;
    }),
  );
}

export const quotedNewlines = (): string[][] =>
  cells().map((row, at) => row.map((cell, column) => (at > 0 && column === 1 ? `"${cell},\nRhine ""side"""` : cell)));

export const emptyTrailing = (table = cells()): string[][] => table.map((row) => [...row, '', '']);

/** The smallest PNG. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
