// `kubectl logs`: the API server asks the node over HTTPS (GET /containerLogs/NAMESPACE/POD/CONTAINER), here from files.
// follow and tailLines are served; the certificate is our own, which API servers don't check by default.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loadCertificates } from '../access/certificates.ts';

const FOLLOW_POLL_MS = 200;

export interface LogServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `find` gives the file of a container's output and whether it may still grow. */
export type FindLog = (
  namespace: string,
  pod: string,
  container: string,
) => { file: string; growing(): boolean } | undefined;

export async function startLogServer(folder: string, now: number, find: FindLog): Promise<LogServer> {
  const state = join(folder, 'tls');
  await mkdir(state, { recursive: true, mode: 0o700 });
  const { keyPem, certPem } = await loadCertificates(state, now);
  const server = createServer({ key: keyPem, cert: certPem }, (request, response) => {
    answer(request, response, find).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, find: FindLog): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://node');
  const [, kind, namespace = '', pod = '', container = ''] = url.pathname.split('/').map(decodeURIComponent);
  const log = request.method === 'GET' && kind === 'containerLogs' ? find(namespace, pod, container) : undefined;
  if (log === undefined) {
    response
      .writeHead(404, { 'content-type': 'text/plain' })
      .end(`no log of ${namespace}/${pod}/${container} on this node\n`);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  let position = await startOf(log.file, url.searchParams.get('tailLines'));
  for (;;) {
    const more = log.growing();
    position = await send(log.file, position, response);
    if (!more || url.searchParams.get('follow') !== 'true' || response.destroyed) break;
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_POLL_MS));
  }
  response.end();
}

async function startOf(file: string, tailLines: string | null): Promise<number> {
  if (tailLines === null || !existsSync(file)) return 0;
  const content = await readFile(file);
  let at = content.length;
  if (Number(tailLines) === 0) return at;
  // The last line's own end doesn't count.
  if (content[at - 1] === 10) at -= 1;
  for (let left = Number(tailLines); left > 0 && at > 0; left -= 1) at = content.lastIndexOf(10, at - 1);
  return at <= 0 ? 0 : at + 1;
}

async function send(file: string, from: number, response: ServerResponse): Promise<number> {
  if (!existsSync(file)) return from;
  const { size } = statSync(file);
  if (size <= from) return from;
  for await (const chunk of createReadStream(file, { start: from, end: size - 1 })) {
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
  return size;
}
