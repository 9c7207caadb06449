// The starter on a machine that is not as one would wish: its ports are taken, its disk is full.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { KubeClient } from '../../local/kubernetes/kubelet/client.ts';
import { Start } from './command.ts';
import { Person } from './person.ts';
import { connectionOf, exportsOf, refusal, stateFolder } from './stack.ts';
import * as tables from './tables.ts';

const BUCKET = 'spotlearn-000000000000-eu-central-1';
const root = fileURLToPath(new URL('../../', import.meta.url));

/** A server on a port of its own, as another program would have. */
async function occupied(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port };
}

describe('Taken ports', function () {
  this.timeout(150_000);
  const servers: Server[] = [];
  const taken = async (): Promise<number> => {
    const { server, port } = await occupied();
    servers.push(server);
    return port;
  };
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('npm start finds free ones when those of the last run are taken', async () => {
    const state = stateFolder();
    const ports: Record<string, number> = {};
    for (const program of ['aws', 'telegram', 'kubernetes', 'operator', 'bot']) ports[program] = await taken();
    writeFileSync(join(state, 'ports.json'), JSON.stringify(ports));
    const run = new Start(['--idle'], state);
    try {
      await run.printed('Everything stays up');
      const now = JSON.parse(readFileSync(join(state, 'ports.json'), 'utf8')) as Record<string, number>;
      for (const [program, port] of Object.entries(ports)) expect(now[program]).to.be.above(0).and.not.equal(port);
      run.child.kill('SIGTERM');
      expect((await run.ended).code).to.equal(0);
    } finally {
      run.forget();
    }
  });

  for (const program of ['aws', 'telegram', 'kubernetes'])
    it(`local/${program} says that its port is taken, and ends`, async () => {
      const state = stateFolder();
      const port = await taken();
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [`local/${program}/main.ts`, '--state', join(state, program), '--port', String(port)],
        { cwd: root, encoding: 'utf8', timeout: 20_000 },
      );
      rmSync(state, { recursive: true, force: true });
      expect(status).to.be.above(0);
      expect(stdout).to.equal('');
      expect(stderr)
        .to.include(String(port))
        .and.match(/in use|taken/i);
    });
});

/** A small disk of its own: another mount namespace, in which the state folder is a tmpfs. */
const MOUNT = 'mount -t tmpfs -o size=400m none "$1"';
const canMount = spawnSync('unshare', ['-Urm', 'sh', '-c', MOUNT, 'sh', tmpdir()]).status === 0;
if (!canMount) console.error('SKIPPED: the whole stack on a full disk; it needs unshare(1) and user namespaces');

describe('A full disk', function () {
  this.timeout(150_000);
  let run: Start;
  /** The state folder as the stack sees it. */
  let state: string;
  let filler: string;
  let api: KubeClient;
  let person: Person;

  before(async function () {
    if (!canMount) this.skip();
    const folder = stateFolder();
    const script = `${MOUNT} && ln -s "$2" "$1/artefacts" && shift 2 && exec "$@"`;
    const artefacts = realpathSync(join(folder, 'artefacts'));
    run = new Start(['--idle'], folder, ['unshare', '-Urm', 'sh', '-c', script, 'sh', folder, artefacts]);
    await run.printed('Everything stays up');
    state = `/proc/${run.child.pid}/root${folder}`;
    filler = join(state, 'filler');
    const kubeconfig = readFileSync(join(state, 'env'), 'utf8').match(/KUBECONFIG='(.*)'/)?.[1] ?? '';
    api = await KubeClient.fromKubeconfig(kubeconfig.replace(folder, state));
  });
  after(async function () {
    this.timeout(30_000);
    person?.close();
    api?.close();
    if (!run) return;
    run.child.kill('SIGTERM');
    await run.ended;
    run.forget();
  });

  /** Programs of the stack, without the short-lived. */
  const programs = (): number[] => run.left().filter((pid) => /main\.mjs|main\.ts/.test(commandOf(pid)));
  const write = (name: string) =>
    api.call('POST', '/api/v1/namespaces/default/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { text: 'x'.repeat(100_000) },
    });

  it('crashes nothing, is said to whoever writes, loses nothing, and work goes on when there is room again', async () => {
    const { TELEGRAM_API_ROOT: telegram = '' } = exportsOf(join(state, 'env'));
    person = await Person.connect(telegram, 7001, 'Hal');
    await person.say('/start', 'Welcome');
    await person.toData();
    await write('before');
    const before = programs();
    expect(before.length).to.be.above(4);

    fill(filler);
    const refused = await refusal(write('full'));
    expect(refused.code).to.be.within(500, 599);
    expect(refused.message).to.match(/disk is full/);
    const s3 = new S3Client({ ...connectionOf(join(state, 'env')), forcePathStyle: true, maxAttempts: 1 });
    const put = new PutObjectCommand({
      Bucket: BUCKET,
      Key: 'datasets/user_7001/a.csv',
      Body: Buffer.alloc(100_000, 'x'),
    });
    const stored = await s3.send(put).then(
      () => 'stored',
      (error: Error) => error.name,
    );
    expect(stored).to.match(/InternalError|ServiceUnavailable|SlowDown/);
    const sent = await person.user.upload({ name: 'big.csv', data: 'x'.repeat(100_000) }).then(
      () => 'sent',
      (error: Error) => error.message,
    );
    expect(sent).to.match(/disk|full|space/i);
    expect((await api.call('GET', '/api/v1/namespaces/default/configmaps/before')).metadata.name).to.equal('before');

    rmSync(filler);
    await write('after');
    await person.upload('table.csv', tables.plain(), 'Which column');
    await person.trainOn(tables.TARGET, 'Logistic regression');
    await person.reads('Model ready', 60_000);
    expect(programs()).to.deep.equal(before);
  });
});

function fill(path: string): void {
  const file = openSync(path, 'w');
  for (const bytes of [1 << 20, 4096, 1]) {
    const block = Buffer.alloc(bytes);
    try {
      for (;;) writeSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(file);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
