// What a process that dies, a disk that fills up, a port or a folder that is taken do to the embedded API.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Failed, isProgram, type Program, startProgram } from './program.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describe('The embedded Kubernetes API as a process', function () {
  this.timeout(60_000);
  let folder: string;
  const running: Program[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kubernetes-'));
  });

  afterEach(async () => {
    for (const program of running.splice(0)) {
      program.child.kill('SIGKILL');
      await program.exited;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(args: readonly string[] = [], shell = ''): Promise<Program> {
    const started = await startProgram(folder, args, shell);
    if (!isProgram(started)) throw new Error(started.stderr);
    running.push(started);
    return started;
  }

  it('loses no acknowledged write when it is killed under load', async () => {
    const first = await start();
    const acknowledged = new Map<string, string>();
    let dead = false;
    const client = async (id: number) => {
      for (let n = 0; !dead; n++) {
        const name = `c${id}-${n}`;
        try {
          const { status, body } = await first.call('POST', CONFIG_MAPS, {
            metadata: { name },
            data: { n: String(n) },
          });
          if (status === 201) acknowledged.set(name, (body['metadata'] as { uid: string }).uid);
        } catch {
          return;
        }
      }
    };
    const clients = Array.from({ length: 8 }, (_, id) => client(id));
    while (acknowledged.size < 400) await new Promise((done) => setTimeout(done, 10));
    first.child.kill('SIGKILL');
    await first.exited;
    dead = true;
    await Promise.all(clients);
    const second = await start();
    expect(second.url).to.equal(first.url);
    const { body } = await second.call('GET', CONFIG_MAPS);
    const found = new Map(
      (body['items'] as { metadata: { name: string; uid: string } }[]).map(({ metadata }) => [
        metadata.name,
        metadata.uid,
      ]),
    );
    for (const [name, uid] of acknowledged) expect(found.get(name), name).to.equal(uid);
    // At most what the eight clients were waiting for.
    expect(found.size - acknowledged.size).to.be.within(0, 8);
  });

  it('refuses writes on a full disk with a Status, keeps nothing of them, and goes on afterwards', async () => {
    // A limit on the size of files stands for the disk; the units are 512 bytes (dash) or 1024 (bash).
    const program = await start([], "trap '' XFSZ; ulimit -f 600;");
    let refused: { status: number; body: Record<string, unknown> } | undefined;
    const kept: string[] = [];
    for (let n = 0; n < 100 && refused === undefined; n++) {
      const answer = await program.call('POST', CONFIG_MAPS, {
        metadata: { name: `big-${n}` },
        data: { x: 'x'.repeat(20_000) },
      });
      if (answer.status === 201) kept.push(`big-${n}`);
      else refused = answer;
    }
    expect(refused?.status).to.equal(500);
    expect(refused?.body['message']).to.equal('Internal error occurred: the disk is full; nothing was written');
    const small = await program.call('POST', CONFIG_MAPS, { metadata: { name: 'small' } });
    expect(small.status).to.equal(201);
    const list = await program.call('GET', CONFIG_MAPS);
    const names = (body: Record<string, unknown>) =>
      (body['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name).sort();
    expect(names(list.body)).to.deep.equal([...kept, 'small'].sort());
    program.child.kill('SIGKILL');
    await program.exited;
    const again = await start();
    expect(names((await again.call('GET', CONFIG_MAPS)).body)).to.deep.equal([...kept, 'small'].sort());
    expect(readdirSync(join(folder, 'store')).filter((name) => name.endsWith('.torn'))).to.deep.equal([]);
  });

  it('stops in order when told to, and comes back on the same port with the same token', async () => {
    const first = await start();
    await first.call('POST', CONFIG_MAPS, { metadata: { name: 'stays' } });
    first.child.kill('SIGTERM');
    expect(await first.exited).to.equal(0);
    const second = await start();
    expect([second.url, second.token]).to.deep.equal([first.url, first.token]);
    expect((await second.call('GET', `${CONFIG_MAPS}/stays`)).status).to.equal(200);
  });

  it('says in one sentence that the port asked for is taken', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { port } = other.address() as AddressInfo;
    try {
      const failed = (await startProgram(folder, ['--port', String(port)])) as Failed;
      expect(failed.code).to.equal(1);
      expect(failed.stderr).to.match(new RegExp(`^Port ${port} on 127.0.0.1 is taken by another program; [^\\n]*\\n$`));
    } finally {
      other.close();
    }
  });

  it('lets one process only into its folder', async () => {
    await start();
    const failed = (await startProgram(folder)) as Failed;
    expect(failed.code).to.equal(1);
    expect(failed.stderr).to.match(/^The folder .* is in use by another process; [^\n]*\n$/);
  });

  it('explains how it is called', async () => {
    const failed = (await startProgram(folder, ['--port', 'x'])) as Failed;
    expect(failed.code).to.equal(1);
    expect(failed.stderr).to.equal('--port must be a number from 0 to 65535, not "x".\n');
  });
});
