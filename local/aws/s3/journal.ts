// The append log: the only place where S3's state changes. Decisions queue up; a batch of them is decided one after the other
// on the current state, written with one fdatasync, and only then answered. So a conditional write is atomic without locks,
// an answered one survives a kill, and a write that fails (full disk) leaves neither memory nor file changed.
import fs from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { writeFully } from './blobs.ts';
import type { StoreRecord } from './records.ts';
import { State } from './state.ts';

/** Looks at the state and says what shall be true, with the answer; or throws a refusal. Runs synchronously. */
export type Decision<T> = (state: State) => { readonly records: readonly StoreRecord[]; readonly answer: T };

interface Waiting {
  readonly decide: Decision<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Rewritten when this many lines, and four times as many as there are facts, have gathered. */
const COMPACT_FROM_LINES = 20_000;
const COMPACT_RATIO = 4;
const SNAPSHOT_CHUNK_BYTES = 1 << 20;

export class Journal {
  readonly #path: string;
  readonly #onFreed: (blobs: readonly string[]) => void;
  #file: FileHandle;
  #state: State;
  #bytes: number;
  #lines: number;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  private constructor(path: string, file: FileHandle, replayed: Replayed, onFreed: (blobs: readonly string[]) => void) {
    this.#path = path;
    this.#file = file;
    this.#state = replayed.state;
    this.#bytes = replayed.bytes;
    this.#lines = replayed.lines;
    this.#onFreed = onFreed;
  }

  /** Replays the log; an unfinished last line (the process died in it) is cut off. `onFreed` hears of data nobody refers to. */
  static async open(path: string, onFreed: (blobs: readonly string[]) => void): Promise<Journal> {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a+');
    const replayed = await replay(path);
    await file.truncate(replayed.bytes);
    const journal = new Journal(path, file, replayed, onFreed);
    if (journal.#isWorthCompacting(1000)) await journal.#compact();
    return journal;
  }

  /** For reading only. */
  get state(): State {
    return this.#state;
  }

  commit<T>(decide: Decision<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new Error('S3 journal is closed'));
      this.#waiting.push({ decide, resolve: resolve as (answer: unknown) => void, reject });
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#file.close();
  }

  async #run(): Promise<void> {
    // One turn of the event loop, so that decisions arriving together share a write.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#writeBatch(batch);
    }
    this.#running = undefined;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    const answers: (() => void)[] = [];
    let text = '';
    let lines = 0;
    for (const { decide, resolve, reject } of batch) {
      try {
        const { records, answer } = decide(this.#state);
        for (const record of records) {
          this.#state.apply(record);
          text += `${JSON.stringify(record)}\n`;
          lines++;
        }
        answers.push(() => resolve(answer));
      } catch (error) {
        answers.push(() => reject(error));
      }
    }
    try {
      await this.#append(Buffer.from(text), lines);
    } catch (error) {
      await this.#takeBack();
      for (const { reject } of batch) reject(error);
      return;
    }
    const freed = this.#state.freed;
    this.#state.freed = [];
    for (const answer of answers) answer();
    if (freed.length > 0) this.#onFreed(freed);
  }

  async #append(data: Buffer, lines: number): Promise<void> {
    if (data.length === 0) return;
    writeFully(this.#file.fd, data);
    await promisify(fs.fdatasync)(this.#file.fd);
    this.#bytes += data.length;
    this.#lines += lines;
    // A failed compaction loses nothing: the log goes on in the old file.
    if (this.#isWorthCompacting(COMPACT_FROM_LINES)) await this.#compact().catch(() => undefined);
  }

  /** Forgets what could not be written: cuts the file and reads it again. */
  async #takeBack(): Promise<void> {
    await this.#file.truncate(this.#bytes);
    this.#state = (await replay(this.#path)).state;
  }

  #isWorthCompacting(fromLines: number): boolean {
    return this.#lines > fromLines && this.#lines > COMPACT_RATIO * this.#state.recordCount;
  }

  async #compact(): Promise<void> {
    const path = `${this.#path}.new`;
    const fresh = await open(path, 'w');
    let bytes = 0;
    let lines = 0;
    try {
      let text = '';
      for (const record of this.#state.snapshot()) {
        text += `${JSON.stringify(record)}\n`;
        lines++;
        if (text.length < SNAPSHOT_CHUNK_BYTES) continue;
        bytes += append(fresh, text);
        text = '';
      }
      bytes += append(fresh, text);
      await fresh.sync();
    } finally {
      await fresh.close();
    }
    await rename(path, this.#path);
    await syncFolder(dirname(this.#path));
    await this.#file.close();
    this.#file = await open(this.#path, 'a+');
    this.#bytes = bytes;
    this.#lines = lines;
  }
}

interface Replayed {
  readonly state: State;
  readonly bytes: number;
  readonly lines: number;
}

async function replay(path: string): Promise<Replayed> {
  const data = await readFile(path);
  const state = new State();
  let at = 0;
  let lines = 0;
  for (let end = data.indexOf(10, at); end >= 0; end = data.indexOf(10, at)) {
    state.apply(JSON.parse(data.toString('utf8', at, end)) as StoreRecord);
    at = end + 1;
    lines++;
  }
  state.freed = [];
  return { state, bytes: at, lines };
}

/** Returns the bytes written. */
function append(file: FileHandle, text: string): number {
  const data = Buffer.from(text);
  writeFully(file.fd, data);
  return data.length;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
