// What the contract suites say to a server beyond plain JSON calls: own headers and tokens, and watches read as streams.
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { type ContractServer, uniqueName } from './servers.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Default: the administrator's; null: none. */
  readonly token?: string | null;
}

type Address = Pick<ContractServer, 'url' | 'ca' | 'token'>;

export function send(server: Address, method: string, path: string, sent: Sent = {}): Promise<Reply> {
  const token = sent.token === undefined ? server.token : sent.token;
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  // Node sends a DELETE's body without saying how long it is, unless told.
  const length = sent.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent.body)) };
  const headers = { ...authorization, ...length, ...sent.headers };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${server.url}${path}`, { method, headers, ca: server.ca, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        const json = (answer.headers['content-type'] ?? '').startsWith('application/json');
        const body: unknown = json && text !== '' ? JSON.parse(text) : text;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(sent.body);
  });
}

export interface WatchEvent {
  readonly type: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly object: any;
}

export interface OpenWatch {
  /** The next event, skipping bookmarks unless they are asked for; rejects after 10 s or when the watch has ended. */
  next(bookmarks?: boolean): Promise<WatchEvent>;
  /** Resolves with what was not read when the server ends the watch. */
  readonly ended: Promise<WatchEvent[]>;
  close(): void;
}

export function openWatch(server: Address, path: string, headers: Record<string, string> = {}): Promise<OpenWatch> {
  return new Promise((resolve, reject) => {
    const all = { authorization: `Bearer ${server.token}`, ...headers };
    const outgoing = request(`${server.url}${path}`, { headers: all, ca: server.ca, agent: false }, (answer) => {
      const events: WatchEvent[] = [];
      let wake: () => void = () => undefined;
      let over = false;
      let rest = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') events.push(JSON.parse(line) as WatchEvent);
        wake();
      });
      const ended = new Promise<WatchEvent[]>((done) => {
        answer.once('close', () => {
          over = true;
          wake();
          done(events);
        });
      });
      answer.on('error', () => undefined);
      const next = async (bookmarks = false): Promise<WatchEvent> => {
        const deadline = Date.now() + 10_000;
        for (;;) {
          const event = events.shift();
          if (event !== undefined && (bookmarks || event.type !== 'BOOKMARK')) return event;
          if (event !== undefined) continue;
          if (over || Date.now() > deadline) throw new Error(over ? 'The watch has ended' : 'No event within 10 s');
          await new Promise<void>((done) => {
            const timer = setTimeout(done, 1000);
            wake = () => {
              clearTimeout(timer);
              done();
            };
          });
        }
      };
      resolve({ next, ended, close: () => outgoing.destroy() });
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

/** A CRD of its own for a suite, established, in a namespace of its own. */
export interface Playground {
  readonly namespace: string;
  readonly group: string;
  /** `/apis/<group>/v1/namespaces/<namespace>/widgets` */
  readonly widgets: string;
  /** `/api/v1/namespaces/<namespace>` */
  readonly core: string;
  widget(name: string, more?: Record<string, unknown>): Record<string, unknown>;
}

export async function makePlayground(server: ContractServer): Promise<Playground> {
  const group = `${uniqueName('g')}.example.com`;
  const namespace = uniqueName('ns');
  const made = await server.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  if (made.status !== 201) throw new Error(`namespace: ${JSON.stringify(made.body)}`);
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const defined = await server.call('POST', crds, widgetDefinition(group));
  if (defined.status !== 201) throw new Error(`definition: ${JSON.stringify(defined.body)}`);
  const widgets = `/apis/${group}/v1/namespaces/${namespace}/widgets`;
  for (let tries = 0; (await server.call('GET', widgets)).status !== 200; tries++) {
    if (tries > 100) throw new Error('the definition is not served');
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    namespace,
    group,
    widgets,
    core: `/api/v1/namespaces/${namespace}`,
    widget: (name, more = {}) => ({
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { name },
      spec: { size: 1 },
      ...more,
    }),
  };
}

export function widgetDefinition(group: string): Record<string, unknown> {
  const spec = {
    type: 'object',
    required: ['size'],
    properties: {
      size: { type: 'integer', minimum: 1 },
      color: { type: 'string', default: 'red' },
      tags: { type: 'array', items: { type: 'string' } },
    },
  };
  const status = { type: 'object', properties: { phase: { type: 'string' } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets', categories: ['gadgets'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
        },
      ],
    },
  };
}
