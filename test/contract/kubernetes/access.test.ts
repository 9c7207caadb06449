// `npm run kubeconfig` on every Kubernetes API there is: what it prints sees one namespace and nothing else, by requests and by kubectl.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parse, parseAllDocuments } from 'yaml';
import { namespaceOf } from '../../../crds/objects.ts';
import type { Account } from '../../../crds/crds.generated.ts';
import { ownedBy } from '../../../operator/accounts/namespace.ts';
import { allowed, forbidden, send, training, type Request } from '../../isolation/rights.ts';
import { describeEachServer, eventually, findKubectl } from './servers.ts';

const CRDS = new URL('../../../crds/', import.meta.url);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OURS = '/apis/spotlearn.io/v1alpha1';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (program: string, args: readonly string[], input = ''): Promise<Ran> =>
  new Promise((resolve) => {
    const child = execFile(program, args, { cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end(input);
  });

describeEachServer('A user’s kubeconfig', (server) => {
  const [own, other] = ['1', '2'].map((last) => `${70_000 + Math.floor(Math.random() * 9_000)}${last}`) as [
    string,
    string,
  ];
  const folder = mkdtempSync(join(tmpdir(), 'spotlearn-access-'));
  const kubeconfig = (...args: string[]) =>
    run(process.execPath, ['local/access/main.ts', '--kubeconfig', server.kubeconfig, ...args]);
  let token = '';

  const ask = (one: Request) => send({ url: server.url, ca: server.ca, token }, one);

  before(async () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    for (const file of readdirSync(CRDS).filter((name) => name.endsWith('.yaml') && name !== 'rbac.yaml'))
      for (const document of parseAllDocuments(readFileSync(new URL(file, CRDS), 'utf8')))
        await server.call('POST', definitions, document.toJS());
    await eventually('the definitions are served', async () =>
      (await server.call('GET', `${OURS}/accounts`)).status === 200 ? true : undefined,
    );
    for (const userId of [own, other]) await account(userId);
    await server.call('POST', `${OURS}/namespaces/${namespaceOf(other)}/trainingjobs`, training('theirs', other));
  });
  after(async () => {
    for (const userId of [own, other]) {
      await server.call('DELETE', `${OURS}/accounts/user-${userId}`);
      await server.call('DELETE', `/api/v1/namespaces/${namespaceOf(userId)}`);
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** With what the operator makes of it. */
  async function account(userId: string): Promise<void> {
    const object = {
      apiVersion: 'spotlearn.io/v1alpha1',
      kind: 'Account',
      metadata: { name: `user-${userId}` },
      spec: { userId },
    };
    const made = (await server.call('POST', `${OURS}/accounts`, object)).body as Account;
    for (const { resource, object } of ownedBy(made, 'spotlearn')) {
      const base = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
      const place = resource.namespaced ? `/namespaces/${namespaceOf(userId)}` : '';
      const { status, body } = await server.call('POST', `${base}${place}/${resource.plural}`, object);
      expect(status, JSON.stringify(body)).to.equal(201);
    }
    const ready = { status: { namespace: namespaceOf(userId) } };
    await server.call('PATCH', `${OURS}/accounts/user-${userId}/status`, ready, 'application/merge-patch+json');
  }

  it('is printed with the address, the authority, a token and the namespace', async () => {
    const { code, stdout, stderr } = await kubeconfig(`ml-user-${own}`, '--hours', '2');
    expect([code, stderr.slice(0, 20)]).to.deep.equal([0, 'It is valid until 20']);
    const until = Date.parse(/until (\S+);/.exec(stderr)?.[1] ?? '');
    expect(until).to.be.closeTo(Date.now() + 2 * 3_600_000, 120_000);
    const read = parse(stdout) as {
      clusters: { cluster: object }[];
      contexts: unknown[];
      users: { user: { token: string } }[];
    };
    const name = `spotlearn-${own}`;
    expect(read).to.deep.include({
      'current-context': name,
      contexts: [{ name, context: { cluster: name, user: name, namespace: namespaceOf(own) } }],
    });
    expect(read.clusters[0]?.cluster).to.deep.equal({
      server: server.url,
      'certificate-authority-data': Buffer.from(server.ca).toString('base64'),
    });
    token = read.users[0]?.user.token ?? '';
    expect(stdout).not.to.contain(server.token);
    await eventually('the rights are known', async () =>
      (await ask({ what: '', method: 'GET', path: `${OURS}/namespaces/${namespaceOf(own)}/trainingjobs`, code: 200 }))
        .status === 200
        ? true
        : undefined,
    );
  });

  for (const { what } of allowed('1'))
    it(what, async () => {
      const one = allowed(own).find((request) => request.what === what) as Request;
      const { status, body } = await ask(one);
      expect(status, JSON.stringify(body)).to.equal(one.code);
    });

  for (const { what } of forbidden('1', '2', 'theirs'))
    it(`refuses whoever ${what}`, async () => {
      const one = forbidden(own, other, 'theirs').find((request) => request.what === what) as Request;
      const { status, body } = await ask(one);
      expect(status, JSON.stringify(body)).to.equal(one.code);
    });

  it('drops a status that comes with a new object', async () => {
    const forged = { status: { phase: 'Succeeded', origin: { uid: 'theirs', createdAt: '2026-01-01T00:00:00Z' } } };
    const path = `${OURS}/namespaces/${namespaceOf(own)}/trainingjobs`;
    const made = await ask({ what: '', method: 'POST', path, body: training('forged', own, forged), code: 201 });
    expect(made.status).to.equal(201);
    expect(made.body).not.to.have.property('status');
    const put = { ...made.body, ...forged };
    const replaced = await ask({ what: '', method: 'PUT', path: `${path}/forged`, body: put, code: 200 });
    expect(replaced.status).to.equal(200);
    expect(replaced.body).not.to.have.property('status');
  });

  it('works with kubectl in the own namespace by default, and nowhere else', async function () {
    const program = findKubectl();
    if (program === undefined) {
      console.error('SKIPPED: kubectl is neither in KUBEBUILDER_ASSETS nor on PATH');
      this.skip();
    }
    const file = join(folder, `${server.kind}.yaml`);
    const { stderr } = await kubeconfig(own, '--out', file);
    expect(stderr).to.match(/is valid until/);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    const kubectl = (args: string[], input?: string) =>
      run(program, ['--kubeconfig', file, '--cache-dir', join(folder, 'cache'), ...args], input);
    const applied = await kubectl(['apply', '-f', '-'], JSON.stringify(training('by-kubectl', own)));
    expect(applied.stdout).to.equal('trainingjob.spotlearn.io/by-kubectl created\n');
    expect((await kubectl(['get', 'tj', '-o', 'name'])).stdout).to.contain('trainingjob.spotlearn.io/by-kubectl');
    expect((await kubectl(['get', 'tj', '-n', namespaceOf(other)])).stderr).to.contain('(Forbidden)');
    expect((await kubectl(['get', 'tj', '-A'])).stderr).to.contain('(Forbidden)');
    expect((await kubectl(['get', 'secrets'])).stderr).to.contain('(Forbidden)');
    expect((await kubectl(['get', 'tj', '--as', 'admin'])).stderr).to.contain('cannot impersonate');
    // `kubectl auth can-i` sends protobuf, which the embedded API leaves out.
    if (server.kind === 'real') {
      expect((await kubectl(['auth', 'can-i', 'create', 'tj'])).stdout).to.equal('yes\n');
      expect((await kubectl(['auth', 'can-i', 'patch', 'tj', '--subresource=status'])).stdout).to.equal('no\n');
    }
    expect((await kubectl(['delete', 'tj', 'by-kubectl'])).code).to.equal(0);
  });

  it('is not written over a file that is there, and ends with its service account', async () => {
    const file = join(folder, `${server.kind}-kept.yaml`);
    writeFileSync(file, 'mine', { mode: 0o644 });
    const refused = await kubeconfig(own, '--out', file);
    expect([refused.code, refused.stderr]).to.deep.equal([1, `${file} is there already; --force writes over it.\n`]);
    expect(readFileSync(file, 'utf8')).to.equal('mine');
    expect((await kubeconfig(own, '--out', file, '--force')).code).to.equal(0);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    const { users } = parse(readFileSync(file, 'utf8')) as { users: { user: { token: string } }[] };
    const list = { what: '', method: 'GET', path: `${OURS}/namespaces/${namespaceOf(own)}/trainingjobs`, code: 200 };
    const asked = () => ask({ ...list, token: users[0]?.user.token ?? '' });
    expect((await asked()).status).to.equal(200);
    await server.call('DELETE', `/api/v1/namespaces/${namespaceOf(own)}/serviceaccounts/spotlearn-user`);
    await eventually('the token is known no more', async () => ((await asked()).status === 401 ? true : undefined));
    const gone = await kubeconfig(own);
    expect([gone.code, gone.stderr]).to.deep.equal([
      1,
      `There is no ServiceAccount spotlearn-user in ${namespaceOf(own)} yet; the operator makes it within the hour, at once when it is started anew.\n`,
    ]);
  });

  it('says what is missing', async () => {
    const nobody = await kubeconfig('99');
    expect([nobody.code, nobody.stderr]).to.deep.equal([
      1,
      'There is no account user-99 on this cluster; kubectl get accounts shows those there are.\n',
    ]);
  });
});
