import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../../operator/runtime/connection.ts';

describe('The connection to Kubernetes', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'connection-'));
    writeFileSync(join(folder, 'ca.crt'), 'the ca');
    writeFileSync(join(folder, 'token'), 'pod-token\n');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function kubeconfig(user: object, cluster: object = {}, more: object = {}): string {
    const file = join(folder, `config-${Math.random()}`);
    const value = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443/', ...cluster } }],
      users: [{ name: 'u', user }],
      ...more,
    };
    writeFileSync(file, JSON.stringify(value));
    return file;
  }
  const message = (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (error: unknown) => (error as Error).message,
    );

  it('is read from KUBECONFIG: token, inline CA, certificate files relative to it', async () => {
    const file = kubeconfig(
      { token: 't' },
      { 'certificate-authority-data': Buffer.from('inline').toString('base64'), 'tls-server-name': 'k8s' },
    );
    const { server, options } = await connect({ KUBECONFIG: file });
    expect(server).to.equal('https://127.0.0.1:6443');
    const given = await options();
    expect(given.headers).to.deep.equal({ authorization: 'Bearer t' });
    expect(String(given.ca)).to.equal('inline');
    expect(given.servername).to.equal('k8s');
    const certificate = await connect({
      KUBECONFIG: kubeconfig(
        { 'client-certificate': 'ca.crt', 'client-key-data': 'a2V5' },
        { 'certificate-authority': 'ca.crt', 'insecure-skip-tls-verify': true },
      ),
    });
    const tls = await certificate.options();
    expect([String(tls.ca), String(tls.cert), (tls.key as Buffer).toString(), tls.rejectUnauthorized]).to.deep.equal([
      'the ca',
      'the ca',
      'key',
      false,
    ]);
    const file2 = await connect({ KUBECONFIG: kubeconfig({ tokenFile: 'token' }) });
    expect((await file2.options()).headers).to.deep.equal({ authorization: 'Bearer pod-token' });
    const basic = await connect({ KUBECONFIG: kubeconfig({ username: 'a', password: 'b' }) });
    expect((await basic.options()).headers).to.deep.equal({ authorization: 'Basic YTpi' });
  });

  it('is the pod’s service account where there is no kubeconfig, its token re-read', async () => {
    const { server, options } = await connect(
      { HOME: folder, KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' },
      folder,
    );
    expect(server).to.equal('https://[fd00::1]:443');
    expect((await options()).headers).to.deep.equal({ authorization: 'Bearer pod-token' });
    writeFileSync(join(folder, 'token'), 'rotated');
    expect((await options()).headers).to.deep.equal({ authorization: 'Bearer rotated' });
  });

  it('runs the exec plugin of a kubeconfig that has one', async () => {
    const credential = JSON.stringify({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from-plugin' },
    });
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'echo',
      args: [credential],
      interactiveMode: 'Never',
    };
    const { options } = await connect({ KUBECONFIG: kubeconfig({ exec }) });
    expect(JSON.stringify((await options()).headers)).to.match(/Bearer from-plugin/);
  }).timeout(20_000);

  it('says in a sentence what is missing', async () => {
    expect(await message(connect({ HOME: folder }, join(folder, 'none')))).to.match(
      /^No Kubernetes cluster is configured/,
    );
    expect(await message(connect({ KUBECONFIG: join(folder, 'none') }))).to.match(/cannot be read/);
    expect(await message(connect({ KUBECONFIG: kubeconfig({}, {}, { 'current-context': 'y' }) }))).to.match(
      /no current context/,
    );
  });
});
