// Column names as people type them: exactly, in another case, or several on lines or between commas.

export interface Picked {
  readonly found: readonly string[];
  readonly unknown: readonly string[];
}

/** The column meant: exactly this name, else the only one that differs in case or outer spaces. */
export function column(typed: string, columns: readonly string[]): string | undefined {
  if (columns.includes(typed)) return typed;
  const inner = typed.trim();
  if (columns.includes(inner)) return inner;
  const wanted = inner.toLowerCase();
  const alike = columns.filter((name) => name.trim().toLowerCase() === wanted);
  return alike.length === 1 ? alike[0] : undefined;
}

/** Several names: one a line, or separated by commas or semicolons where a line is not itself a name. */
export function pick(typed: string, columns: readonly string[]): Picked {
  const found = new Set<string>();
  const unknown: string[] = [];
  const take = (part: string, last: boolean): boolean => {
    const name = column(part, columns);
    if (name !== undefined) found.add(name);
    else if (last && part.trim() !== '') unknown.push(part.trim());
    return name !== undefined;
  };
  if (!take(typed, false))
    for (const line of typed.split('\n'))
      if (!take(line, false)) for (const part of line.split(/[,;]/)) take(part, true);
  return { found: [...found], unknown };
}
