// Which column was likely meant where one is missing. Used by admission (operator/prediction/schema.ts) and by the chat. Pure.

/** Of `columns` the first that is written almost like `name`. */
export const meantFor = (name: string, columns: readonly string[]): string | undefined =>
  columns.find((column) => isClose(name, column));

const bare = (name: string): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');

/** Alike but for case, blanks, marks and accents, or with one letter (of eight, two) changed, added or left out. */
function isClose(a: string, b: string): boolean {
  const [x, y] = [bare(a), bare(b)];
  if (x === y) return x !== '' || a.toLowerCase() === b.toLowerCase();
  const most = Math.min(x.length, y.length) >= 8 ? 2 : 1;
  return Math.min(x.length, y.length) > 3 && Math.abs(x.length - y.length) <= most && distance(x, y) <= most;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
