// The border to Kubernetes against the embedded API: refusals in our words, watches, and the ways to find the API server.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { kubernetes, statusError, type KubeObject, type KubernetesError } from '../../../bot/kubernetes/client.ts';
import { connect } from '../../../bot/kubernetes/connection.ts';
import { Watcher } from '../../../bot/kubernetes/watcher.ts';
import { SILENT } from '../../../bot/logging.ts';
import { ConfigurationError } from '../../../cloud/errors.ts';
import { systemClock } from '../../../cloud/clock.ts';
import { BUCKET, Stand } from '../stand.ts';

const thrownBy = async (call: () => Promise<unknown>): Promise<KubernetesError> => {
  try {
    await call();
  } catch (error) {
    return error as KubernetesError;
  }
  throw new Error('nothing was thrown');
};

describe('The Kubernetes API, as the bot sees it', function () {
  this.timeout(20_000);
  let stand: Stand;
  before(async () => {
    stand = await Stand.start();
    await stand.namespace('ml-user-7');
  });
  after(() => stand.close());
  const job = (name: string, spec: object = {}, labels: Record<string, string> = {}) =>
    ({
      apiVersion: 'spotlearn.io/v1alpha1',
      kind: 'TrainingJob',
      metadata: { name, namespace: 'ml-user-7', labels },
      spec: { dataset: { uri: `s3://${BUCKET}/datasets/user_7/x.csv` }, target: 'a', ...spec },
    }) as KubeObject;
  const there = { namespace: 'ml-user-7' };

  it('tells a rule of the schema in its own words', async () => {
    const error = await thrownBy(() => stand.api.create('TrainingJob', job('a', { features: ['a', 'b'] })));
    expect(error.kind).to.equal('Invalid');
    expect(error.causes).to.deep.equal(['features: the target cannot be one of the features']);
    const bad = await thrownBy(() => stand.api.create('TrainingJob', job('a', { placement: 'Moon' })));
    expect(bad.causes.join()).to.contain('placement').and.contain('Moon');
  });

  it('tells what is missing, taken or changed', async () => {
    expect((await thrownBy(() => stand.api.get('TrainingJob', 'none', there))).kind).to.equal('NotFound');
    const made = await stand.api.create('TrainingJob', job('b'));
    expect((await thrownBy(() => stand.api.create('TrainingJob', job('b')))).kind).to.equal('AlreadyExists');
    await stand.api.patch('TrainingJob', 'b', { metadata: { annotations: { x: 'y' } } }, there);
    expect((await thrownBy(() => stand.api.replace('TrainingJob', made))).kind).to.equal('Conflict');
    const other = await thrownBy(() => stand.api.delete('TrainingJob', 'b', there, 'another-uid'));
    expect(other.kind).to.equal('Conflict');
    await stand.api.delete('TrainingJob', 'b', there);
    expect((await thrownBy(() => stand.api.delete('TrainingJob', 'b', there))).kind).to.equal('NotFound');
  });

  it('lists over pages', async () => {
    for (let at = 0; at < 5; at += 1) await stand.api.create('TrainingJob', job(`page-${at}`));
    const listed = await stand.api.list('TrainingJob', { limit: 2 }, there);
    expect(listed.map(({ metadata }) => metadata?.name)).to.include.members(['page-0', 'page-4']);
  });

  it('follows labelled objects through changes, ends and a restart of the server', async () => {
    const seen: string[] = [];
    const watcher = new Watcher({
      kubernetes: stand.api,
      resource: 'TrainingJob',
      labelSelector: 'mine=yes',
      clock: systemClock(),
      logger: SILENT,
      onChange: ({ metadata }) => seen.push(`${metadata?.name} ${metadata?.annotations?.x ?? ''}`.trim()),
      onGone: ({ metadata }) => seen.push(`${metadata?.name} gone`),
    });
    await stand.api.create('TrainingJob', job('w1', {}, { mine: 'yes' }));
    await stand.api.create('TrainingJob', job('w2'));
    watcher.start();
    const until = async (words: string) => {
      for (let tries = 0; !seen.includes(words) && tries < 200; tries += 1) await sleep(20);
      expect(seen).to.include(words);
    };
    await until('w1');
    expect(watcher.synced).to.equal(true);
    await stand.api.patch('TrainingJob', 'w1', { metadata: { annotations: { x: 'changed' } } }, there);
    await until('w1 changed');
    const { port } = stand.cluster;
    await stand.cluster.close();
    const { startKubernetes } = await import('../../../local/kubernetes/server.ts');
    stand.cluster = await startKubernetes({ stateDir: join(stand.folder, 'kubernetes'), port });
    await stand.api.delete('TrainingJob', 'w1', there);
    await until('w1 gone');
    await watcher.stop();
    expect(seen.some((one) => one.startsWith('w2'))).to.equal(false);
  });

  it('is refused without rights', async () => {
    const token = stand.cluster.addToken('nobody');
    const file = join(stand.folder, 'nobody.yaml');
    writeFileSync(file, stand.cluster.kubeconfigFor(token, 'nobody'));
    const api = kubernetes(await connect({ KUBECONFIG: file }));
    expect((await thrownBy(() => api.list('Account'))).kind).to.equal('Forbidden');
    api.close();
  });
});

describe('A watch', () => {
  it('lists again when its version is too old', async () => {
    const lists: string[] = [];
    let watches = 0;
    const watcher = new Watcher({
      kubernetes: {
        page: async () => {
          lists.push('list');
          return { items: [], metadata: { resourceVersion: String(lists.length) } };
        },
        watch: async (_, __, onEvent, { signal }) => {
          watches += 1;
          if (watches === 1) onEvent({ type: 'ERROR', object: { code: 410, reason: 'Expired' } as object });
          await new Promise<void>((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(new Error('stopped'))),
          );
        },
      },
      resource: 'Account',
      clock: systemClock(),
      logger: SILENT,
      onChange: () => undefined,
    });
    watcher.start();
    while (watches < 2) await sleep(5);
    await watcher.stop();
    expect(lists).to.have.length(2);
  });

  it('that falls silent is cut and begun again from where it was', async () => {
    let silence: (() => void) | undefined;
    let watches = 0;
    const versions: unknown[] = [];
    const watcher = new Watcher({
      kubernetes: {
        page: async () => ({ items: [], metadata: { resourceVersion: '5' } }),
        watch: async (_, query, __, { signal }) => {
          watches += 1;
          versions.push(query.resourceVersion);
          await new Promise<void>((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(new Error('cut'))),
          );
        },
      },
      resource: 'Account',
      clock: { now: () => 0, after: (_, run) => ((silence = run), () => undefined) },
      logger: SILENT,
      onChange: () => undefined,
    });
    watcher.start();
    while (watches < 1) await sleep(5);
    silence?.();
    while (watches < 2) await sleep(5);
    await watcher.stop();
    expect(versions).to.deep.equal(['5', '5']);
  });
});

describe('The way to the API server', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bot-kubeconfig-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  const file = (content: string) => {
    const path = join(folder, `config-${(files += 1)}`);
    writeFileSync(path, content);
    return path;
  };
  const config = (user: string, cluster = 'server: "http://127.0.0.1:1/"') =>
    `current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: [{name: k, cluster: {${cluster}}}]\nusers: [{name: u, user: {${user}}}]\n`;

  it('is a kubeconfig with a token, a token file or certificates', async () => {
    const token = await connect({ KUBECONFIG: file(config('token: abc')) });
    expect(token.server).to.equal('http://127.0.0.1:1');
    expect((await token.options()).headers).to.deep.equal({ authorization: 'Bearer abc' });
    writeFileSync(join(folder, 'token'), 'from-file\n');
    const fromFile = await connect({ KUBECONFIG: file(config('tokenFile: token')) });
    expect((await fromFile.options()).headers).to.deep.equal({ authorization: 'Bearer from-file' });
    writeFileSync(join(folder, 'ca.crt'), 'CA');
    const certificates = await connect({
      KUBECONFIG: file(
        config(
          `client-certificate-data: ${Buffer.from('C').toString('base64')}, client-key-data: ${Buffer.from('K').toString('base64')}`,
          'server: "https://h", certificate-authority: ca.crt, tls-server-name: n, insecure-skip-tls-verify: true',
        ),
      ),
    });
    expect(await certificates.options()).to.deep.equal({
      ca: Buffer.from('CA'),
      cert: Buffer.from('C'),
      key: Buffer.from('K'),
      rejectUnauthorized: false,
      servername: 'n',
    });
  });

  it('is the pod’s service account', async () => {
    writeFileSync(join(folder, 'token'), 'pod');
    writeFileSync(join(folder, 'ca.crt'), 'CA');
    const connection = await connect(
      { HOME: folder, KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' },
      folder,
    );
    expect(connection.server).to.equal('https://[fd00::1]:6443');
    expect((await connection.options()).headers).to.deep.equal({ authorization: 'Bearer pod' });
  });

  it('is what client-node makes of an exec plugin or of several files', async () => {
    const path = file(config('username: u, password: p', 'server: "https://127.0.0.1:1/"'));
    expect((await connect({ KUBECONFIG: path })).server).to.equal('https://127.0.0.1:1');
    const saved = process.env.KUBECONFIG;
    process.env.KUBECONFIG = `${path}:${path}x`;
    writeFileSync(`${path}x`, 'users: [{name: other, user: {token: abc}}]\n');
    try {
      const several = await connect({ KUBECONFIG: process.env.KUBECONFIG });
      expect(several.server).to.contain('http');
      await several.options();
    } finally {
      if (saved === undefined) delete process.env.KUBECONFIG;
      else process.env.KUBECONFIG = saved;
    }
  }).timeout(10_000);

  it('is said to be missing or unreadable in one sentence', async () => {
    for (const [environment, words] of [
      [{ HOME: folder }, 'No Kubernetes cluster is configured'],
      [{ KUBECONFIG: join(folder, 'none') }, 'cannot be read'],
      [{ KUBECONFIG: file('a: [') }, 'cannot be read'],
      [{ KUBECONFIG: file('') }, 'no current context'],
    ] as const) {
      const error = await connect(environment, join(folder, 'none')).catch((thrown: unknown) => thrown);
      expect(error).to.be.an.instanceOf(ConfigurationError);
      expect(String(error)).to.contain(words);
    }
  });
});

describe('An API server that does not answer', () => {
  it('is unreachable: refused, silent, or cut in the middle', async () => {
    const server = createServer((request, response) => {
      if (request.url?.includes('silent')) return;
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
      setTimeout(() => response.destroy(), 10);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const api = kubernetes({ server: url, options: async () => ({}) }, { timeoutMs: 50 });
    for (const name of ['silent', 'cut']) {
      const error = await thrownBy(() => api.get('Account', name));
      expect(error.kind).to.equal('Unreachable');
      expect(error.transient).to.equal(true);
    }
    const watch = await thrownBy(() =>
      api.watch('Account', {}, () => undefined, { signal: new AbortController().signal }),
    );
    expect(watch.kind).to.equal('Unreachable');
    api.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('has its refusals named', () => {
    const kinds = [
      [401, 'Forbidden'],
      [410, 'Gone'],
      [422, 'Invalid'],
      [429, 'Throttled'],
      [503, 'Server'],
    ] as const;
    for (const [code, kind] of kinds) expect(statusError({ code }).kind).to.equal(kind);
    expect(statusError({}).message).to.equal('the API server answered 500');
  });
});
