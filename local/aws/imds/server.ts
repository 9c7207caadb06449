// The metadata service of one instance on a port of its own: session tokens (IMDSv2), then a tree of paths.
// paths.ts says what the tree holds; ec2/hypervisor.ts starts one server for each machine it boots.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const MAX_TOKEN_TTL_SECONDS = 21_600;

/** A folder, a value, or a value that must be fetched; undefined is 404. */
export type Leaf = string | undefined | (() => string | undefined | Promise<string | undefined>);
export type Branch = { readonly [name: string]: Leaf | Branch };

export interface ImdsOptions {
  now(): number;
  /** False: IMDSv1 (no token) is answered too. */
  readonly tokensRequired: boolean;
  /** False: every request is refused with 403. */
  readonly enabled: boolean;
  /** What lies under `/latest/` (and any dated version) now. */
  tree(): Branch;
}

export interface Imds {
  readonly url: string;
  close(): Promise<void>;
}

export async function startImds(options: ImdsOptions): Promise<Imds> {
  const tokens = new Map<string, number>();
  const server = createServer((request, response) => {
    answer(request, response, options, tokens).catch(() => send(response, 500, ''));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ImdsOptions,
  tokens: Map<string, number>,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  if (!options.enabled) return send(response, 403, '');
  if (path === '/latest/api/token') return issueToken(request, response, options, tokens);
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, '');
  const token = request.headers[TOKEN_HEADER];
  if (typeof token === 'string') {
    const expires = tokens.get(token) ?? 0;
    if (expires <= options.now()) {
      tokens.delete(token);
      return send(response, 401, '');
    }
  } else if (options.tokensRequired) return send(response, 401, '');
  const value = await find(options.tree(), path);
  if (value === undefined) return send(response, 404, NOT_FOUND);
  send(response, 200, value);
}

function issueToken(
  request: IncomingMessage,
  response: ServerResponse,
  options: ImdsOptions,
  tokens: Map<string, number>,
): void {
  if (request.method !== 'PUT') return send(response, 405, '');
  // A request that came through a proxy gets no token.
  if (request.headers['x-forwarded-for'] !== undefined) return send(response, 403, '');
  const ttl = Number(request.headers[TTL_HEADER]);
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TOKEN_TTL_SECONDS) return send(response, 400, '');
  const now = options.now();
  for (const [old, expires] of tokens) if (expires <= now) tokens.delete(old);
  const token = `${randomBytes(40).toString('base64url')}==`;
  tokens.set(token, now + ttl * 1000);
  response.setHeader(TTL_HEADER, String(ttl));
  send(response, 200, token);
}

/** A folder is answered with its names, sub-folders with a slash. */
async function find(tree: Branch, path: string): Promise<string | undefined> {
  const [version, ...steps] = path.split('/').filter((step) => step !== '');
  if (version === undefined) return '1.0\n2021-03-23\nlatest';
  if (version !== 'latest' && !/^\d{4}-\d\d-\d\d$|^1\.0$/.test(version)) return undefined;
  let at: Leaf | Branch = tree;
  for (const step of steps) {
    if (typeof at !== 'object' || !Object.hasOwn(at, decodeURIComponent(step))) return undefined;
    at = at[decodeURIComponent(step)];
  }
  if (typeof at === 'function') return at();
  if (typeof at !== 'object') return at;
  return Object.entries(at)
    .filter(([, child]) => child !== undefined)
    .map(([name, child]) => (typeof child === 'object' ? `${name}/` : name))
    .join('\n');
}

const NOT_FOUND =
  '<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>404 - Not Found</title></head><body><h1>404 - Not Found</h1></body></html>\n';

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': status === 404 ? 'text/html' : 'text/plain',
    'content-length': Buffer.byteLength(body),
    server: 'EC2ws',
  });
  response.end(body);
}
