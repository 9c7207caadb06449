// GET of a collection: which revision, which page, which objects, in which shape.
// A page after the first shows the world as it was at the first one: the store undoes its history for it.
import type { KubeObject, ResourceInfo } from '../api.ts';
import { badRequest, continueTooOld, fieldError, invalid, tooNew, tooOld } from '../errors.ts';
import { groupVersion, storageKey } from '../resources/builtin.ts';
import { served } from '../resources/events.ts';
import { objectKey, type Store } from '../storage/store.ts';
import { includeObjectOf, type Renderer, type Shape, shaped } from './representation.ts';
import { parseFieldSelector, parseLabelSelector, type Predicate } from './selectors.ts';

export interface Selection {
  readonly matches: Predicate | undefined;
  /** Of a field selector on metadata.name. */
  readonly name: string | undefined;
}

export function selectionOf(resource: ResourceInfo, query: URLSearchParams): Selection {
  const labels = parseLabelSelector(query.get('labelSelector') ?? undefined);
  const fields = parseFieldSelector(query.get('fieldSelector') ?? undefined, resource);
  const both = labels !== undefined && fields !== undefined;
  const matches = both ? (object: KubeObject) => labels(object) && fields.matches(object) : (labels ?? fields?.matches);
  return { matches, name: fields?.name };
}

/** Undefined when none is given; refuses what is no number. */
export function revisionOf(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion');
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return Number(text);
}

interface Page {
  readonly revision: number;
  readonly objects: readonly KubeObject[];
  readonly meta: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}

export function listPage(
  store: Store,
  resource: ResourceInfo,
  namespace: string | undefined,
  query: URLSearchParams,
): Page {
  const token = continueToken(query);
  const revision = token?.revision ?? wantedRevision(store, query);
  const selection = selectionOf(resource, query);
  const all = snapshot(store, resource, namespace, revision, token !== undefined);
  const rest = token === undefined ? all : all.filter((object) => keyOf(object) > token.after);
  const matching = selection.matches === undefined ? rest : rest.filter(selection.matches);
  const limit = limitOf(query);
  const objects = limit > 0 ? matching.slice(0, limit) : matching;
  const last = objects.at(-1);
  if (objects.length === matching.length || last === undefined) {
    return { revision, objects, meta: { resourceVersion: String(revision) } };
  }
  const next = Buffer.from(JSON.stringify({ v: 'spotlearn/v1', rv: revision, start: keyOf(last) })).toString(
    'base64url',
  );
  const counted = selection.matches === undefined ? { remainingItemCount: matching.length - objects.length } : {};
  return { revision, objects, meta: { resourceVersion: String(revision), continue: next, ...counted } };
}

function keyOf(object: KubeObject): string {
  return objectKey(object.metadata.namespace, object.metadata.name);
}

function snapshot(
  store: Store,
  resource: ResourceInfo,
  namespace: string | undefined,
  revision: number,
  continued: boolean,
): readonly KubeObject[] {
  const objects = store.listAt(storageKey(resource), namespace, revision);
  if (objects !== undefined) return objects;
  throw continued ? continueTooOld() : tooOld(revision, store.history.oldest);
}

/** The newest, except where exactly an older one is asked for: newer is always allowed otherwise. */
function wantedRevision(store: Store, query: URLSearchParams): number {
  const revision = revisionOf(query);
  const match = query.get('resourceVersionMatch');
  const refuse = (why: string) =>
    invalid('ListOptions', 'meta.k8s.io', '', [fieldError.forbidden('resourceVersionMatch', why)]);
  if (match !== null && match !== '') {
    if (revision === undefined) throw refuse('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (match === 'Exact' && revision === 0) {
      throw refuse('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      const problem = fieldError.notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']);
      throw invalid('ListOptions', 'meta.k8s.io', '', [problem]);
    }
  }
  if (revision !== undefined && revision > store.revision) throw tooNew(revision, store.revision);
  const limited = Number(query.get('limit') ?? 0) > 0 && match !== 'NotOlderThan' && (revision ?? 0) > 0;
  return match === 'Exact' || limited ? (revision ?? store.revision) : store.revision;
}

function continueToken(query: URLSearchParams): { revision: number; after: string } | undefined {
  const text = query.get('continue');
  if (text === null || text === '') return undefined;
  if ((revisionOf(query) ?? 0) > 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString()) as {
      v: unknown;
      rv: unknown;
      start: unknown;
    };
    if (v === 'spotlearn/v1' && typeof rv === 'number' && typeof start === 'string')
      return { revision: rv, after: start };
  } catch {
    // Told below.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (/^-?\d*$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** The list as it goes out. */
export function listBody(
  page: Page,
  resource: ResourceInfo,
  shape: Shape,
  query: URLSearchParams,
  { renderTable, now }: Renderer,
): unknown {
  const objects = page.objects.map((object) => served(resource, object));
  if (shape === 'table') {
    const includeObject = includeObjectOf(query);
    return renderTable(resource, objects, { now: now(), includeObject, columns: true, listMeta: page.meta });
  }
  if (shape === 'metadata') {
    const items = objects.map((object) => shaped(resource, object, 'metadata'));
    return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: page.meta, items };
  }
  // Items of built-in kinds don't repeat their type, those of custom resources do; so in the API server.
  const items = resource.schema !== undefined ? objects : objects.map(({ apiVersion: _v, kind: _k, ...rest }) => rest);
  return { kind: resource.listKind, apiVersion: groupVersion(resource), metadata: page.meta, items };
}
