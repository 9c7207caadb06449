// Files of the local Telegram on disk: received as a stream into `incoming/`, then moved to `files/documents/` or
// `files/photos/` under the path that getFile answers. Never more of a file in memory than a stream's buffer.
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StoredFile } from '../protocol.ts';
import type { Conversations } from './conversations.ts';
import { imageOf } from './image.ts';

/** Enough to find the size of any image: JPEG puts thumbnails before it. */
const IMAGE_HEAD_BYTES = 256 * 1024;

/** Kept names are at most this long; Telegram cuts at about the same length. */
const MAX_NAME_LENGTH = 255;

/** A received file that nobody has claimed yet. */
export interface Received {
  readonly path: string;
  readonly bytes: number;
}

export class TooLarge extends Error {
  constructor(limitBytes: number) {
    super(`More than ${limitBytes} bytes were sent`);
    this.name = 'TooLarge';
  }
}

export class Depot {
  readonly #root: string;
  readonly #conversations: Conversations;
  #received = 0;

  constructor(root: string, conversations: Conversations) {
    this.#root = root;
    this.#conversations = conversations;
    for (const folder of ['files/documents', 'files/photos', 'incoming'])
      mkdirSync(join(root, folder), { recursive: true });
    for (const leftover of readdirSync(join(root, 'incoming'))) rmSync(join(root, 'incoming', leftover));
  }

  /**
   * Writes a stream to disk; nothing is left of it when the stream breaks off, the disk is full, or it passes the limit
   * (`TooLarge`). The source itself is never destroyed but read to its end, so that its sender can still be answered.
   */
  async receive(source: Readable, limitBytes: number): Promise<Received> {
    this.#received += 1;
    const path = join(this.#root, 'incoming', String(this.#received));
    let bytes = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        if (bytes > limitBytes) done(new TooLarge(limitBytes));
        else done(null, chunk);
      },
    });
    const brokenOff = () => {
      if (!source.readableEnded) counted.destroy(new Error('The sender broke off'));
    };
    source.once('error', brokenOff).once('close', brokenOff);
    source.pipe(counted);
    try {
      await pipeline(counted, createWriteStream(path, { mode: 0o600 }));
    } catch (error) {
      source.unpipe(counted);
      source.resume();
      await rm(path, { force: true });
      throw error;
    }
    return { path, bytes };
  }

  async discard(received: Received): Promise<void> {
    await rm(received.path, { force: true });
  }

  /** Width and height when it is an image that Telegram would take as a photo, undefined otherwise. */
  async measure(received: Received): Promise<{ width: number; height: number; mime: string } | undefined> {
    const file = await open(received.path);
    try {
      const head = Buffer.alloc(Math.min(IMAGE_HEAD_BYTES, received.bytes));
      await file.read(head, 0, head.length, 0);
      return imageOf(head);
    } finally {
      await file.close();
    }
  }

  /** Gives a received file its place and its id. */
  async keep(
    received: Received,
    about: { kind: StoredFile['kind']; name: string; mime: string; width?: number; height?: number },
  ): Promise<StoredFile> {
    const folder = about.kind === 'photo' ? 'photos' : 'documents';
    const extension = /^\.[A-Za-z0-9]{1,8}$/.exec(extname(about.name))?.[0] ?? '';
    const file: StoredFile = {
      id: `${about.kind === 'photo' ? 'AgACAgI' : 'BQACAgI'}${randomBytes(36).toString('base64url')}`,
      uniqueId: `AgAD${randomBytes(8).toString('base64url')}`,
      ...about,
      name: cleanName(about.name),
      bytes: received.bytes,
      path: `${folder}/file_${this.#conversations.fileCount}_${randomBytes(3).toString('hex')}${extension}`,
    };
    await rename(received.path, join(this.#root, 'files', file.path));
    this.#conversations.saveFile(file);
    return file;
  }

  read(file: StoredFile): Readable {
    return createReadStream(join(this.#root, 'files', file.path));
  }
}

/** A file name without folders and control characters, never empty. */
export function cleanName(name: string): string {
  const base = name
    .replace(/^.*[\\/]/, '')
    .replace(/\p{Cc}/gu, '')
    .trim();
  return base === '' || base === '.' || base === '..' ? 'file' : base.slice(0, MAX_NAME_LENGTH);
}
