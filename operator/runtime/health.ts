// /healthz (the process lives), /readyz (caches are filled; what AWS answered at the last check), /metrics.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Check {
  ok: boolean;
  /** In plain words, no secrets. */
  message?: string;
}

export interface HealthOptions {
  host: string;
  /** 0: a free one. */
  port: number;
  /** Whether the process works at all; false makes Kubernetes restart it. */
  alive: () => boolean;
  /** Without these the process can't serve: 503 while one is not ok. */
  needed: () => Record<string, Check>;
  /** Reported, but no reason to be unready: AWS may be away for a while. */
  reported: () => Record<string, Check>;
  metrics: { text(): Promise<string>; contentType: string };
}

export interface Health {
  readonly url: string;
  close(): Promise<void>;
}

export async function startHealth(options: HealthOptions): Promise<Health> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const json = (status: number, value: object) => answer(status, 'application/json', `${JSON.stringify(value)}\n`);
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') json(405, { error: 'only GET is answered here' });
    else if (path === '/healthz') json(options.alive() ? 200 : 500, { alive: options.alive() });
    else if (path === '/readyz') {
      const needed = options.needed();
      const ready = Object.values(needed).every(({ ok }) => ok);
      json(ready ? 200 : 503, { ready, needed, reported: options.reported() });
    } else if (path === '/metrics')
      options.metrics.text().then(
        (text) => answer(200, options.metrics.contentType, text),
        () => answer(500, 'text/plain', 'metrics cannot be read\n'),
      );
    else json(404, { error: 'there is /healthz, /readyz and /metrics' });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  const host = address.includes(':') ? `[${address}]` : address;
  return {
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
