// Counts what the attacks of this folder came to, by family; the table is printed when all tests are over.
/** `AWS`: in the bucket's access log, which infra/ switches on and the embedded S3 does not write. */
export type Recorder = 'bot' | 'operator' | 'API server' | 'AWS';

interface Count {
  attacks: number;
  through: number;
  readonly recorded: Map<Recorder, number>;
}

const FAMILIES = new Map<string, Count>();

const countOf = (family: string): Count => {
  const count = FAMILIES.get(family) ?? { attacks: 0, through: 0, recorded: new Map<Recorder, number>() };
  FAMILIES.set(family, count);
  return count;
};

/** Runs the assertions on one attack; when one fails, it got through. */
export async function attack(family: string, holds: () => Promise<void>): Promise<void> {
  const count = countOf(family);
  count.attacks += 1;
  count.through += 1;
  await holds();
  count.through -= 1;
}

/** One attack of the family is found in an audit trail. */
export function record(family: string, where: Recorder): void {
  const { recorded } = countOf(family);
  recorded.set(where, (recorded.get(where) ?? 0) + 1);
}

/** An attack that must be in an audit trail; `recorded` throws when it is not. */
export async function attackTold(
  family: string,
  recorded: () => Promise<Recorder>,
  holds: () => Promise<void>,
): Promise<void> {
  await attack(family, holds);
  record(family, await recorded());
}

after('the table of attacks', () => {
  if (FAMILIES.size === 0) return;
  const rows = [...FAMILIES].map(([family, { attacks, through, recorded }]) => ({
    family,
    attacks,
    through,
    recorded: [...recorded].map(([where, count]) => `${count} ${where}`).join(', '),
  }));
  const sum = (field: 'attacks' | 'through') => rows.reduce((total, row) => total + row[field], 0);
  const all = [...rows, { family: 'all', attacks: sum('attacks'), through: sum('through'), recorded: '' }];
  const wide = Math.max(...all.map(({ family }) => family.length));
  for (const { family, attacks, through, recorded } of all)
    console.log(
      `${family.padEnd(wide)}  ${String(attacks).padStart(4)} attacks  ${through} through  ${recorded && `recorded: ${recorded}`}`.trimEnd(),
    );
});
