// What is in the bucket, for `npm run ledger`: which folders there are, and the entries of one, pack by pack.
import type { Bucket } from '../bucket.ts';
import { ledgerPlace } from './folders.ts';
import { byText, type Line } from './packs.ts';
import type { Shelf } from './shelf.ts';

export interface Place {
  readonly userId: string;
  /** `yyyy-MM` */
  readonly period: string;
}

/** Users' months that have anything, in order; of one user if named. Lists the ledger. */
export async function ledgerPlaces(bucket: Pick<Bucket, 'list'>, userId?: string): Promise<Place[]> {
  const listed = await bucket.list(userId === undefined ? 'ledger/' : `ledger/user_${userId}/`);
  const places = new Map<string, Place>();
  for (const { key } of listed) {
    const place = ledgerPlace(key);
    if (place) places.set(`${place.userId}/${place.period}`, place);
  }
  return [...places.values()].sort(inOrder);
}

/** By number of the user, where it is one. */
export const inOrder = (a: Place, b: Place): number =>
  a.userId.length - b.userId.length || byText(a.userId, b.userId) || byText(a.period, b.period);

/** Months of the audit trail that have anything. Lists the trail. */
export async function auditPeriods(bucket: Pick<Bucket, 'list'>): Promise<string[]> {
  const periods = new Set<string>();
  for (const { key } of await bucket.list('audit/')) {
    const [, period] = /^audit\/(?:packs\/)?(\d{4}-\d\d)[-/]/.exec(key) ?? [];
    if (period !== undefined) periods.add(period);
  }
  return [...periods].sort(byText);
}

export interface Days {
  /** `yyyy-MM-dd`, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Entries of these days: those of each pack by time, then the loose ones. Throws DamagedError. */
export async function* entriesOf<E extends { readonly at: string }, R>(
  shelf: Shelf<E, R>,
  { from = '', to = '9999' }: Days,
): AsyncGenerator<Line<E>> {
  await shelf.look();
  const { folder, sealed, loose } = shelf;
  const timely = (lines: readonly Line<E>[]) =>
    lines
      .filter(({ entry }) => folder.day(entry) >= from && folder.day(entry) <= to)
      .sort((a, b) => byText(a.entry.at, b.entry.at) || byText(a.key, b.key));
  // Before anything is told: what is packed meanwhile is loose here, and never both.
  const own = timely(Array.from(loose, ([key, { entry }]) => ({ key, entry })));
  for (const one of sealed) if (one.pack.from <= to && one.pack.to >= from) yield* timely(await shelf.lines(one));
  yield* own;
}
