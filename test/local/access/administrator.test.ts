import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { administratorOf } from '../../../local/access/administrator.ts';
import { StartFailure } from '../../../local/stack/failure.ts';

const CA = Buffer.from('the authority').toString('base64');

describe('The administrator of npm run kubeconfig', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'spotlearn-administrator-'));
    writeFileSync(join(folder, 'ca.crt'), 'the authority');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, ...clusters: object[]): string => {
    const file = join(folder, name);
    const entries = clusters.map((cluster, at) => ({ name: `c${at}`, cluster }));
    const contexts = clusters.map((_, at) => ({ name: `c${at}`, context: { cluster: `c${at}`, user: 'admin' } }));
    const users = [{ name: 'admin', user: { token: 'admin-token' } }];
    writeFileSync(
      file,
      stringify({ clusters: entries, contexts, users, ...(clusters[0] ? { 'current-context': 'c0' } : {}) }),
    );
    return file;
  };
  const of = (kubeconfig: string | undefined, context?: string, environment: Record<string, string> = {}) =>
    administratorOf({ kubeconfig, context }, environment);
  const refusal = (work: () => unknown): string => {
    try {
      work();
      return 'none';
    } catch (error) {
      if (!(error instanceof StartFailure)) throw error;
      return error.message;
    }
  };

  it('has the address and the authority go on, and what else tells the server, but nothing of who is asking', async () => {
    const plain = of(write('plain', { server: 'https://a:6443/', 'certificate-authority-data': CA }));
    expect(plain.cluster).to.deep.equal({ server: 'https://a:6443', 'certificate-authority-data': CA });
    expect(plain.connection.server).to.equal('https://a:6443');
    expect((await plain.connection.options()).headers).to.deep.equal({ Authorization: 'Bearer admin-token' });
    const file = of(write('file', { server: 'https://b', 'certificate-authority': join(folder, 'ca.crt') }));
    expect(file.cluster).to.deep.equal({ server: 'https://b', 'certificate-authority-data': CA });
    const odd = { 'insecure-skip-tls-verify': true, 'tls-server-name': 'api', 'proxy-url': 'http://proxy' };
    expect(of(write('odd', { server: 'https://c', ...odd })).cluster).to.deep.equal({ server: 'https://c', ...odd });
  });

  it('is of the context that is named, else of the current one', () => {
    const file = write('two', { server: 'https://a' }, { server: 'https://b' });
    expect(of(file).cluster.server).to.equal('https://a');
    expect(of(file, 'c1').cluster.server).to.equal('https://b');
    expect(refusal(() => of(file, 'c7'))).to.equal('The kubeconfig has no context c7; there are: c0, c1.');
    expect(refusal(() => of(write('none')))).to.equal(
      'The kubeconfig has no current context with a cluster; there are: none.',
    );
  });

  it('is found where kubectl finds it', () => {
    mkdirSync(join(folder, '.kube'));
    writeFileSync(join(folder, '.kube', 'config'), '{}');
    const home = { HOME: folder };
    expect(refusal(() => of(undefined, undefined, home))).to.contain('no current context');
    expect(refusal(() => of(undefined, undefined, { HOME: join(folder, 'nowhere') }))).to.match(
      /^There is no kubeconfig .*nowhere\/\.kube\/config\. Name an administrator's with --kubeconfig FILE or KUBECONFIG/,
    );
    writeFileSync(join(folder, 'broken'), '{');
    expect(refusal(() => of(join(folder, 'broken')))).to.match(/^The kubeconfig cannot be read: /);
  });
});
