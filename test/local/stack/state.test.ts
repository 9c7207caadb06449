import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { StartFailure } from '../../../local/stack/failure.ts';
import { openState } from '../../../local/stack/state.ts';

describe('The state folder', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'spotlearn-state-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives a program the same port again, and another one when it is taken', async () => {
    const first = openState(folder, false);
    const port = await first.port('aws');
    first.release();
    const second = openState(folder, false);
    expect(await second.port('aws')).to.equal(port);
    const taker = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => taker.once('listening', resolve));
    expect(await second.port('aws')).not.to.equal(port);
    await new Promise((resolve) => taker.close(resolve));
    second.release();
  });

  it('keeps a secret once made, for the owner only', () => {
    const state = openState(folder, false);
    expect(state.kept('root-key', () => 'one')).to.equal('one');
    expect(state.kept('root-key', () => 'two')).to.equal('one');
    expect(statSync(state.path('root-key')).mode & 0o077).to.equal(0);
    state.release();
  });

  it('forgets on --fresh what is ours and nothing else', () => {
    writeFileSync(join(folder, 'env'), 'old');
    writeFileSync(join(folder, 'thesis.doc'), 'precious');
    openState(folder, true).release();
    expect([existsSync(join(folder, 'env')), readFileSync(join(folder, 'thesis.doc'), 'utf8')]).to.deep.equal([
      false,
      'precious',
    ]);
  });

  it('belongs to one run at a time; a dead one’s lock does not count', () => {
    writeFileSync(join(folder, 'running'), String(process.ppid));
    expect(() => openState(folder, false)).to.throw(StartFailure, 'already runs');
    writeFileSync(join(folder, 'running'), '999999999');
    const state = openState(folder, false);
    state.release();
    expect(existsSync(join(folder, 'running'))).to.equal(false);
  });

  it('says in one sentence when it cannot be made', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => openState(join(folder, 'file', 'below'), false)).to.throw(StartFailure, 'choose another with --state');
  });
});
