// Numbers as people read them, in chat, in warnings and in pictures.

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Of so large a figure only the first digits tell something. */
const LARGE = 1e6;
const LONG_WORDS = { notation: 'compact', compactDisplay: 'long', maximumSignificantDigits: 3 } as const;
/** Something measured, which is not exact anyway: `0.784`, `9,413`, `1.23 million`. */
export function measured(value: number): string {
  if (Math.abs(value) >= LARGE) return value.toLocaleString('en-US', LONG_WORDS);
  return Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(3)));
}

/** Of a share: `7.5 %`. */
export const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;
