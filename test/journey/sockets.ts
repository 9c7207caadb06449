// Who listens where, by Linux's own account (/proc).
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Addresses other than 127.0.0.1 that these processes listen on. */
export function foreignListeners(pids: readonly number[]): string[] {
  const inodes = new Set(pids.flatMap((pid) => sockets(pid)));
  const LISTEN = '0A';
  const rows = ['/proc/net/tcp', '/proc/net/tcp6']
    .filter(existsSync)
    .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n').slice(1));
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[3] === LISTEN && inodes.has(row[9] ?? '') && !row[1]?.startsWith('0100007F:'))
    .map((row) => row[1] ?? '');
}

function sockets(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
