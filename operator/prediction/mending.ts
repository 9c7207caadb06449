// A chunk that can't stay as it is, and what takes its place in the plan: read the other way, halved, with more room, joined with its neighbour, or
// run once more. Each replacement has a name of its own (its edition), so what came of the old chunk is never taken for it.
import type { Quotes } from '../../cloud/contract/contract.generated.ts';
import { LEAST_CHUNK_BYTES } from './cut.ts';
import { numbered, ownNumbers, roomier } from './numbers.ts';
import type { Chunk, Plan } from './plan.ts';

/** How a chunk reads on from where the one before ends. */
export const reread = (plan: Plan, at: number, quotes: Quotes): Plan =>
  replaced(plan, at, at, [{ ...plan.chunks[at]!, quotes }]);

/** The same once more, under another name: its parts were overwritten. */
export const rerun = (plan: Plan, at: number): Plan => replaced(plan, at, at, [plan.chunks[at]!]);

/** Room for about twice the output; undefined: there is no more. */
export function widened(plan: Plan, at: number, mostParts: number): Plan | undefined {
  const chunk = roomier(plan, at, mostParts);
  return chunk && replaced(plan, at, at, [chunk]);
}

/** Two of half the bytes; undefined: it is as small as it may be. `quotes` as for the whole, where that is known. */
export function halved(
  plan: Plan,
  at: number,
  quotes: Quotes | undefined,
  growth: number,
  mostParts: number,
): Plan | undefined {
  const { start, end, joined } = plan.chunks[at]!;
  const middle = Math.floor((start + end) / 2);
  const { first, own } = ownNumbers(plan, at);
  if (!plan.splittable || !plan.upload || joined || own < 2 || middle - start < LEAST_CHUNK_BYTES) return undefined;
  const half = Math.ceil(own / 2);
  return replaced(plan, at, at, [
    numbered({ start, end: middle, ...(quotes ? { quotes } : {}) }, { first, own: half }, plan, growth, mostParts),
    numbered({ start: middle, end }, { first: first + half, own: own - half }, plan, growth, mostParts),
  ]);
}

/** One of the chunks from `first` to `last`, whose first byte is read as `quotes`. */
export function joined(
  plan: Plan,
  first: number,
  last: number,
  quotes: Quotes,
  growth: number,
  mostParts: number,
): Plan {
  const range = { start: plan.chunks[first]!.start, end: plan.chunks[last]!.end, quotes, joined: true as const };
  return replaced(plan, first, last, [numbered(range, ownNumbers(plan, first, last), plan, growth, mostParts)]);
}

function replaced(plan: Plan, first: number, last: number, by: readonly Chunk[]): Plan {
  const edition = plan.edition + 1;
  const chunks = plan.chunks.toSpliced(first, last - first + 1, ...by.map((chunk) => ({ ...chunk, edition })));
  return { ...plan, edition, chunks };
}
