// Where every program's log goes: one line after the other on stderr. A log that can't be written (the disk under it is full) is no reason
// to end: lines wait, the latest are dropped beyond a megabyte, and what waited is written when there is room again.
import pino from 'pino';

const MOST_WAITING_BYTES = 1 << 20;

export function stderr() {
  const lines = pino.destination({ fd: 2, sync: true, maxLength: MOST_WAITING_BYTES });
  // Without a listener an error would end the process.
  lines.on('error', () => undefined);
  return lines;
}
