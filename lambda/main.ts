// The handler as a plain program, for `placement: Cluster`: reads one event as JSON from the file named (or from standard
// input), prints the answer as one JSON line, and exits 0 when predictions were stored, 1 when not, 64 on wrong usage.
import { readFileSync } from 'node:fs';
import { close, handler } from './handler.ts';

const [file, ...rest] = process.argv.slice(2);
if (rest.length > 0 || file === '--help') {
  process.stderr.write('usage: node main.mjs [EVENT.json]   (default: the event is read from standard input)\n');
  process.exitCode = 64;
} else {
  let event: unknown;
  try {
    event = JSON.parse(readFileSync(file ?? 0, 'utf8'));
  } catch {
    event = undefined; // the handler says so in its own words
  }
  const answer = await handler(event);
  await close();
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  process.exitCode = answer.success ? 0 : 1;
}
