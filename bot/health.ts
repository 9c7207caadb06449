// /healthz (the process lives), /readyz (jobs are followed and Telegram answers), /metrics.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  update(kind: string): void;
  sent(method: string, outcome: string): void;
  up(part: 'telegram' | 'kubernetes', is: boolean): void;
  /** Something done is not in the audit trail. */
  untold(): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const updates = new Counter({
    name: 'spotlearn_bot_updates_total',
    help: 'Inputs by kind.',
    labelNames: ['kind'],
    registers,
  });
  const sent = new Counter({
    name: 'spotlearn_bot_calls_total',
    help: 'Calls of the Bot API by method and outcome.',
    labelNames: ['method', 'outcome'],
    registers,
  });
  const up = new Gauge({
    name: 'spotlearn_dependency_up',
    help: '1 while a dependency answers as it should.',
    labelNames: ['dependency'],
    registers,
  });
  const untold = new Counter({
    name: 'spotlearn_bot_audit_lost_total',
    help: 'Entries of the audit trail that could not be written.',
    registers,
  });
  return {
    registry,
    update: (kind) => updates.inc({ kind }),
    sent: (method, outcome) => sent.inc({ method, outcome }),
    up: (dependency, is) => up.set({ dependency }, is ? 1 : 0),
    untold: () => untold.inc(),
  };
}

export interface Health {
  readonly url: string;
  close(): Promise<void>;
}

export async function startHealth(options: {
  host: string;
  /** 0: a free one. */
  port: number;
  /** By name, what must be true to be ready. */
  needed: () => Readonly<Record<string, boolean>>;
  registry: Registry;
}): Promise<Health> {
  const server = createServer((request, response) => {
    const json = (status: number, value: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') json(405, { error: 'only GET is answered here' });
    else if (path === '/healthz') json(200, { alive: true });
    else if (path === '/readyz') {
      const needed = options.needed();
      const ready = Object.values(needed).every((ok) => ok);
      json(ready ? 200 : 503, { ready, needed });
    } else if (path === '/metrics')
      void options.registry
        .metrics()
        .then((text) => response.writeHead(200, { 'content-type': options.registry.contentType }).end(text));
    else json(404, { error: 'there is /healthz, /readyz and /metrics' });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
