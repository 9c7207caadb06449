// The three patches: JSON patch (RFC 6902), JSON merge patch (RFC 7386), strategic merge patch (strategic.ts).
// Pure: (object, patch) → new object; the input is never changed. writer.ts then treats the result as an update.
import { ApiError, badRequest, unsupportedMediaType } from '../errors.ts';
import { isObject } from '../resources/fields.ts';
import { strategicMerge } from './strategic.ts';

type Json = Record<string, unknown>;

export type PatchType = 'json' | 'merge' | 'strategic';

const MEDIA_TYPES: Record<string, PatchType> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
};

/** Throws 415 for what is no patch, or no patch for this kind; custom resources know no strategic merge. */
export function patchTypeOf(contentType: string | undefined, custom: boolean): PatchType {
  const media = (contentType ?? '').split(';')[0]?.trim() ?? '';
  if (media === 'application/apply-patch+yaml' || media === 'application/apply-patch+cbor') {
    throw unsupportedMediaType(
      'server-side apply (application/apply-patch+yaml) is left out of this embedded API server; use client-side apply (kubectl apply without --server-side) or a merge patch',
    );
  }
  const type = MEDIA_TYPES[media];
  if (type === undefined || (custom && type === 'strategic')) {
    const accepted = Object.keys(MEDIA_TYPES).filter((one) => !custom || MEDIA_TYPES[one] !== 'strategic');
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}, application/apply-patch+yaml`,
    );
  }
  return type;
}

export function applyPatch(type: PatchType, object: Json, patch: unknown): Json {
  switch (type) {
    case 'json':
      return jsonPatch(object, patch);
    case 'merge':
      if (!isObject(patch)) throw undecodable(patch, 'map[string]interface {}');
      return mergePatch(object, patch) as Json;
    case 'strategic':
      if (!isObject(patch)) throw undecodable(patch, 'map[string]interface {}');
      return strategicMerge(object, patch);
  }
}

function undecodable(patch: unknown, wanted: string): ApiError {
  const is = Array.isArray(patch) ? 'array' : patch === null ? 'null' : typeof patch;
  return badRequest(`error decoding patch: json: cannot unmarshal ${is} into Go value of type ${wanted}`);
}

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Json = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

const MAX_OPERATIONS = 10_000;

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** 422, as the API server answers every operation that can't be carried out. */
function unprocessable(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

export function jsonPatch(object: Json, patch: unknown): Json {
  if (!Array.isArray(patch)) throw undecodable(patch, '[]handlers.jsonPatchOp');
  if (patch.length > MAX_OPERATIONS) {
    const message = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw new ApiError(413, 'RequestEntityTooLarge', message);
  }
  const root: { document: unknown } = { document: structuredClone(object) };
  for (const operation of patch as unknown[]) {
    if (!isObject(operation)) throw undecodable(operation, 'handlers.jsonPatchOp');
    perform(root, operation as unknown as Operation);
  }
  if (!isObject(root.document)) throw unprocessable();
  return root.document;
}

function perform(root: { document: unknown }, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      add(root, path, structuredClone(value));
      return;
    case 'remove':
      remove(root, path);
      return;
    case 'replace':
      read(root, path);
      if (path !== '') remove(root, path);
      add(root, path, structuredClone(value));
      return;
    case 'move': {
      const moved = read(root, from);
      remove(root, from);
      add(root, path, moved);
      return;
    }
    case 'copy':
      add(root, path, structuredClone(read(root, from)));
      return;
    case 'test':
      if (!equal(read(root, path, true), value ?? null)) throw unprocessable();
      return;
    default:
      throw unprocessable();
  }
}

function parse(path: unknown): string[] {
  if (path === '') return [];
  if (typeof path !== 'string' || !path.startsWith('/')) throw unprocessable();
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function child(parent: unknown, key: string): unknown {
  if (Array.isArray(parent)) return parent[index(key, parent.length - 1)] as unknown;
  if (isObject(parent) && Object.hasOwn(parent, key)) return parent[key];
  throw unprocessable();
}

function index(key: string, last: number): number {
  if (!/^(0|[1-9]\d*)$/.test(key) || Number(key) > last) throw unprocessable();
  return Number(key);
}

function read(root: { document: unknown }, path: unknown, missingIsNull = false): unknown {
  try {
    return parse(path).reduce(child, root.document);
  } catch (error) {
    if (missingIsNull) return null;
    throw error;
  }
}

function add(root: { document: unknown }, path: unknown, value: unknown): void {
  const parts = parse(path);
  const key = parts.pop();
  if (key === undefined) {
    root.document = value;
    return;
  }
  const parent = parts.reduce(child, root.document);
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : index(key, parent.length), 0, value);
  else if (isObject(parent)) parent[key] = value;
  else throw unprocessable();
}

function remove(root: { document: unknown }, path: unknown): void {
  const parts = parse(path);
  const key = parts.pop();
  if (key === undefined) throw unprocessable();
  const parent = parts.reduce(child, root.document);
  child(parent, key);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete (parent as Json)[key];
}

/** Deep equality of JSON, whatever the order of keys. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((one, at) => equal(one, b[at]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}
