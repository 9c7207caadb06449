// Times of real chunks, for the simulated Lambda to replay: the whole handler, over HTTP from a storage on this machine, parts put while it scores.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handler } from '../../lambda/handler.ts';
import { LEAST_PART_BYTES } from '../../operator/prediction/numbers.ts';
import { writeCredit } from './credit.ts';
import { eventFor } from './invocation.ts';
import type { Artefact } from './model.ts';
import { startStorage, type Storage } from './storage.ts';

export interface Recorded {
  readonly bytes: number;
  readonly ms: number;
}

const ROWS_WRITTEN = 50_000;
/** Chunks of three sizes, so that what an invocation costs anyhow shows. */
const SIZES = [1, 2, 4].map((times) => times * LEAST_PART_BYTES);

/** `count` chunks of a made-up table, by a handler that is warm. */
export async function record(artefact: Artefact, count: number): Promise<Recorded[]> {
  const storage = await startStorage();
  try {
    const table = await credit(SIZES.at(-1)! * 3);
    const event = eventFor(storage, { ...artefact, data: table });
    const chunks: Recorded[] = [];
    // The first finds nothing warm: neither the model nor the code.
    for (let i = -1; i < count; i++) {
      const size = SIZES[(i + SIZES.length) % SIZES.length]!;
      const start = (Math.max(0, i) * 997_331) % (table.length - size);
      const range = { start: i < 0 ? 0 : start + 1, end: start + 1 + size };
      const began = performance.now();
      const answer = await handler({
        ...event,
        data: { ...event.data, range },
        output: { uri: event.output.uri, parts: partsOf(storage), partBytes: 8 * 1024 * 1024, header: false },
      });
      const ms = performance.now() - began;
      if (!answer.success) throw new Error(`a chunk failed: ${answer.error}`);
      if (i >= 0) chunks.push({ bytes: size, ms });
    }
    return chunks;
  } finally {
    await storage.close();
  }
}

const partsOf = (storage: Storage) =>
  Array.from({ length: 8 }, (_, i) => ({ number: i + 1, url: `${storage.url}/predictions/part-${i + 1}?secret` }));

/** At least so many bytes: one table's rows over and over. */
async function credit(bytes: number): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-fanout-'));
  try {
    const path = join(folder, 'table.csv');
    await writeCredit(path, ROWS_WRITTEN);
    const once = await readFile(path);
    const rows = once.subarray(once.indexOf(10) + 1);
    return Buffer.concat([once, ...Array<Buffer>(Math.ceil(bytes / rows.length)).fill(rows)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
