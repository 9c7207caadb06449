// kubectl as a client, as people use it: apply, get, watch, wait, diff, describe, explain, delete.
import { expect } from 'chai';
import { makePlayground, type Playground } from './exchange.ts';
import { describeEachServer, findKubectl } from './servers.ts';

if (findKubectl() === undefined) console.error('SKIPPED: kubectl suites; there is no kubectl on PATH');

describeEachServer('kubectl', (server) => {
  let ground: Playground;
  before(async function () {
    if (findKubectl() === undefined) this.skip();
    ground = await makePlayground(server);
  });

  const run = async (args: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await server.kubectl(['-n', ground.namespace, ...args.split(' ')], input);
    expect(code, `kubectl ${args}: ${stderr}`).to.equal(0);
    return stdout;
  };
  const manifest = (size: number) => JSON.stringify(ground.widget('w1', { spec: { size } }));

  it('applies, shows, diffs and applies again', async function () {
    this.timeout(60_000);
    const name = `widget.${ground.group}/w1`;
    expect(await run('apply -f -', manifest(1))).to.equal(`${name} created\n`);
    expect(await run('apply -f -', manifest(1))).to.equal(`${name} unchanged\n`);
    expect(await run(`get widgets.${ground.group}`)).to.match(/^NAME +SIZE\nw1 +1\n$/);
    expect(await run(`get widgets.${ground.group} -o name`)).to.equal(`${name}\n`);
    const diff = await server.kubectl(['-n', ground.namespace, 'diff', '-f', '-'], manifest(2));
    expect(diff.code).to.equal(1);
    expect(diff.stdout)
      .to.match(/^-  size: 1$/m)
      .and.to.match(/^\+  size: 2$/m);
    expect(await run('apply -f -', manifest(2))).to.equal(`${name} configured\n`);
    expect(await run(`get widgets.${ground.group} w1 -o jsonpath={.spec.size}`)).to.equal('2');
  });

  it('refuses a manifest with an unknown field before anything is made', async () => {
    const input = JSON.stringify(ground.widget('bad', { spec: { size: 1, sise: 2 } }));
    const { code, stderr } = await server.kubectl(['-n', ground.namespace, 'apply', '-f', '-'], input);
    expect(code).to.equal(1);
    expect(stderr).to.contain('unknown field "spec.sise"');
  });

  it('waits for a field, describes, explains', async function () {
    this.timeout(60_000);
    const widgets = `widgets.${ground.group}`;
    const waiting = run(`wait --for=jsonpath={.status.phase}=Hot ${widgets}/w1 --timeout=10s`);
    await run(`patch ${widgets} w1 --subresource=status --type=merge -p {"status":{"phase":"Hot"}}`);
    expect(await waiting).to.contain('condition met');
    expect(await run(`describe ${widgets} w1`))
      .to.match(/^Name: +w1$/m)
      .and.to.match(/Phase: +Hot/);
    expect(await run(`explain ${widgets}.spec`)).to.match(/size\s+<integer> -required-/);
    expect(await run(`api-resources --api-group=${ground.group} --no-headers`)).to.match(
      /^widgets +\S+ +true +Widget\n$/,
    );
  });

  it('applies a ConfigMap by a strategic merge, labels and annotates', async function () {
    this.timeout(60_000);
    const map = (data: Record<string, string>) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data });
    await run('apply -f -', map({ a: '1', b: '2' }));
    await run('apply -f -', map({ b: '3', c: '4' }));
    expect(JSON.parse(await run('get cm c -o jsonpath={.data}'))).to.deep.equal({ b: '3', c: '4' });
    await run('label cm c a=b');
    expect(await run('get cm -l a=b -o name')).to.equal('configmap/c\n');
    await run('annotate cm c x=y');
    await run(`patch cm c --type=json -p [{"op":"remove","path":"/data/c"}]`);
    expect(JSON.parse(await run('get cm c -o jsonpath={.data}'))).to.deep.equal({ b: '3' });
    await run('replace -f -', map({ z: '1' }));
    expect(await run('get cm c -o jsonpath={.data.z}')).to.equal('1');
  });

  it('deletes and waits until it is gone', async () => {
    await run('apply -f -', manifest(3));
    expect(await run(`delete widgets.${ground.group} w1`)).to.match(/"w1" deleted/);
    const { code, stderr } = await server.kubectl(['-n', ground.namespace, 'get', `widgets.${ground.group}`, 'w1']);
    expect(code).to.equal(1);
    expect(stderr).to.equal(`Error from server (NotFound): widgets.${ground.group} "w1" not found\n`);
  });
});
