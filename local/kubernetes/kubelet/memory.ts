// Ends a process group that uses more memory than its container's limit, as the kernel's cgroup would (OOMKilled). Sampled
// once a second from /proc, so on Linux only, and only for containers with a limit.
import { readdir, readFile } from 'node:fs/promises';

const SAMPLE_MS = 1000;
const PAGE_BYTES = 4096;

/** Calls `exceeded` once, the first time the group is over the limit. Returns how to stop watching. */
export function watchMemory(group: number, limitBytes: number, exceeded: () => void): () => void {
  const timer = setInterval(() => {
    void groupMemory(group).then((bytes) => {
      if (bytes > limitBytes && stopped === false) {
        stop();
        exceeded();
      }
    });
  }, SAMPLE_MS);
  timer.unref();
  let stopped = false;
  const stop = () => {
    stopped = true;
    clearInterval(timer);
  };
  return stop;
}

/** Resident bytes of all processes of a group; 0 where there is no /proc. */
export async function groupMemory(group: number): Promise<number> {
  const entries = await readdir('/proc').catch(() => []);
  let pages = 0;
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // After the name in parentheses: state, parent, group, …; resident pages are the 22nd of them.
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (rest[2] === String(group)) pages += Number(rest[21] ?? 0);
  }
  return pages * PAGE_BYTES;
}
