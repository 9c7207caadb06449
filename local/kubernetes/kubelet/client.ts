// The kubelet's way to a Kubernetes API, embedded or real: plain HTTPS by a kubeconfig (CA, token or client certificate),
// JSON in and out, and a watch that lists again whenever it breaks.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { KubeObject } from '../api.ts';

const ANSWER_MS = 20_000;
const WATCH_SECONDS = 300;
const RETRY_MS = 500;

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: Record<string, string> }[];
  users?: { name: string; user: Record<string, string> }[];
}

/** An answer other than 2xx. */
export class KubeApiError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(`${code} ${message}`.trim());
    this.name = 'KubeApiError';
    this.code = code;
  }
}

export class KubeClient {
  readonly #server: string;
  readonly #token: string | undefined;
  readonly #agent: Agent;

  constructor(server: string, token: string | undefined, agent: Agent) {
    this.#server = server;
    this.#token = token;
    this.#agent = agent;
  }

  static async fromKubeconfig(path: string): Promise<KubeClient> {
    const config = parse(await readFile(path, 'utf8')) as Kubeconfig;
    const context = config.contexts?.find((one) => one.name === config['current-context'])?.context;
    const cluster = config.clusters?.find((one) => one.name === context?.cluster)?.cluster;
    const user = config.users?.find((one) => one.name === context?.user)?.user ?? {};
    if (cluster?.['server'] === undefined) throw new Error(`${path} names no server in its current context`);
    const pem = async (from: Record<string, string>, field: string) => {
      const data = from[`${field}-data`];
      if (data !== undefined) return Buffer.from(data, 'base64');
      return from[field] === undefined ? undefined : readFile(from[field]);
    };
    const agent = new Agent({
      keepAlive: true,
      ca: await pem(cluster, 'certificate-authority'),
      cert: await pem(user, 'client-certificate'),
      key: await pem(user, 'client-key'),
    });
    return new KubeClient(cluster['server'], user['token'], agent);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects with KubeApiError, or with what the network says. */
  async call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<KubeObject> {
    const response = await this.#send(method, path, AbortSignal.timeout(ANSWER_MS), body, type);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const code = response.statusCode ?? 0;
    if (code < 200 || code > 299) throw new KubeApiError(code, messageOf(text));
    return JSON.parse(text) as KubeObject;
  }

  /** Tells everything there is, then every change, until the signal; what vanished while out of touch is told as gone. */
  async follow(
    path: string,
    listener: { changed(object: KubeObject): void; deleted(object: KubeObject): void },
    signal: AbortSignal,
    onBreak: (error: unknown) => void,
  ): Promise<void> {
    let known = new Map<string, KubeObject>();
    while (!signal.aborted) {
      try {
        const list = (await this.call('GET', path)) as unknown as {
          items: KubeObject[];
          metadata: { resourceVersion: string };
        };
        const now = new Map(list.items.map((object) => [object.metadata.uid, object]));
        for (const [uid, object] of known) if (!now.has(uid)) listener.deleted(object);
        known = now;
        for (const object of list.items) listener.changed(object);
        await this.#watch(path, list.metadata.resourceVersion, signal, (type, object) => {
          if (type === 'DELETED') {
            known.delete(object.metadata.uid);
            listener.deleted(object);
          } else {
            known.set(object.metadata.uid, object);
            listener.changed(object);
          }
        });
      } catch (error) {
        if (signal.aborted) return;
        onBreak(error);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #watch(
    path: string,
    resourceVersion: string,
    signal: AbortSignal,
    on: (type: string, object: KubeObject) => void,
  ): Promise<void> {
    const query = `watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=${WATCH_SECONDS}`;
    const response = await this.#send('GET', `${path}?${query}`, signal);
    if (response.statusCode !== 200) {
      response.resume();
      throw new KubeApiError(response.statusCode ?? 0, 'the watch was refused');
    }
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      const { type, object } = JSON.parse(line) as { type: string; object: KubeObject };
      // ERROR is 410 Gone in most cases: list again.
      if (type === 'ERROR') return;
      if (type !== 'BOOKMARK') on(type, object);
    }
  }

  #send(method: string, path: string, signal: AbortSignal, body?: unknown, type?: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'spotlearn-kubelet' };
      if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
      const text = body === undefined ? undefined : JSON.stringify(body);
      // Node sends a DELETE's body without its length unless told.
      if (text !== undefined) headers['content-length'] = String(Buffer.byteLength(text));
      if (text !== undefined && type !== undefined) headers['content-type'] = type;
      const sent = request(new URL(path, this.#server), { method, headers, agent: this.#agent, signal }, resolve);
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed a kept connection just as it was used again: it saw nothing of the request.
        if (sent.reusedSocket && error.code === 'ECONNRESET') resolve(this.#send(method, path, signal, body, type));
        else reject(error);
      });
      sent.end(text);
    });
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

export function isCode(error: unknown, code: number): boolean {
  return error instanceof KubeApiError && error.code === code;
}
