// Values as they are after a journey through JSON, never changed by anybody: objects can be handed to every client without a copy,
// and a reader that writes into what it read is caught.

/** A copy without what JSON can't say, frozen to the bottom; parts that are frozen already are kept. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || (Object.isFrozen(value) && known.has(value))) return value;
  const copy: unknown = Array.isArray(value)
    ? value.map((item: unknown) => frozen(item ?? null))
    : Object.fromEntries(
        Object.entries(value).flatMap(([name, inner]) =>
          inner === undefined ? [] : [[name, frozen(inner as unknown)]],
        ),
      );
  known.add(copy as object);
  return Object.freeze(copy) as T;
}

/** Frozen by us, to the bottom. */
const known = new WeakSet<object>();

/** RFC 7386. */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isPlain(patch)) return patch;
  const result: Record<string, unknown> = isPlain(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = merged(result[name], value);
  }
  return result;
}

export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, at) => same(item, other[at]));
  if (!isPlain(one) || !isPlain(other)) return false;
  const names = Object.keys(one).filter((name) => one[name] !== undefined);
  return (
    names.length === Object.keys(other).filter((name) => other[name] !== undefined).length &&
    names.every((name) => same(one[name], other[name]))
  );
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
