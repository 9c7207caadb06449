import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { runProgram } from '../process.ts';

const source = new URL('../../../lambda/score/onnxruntime.ts', import.meta.url).href;

describe('onnxruntime', function () {
  this.timeout(30_000);

  it('is told not to report what it runs before it is loaded', async () => {
    const script = `const loading = (await import(${JSON.stringify(source)})).loadRuntime();
      console.log(process.env.ORT_DISABLE_TELEMETRY); await loading;`;
    const { stdout } = await runProgram(
      spawn(process.execPath, ['--input-type=module', '-e', script], { env: {} }),
      '',
    );
    expect(stdout).to.equal('1\n');
  });
});
