// Inputs of a resource between the provider's spelling (camelCase) and that of AWS's APIs (PascalCase).

export type Inputs = Readonly<Record<string, unknown>>;

export const text = (inputs: Inputs, key: string): string => {
  const value = inputs[key];
  if (typeof value !== 'string') throw new Error(`${key} is ${JSON.stringify(value)}, not a text`);
  return value;
};

/** `{ volumeSize: 50 }` → `{ VolumeSize: 50 }`, all the way down; texts that stand for booleans in the provider become booleans. */
export function pascal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pascal);
  if (value === 'true' || value === 'false') return value === 'true';
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key.charAt(0).toUpperCase() + key.slice(1), pascal(one)]),
  );
}

/** Tags as a map → as a list. */
export const tagList = (tags: unknown): { Key: string; Value: string }[] =>
  Object.entries((tags ?? {}) as Record<string, string>).map(([Key, Value]) => ({ Key, Value }));
