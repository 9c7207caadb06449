// Data files under random names. A file is complete and synced before the journal mentions it; a file the journal does not
// mention is garbage, swept at the start. Deleting waits for readers that still hold the file.
import { randomBytes } from 'node:crypto';
import fs, { createReadStream } from 'node:fs';
import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { Segment } from './records.ts';

const READ_BYTES = 512 * 1024;
/** The first bytes of a file go to the page cache at once; a hop to another thread would cost more than the write. */
const DIRECT_BYTES = 256 * 1024;

export interface BlobWriter {
  readonly blob: string;
  write(chunk: Buffer): Promise<void>;
  /** Syncs and closes. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

export class Blobs {
  readonly #root: string;
  readonly #folders = new Set<string>();
  readonly #held = new Map<string, number>();
  readonly #doomed = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  async create(): Promise<BlobWriter> {
    const blob = randomBytes(15).toString('hex');
    const folder = join(this.#root, blob.slice(0, 2));
    if (!this.#folders.has(folder)) {
      await mkdir(folder, { recursive: true });
      this.#folders.add(folder);
    }
    const path = this.#path(blob);
    const file = fs.openSync(path, 'wx');
    let bytes = 0;
    let isOpen = true;
    const close = () => {
      if (isOpen) fs.closeSync(file);
      isOpen = false;
    };
    return {
      blob,
      write: async (chunk) => {
        bytes += chunk.length;
        if (bytes <= DIRECT_BYTES) return writeFully(file, chunk);
        for (let at = 0; at < chunk.length; ) at += (await write(file, chunk, at)).bytesWritten;
      },
      finish: async () => {
        try {
          await promisify(fs.fdatasync)(file);
        } finally {
          close();
        }
      },
      discard: async () => {
        close();
        await unlink(path).catch(() => undefined);
      },
    };
  }

  /** Reads the segments one after the other; the files stay until the stream is closed, even when the object is deleted. */
  read(segments: readonly Segment[]): Readable {
    const only = segments[0];
    if (!only) return Readable.from([]);
    for (const { blob } of segments) this.#held.set(blob, (this.#held.get(blob) ?? 0) + 1);
    const stream =
      segments.length === 1 ? this.#open(only) : Readable.from(this.#readAll(segments), { objectMode: false });
    stream.once('close', () => this.#letGo(segments));
    return stream;
  }

  /** Deletes files that no object refers to, now or when their last reader is done. */
  remove(blobs: readonly string[]): void {
    for (const blob of blobs) {
      if (this.#held.has(blob)) this.#doomed.add(blob);
      else void unlink(this.#path(blob)).catch(() => undefined);
    }
  }

  /** Deletes what a crash left behind. */
  async sweep(isReferenced: (blob: string) => boolean): Promise<number> {
    let swept = 0;
    for (const folder of await readdir(this.#root).catch(() => [])) {
      for (const blob of await readdir(join(this.#root, folder))) {
        if (isReferenced(blob)) continue;
        await unlink(this.#path(blob));
        swept++;
      }
    }
    return swept;
  }

  async *#readAll(segments: readonly Segment[]): AsyncGenerator<Buffer> {
    for (const segment of segments) yield* this.#open(segment) as AsyncIterable<Buffer>;
  }

  #open({ blob, offset, length }: Segment): Readable {
    return createReadStream(this.#path(blob), { start: offset, end: offset + length - 1, highWaterMark: READ_BYTES });
  }

  #letGo(segments: readonly Segment[]): void {
    for (const { blob } of segments) {
      const left = (this.#held.get(blob) ?? 1) - 1;
      if (left > 0) this.#held.set(blob, left);
      else {
        this.#held.delete(blob);
        if (this.#doomed.delete(blob)) void unlink(this.#path(blob)).catch(() => undefined);
      }
    }
  }

  #path(blob: string): string {
    return join(this.#root, blob.slice(0, 2), blob);
  }
}

const write = promisify(fs.write);

/** Writes all of `data` at the file's position, now. */
export function writeFully(file: number, data: Buffer): void {
  for (let at = 0; at < data.length; ) at += fs.writeSync(file, data, at);
}

/** The pieces that cover bytes `start`…`end` (inclusive). */
export function slice(segments: readonly Segment[], start: number, end: number): Segment[] {
  const pieces: Segment[] = [];
  let at = 0;
  for (const { blob, offset, length } of segments) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + length - 1);
    if (from <= to) pieces.push({ blob, offset: offset + from - at, length: to - from + 1 });
    at += length;
  }
  return pieces;
}
