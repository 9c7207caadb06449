// The most memory a process had, in MiB (VmHWM of /proc, Linux). resourceUsage() is of no use here: for a process that was just
// started it counts what its parent had, too.
import { readFileSync } from 'node:fs';

export function peakMiB(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
