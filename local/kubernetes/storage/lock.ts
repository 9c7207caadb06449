// One process to a data folder: the first thing store.ts takes and the last it gives back.
// The lock is a listening local socket named after the folder, so the kernel frees it however its holder dies.
import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class FolderInUse extends Error {
  constructor(folder: string) {
    super(`The folder ${folder} is in use by another process; stop that one or choose another folder.`);
    this.name = 'FolderInUse';
  }
}

/** Resolves with the release; rejects with FolderInUse. The folder must exist. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const id = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 32);
  // Linux: the abstract namespace leaves no file behind. Elsewhere a socket file, stale after a kill -9.
  const abstract = process.platform === 'linux';
  const address = abstract ? `\0spotlearn-${id}` : join(tmpdir(), `spotlearn-${id}.sock`);
  let server = await listen(address);
  if (server === undefined && !abstract && !(await answers(address))) {
    rmSync(address, { force: true });
    server = await listen(address);
  }
  if (server === undefined) throw new FolderInUse(folder);
  const held = server;
  return () => new Promise((resolve) => held.close(() => resolve()));
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
