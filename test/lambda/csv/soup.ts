// Texts of everything that means something in a CSV, in any order, with runs between that are longer than the 64 bytes the
// engine looks at together.
import fc from 'fast-check';

const MEANING = [',', ',', '\n', '\r\n', '\r', '"', '"', '""', '","', '"\n', '\0', ';', '\t', '\x1c', '\xa2', '\x8a'];

export const soup: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...MEANING) },
      { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom('x', '1', ' ', 'é'), maxLength: 9 }) },
      { weight: 1, arbitrary: fc.integer({ min: 50, max: 140 }).map((length) => 'y'.repeat(length)) },
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));
