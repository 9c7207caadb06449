// The durable side of the local Telegram: one append-only file of JSON lines, read back at start.
// A line holds all records of one change, so that a change is there as a whole or not at all: a torn last line (a killed
// process) is cut off. Writes reach the operating system before they are acknowledged, which a kill -9 can't undo.
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

const NEWLINE = 0x0a;

export class Journal<Entry> {
  readonly #path: string;
  #file: number;
  #length: number;
  #lines = 0;

  /** Reads what is there, in order, into `replay`; creates the file (mode 0600) when there is none. */
  constructor(path: string, replay: (entry: Entry) => void) {
    this.#path = path;
    this.#file = openSync(path, 'a+', 0o600);
    const content = readFileSync(path);
    this.#length = content.lastIndexOf(NEWLINE) + 1;
    if (this.#length < content.length) ftruncateSync(this.#file, this.#length);
    for (let start = 0; start < this.#length; ) {
      const end = content.indexOf(NEWLINE, start);
      for (const entry of JSON.parse(content.toString('utf8', start, end)) as Entry[]) replay(entry);
      this.#lines += 1;
      start = end + 1;
    }
  }

  /** Changes written since the file was last rewritten. */
  get lines(): number {
    return this.#lines;
  }

  /** Writes one change, whole; when it can't (a full disk), what was there stays readable and the error is thrown. */
  append(entries: readonly Entry[]): void {
    const line = Buffer.from(`${JSON.stringify(entries)}\n`);
    try {
      for (let written = 0; written < line.length; ) written += writeSync(this.#file, line, written);
    } catch (error) {
      ftruncateSync(this.#file, this.#length);
      throw error;
    }
    this.#length += line.length;
    this.#lines += 1;
  }

  /** Replaces the whole content by these entries, atomically. */
  rewrite(entries: Iterable<Entry>): void {
    const next = `${this.#path}.next`;
    const file = openSync(next, 'w', 0o600);
    let length = 0;
    let lines = 0;
    for (const entry of entries) {
      length += writeSync(file, `${JSON.stringify([entry])}\n`);
      lines += 1;
    }
    fsyncSync(file);
    renameSync(next, this.#path);
    closeSync(file);
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'a+', 0o600);
    this.#length = length;
    this.#lines = lines;
  }

  close(): void {
    closeSync(this.#file);
  }
}
