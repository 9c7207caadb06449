// The handler as a plain program, from the sources; package.test.ts runs the packaged one.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { PredictionAnswer } from '../../cloud/contract/contract.generated.ts';
import { eventFor, stored } from '../../bench/prediction/invocation.ts';
import { manifestOf, number } from '../../bench/prediction/manifest.ts';
import { linearModel } from '../../bench/prediction/onnxmodel.ts';
import { runProgram } from './process.ts';
import { startStorage, type Storage } from '../../bench/prediction/storage.ts';

const program = new URL('../../lambda/main.ts', import.meta.url).pathname;

describe('the prediction program', function () {
  this.timeout(30_000);
  let storage: Storage;
  beforeEach(async () => {
    storage = await startStorage();
  });
  afterEach(() => storage.close());

  it('answers an event from standard input in one line and exits 0', async () => {
    const manifest = manifestOf({ columns: [number('a')], width: 1 });
    const event = eventFor(storage, { manifest, onnx: linearModel([2], [0.5]), data: 'a\n1\n' });
    const { code, stdout } = await runProgram(spawn(process.execPath, [program], { env: {} }), JSON.stringify(event));
    expect(code).to.equal(0);
    expect(stored(storage, JSON.parse(stdout) as PredictionAnswer)).to.equal('a,prediction\n1,2.5\n');
  });

  it('answers an event from a file, as a pod has it, and puts the answer where it is told', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'event-'));
    try {
      const manifest = manifestOf({ columns: [number('a')], width: 1 });
      const event = eventFor(storage, { manifest, onnx: linearModel([2], [0.5]), data: 'a\n1\n' });
      const file = join(folder, 'event.json');
      await writeFile(file, JSON.stringify({ ...event, answer: { url: `${storage.url}/answer` } }));
      const { code, stdout } = await runProgram(spawn(process.execPath, [program, file], { env: {} }), '');
      expect(code).to.equal(0);
      expect(JSON.parse(storage.objects.get('/answer')!.toString())).to.deep.equal(JSON.parse(stdout));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('exits 1 with the reason in its answer when it cannot', async () => {
    const { code, stdout } = await runProgram(spawn(process.execPath, [program], { env: {} }), 'not JSON');
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.include({ success: false, error_type: 'InvalidEvent' });
  });

  it('lets go of a long download when its first rows are bad', async () => {
    const manifest = manifestOf({ columns: [number('a')], width: 1 });
    const event = eventFor(storage, {
      manifest,
      onnx: linearModel([2], [0.5]),
      data: `a\n1,2\n${'1\n'.repeat(10_000_000)}`,
    });
    const began = performance.now();
    const { code, stdout } = await runProgram(spawn(process.execPath, [program], { env: {} }), JSON.stringify(event));
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.include({
      error_type: 'InvalidData',
      error: 'Row 1 has 2 cells where the header has 1.',
    });
    expect(performance.now() - began, 'not held up by the open connection').to.be.below(20_000);
  });

  it('explains itself', async () => {
    const { code, stderr } = await runProgram(spawn(process.execPath, [program, '--help'], { env: {} }), '');
    expect(code).to.equal(64);
    expect(stderr).to.match(/^usage: /);
  });
});
