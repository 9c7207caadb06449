// Keys in the order S3 lists them: by their UTF-8 bytes. A sorted array with binary search: a listing reads only its page.

/** UTF-16 order, except that surrogate pairs (U+10000 and up) come after U+E000–U+FFFF, as their UTF-8 bytes do. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

export class SortedKeys {
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  add(key: string): void {
    const last = this.#keys.at(-1);
    if (last === undefined || compareKeys(last, key) < 0) this.#keys.push(key);
    else this.#keys.splice(this.#from(key, false), 0, key);
  }

  remove(key: string): void {
    const at = this.#from(key, false);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** Index of the first key `>= key` (`> key` when `after`). */
  indexFrom(key: string, after = false): number {
    return this.#from(key, after);
  }

  /** Index of the first key behind all that start with `prefix`. */
  indexBehind(prefix: string, start: number): number {
    return this.#search(start, (key) => compareKeys(key, prefix) < 0 || key.startsWith(prefix));
  }

  at(index: number): string | undefined {
    return this.#keys[index];
  }

  #from(key: string, after: boolean): number {
    return this.#search(0, (each) => (after ? compareKeys(each, key) <= 0 : compareKeys(each, key) < 0));
  }

  /** First index whose key is not `before`. */
  #search(start: number, before: (key: string) => boolean): number {
    let low = start;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(this.#keys[middle] as string)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
