// Documents with something wrong in them, for property tests of what must refuse them.
import fc from 'fast-check';

/** Values as JSON has them: no infinity, no NaN. */
const scrap = fc.oneof(
  fc.constantFrom<unknown>(null, true, '', 'x', 0, -1, 1.5, [], {}, ['x'], { a: 1 }),
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** The document with one value somewhere removed, replaced or added. */
export function damaged(document: unknown): fc.Arbitrary<unknown> {
  const paths: (string | number)[][] = [];
  const walk = (value: unknown, path: (string | number)[]) => {
    paths.push(path);
    if (typeof value === 'object' && value !== null)
      for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
  };
  walk(document, []);
  return fc
    .tuple(fc.constantFrom(...paths.slice(1)), scrap, fc.constantFrom('remove', 'replace', 'add'))
    .map(([path, value, how]) => {
      const copy = structuredClone(document) as Record<string, unknown>;
      let at = copy;
      for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
      const last = path.at(-1)!;
      if (how === 'replace') at[last] = value;
      else if (how === 'add') at[Array.isArray(at) ? 'length' : 'surplus'] = Array.isArray(at) ? at.length : value;
      else if (Array.isArray(at)) at.splice(Number(last), 1);
      else delete at[last];
      return copy;
    });
}
