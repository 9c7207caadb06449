// Which format a file has, by its first bytes: names and content types lie.

export type Format = 'text' | 'gzip' | 'parquet';

/** Enough to tell. */
export const MAGIC_BYTES = 4;
const MAGIC: readonly (readonly [Format, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['parquet', [0x50, 0x41, 0x52, 0x31]],
];

/** Text is what is nothing else; csv/encoding.ts refuses what is neither. */
export function formatOf(head: Uint8Array): Format {
  return MAGIC.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? 'text';
}
