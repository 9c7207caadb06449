// Durable state of the compute services: a map whose every change is a line in an append-only file before it is
// acknowledged. A killed process loses nothing written; a torn last line is dropped; the file is rewritten when mostly stale.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Stale lines tolerated before the file is rewritten. */
const STALE_LINES = 5_000;

export class Journal<Value> {
  readonly #path: string;
  readonly #entries = new Map<string, Value>();
  #fd: number;
  #lines = 0;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(path)) this.#load();
    this.#compact();
    this.#fd = openSync(path, 'a');
  }

  #load(): void {
    for (const line of readFileSync(this.#path, 'utf8').split('\n')) {
      if (line === '') continue;
      try {
        const [key, value] = JSON.parse(line) as [string, Value?];
        if (value === undefined) this.#entries.delete(key);
        else this.#entries.set(key, value);
      } catch {
        // A line torn by a kill in mid-write: it was never acknowledged.
      }
    }
  }

  #compact(): void {
    const next = `${this.#path}.next`;
    writeFileSync(next, [...this.#entries].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    renameSync(next, this.#path);
    this.#lines = this.#entries.size;
  }

  #append(line: string): void {
    writeSync(this.#fd, `${line}\n`);
    this.#lines += 1;
    if (this.#lines - this.#entries.size < STALE_LINES + this.#entries.size) return;
    closeSync(this.#fd);
    this.#compact();
    this.#fd = openSync(this.#path, 'a');
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, value);
    this.#append(JSON.stringify([key, value]));
  }

  delete(key: string): boolean {
    if (!this.#entries.delete(key)) return false;
    this.#append(JSON.stringify([key]));
    return true;
  }

  values(): IterableIterator<Value> {
    return this.#entries.values();
  }

  entries(): IterableIterator<[string, Value]> {
    return this.#entries.entries();
  }

  get size(): number {
    return this.#entries.size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
