// `npm run ledger`: ledger and audit trail as CSV, sums, verification, compaction; arguments.ts says what it can be asked.
import { readFile } from 'node:fs/promises';
import type { AuditEntry } from '../audit.ts';
import { type Bucket, bucketOf } from '../bucket.ts';
import { createClients } from '../clients.ts';
import { readField } from '../configuration/configuration.ts';
import { FIELDS } from '../configuration/fields.ts';
import { CloudError, ConfigurationError, DataError } from '../errors.ts';
import { nanosOf, usdOf } from '../money.ts';
import { type LedgerRequest, type Range, readRequest, USAGE } from './arguments.ts';
import { compactFolder, type CompactedBucket, type Head } from './compaction.ts';
import { csvLine, decimal } from './csv.ts';
import type { LedgerEntry } from './entries.ts';
import { auditFolder, ledgerFolder, ledgerRow } from './folders.ts';
import type { Folder, Line } from './packs.ts';
import { type Dimension, type Filter, matches, type Sum, sums, type UserRow } from './queries.ts';
import { auditPeriods, entriesOf, inOrder, ledgerPlaces, type Place } from './reading.ts';
import { Shelf } from './shelf.ts';
import { verifyFolder } from './verify.ts';

/** Exit codes; those above 63 as in BSD's sysexits. */
export const EXIT = { done: 0, findings: 1, usage: 64, badFile: 65, noAnswer: 69 } as const;

export interface Surroundings {
  /** To standard output, as it stands. */
  readonly print: (text: string) => void | Promise<void>;
  readonly complain: (line: string) => void;
  readonly now: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly open: (region: string, bucket: string) => { readonly bucket: CompactedBucket; readonly close: () => void };
}

export const REAL: Surroundings = {
  print: (text) => new Promise((done) => process.stdout.write(text, () => done())),
  complain: (line) => console.error(line),
  now: Date.now,
  environment: process.env,
  open: (region, name) => {
    const clients = createClients(region);
    return { bucket: bucketOf(clients, name), close: () => clients.close() };
  },
};

/** Runs the command; gives its exit code. Everything that can go wrong outside is told in a sentence. */
export async function ledgerCommand(args: readonly string[], around: Surroundings = REAL): Promise<number> {
  try {
    const request = readRequest(args);
    if (request) return await answer(request, around);
    await around.print(`${USAGE}\n`);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    around.complain(error.message);
    if (error instanceof ConfigurationError) return EXIT.usage;
    return error instanceof DataError ? EXIT.badFile : EXIT.noAnswer;
  }
}

async function answer(request: LedgerRequest, around: Surroundings): Promise<number> {
  const { region, name } = whereabouts(around.environment);
  const { bucket, close } = around.open(region, name);
  try {
    switch (request.command) {
      case 'export':
        return await exported(bucket, request.filter, around);
      case 'sum':
        return await summed(bucket, request, around);
      case 'audit':
        return await audited(bucket, request, around);
      case 'verify':
        return await verified(bucket, request, around);
      case 'compact':
        return await compacted(bucket, request, around);
    }
  } finally {
    close();
  }
}

function whereabouts(environment: Surroundings['environment']): { region: string; name: string } {
  const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION;
  const name = environment.SPOTLEARN_BUCKET;
  const absent = [region ? [] : ['AWS_REGION'], name ? [] : ['SPOTLEARN_BUCKET']].flat().join(' and ');
  if (!region || !name) throw new ConfigurationError(`Not set: ${absent}. On this machine’s stack: . .spotlearn/env`);
  const read = readField(FIELDS.bucket, name);
  if ('problem' in read) throw new ConfigurationError(`SPOTLEARN_BUCKET ${read.problem}`);
  return { region, name };
}

const LEDGER_HEAD = csvLine(
  'user,at,operation,service,namespace,job,uid,attempt,usd,on_demand_usd,seconds,what,outcome,key'.split(','),
);
const usd = (amount: number): number => usdOf(nanosOf(amount));

const ledgerLine = ({ key, entry }: Line<LedgerEntry>): string =>
  csvLine([
    entry.userId,
    entry.at,
    entry.operation,
    entry.service,
    entry.job.namespace ?? '',
    entry.job.name ?? '',
    entry.job.uid,
    entry.attempt,
    usd(entry.usd),
    usd(entry.onDemandUsd),
    entry.seconds,
    entry.what ?? '',
    entry.outcome ?? '',
    key,
  ]);

async function exported(bucket: Pick<Bucket, 'get' | 'list'>, filter: Filter & Range, { print }: Surroundings) {
  await print(LEDGER_HEAD);
  for (const { userId, period } of await placesIn(bucket, filter)) {
    const shelf = new Shelf(bucket, ledgerFolder(userId, period));
    for await (const line of entriesOf(shelf, filter))
      if (matches(filter, { userId, ...ledgerRow(line.entry) })) await print(ledgerLine(line));
  }
  return EXIT.done;
}

/** Entries lie in the month of their day. */
async function placesIn(bucket: Pick<Bucket, 'list'>, { userId, from, to }: Filter & Range): Promise<Place[]> {
  const places = await ledgerPlaces(bucket, userId);
  return places.filter(({ period }) => period >= from.slice(0, 7) && period <= to.slice(0, 7));
}

async function summed(
  bucket: Pick<Bucket, 'get' | 'list'>,
  { filter, by }: { filter: Filter & Range; by: readonly Dimension[] },
  { print }: Surroundings,
): Promise<number> {
  const rows: UserRow[] = [];
  for (const { userId, period } of await placesIn(bucket, filter)) {
    const shelf = new Shelf(bucket, ledgerFolder(userId, period));
    await shelf.look();
    for (const { pack } of shelf.sealed) rows.push(...pack.cube.map((row) => ({ ...row, userId })));
    for (const { entry } of shelf.loose.values()) rows.push({ ...ledgerRow(entry), userId });
  }
  const lines = sums(rows, by, filter);
  const total = sums(rows, [], filter).map((sum) => ({ ...sum, names: by.map((_, at) => (at === 0 ? 'all' : '')) }));
  await print(total.length === 0 ? 'There are no entries.\n' : table(by, [...lines, ...total]));
  return EXIT.done;
}

function table(by: readonly Dimension[], lines: readonly Sum[]): string {
  const cells = [
    [...by, 'entries', 'USD', 'USD on demand', 'seconds'],
    ...lines.map((sum) => [...sum.names, ...[sum.count, sum.usd, sum.onDemandUsd, sum.seconds].map(decimal)]),
  ];
  const widths = cells[0]?.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0))) ?? [];
  const pad = (cell: string, at: number) =>
    at < by.length ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return cells.map((line) => `${line.map(pad).join('  ').trimEnd()}\n`).join('');
}

const AUDIT_HEAD = csvLine('at,who,from,what,resource,outcome,detail'.split(','));
const auditLine = (entry: AuditEntry): string =>
  csvLine([entry.at, entry.who, entry.from, entry.what, entry.resource, entry.outcome, entry.detail ?? '']);

async function audited(
  bucket: Pick<Bucket, 'get' | 'list'>,
  { range, who, outcome }: { range: Range; who?: string; outcome?: string },
  { print }: Surroundings,
): Promise<number> {
  await print(AUDIT_HEAD);
  const shelf = new Shelf(bucket, auditFolder(range.from.slice(0, 7)));
  for await (const { entry } of entriesOf(shelf, range))
    if ((who === undefined || entry.who === who) && (outcome === undefined || entry.outcome === outcome))
      await print(auditLine(entry));
  return EXIT.done;
}

interface Within {
  readonly month: string | undefined;
  readonly userId: string | undefined;
}

/** Every folder there is, or those of one month or user; the trail belongs to no user. */
async function eachFolder(
  bucket: Pick<Bucket, 'list'>,
  { month, userId }: Within,
  more: readonly Place[],
  work: <E, R>(folder: Folder<E, R>, place?: Place) => Promise<void>,
): Promise<void> {
  const wanted = (period: string) => month === undefined || month === period;
  const listed = await ledgerPlaces(bucket, userId);
  const named = (place: Place) => `${place.userId}/${place.period}`;
  const places = new Map([...listed, ...more].map((place) => [named(place), place]));
  for (const place of [...places.values()].sort(inOrder))
    if (wanted(place.period) && (userId === undefined || userId === place.userId))
      await work(ledgerFolder(place.userId, place.period), place);
  if (userId !== undefined) return;
  for (const period of await auditPeriods(bucket)) if (wanted(period)) await work(auditFolder(period));
}

async function verified(
  bucket: Pick<Bucket, 'get' | 'list'>,
  request: Within & { readonly accounts: string | undefined },
  { print }: Surroundings,
): Promise<number> {
  const heads = request.accounts === undefined ? [] : await headsIn(request.accounts);
  let found = 0;
  let folders = 0;
  await eachFolder(bucket, request, heads, async (folder, place) => {
    const expected = heads.find((head) => head.userId === place?.userId && head.period === place.period);
    const { entries, packs, head, findings } = await verifyFolder(bucket, folder, expected);
    for (const finding of findings) await print(`${finding}\n`);
    found += findings.length;
    folders += 1;
    await print(`${folder.packs}: ${entries} entries, ${packs} packs${head === null ? '' : `, head ${head}`}\n`);
  });
  await print(`${folders} folders: ${found === 0 ? 'everything fits.' : `${found} findings.`}\n`);
  return found === 0 ? EXIT.done : EXIT.findings;
}

async function compacted(bucket: CompactedBucket, request: Within, { print, now }: Surroundings): Promise<number> {
  let found = 0;
  let packed = 0;
  await eachFolder(bucket, request, [], async (folder) => {
    const result = await compactFolder(bucket, new Shelf(bucket, folder), now());
    for (const finding of result.findings) await print(`${finding}\n`);
    if (result.packed > 0) await print(`${folder.packs}: ${result.packed} entries packed, ${result.packs} packs\n`);
    found += result.findings.length;
    packed += result.packed;
  });
  await print(`${packed} entries packed, ${found} findings.\n`);
  return found === 0 ? EXIT.done : EXIT.findings;
}

interface AccountLike {
  readonly spec?: { readonly userId?: string };
  readonly status?: { readonly ledger?: { period?: string; packs?: number; head?: string } };
}

/** What the statuses of accounts say of their newest packs. */
async function headsIn(file: string): Promise<(Place & Head)[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new DataError(`${file} can’t be read (${(error as NodeJS.ErrnoException).code}).`);
  });
  let read: AccountLike & { readonly items?: readonly AccountLike[] };
  try {
    read = JSON.parse(text) as typeof read;
  } catch {
    throw new DataError(`${file} is not what kubectl get acct -o json says.`);
  }
  return (read.items ?? [read]).flatMap(({ spec, status }) => {
    const { period, packs, head } = status?.ledger ?? {};
    return spec?.userId && period && packs && head ? [{ userId: spec.userId, period, packs, head }] : [];
  });
}
