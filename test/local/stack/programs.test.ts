import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { StartFailure } from '../../../local/stack/failure.ts';
import { startProgram, type ProgramSpec } from '../../../local/stack/programs.ts';

describe('A program of the stack', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'spotlearn-program-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const spec = (text: string): ProgramSpec => {
    const script = join(folder, 'program.mjs');
    writeFileSync(script, text);
    return {
      name: 'program',
      script,
      args: ['--x', '1'],
      env: { PATH: process.env.PATH },
      log: join(folder, 'program.log'),
    };
  };
  const READY = `console.log(JSON.stringify({ ready: true, url: 'http://127.0.0.1:1', args: process.argv.slice(2).join(' ') }));`;

  it('is there once it says so, with what it says', async () => {
    const program = await startProgram(spec(`${READY} setInterval(() => {}, 1e6);`));
    expect(program.ready).to.include({ url: 'http://127.0.0.1:1', args: '--x 1' });
    await program.stop();
    expect(program.pid()).to.equal(undefined);
  });

  it('that dies before it is ready is reported with the end of its log', async () => {
    let thrown: unknown;
    await startProgram(spec(`console.error('the disk is full'); process.exit(3);`)).catch(
      (error: unknown) => (thrown = error),
    );
    expect(thrown).to.be.instanceOf(StartFailure);
    expect((thrown as Error).message)
      .to.include('code 3')
      .and.include('the disk is full');
  });

  it('that dies later is started again', async () => {
    const program = await startProgram(spec(`${READY} setInterval(() => {}, 1e6);`));
    const first = program.pid() ?? 0;
    process.kill(first, 'SIGKILL');
    const until = Date.now() + 8000;
    while ((program.pid() ?? first) === first && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(program.pid()).to.be.a('number').and.not.equal(first);
    await program.stop();
  });
});
