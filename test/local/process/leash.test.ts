// The leash must hold in the one case no exit handler sees: kill -9 of the starter.
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnLeashed } from '../../../local/process/leash.ts';

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  let all = '';
  for await (const chunk of stream ?? []) all += String(chunk);
  return all;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A killed process may stay a zombie for a moment; "gone" is: no longer running. */
async function gone(pid: number, withinMs = 5000): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (Date.now() < end) {
    if (!runs(pid)) return true;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    if (/\) Z/.test(stat)) return true;
    await sleep(20);
  }
  return false;
}

describe('a leashed process', () => {
  it('passes arguments as they are and hands back output and exit code', async () => {
    const child = spawnLeashed('/bin/sh', ['-c', 'printf "%s|" "$@"; exit 7', 'x', 'a b', '$HOME', "it's"], {
      stdout: 'pipe',
    });
    expect(await text(child.stdout)).to.equal("a b|$HOME|it's|");
    expect(await child.exited).to.deep.equal({ code: 7, signal: null });
    expect(child.exit).to.deep.equal({ code: 7, signal: null });
  });

  it('reports the very signal that ended it, and its own pid', async () => {
    const child = spawnLeashed('/bin/sh', ['-c', 'echo $$; kill -KILL $$'], { stdout: 'pipe' });
    expect(Number(await text(child.stdout))).to.equal(child.pid);
    expect(await child.exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
  });

  it('says 127 for a command that is not there', async () => {
    const child = spawnLeashed('/no/such/command', [], { stderr: 'pipe' });
    expect(await text(child.stderr)).to.contain('not found');
    expect((await child.exited).code).to.equal(127);
  });

  it('uses the given environment and folder, and appends to a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leash-'));
    try {
      for (const word of ['one', 'two']) {
        const env = { PATH: process.env.PATH, WORD: word };
        const script = 'echo "$WORD $(pwd) ${HOME-none}"';
        await spawnLeashed('/bin/sh', ['-c', script], { env, cwd: folder, stdout: { append: join(folder, 'log') } })
          .exited;
      }
      expect(await readFile(join(folder, 'log'), 'utf8')).to.equal(`one ${folder} none\ntwo ${folder} none\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is asked to end by SIGTERM first', async () => {
    const script = 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.02; done';
    const child = spawnLeashed('/bin/sh', ['-c', script], { stdout: 'pipe' });
    const lines = text(child.stdout);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    expect(await child.terminate(5000)).to.deep.equal({ code: 3, signal: null });
    expect(await lines).to.contain('bye');
  });

  it('is killed with its children when it ignores SIGTERM', async () => {
    const child = spawnLeashed('/bin/sh', ['-c', 'trap "" TERM; sleep 60 & echo $!; wait'], { stdout: 'pipe' });
    const [first] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    expect(await child.terminate(50)).to.deep.equal({ code: null, signal: 'SIGKILL' });
    expect(await gone(Number(first.toString()))).to.equal(true);
  });

  it('takes along what it leaves running when it exits', async () => {
    const child = spawnLeashed('/bin/sh', ['-c', 'sleep 60 >/dev/null & echo $!'], { stdout: 'pipe' });
    const grandchild = Number(await text(child.stdout));
    await child.exited;
    expect(await gone(grandchild)).to.equal(true);
    child.signal('SIGTERM');
  });

  it('ends with all its children when its starter is killed with -9', async () => {
    const starter = `
      import { spawnLeashed } from ${JSON.stringify(new URL('../../../local/process/leash.ts', import.meta.url).href)};
      const stubborn = 'trap "" TERM; sleep 60 & echo $$ $!; wait';
      spawnLeashed('/bin/sh', ['-c', stubborn], { stdout: 'inherit', orphanGraceSeconds: 0.1 });
      setInterval(() => {}, 1000);
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', starter], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pids = line.toString().trim().split(' ').map(Number);
    expect(pids).to.have.length(2);
    for (const pid of pids) expect(runs(pid)).to.equal(true);
    parent.kill('SIGKILL');
    for (const pid of pids) expect(await gone(pid)).to.equal(true);
  });
});
