// The write-ahead log under store.ts: a record is acknowledged once it is on the disk, and many share one fsync.
// A line is `<crc32> <payload>\n`. Opening drops a torn tail; a failed write is cut off again, so no half write survives.
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

interface Waiting {
  readonly line: string;
  readonly done: (error?: Error) => void;
}

export interface JournalContents {
  readonly payloads: string[];
  /** Bytes at the end that are no whole record; kept aside by the caller if it wants to. */
  readonly torn: Buffer;
  /** Bytes of whole records. */
  readonly bytes: number;
}

/** Reads records up to the first damaged one. */
export function parseJournal(bytes: Buffer): JournalContents {
  const payloads: string[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(10, start);
    if (end === -1) break;
    const payload = bytes.subarray(start + 9, end);
    if (bytes.toString('latin1', start, start + 8) !== checksum(payload)) break;
    payloads.push(payload.toString('utf8'));
    start = end + 1;
  }
  return { payloads, torn: bytes.subarray(start), bytes: start };
}

export function journalLine(payload: string): string {
  return `${checksum(payload)} ${payload}\n`;
}

function checksum(payload: string | Buffer): string {
  return crc32(payload).toString(16).padStart(8, '0');
}

export class Journal {
  /** Bytes of whole, durable records. */
  bytes: number;
  #file: FileHandle;
  #waiting: Waiting[] = [];
  #rotation:
    | { readonly path: string; readonly done: () => void; readonly failed: (error: unknown) => void }
    | undefined;
  #flushing: Promise<void> | undefined;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.bytes = bytes;
  }

  /** Opens or creates the file and cuts a torn tail off. */
  static async open(path: string): Promise<{ journal: Journal; contents: JournalContents }> {
    const file = await open(path, 'a+', 0o600);
    const contents = parseJournal(await readFile(path));
    if (contents.torn.length > 0) {
      await file.truncate(contents.bytes);
      await file.sync();
    }
    return { journal: new Journal(file, contents.bytes), contents };
  }

  /**
   * Calls `done` once the record is durable, or with the error that kept it and everything after it from being so.
   * Records appended while a flush runs share the next one; `done` is called in the order of appending.
   */
  append(payload: string, done: (error?: Error) => void): void {
    this.#waiting.push({ line: journalLine(payload), done });
    this.#start();
  }

  /** Goes on in a new file once everything written so far is durable in the old one; resolves when it has. */
  rotate(path: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#rotation = { path, done, failed };
      this.#start();
    });
  }

  /** Resolves when everything appended so far is durable or refused. */
  async drained(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  async close(): Promise<void> {
    await this.drained();
    await this.#file.close();
  }

  #start(): void {
    // Deferred: requests read in the same turn of the event loop go into the same fsync.
    this.#flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#flush());
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#rotation !== undefined) {
      await this.#rotateWhenAsked();
      if (this.#waiting.length === 0) continue;
      const batch = this.#waiting;
      this.#waiting = [];
      const bytes = Buffer.from(batch.map((one) => one.line).join(''));
      try {
        await this.#writeAll(bytes);
        await this.#file.datasync();
        this.bytes += bytes.length;
        for (const { done } of batch) done();
      } catch (error) {
        await this.#file.truncate(this.bytes).catch(() => undefined);
        // What was appended meanwhile was decided on top of what just failed.
        const refused = [...batch, ...this.#waiting];
        this.#waiting = [];
        for (const { done } of refused) done(error as Error);
      }
    }
    this.#flushing = undefined;
  }

  async #rotateWhenAsked(): Promise<void> {
    const rotation = this.#rotation;
    if (rotation === undefined) return;
    this.#rotation = undefined;
    try {
      const next = await open(rotation.path, 'a', 0o600);
      await this.#file.close();
      this.#file = next;
      this.bytes = 0;
      rotation.done();
    } catch (error) {
      rotation.failed(error);
    }
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
  }
}
