// How a table is cut: chunks of nominal bytes, and the part numbers of the upload that are each chunk's own. Pure.
import type { Quotes } from '../../cloud/contract/contract.generated.ts';

/** Work for one invocation: the rows that begin in bytes [start, end). A whole object when it is the only one. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  /** Numbers [firstPart, lastPart] of the upload; 0 and 0 when the result is put as a whole. */
  readonly firstPart: number;
  readonly lastPart: number;
  /** How its first byte is read; absent: the handler finds out. */
  readonly quotes?: Quotes;
}

/** Kept in the bucket as `.job/plan.json` before anything is invoked; a later leader goes on with it. */
export interface Plan {
  readonly version: 1;
  readonly bytes: number;
  readonly etag: string;
  /** Absent: one chunk whose result is put as a whole. */
  readonly upload?: { readonly id: string; readonly partBytes: number };
  /** In order, from the first byte on, without gaps; the rest of the table is cut when the speed is known. */
  readonly chunks: readonly Chunk[];
}

/** Names the work, and so its answer in the bucket: the same name gives the same bytes. */
export const chunkName = ({ start, end, quotes }: Chunk): string => `${start}-${end}${quotes ? `-${quotes}` : ''}`;
