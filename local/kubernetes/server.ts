// The embedded Kubernetes API as a library: state folder in, HTTPS server out. main.ts is its command line.
// Wires storage → catalogue → writer → handlers → router, fills a fresh store with what every cluster has, and starts the
// controllers. Everything it keeps is in the state folder.
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { stderr } from '../../cloud/log.ts';
import { type Clock, systemClock } from '../../cloud/clock.ts';
import { auditFile, type AuditSink } from './access/audit.ts';
import { loadCertificates } from './access/certificates.ts';
import { Authorizer } from './access/authorizer.ts';
import { Tokens } from './access/tokens.ts';
import type { Api } from './api.ts';
import { Handlers } from './http/handlers.ts';
import { Router } from './http/router.ts';
import { inProcessApi } from './inprocess.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { cleanUpDefinitions } from './resources/cleanup.ts';
import { Catalogue, DEFINITIONS_KEY } from './resources/catalogue.ts';
import { Store } from './storage/store.ts';
import { Writer } from './writes/writer.ts';
import { renderTable } from './tables.ts';

export interface KubernetesOptions {
  /** Created when missing; locked while the server runs. */
  readonly stateDir: string;
  /** Asked for: taken means failure (PortTaken). Left out: the one used before, else a free one. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Default true: garbage collector, namespaces, Jobs. */
  readonly controllers?: boolean;
  /** Told of every refused request and every changing one. Default: lines in `<stateDir>/audit.log`. */
  readonly audit?: AuditSink;
  /** Sizes of the store, for tests. */
  readonly storage?: { readonly compactBytes?: number; readonly historyEvents?: number };
}

export interface Kubernetes {
  readonly url: string;
  readonly port: number;
  readonly caPem: string;
  readonly adminToken: string;
  /** For the administrator, CA inlined; also in `<stateDir>/kubeconfig`. */
  readonly kubeconfigYaml: string;
  readonly kubeconfigPath: string;
  readonly api: Api;
  /** A new token for a user of these groups (`system:authenticated` comes by itself). */
  addToken(user: string, groups?: readonly string[]): string;
  /** A kubeconfig for such a token. */
  kubeconfigFor(token: string, user: string): string;
  close(): Promise<void>;
}

export class PortTaken extends Error {
  constructor(port: number) {
    super(
      `Port ${port} on 127.0.0.1 is taken by another program; choose another one or leave it out to get a free one.`,
    );
    this.name = 'PortTaken';
  }
}

/** Rejects with FolderInUse or PortTaken, each a sentence for people. */
export async function startKubernetes(options: KubernetesOptions): Promise<Kubernetes> {
  const clock = options.clock ?? systemClock({ unref: true });
  const logger = options.logger ?? pino({ level: 'warn' }, stderr());
  const now = () => clock.now();
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const store = await Store.open({
    folder: join(options.stateDir, 'store'),
    ...options.storage,
    onNotice: (message, keys) => logger.warn(keys, message),
  });
  try {
    const catalogue = definedCatalogue(store);
    const writer = new Writer({ store, catalogue, now });
    const api = inProcessApi(store, catalogue, writer);
    await ensureNamespaces(api);
    const tokens = Tokens.open(options.stateDir);
    const certificates = await loadCertificates(options.stateDir, Date.now());
    const authorizer = new Authorizer(store, catalogue);
    const handlers = new Handlers({ store, writer, authorizer, clock, renderer: { renderTable, now } });
    const openapi = () => import('./openapi.ts');
    const serviceAccount = (namespace: string, name: string) => store.get('/serviceaccounts', namespace, name);
    const file = auditFile(join(options.stateDir, 'audit.log'));
    const router = new Router({
      tokens,
      authorizer,
      catalogue,
      handlers,
      openapi,
      logger,
      serviceAccount,
      clock,
      audit: options.audit ?? file.write,
    });
    const server = createServer({ key: certificates.keyPem, cert: certificates.certPem }, (request, response) => {
      void router.handle(request, response);
    });
    // A watch may be silent for long; whoever holds it decides when it ends.
    server.requestTimeout = 0;
    server.keepAliveTimeout = 90_000;
    const port = await listen(server, options.port, options.stateDir);
    const url = `https://127.0.0.1:${port}`;
    const kubeconfigFor = (token: string, user: string) =>
      renderKubeconfig({ url, caPem: certificates.caPem, token, user });
    const kubeconfigYaml = kubeconfigFor(tokens.adminToken, 'admin');
    const kubeconfigPath = join(options.stateDir, 'kubeconfig');
    await writeFile(kubeconfigPath, kubeconfigYaml, { mode: 0o600 });
    await chmod(kubeconfigPath, 0o600);
    const stopCleanup = cleanUpDefinitions(api, logger);
    const stopControllers = options.controllers === false ? undefined : await controllersOf(api, clock, logger);
    return {
      url,
      port,
      caPem: certificates.caPem,
      adminToken: tokens.adminToken,
      kubeconfigYaml,
      kubeconfigPath,
      api,
      addToken: (user, groups = []) => tokens.add(user, groups),
      kubeconfigFor,
      async close() {
        await stopControllers?.();
        stopCleanup();
        handlers.endWatches();
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 500).unref();
        await closed;
        file.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The catalogue of a store, kept up to date by its events. */
function definedCatalogue(store: Store): Catalogue {
  const catalogue = new Catalogue();
  for (const crd of store.list(DEFINITIONS_KEY)) catalogue.define(crd);
  store.subscribe((event) => {
    if (event.resource !== DEFINITIONS_KEY) return;
    if (event.type === 'DELETED') catalogue.forget(event.object.metadata.name);
    else catalogue.define(event.object);
  });
  return catalogue;
}

const FIRST_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

async function ensureNamespaces(api: Api): Promise<void> {
  const namespaces = { group: '', plural: 'namespaces' };
  for (const name of FIRST_NAMESPACES) {
    if (api.get(namespaces, undefined, name) === undefined) await api.create(namespaces, { metadata: { name } });
  }
}

async function controllersOf(api: Api, clock: Clock, logger: Logger): Promise<() => Promise<void>> {
  const { startControllers } = await import('./controllers/start.ts');
  return startControllers(api, clock, logger);
}

/** The port of the last run is tried first when none is asked for, so that kubeconfigs stay good over a restart. */
async function listen(server: Server, asked: number | undefined, stateDir: string): Promise<number> {
  if (asked !== undefined && asked !== 0) {
    if (await tryListen(server, asked)) return asked;
    throw new PortTaken(asked);
  }
  const { readFile } = await import('node:fs/promises');
  const path = join(stateDir, 'port');
  const last = Number(await readFile(path, 'utf8').catch(() => '0'));
  if (!(last > 0 && last < 65536 && (await tryListen(server, last)))) await tryListen(server, 0);
  const { port } = server.address() as AddressInfo;
  await writeFile(path, String(port));
  return port;
}

function tryListen(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.removeListener('listening', listening);
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    };
    const listening = () => {
      server.removeListener('error', failed);
      resolve(true);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen(port, '127.0.0.1');
  });
}
