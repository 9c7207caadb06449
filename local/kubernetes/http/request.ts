// A request line → what it asks for, as the API server's RequestInfo: which resource, namespace, name, subresource, verb.
// Pure; router.ts acts on it.
import type { IncomingMessage } from 'node:http';

export interface ResourceRequest {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** What stands in a request line is a path, also when it begins with two slashes. */
export const urlOf = ({ url = '/' }: Pick<IncomingMessage, 'url'>): URL =>
  new URL(url.startsWith('/') ? `https://localhost${url}` : url, 'https://localhost');

/** Undefined when the path is not below `/api/<version>/…` or `/apis/<group>/<version>/…`. */
export function parseResourcePath(path: string): ResourceRequest | undefined {
  const parts = path.split('/').slice(1).map(decode);
  if (parts.at(-1) === '') parts.pop();
  const root = parts.shift();
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : (parts.shift() ?? '');
  const version = parts.shift() ?? '';
  if (parts[0] === 'watch') return undefined;
  let namespace: string | undefined;
  // `namespaces/NAME` is a namespace itself, `namespaces/NAME/status` and `/finalize` its subresources.
  if (parts[0] === 'namespaces' && parts.length > 2 && !(parts.length === 3 && isNamespaceSubresource(parts[2]))) {
    namespace = parts[1];
    parts.splice(0, 2);
  }
  const [plural, name, subresource, ...rest] = parts;
  if (plural === undefined || rest.length > 0) return undefined;
  return { group, version, plural, namespace, name, subresource };
}

function isNamespaceSubresource(part: string | undefined): boolean {
  return part === 'status' || part === 'finalize';
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}

/** Undefined for a method the API doesn't know. */
export function verbOf(method: string, request: ResourceRequest, query: URLSearchParams): Verb | undefined {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (isTrue(query.get('watch')) && request.subresource === undefined) return 'watch';
      return request.name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return request.name === undefined ? 'deletecollection' : 'delete';
    default:
      return undefined;
  }
}
