// The catalogue of instance types as a file: its shape, how it is read, written (the same facts give the same bytes) and compared.
// prices.ts imports the file itself; refresh.ts makes a new one.
import { DataError } from '../errors.ts';

export interface CatalogueRow {
  readonly name: string;
  /** Absent: x86_64. */
  readonly arch?: 'x86_64' | 'arm64';
  readonly vcpu: number;
  readonly memoryGiB: number;
  /** Absent: none. */
  readonly gpu?: number;
  /** CPU by credits (T types). Absent: false. */
  readonly burstable?: boolean;
  /** USD per hour, Linux. */
  readonly onDemand: number;
  /** USD per hour; what Spot typically costs. */
  readonly spot: number;
}

export interface Catalogue {
  /** Of the facts, as yyyy-mm-dd. */
  readonly date: string;
  readonly region: string;
  /** Where each kind of fact is from, in words. */
  readonly sources: { readonly types: string; readonly onDemand: string; readonly spot: string };
  readonly types: readonly CatalogueRow[];
}

/** Spot moves all day: a smaller change is no difference. */
export const SPOT_TOLERANCE = 0.25;
/** The formatter's: a longer row would be broken by it. */
const LINE_WIDTH = 120;

/** Throws DataError that says what is wrong; `from` is the file's name for people. */
export function parseCatalogue(text: string, from: string): Catalogue {
  const wrong = (what: string) => new DataError(`${from} is no catalogue of instance types: ${what}.`);
  let found: Partial<Catalogue>;
  try {
    found = JSON.parse(text) as Partial<Catalogue>;
  } catch {
    throw wrong('it is not JSON');
  }
  for (const name of ['date', 'region'] as const)
    if (typeof found?.[name] !== 'string') throw wrong(`it has no ${name}`);
  const rows: readonly Partial<CatalogueRow>[] = Array.isArray(found.types) ? (found.types as CatalogueRow[]) : [];
  if (rows.length === 0) throw wrong('it has no types');
  for (const [at, row] of rows.entries()) {
    if (!row.name?.includes('.')) throw wrong(`type number ${at + 1} has no name`);
    const numbers = [row.vcpu, row.memoryGiB, row.onDemand, row.spot];
    if (!numbers.every((value) => Number(value) > 0))
      throw wrong(`${row.name} lacks vcpu, memoryGiB, onDemand or spot`);
  }
  return found as Catalogue;
}

export const familyOf = (name: string): string => name.slice(0, name.indexOf('.'));

/** By family, then by size. */
function order(a: CatalogueRow, b: CatalogueRow): number {
  const [family, other] = [familyOf(a.name), familyOf(b.name)];
  if (family !== other) return family < other ? -1 : 1;
  return a.vcpu - b.vcpu || a.memoryGiB - b.memoryGiB || (a.name < b.name ? -1 : 1);
}

/** One type a line, in a fixed order: a refresh shows in a diff as what changed. */
export function renderCatalogue({ date, region, sources, types }: Catalogue): string {
  const rows = [...types].sort(order).map(({ name, arch, vcpu, memoryGiB, gpu, burstable, onDemand, spot }) => {
    const facts = {
      name,
      ...(arch === 'arm64' ? { arch } : {}),
      ...{ vcpu, memoryGiB },
      ...(gpu ? { gpu } : {}),
      ...(burstable ? { burstable } : {}),
      ...{ onDemand, spot },
    };
    const inside = Object.entries(facts).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
    const line = `    { ${inside.join(', ')} }`;
    return line.length < LINE_WIDTH ? line : `    {\n      ${inside.join(',\n      ')}\n    }`;
  });
  const head = JSON.stringify({ date, region, sources: { ...sources } }, undefined, 2).slice(0, -2);
  return `${head},\n  "types": [\n${rows.join(',\n')}\n  ]\n}\n`;
}

/** What changed from one catalogue to another, a sentence each; Spot prices that moved by less than the tolerance count as the same. */
export function differences(before: Catalogue, after: Catalogue): string[] {
  const old = new Map(before.types.map((row) => [row.name, row]));
  const now = new Map(after.types.map((row) => [row.name, row]));
  const said: string[] = [];
  for (const row of [...now.values()].sort(order)) {
    const was = old.get(row.name);
    if (!was) said.push(`${row.name} is new: ${shape(row)}, on-demand ${row.onDemand}, Spot ${row.spot} USD per hour`);
    else {
      if (shape(was) !== shape(row)) said.push(`${row.name} was ${shape(was)}, is ${shape(row)}`);
      if (was.onDemand !== row.onDemand)
        said.push(`${row.name} on-demand was ${was.onDemand}, is ${row.onDemand} USD per hour`);
      if (Math.abs(row.spot - was.spot) > SPOT_TOLERANCE * was.spot)
        said.push(`${row.name} Spot was ${was.spot}, is ${row.spot} USD per hour`);
    }
  }
  for (const name of old.keys()) if (!now.has(name)) said.push(`${name} is gone`);
  return said;
}

const shape = ({ arch = 'x86_64', vcpu, memoryGiB, gpu, burstable }: CatalogueRow): string =>
  [arch, `${vcpu} vCPU`, `${memoryGiB} GiB`, ...(gpu ? [`${gpu} GPU`] : []), ...(burstable ? ['burstable'] : [])].join(
    ' ',
  );
