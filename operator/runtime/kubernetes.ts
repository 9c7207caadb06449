// The border to Kubernetes: a small typed REST client and the one place where the API server's errors become ours. Everything
// above (reflector, leader, status, controllers) reads `kind`, never an HTTP code.
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import type { ObjectMeta } from '../../crds/objects.ts';
import type { Connection } from './connection.ts';

export type KubernetesFailure =
  | 'NotFound'
  | 'Conflict'
  | 'AlreadyExists'
  | 'Gone'
  | 'Forbidden'
  | 'Invalid'
  | 'Throttled'
  | 'Server'
  | 'Unreachable';

export class KubernetesError extends Error {
  readonly kind: KubernetesFailure;
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  /** Seconds after which the server wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;
  constructor(kind: KubernetesFailure, message: string, status?: number, retryAfterSeconds?: number) {
    super(message);
    this.name = 'KubernetesError';
    this.kind = kind;
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const failed = (thrown: unknown, ...kinds: KubernetesFailure[]): boolean =>
  thrown instanceof KubernetesError && kinds.includes(thrown.kind);

/** What is needed to address objects of one kind. `group` is '' for core. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

export interface Page<T> {
  items: T[];
  metadata: { resourceVersion?: string; continue?: string };
}

export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Kubernetes {
  get<T>(resource: Resource, name: string, namespace?: string): Promise<T>;
  /** One page; `query`: limit, continue, labelSelector, fieldSelector, resourceVersion. */
  list<T>(resource: Resource, query?: Query, namespace?: string): Promise<Page<T>>;
  create<T extends KubeObject>(resource: Resource, object: T, namespace?: string): Promise<T>;
  replace<T extends KubeObject>(resource: Resource, object: T): Promise<T>;
  /** RFC 7386; put `metadata.resourceVersion` into the patch for the optimistic lock. */
  mergePatch<T>(
    resource: Resource,
    name: string,
    patch: object,
    options?: { namespace?: string; subresource?: 'status' },
  ): Promise<T>;
  delete(
    resource: Resource,
    name: string,
    options?: { namespace?: string; uid?: string; resourceVersion?: string },
  ): Promise<void>;
  /** Resolves when the server ends the watch, rejects with KubernetesError; `heard` is told of every byte that comes. */
  watch<T>(
    resource: Resource,
    query: Query,
    onEvent: (event: WatchEvent<T>) => void,
    options: { signal: AbortSignal; heard?: () => void },
  ): Promise<void>;
  close(): void;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** Hundreds of reconciles may write at once; the API server need not see them all at the same moment. */
const MOST_CONNECTIONS = 64;
const MERGE_PATCH = 'application/merge-patch+json';

export function kubernetes(connection: Connection, options: { timeoutMs?: number } = {}): Kubernetes {
  const secure = connection.server.startsWith('https:');
  const settings = { keepAlive: true, maxSockets: MOST_CONNECTIONS };
  const agent = secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  const timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;

  async function open(method: string, path: string, body?: object, contentType = 'application/json') {
    const settings = await connection.options();
    const send = secure ? httpsRequest : httpRequest;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const outgoing = send(`${connection.server}${path}`, {
      ...settings,
      agent,
      method,
      headers: {
        ...(settings.headers as Record<string, string>),
        accept: 'application/json',
        'user-agent': 'spotlearn-operator',
        ...(payload ? { 'content-type': contentType, 'content-length': payload.length } : {}),
      },
    });
    outgoing.end(payload);
    return outgoing;
  }

  async function call<T>(method: string, path: string, body?: object, contentType?: string): Promise<T> {
    const outgoing = await open(method, path, body, contentType);
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    const incoming = await answer(outgoing);
    const text = await textOf(incoming);
    if ((incoming.statusCode ?? 500) >= 300) throw refusal(incoming, text);
    return JSON.parse(text) as T;
  }

  return {
    get: (resource, name, namespace) => call('GET', pathOf(resource, namespace, name)),
    list: (resource, query, namespace) => call('GET', pathOf(resource, namespace) + search(query)),
    create: (resource, object, namespace) =>
      call('POST', pathOf(resource, namespace ?? object.metadata?.namespace), object),
    replace: (resource, object) =>
      call('PUT', pathOf(resource, object.metadata?.namespace, object.metadata?.name), object),
    mergePatch: (resource, name, patch, at = {}) =>
      call(
        'PATCH',
        pathOf(resource, at.namespace, name) + (at.subresource ? `/${at.subresource}` : ''),
        patch,
        MERGE_PATCH,
      ),
    delete: async (resource, name, at = {}) => {
      const preconditions = { uid: at.uid, resourceVersion: at.resourceVersion };
      await call('DELETE', pathOf(resource, at.namespace, name), {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        preconditions,
      });
    },
    watch: async (resource, query, onEvent, { signal, heard }) => {
      const outgoing = await open('GET', pathOf(resource) + search({ ...query, watch: true }));
      const stop = () => outgoing.destroy();
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      try {
        const incoming = await answer(outgoing);
        if (incoming.statusCode !== 200) throw refusal(incoming, await textOf(incoming));
        heard?.();
        await lines(incoming, heard, (line) => onEvent(JSON.parse(line) as WatchEvent<never>));
      } finally {
        signal.removeEventListener('abort', stop);
        outgoing.destroy();
      }
    },
    close: () => agent.destroy(),
  };
}

function pathOf({ group, version, plural, namespaced }: Resource, namespace?: string, name?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const inside = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${inside}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

function search(query: Query = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function answer(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', (error) => reject(unreachable(error)));
    outgoing.once('close', () => reject(unreachable(new Error('the connection was closed'))));
  });
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch (error) {
    throw unreachable(error as Error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function lines(
  incoming: IncomingMessage,
  heard: (() => void) | undefined,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of incoming) {
      heard?.();
      const parts = (rest + decoder.write(chunk as Buffer)).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) if (line !== '') onLine(line);
    }
  } catch (error) {
    if (error instanceof KubernetesError) throw error;
    throw unreachable(error as Error);
  }
}

const unreachable = (error: Error): KubernetesError =>
  new KubernetesError('Unreachable', `the API server cannot be reached: ${error.message}`);

interface Status {
  message?: string;
  reason?: string;
  code?: number;
  details?: { retryAfterSeconds?: number };
}

function refusal(incoming: IncomingMessage, text: string): KubernetesError {
  let status: Status = {};
  try {
    status = JSON.parse(text) as Status;
  } catch {
    status = { message: text.slice(0, 300) };
  }
  const after = Number(incoming.headers['retry-after'] ?? status.details?.retryAfterSeconds);
  return statusError({ code: incoming.statusCode, ...status }, Number.isFinite(after) ? after : undefined);
}

/** Also of the Status object that an ERROR event of a watch carries. */
export function statusError(status: Status, retryAfterSeconds?: number): KubernetesError {
  const code = status.code ?? 500;
  const message = status.message ?? `the API server answered ${code}`;
  return new KubernetesError(kindOf(code, status.reason), message, code, retryAfterSeconds);
}

function kindOf(code: number, reason: string | undefined): KubernetesFailure {
  if (code === 404) return 'NotFound';
  if (code === 409) return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
  if (code === 410 || reason === 'Expired' || reason === 'Gone') return 'Gone';
  if (code === 401 || code === 403) return 'Forbidden';
  if (code === 429) return 'Throttled';
  return code >= 500 ? 'Server' : 'Invalid';
}
