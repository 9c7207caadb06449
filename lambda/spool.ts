// The output until it is complete: a presigned PUT must say its length first. Small results stay in memory, larger ones
// go to a temporary file, so memory stays bounded; a file can be sent again when a connection breaks.
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PredictionFailure } from './failure.ts';
import { codeOf } from './http.ts';
import type { Sink, Stored } from './sink.ts';
import { upload } from './upload.ts';

/** Kept in memory up to here. */
export const MEMORY_BYTES = 8 * 1024 * 1024;
/** One PUT takes at most 5 GB (S3). The disk of a default Lambda function ends at 512 MB, with its own error. */
export const MOST_BYTES = 5 * 1000 ** 3;
const READ_BYTES = 256 * 1024;

export class Spool implements Sink {
  readonly #url: string;
  readonly #memoryBytes: number;
  #chunks: Buffer[] = [];
  #file: FileHandle | undefined;
  #path = '';
  #bytes = 0;

  constructor(url: string, memoryBytes = MEMORY_BYTES) {
    this.#url = url;
    this.#memoryBytes = memoryBytes;
  }

  async write(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#bytes > MOST_BYTES) {
      throw new PredictionFailure(
        'WriteFailed',
        `The predictions are larger than ${MOST_BYTES / 1000 ** 3} GB. Split the file.`,
      );
    }
    try {
      if (!this.#file && this.#bytes <= this.#memoryBytes) this.#chunks.push(Buffer.from(bytes));
      else {
        this.#file ??= await this.#spill();
        await this.#file.writev([bytes]);
      }
    } catch (error) {
      const hint = codeOf(error) === 'ENOSPC' ? ' Give the function more ephemeral storage or split the file.' : '';
      throw new PredictionFailure('WriteFailed', `There is no room for the predictions: ${codeOf(error)}.${hint}`);
    }
  }

  /** Uploads everything. */
  async end(): Promise<Stored> {
    const bytes = this.#bytes;
    const etag = await upload({ url: this.#url, what: 'The predictions', bytes, body: () => this.#read() });
    return { bytes, etag };
  }

  async discard(): Promise<void> {
    this.#chunks = [];
    await this.#file?.close();
    this.#file = undefined;
    if (this.#path) await rm(this.#path, { force: true });
  }

  async #spill(): Promise<FileHandle> {
    this.#path = join(tmpdir(), `predictions-${randomUUID()}`);
    const file = await open(this.#path, 'wx+', 0o600);
    for (const chunk of this.#chunks) await file.write(chunk);
    this.#chunks = [];
    return file;
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    if (!this.#file) return yield* this.#chunks;
    for (let position = 0; position < this.#bytes; ) {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafeSlow(READ_BYTES), 0, READ_BYTES, position);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}
