// What all Describe actions share: filters (names with several values, `*` and `?`, tags) and pages.
import { createHash } from 'node:crypto';
import { AwsServiceError } from '../service.ts';
import type { Tags } from './state.ts';
import type { Fields } from './wire.ts';

export interface Page<Item> {
  readonly items: Item[];
  readonly nextToken: string | undefined;
}

/** Values of an item for a filter's name; undefined: this resource has no such filter. */
export type FilterValues<Item> = (item: Item, filter: string) => readonly (string | undefined)[] | undefined;

/**
 * Filters, then pages of `MaxResults` (unlimited without it, unless `largestPage` says). Filters of one request are
 * joined by and, the values of a filter by or. The token is bound to the filters it was made for.
 */
export function selectPage<Item extends object>(
  fields: Fields,
  items: readonly Item[],
  values: FilterValues<Item>,
  largestPage = Infinity,
): Page<Item> {
  const filters = fields.groups('Filter').map((each) => ({
    name: each.required('Name'),
    patterns: each.texts('Value').map(pattern),
  }));
  const chosen = items.filter((item) =>
    filters.every(({ name, patterns }) => {
      const have = filterValues(item, name, values);
      return patterns.some((test) => have.some((value) => value !== undefined && test(value)));
    }),
  );
  const offset = readToken(fields);
  const size = Math.min(largestPage, fields.integer('MaxResults') ?? Infinity);
  const end = offset + size;
  return {
    items: chosen.slice(offset, Number.isFinite(end) ? end : undefined),
    nextToken: end < chosen.length ? writeToken(fields, end) : undefined,
  };
}

function filterValues<Item extends object>(item: Item, name: string, values: FilterValues<Item>) {
  const tags = (item as { tags?: Tags }).tags;
  if (name.startsWith('tag:')) return [tags?.[name.slice(4)]];
  if (name === 'tag-key') return Object.keys(tags ?? {});
  if (name === 'tag-value') return Object.values(tags ?? {});
  const known = values(item, name);
  if (known === undefined) throw new AwsServiceError('InvalidParameterValue', `The filter '${name}' is invalid`);
  return known;
}

/** `*` any text, `?` one character, `\` before either: itself. */
function pattern(text: string): (value: string) => boolean {
  if (!/[*?\\]/.test(text)) return (value) => value === text;
  const source = text.replace(/\\([*?\\])|[.*+?^${}()|[\]\\]/g, (found, escaped: string | undefined) =>
    escaped !== undefined ? `\\${escaped}` : found === '*' ? '.*' : found === '?' ? '.' : `\\${found}`,
  );
  const expression = new RegExp(`^${source}$`, 's');
  return (value) => expression.test(value);
}

function binding(fields: Fields): string {
  const filters = fields.group('Filter')?.fingerprint() ?? '';
  return createHash('sha1').update(filters).digest('base64url').slice(0, 8);
}

function writeToken(fields: Fields, offset: number): string {
  return Buffer.from(JSON.stringify([offset, binding(fields)])).toString('base64');
}

function readToken(fields: Fields): number {
  const token = fields.text('NextToken');
  if (token === undefined || token === '') return 0;
  try {
    const [offset, bound] = JSON.parse(Buffer.from(token, 'base64').toString()) as [number, string];
    if (Number.isInteger(offset) && bound === binding(fields)) return offset;
  } catch {
    // Not one of ours.
  }
  throw new AwsServiceError('InvalidNextToken', 'The token provided is invalid.');
}
