import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';

const LOG = new URL('../../cloud/log.ts', import.meta.url).href;
/** Logs `count` lines, with a moment after each hundred, and says so on stdout. */
const program = (count: number) => `
  const { stderr } = await import('${LOG}');
  const lines = stderr();
  for (let at = 0; at < ${count}; at += 1) {
    lines.write('line ' + at + ' ' + 'x'.repeat(100) + '\\n');
    if (at % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  console.log('done, ' + Math.round(process.memoryUsage().rss / 1e6) + ' MB');`;

describe('The log', () => {
  it('is lines on stderr, whole and in order', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program(300)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines = (await text(child.stderr)).trim().split('\n');
    expect(lines.map((line) => Number(line.split(' ')[1]))).to.deep.equal(Array.from({ length: 300 }, (_, at) => at));
  });

  it('does not end a program, nor fill its memory, when the disk is full', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, ['--input-type=module', '-e', program(100_000)], {
      stdio: ['ignore', 'pipe', full],
    });
    const exited = once(child, 'exit');
    const said = await text(child.stdout as NonNullable<typeof child.stdout>);
    expect(await exited).to.deep.equal([0, null]);
    expect(Number(/^done, (\d+) MB/.exec(said)?.[1])).to.be.below(150);
  });
});
