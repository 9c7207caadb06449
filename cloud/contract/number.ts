// Numbers in cells, by the grammar in the manifest's schema. The handler and the operator's look at a head read them alike.

const GRAMMAR = /^[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** The value of a stripped cell, or NaN when it is no number by the contract's grammar or overflows. */
export function exactNumber(text: string): number {
  if (!GRAMMAR.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}
