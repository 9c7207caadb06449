import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { runProgram } from '../lambda/process.ts';

const program = new URL('../../bench/main.ts', import.meta.url).pathname;
const { SPOTLEARN_BENCH_PYTHON: _left, ...env } = process.env;
const bench = (...args: string[]) => runProgram(spawn(process.execPath, [program, ...args], { env }), '');

describe('npm run bench', function () {
  this.timeout(180_000);

  it('lists what there is', async () => {
    const { code, stderr } = await bench();
    expect(code).to.equal(0);
    expect(stderr).to.match(/prediction +rows a second/);
  });

  it('refuses what there is not, and nonsense', async () => {
    expect(await bench('nothing'))
      .to.include({ code: 64 })
      .and.have.property('stderr')
      .that.matches(/“nothing”/);
    expect(await bench('prediction', '--rows', 'many'))
      .to.include({ code: 1 })
      .and.have.property('stderr')
      .that.matches(/--rows/);
  });

  it('measures predictions, one JSON object a line, and says that the peer is left out', async () => {
    const { code, stdout, stderr } = await bench('prediction', '--json', '--rows', '2000', '--rounds', '1');
    expect(code, stderr).to.equal(0);
    expect(stderr).to.match(/SKIPPED: the peer/);
    const measured = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const one of measured) expect(one).to.have.all.keys('name', 'value', 'unit', 'peer', 'peerValue', 'ratio');
    expect(measured.map(({ name }) => name)).to.include.members([
      'logistic: rows/s',
      'logistic: cold start to one prediction',
    ]);
  });
});
