// Runs one contract suite against every Kubernetes API there is: the embedded server always, and the real
// etcd + kube-apiserver + controller manager when KUBEBUILDER_ASSETS names their folder (the envtest convention).
// Each is started once in a test process, by the first suite that needs it, and shared: use own namespaces and names.
import { execFile, execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LeashedProcess, spawnLeashed } from '../../../local/process/leash.ts';

export interface Answer {
  readonly status: number;
  /** Parsed JSON, or text; tests look into it freely. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

/** A running Kubernetes API; the fields may be read from `before` hooks on, not while suites are being declared. */
export interface ContractServer {
  readonly kind: 'embedded' | 'real';
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
  /** Path of a kubeconfig with the cluster administrator's token. */
  readonly kubeconfig: string;
  /** One JSON request; `body` is sent as `type` (default application/json). */
  call(method: string, path: string, body?: unknown, type?: string): Promise<Answer>;
  /** Runs kubectl to its end; never throws on a non-zero exit. */
  kubectl(args: readonly string[], input?: string): Promise<{ code: number; stdout: string; stderr: string }>;
}

export interface ContractOptions {
  /** Start the controller manager too (Jobs, garbage collection, namespace deletion); default false. */
  readonly controllers?: boolean;
}

interface Started {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
  readonly kubeconfig: string;
}

const ASSETS = process.env.KUBEBUILDER_ASSETS;
const REAL_START_MS = 60_000;
const closers: (() => Promise<void>)[] = [];
const shared = new Map<string, Promise<Started>>();

if (ASSETS === undefined) {
  console.error(
    'SKIPPED: contract suites against the real kube-apiserver; set KUBEBUILDER_ASSETS to a folder with it and etcd',
  );
}
after('stop the Kubernetes APIs', async function () {
  this.timeout(30_000);
  while (closers.length > 0) await closers.pop()?.();
});

/** Declares `suite` once for each server that is available. */
export function describeEachServer(
  title: string,
  suite: (server: ContractServer) => void,
  options: ContractOptions = {},
): void {
  const kinds: ContractServer['kind'][] = ASSETS === undefined ? ['embedded'] : ['embedded', 'real'];
  for (const kind of kinds) {
    describe(`${title}, on the ${kind === 'real' ? 'real' : 'embedded'} API`, function () {
      this.timeout(30_000);
      const server = new SharedServer(kind);
      before(async function () {
        this.timeout(REAL_START_MS);
        await server.start(options);
      });
      suite(server);
    });
  }
}

/** A name nobody else uses: shared servers keep what other suites made. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${Math.random().toString(36).slice(2, 8)}`;
}

/** Repeats until `probe` returns something other than undefined; throws after `withinMs`. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await sleep(100);
  }
}

class SharedServer implements ContractServer {
  readonly kind: 'embedded' | 'real';
  #started: Started | undefined;

  constructor(kind: 'embedded' | 'real') {
    this.kind = kind;
  }

  async start(options: ContractOptions): Promise<void> {
    this.#started = await once(this.kind, this.kind === 'real' ? startReal : startEmbedded);
    if (options.controllers && this.kind === 'real') await once('controllers', () => startControllerManager());
  }

  get #server(): Started {
    if (this.#started === undefined) throw new Error('The server is only there within hooks and tests');
    return this.#started;
  }

  get url(): string {
    return this.#server.url;
  }

  get ca(): string {
    return this.#server.ca;
  }

  get token(): string {
    return this.#server.token;
  }

  get kubeconfig(): string {
    return this.#server.kubeconfig;
  }

  call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
    return callJson(this.#server, method, path, body, type);
  }

  kubectl(args: readonly string[], input?: string): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const all = [
        '--kubeconfig',
        this.kubeconfig,
        '--cache-dir',
        join(this.kubeconfig, '..', 'kubectl-cache'),
        ...args,
      ];
      const child = execFile(kubectlPath(), all, { maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
      });
      child.stdin?.end(input ?? '');
    });
  }
}

/** The kubectl of the assets, else the one on PATH, else undefined (then say so and skip). */
export function findKubectl(): string | undefined {
  if (ASSETS !== undefined) return join(ASSETS, 'kubectl');
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v kubectl'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

function kubectlPath(): string {
  const path = findKubectl();
  if (path === undefined) throw new Error('kubectl is neither in KUBEBUILDER_ASSETS nor on PATH');
  return path;
}

function once(key: string, start: () => Promise<Started>): Promise<Started> {
  let promise = shared.get(key);
  if (promise === undefined) {
    promise = start();
    shared.set(key, promise);
  }
  return promise;
}

async function startEmbedded(): Promise<Started> {
  const folder = temporaryFolder();
  const { startKubernetes } = await import('../../../local/kubernetes/server.ts');
  const server = await startKubernetes({ stateDir: folder });
  closers.push(() => server.close());
  return { url: server.url, ca: server.caPem, token: server.adminToken, kubeconfig: server.kubeconfigPath };
}

const real = { folder: '', apiCertificate: '' };

async function startReal(): Promise<Started> {
  const folder = temporaryFolder();
  real.folder = folder;
  const [clientPort, peerPort, port] = await freePorts(3);
  const etcd = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const token = 'admin-token';
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`);
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(join(folder, 'sa.pub'), keys.publicKey);
  writeFileSync(join(folder, 'sa.key'), keys.privateKey);
  startAsset('etcd', folder, {
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': etcd,
    'advertise-client-urls': etcd,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    'unsafe-no-fsync': 'true',
  });
  const api = startAsset('kube-apiserver', folder, {
    'etcd-servers': etcd,
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(port),
    'cert-dir': join(folder, 'certs'),
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': join(folder, 'sa.pub'),
    'service-account-signing-key-file': join(folder, 'sa.key'),
    'token-auth-file': join(folder, 'tokens.csv'),
    'authorization-mode': 'RBAC',
    'disable-admission-plugins': 'ServiceAccount',
    'service-cluster-ip-range': '10.0.0.0/24',
    'endpoint-reconciler-type': 'none',
  });
  const url = `https://127.0.0.1:${port}`;
  real.apiCertificate = join(folder, 'certs', 'apiserver.crt');
  const started = await eventually(
    `kube-apiserver ready (see ${folder}/kube-apiserver.log)`,
    async () => {
      if (api.exit !== undefined)
        throw new Error(`kube-apiserver exited: ${lastLines(join(folder, 'kube-apiserver.log'))}`);
      try {
        const candidate = {
          url,
          ca: readFileSync(real.apiCertificate, 'utf8'),
          token,
          kubeconfig: join(folder, 'kubeconfig'),
        };
        const ready = await callJson(candidate, 'GET', '/readyz');
        const namespace = await callJson(candidate, 'GET', '/api/v1/namespaces/default');
        return ready.status === 200 && namespace.status === 200 ? candidate : undefined;
      } catch {
        return undefined;
      }
    },
    REAL_START_MS,
  );
  writeFileSync(started.kubeconfig, kubeconfig(started), { mode: 0o600 });
  return started;
}

async function startControllerManager(): Promise<Started> {
  const started = await once('real', startReal);
  const [port] = await freePorts(1);
  startAsset('kube-controller-manager', real.folder, {
    kubeconfig: started.kubeconfig,
    'authentication-kubeconfig': started.kubeconfig,
    'authorization-kubeconfig': started.kubeconfig,
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    'cert-dir': join(real.folder, 'kcm'),
    'service-account-private-key-file': join(real.folder, 'sa.key'),
    'root-ca-file': real.apiCertificate,
  });
  return started;
}

function startAsset(name: string, folder: string, flags: Record<string, string>): LeashedProcess {
  const log = { append: join(folder, `${name}.log`) };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  const child = spawnLeashed(join(ASSETS ?? '', name), args, { stdout: log, stderr: log, cwd: folder });
  closers.push(async () => {
    await child.terminate(5000);
  });
  return child;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-contract-'));
  mkdirSync(folder, { recursive: true });
  // Pushed first, so it runs last: closers are popped.
  closers.push(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-5).join('\n');
}

function kubeconfig(server: Started): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'contract',
        cluster: { server: server.url, 'certificate-authority-data': Buffer.from(server.ca).toString('base64') },
      },
    ],
    users: [{ name: 'admin', user: { token: server.token } }],
    contexts: [{ name: 'contract', context: { cluster: 'contract', user: 'admin' } }],
    'current-context': 'contract',
  });
}

function callJson(
  server: Started,
  method: string,
  path: string,
  body?: unknown,
  type = 'application/json',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { authorization: `Bearer ${server.token}`, accept: 'application/json' };
    const sentText = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    if (sentText !== undefined) {
      headers['content-type'] = type;
      // Node sends a DELETE's body without its length unless told.
      headers['content-length'] = String(Buffer.byteLength(sentText));
    }
    const sent = request(new URL(path, server.url), { method, headers, ca: server.ca, timeout: 20_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        let parsed: unknown = text;
        try {
          parsed = JSON.parse(text);
        } catch {
          // Plain text, as of /readyz.
        }
        resolve({ status: response.statusCode ?? 0, body: parsed });
      });
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error(`No answer within 20 s: ${method} ${path}`)));
    sent.on('error', reject);
    sent.end(sentText);
  });
}
