// The bot's border to Kubernetes: accounts, jobs and chat sessions by get, list, create, patch, delete and watch, and the one place
// where the API server's refusals become ours. Above, `kind` is read and never an HTTP code. Next: watcher.ts.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { GROUP, KINDS, VERSION, type Kind, type ObjectMeta } from '../../crds/objects.ts';
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
  /** What was wrong with an object, a sentence a field, for people. */
  readonly causes: readonly string[];
  constructor(kind: KubernetesFailure, message: string, causes: readonly string[] = []) {
    super(message);
    this.name = 'KubernetesError';
    this.kind = kind;
    this.causes = causes;
  }
  /** Nothing is proven and the same call may succeed. */
  get transient(): boolean {
    return this.kind === 'Unreachable' || this.kind === 'Server' || this.kind === 'Throttled';
  }
}

export const failed = (thrown: unknown, ...kinds: KubernetesFailure[]): boolean =>
  thrown instanceof KubernetesError && kinds.includes(thrown.kind);

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

export interface Page<T> {
  items: T[];
  metadata: { resourceVersion?: string; continue?: string };
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}

export type Resource = Kind | 'ConfigMap';
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
/** Where an object is; `namespace` is left out for accounts and for lists over all namespaces. */
export interface Place {
  readonly namespace?: string;
}

export interface Kubernetes {
  get<T extends KubeObject>(resource: Resource, name: string, place?: Place): Promise<T>;
  /** One page. */
  page<T extends KubeObject>(resource: Resource, query: Query, place?: Place): Promise<Page<T>>;
  /** All pages. */
  list<T extends KubeObject>(resource: Resource, query?: Query, place?: Place): Promise<T[]>;
  create<T extends KubeObject>(resource: Resource, object: T): Promise<T>;
  /** With `metadata.resourceVersion`: Conflict when it was changed meanwhile. */
  replace<T extends KubeObject>(resource: Resource, object: T): Promise<T>;
  /** RFC 7386. */
  patch<T extends KubeObject>(resource: Resource, name: string, patch: object, place?: Place): Promise<T>;
  /** With `uid`: Conflict when another has the name now. */
  delete(resource: Resource, name: string, place?: Place, uid?: string): Promise<void>;
  /** Resolves when the server ends the watch; `heard` is told of every byte. */
  watch(
    resource: Resource,
    query: Query,
    onEvent: (event: WatchEvent) => void,
    options: { signal: AbortSignal; heard?: () => void },
  ): Promise<void>;
  close(): void;
}

const REQUEST_TIMEOUT_MS = 30_000;
const PAGE = 500;

export function kubernetes(connection: Connection, options: { timeoutMs?: number } = {}): Kubernetes {
  const secure = connection.server.startsWith('https:');
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;

  async function open(method: string, path: string, body?: object, type = 'application/json') {
    const settings = await connection.options();
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const outgoing = (secure ? httpsRequest : httpRequest)(`${connection.server}${path}`, {
      ...settings,
      agent,
      method,
      headers: {
        ...(settings.headers as Record<string, string>),
        accept: 'application/json',
        'user-agent': 'spotlearn-bot',
        ...(payload ? { 'content-type': type, 'content-length': payload.length } : {}),
      },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.on('error', (error) => reject(unreachable(error)));
      outgoing.once('close', () => reject(unreachable(new Error('the connection was closed'))));
    });
    outgoing.end(payload);
    return { outgoing, answered };
  }

  async function call<T>(method: string, path: string, body?: object, type?: string): Promise<T> {
    const { outgoing, answered } = await open(method, path, body, type);
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    const incoming = await answered;
    const text = await textOf(incoming);
    if ((incoming.statusCode ?? 500) >= 300) throw refusal(incoming.statusCode ?? 500, text);
    return JSON.parse(text) as T;
  }

  const page = <T extends KubeObject>(resource: Resource, query: Query, place?: Place) =>
    call<Page<T>>('GET', pathOf(resource, place) + search(query));

  return {
    get: (resource, name, place) => call('GET', pathOf(resource, place, name)),
    page,
    list: async <T extends KubeObject>(resource: Resource, query: Query = {}, place?: Place) => {
      const items: T[] = [];
      let next: string | undefined;
      do {
        const one: Page<T> = await page<T>(resource, { limit: PAGE, continue: next, ...query }, place);
        items.push(...one.items);
        next = one.metadata.continue || undefined;
      } while (next);
      return items;
    },
    create: (resource, object) => call('POST', pathOf(resource, object.metadata), object),
    replace: (resource, object) => call('PUT', pathOf(resource, object.metadata, object.metadata?.name), object),
    patch: (resource, name, patch, place) =>
      call('PATCH', pathOf(resource, place, name), patch, 'application/merge-patch+json'),
    delete: async (resource, name, place, uid) => {
      await call('DELETE', pathOf(resource, place, name), {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      });
    },
    watch: async (resource, query, onEvent, { signal, heard }) => {
      const { outgoing, answered } = await open('GET', pathOf(resource) + search({ ...query, watch: true }));
      const stop = () => outgoing.destroy();
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      try {
        const incoming = await answered;
        if (incoming.statusCode !== 200) throw refusal(incoming.statusCode ?? 500, await textOf(incoming));
        heard?.();
        await lines(incoming, heard, (line) => onEvent(JSON.parse(line) as WatchEvent));
      } finally {
        signal.removeEventListener('abort', stop);
        outgoing.destroy();
      }
    },
    close: () => agent.destroy(),
  };
}

function pathOf(resource: Resource, place: Place = {}, name?: string): string {
  const root = resource === 'ConfigMap' ? '/api/v1' : `/apis/${GROUP}/${VERSION}`;
  const plural = resource === 'ConfigMap' ? 'configmaps' : KINDS[resource].plural;
  const inside = resource !== 'Account' && place.namespace ? `/namespaces/${encodeURIComponent(place.namespace)}` : '';
  return `${root}${inside}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

function search(query: Query): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
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

async function lines(incoming: IncomingMessage, heard: (() => void) | undefined, onLine: (line: string) => void) {
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
    throw error instanceof KubernetesError ? error : unreachable(error as Error);
  }
}

const unreachable = (error: Error): KubernetesError =>
  new KubernetesError('Unreachable', `the API server cannot be reached: ${error.message}`);

interface Status {
  message?: string;
  reason?: string;
  code?: number;
  details?: { causes?: { field?: string; message?: string }[] };
}

function refusal(code: number, text: string): KubernetesError {
  try {
    return statusError({ code, ...(JSON.parse(text) as Status) });
  } catch {
    return statusError({ code, message: text.slice(0, 300) });
  }
}

/** Also of the Status object that an ERROR event of a watch carries. */
export function statusError(status: Status): KubernetesError {
  const code = status.code ?? 500;
  const causes = (status.details?.causes ?? []).flatMap(({ field, message }) =>
    message ? [sentence(field, message)] : [],
  );
  return new KubernetesError(
    kindOf(code, status.reason, status.message),
    status.message ?? `the API server answered ${code}`,
    causes,
  );
}

/** `Invalid value: {…}: the target cannot be one of the features` → what a person needs of it. */
function sentence(field: string | undefined, message: string): string {
  const rule = /^Invalid value: (?:"(?:[^"\\]|\\.)*"|\{.*\}|\[.*\]|object|string|array|[^:]*): (.+)$/s.exec(message);
  const where = (field ?? '').replace(/^spec\.?/, '');
  return `${where && where !== '<nil>' ? `${where}: ` : ''}${rule?.[1] ?? message}`;
}

function kindOf(code: number, reason: string | undefined, message = ''): KubernetesFailure {
  if (code === 404) return 'NotFound';
  if (code === 409) return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
  if (code === 410 || reason === 'Expired' || reason === 'Gone') return 'Gone';
  // A new namespace's quota has not been counted yet (the quota controller takes up to half a minute): nothing is refused for good.
  if (code === 403 && message.includes('status unknown for quota')) return 'Server';
  if (code === 401 || code === 403) return 'Forbidden';
  if (code === 429) return 'Throttled';
  return code >= 500 ? 'Server' : 'Invalid';
}
