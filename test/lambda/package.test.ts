// The deployable zip: built, unpacked into an empty folder, and run there by node in an empty environment with a model of each
// kind: trees, linear, one for onnxruntime, and several of them together.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import { unzipSync } from 'fflate';
import type { Manifest, PredictionAnswer, PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import {
  type HandlerPackage,
  MOST_UNZIPPED_BYTES,
  MOST_ZIPPED_BYTES,
  packageHandler,
  writeZips,
} from '../../lambda/package.ts';
import { eventFor, stored } from '../../bench/prediction/invocation.ts';
import { runProgram } from './process.ts';
import { startStorage, type Storage } from '../../bench/prediction/storage.ts';

const { platform, arch } = process;

interface Expected {
  labels: string[] | null;
  values: number[] | null;
}

describe('the handler package', function () {
  this.timeout(120_000);
  let folder: string;
  let made: HandlerPackage;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'package-'));
    made = await packageHandler({ platform, arch, outDir: folder });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('fits the limits of Lambda and holds the native code of one platform', async () => {
    expect(made.zippedBytes)
      .to.equal((await stat(made.path)).size)
      .and.to.be.below(MOST_ZIPPED_BYTES);
    expect(made.unzippedBytes).to.be.below(MOST_UNZIPPED_BYTES);
    const names = Object.keys(unzipSync(await readFile(made.path)));
    expect(names).to.include.members(['index.mjs', 'main.mjs', 'onnxruntime.cjs', 'onnxruntime_binding.node']);
    expect(names.filter((name) => /libonnxruntime|onnxruntime\.dll/.test(name))).to.have.length(1);
  });

  it('is the same to the byte when built again, in another time zone too', async () => {
    const script = `import { packageHandler } from ${JSON.stringify(new URL('../../lambda/package.ts', import.meta.url).href)};
      console.log(JSON.stringify(await packageHandler({ platform: '${platform}', arch: '${arch}', outDir: process.argv[1] })));`;
    const other = await mkdtemp(join(tmpdir(), 'package-'));
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, other], {
      env: { ...process.env, TZ: 'Asia/Tokyo' },
    });
    const { stdout } = await runProgram(child, '');
    await rm(other, { recursive: true });
    expect(JSON.parse(stdout)).to.include({ sha256: made.sha256, built: true });
  });

  it('is kept when nothing changed and built when it was damaged', async () => {
    expect(await packageHandler({ platform, arch, outDir: folder, ifChanged: true })).to.include({
      built: false,
      sha256: made.sha256,
    });
    await writeFile(made.path, 'damaged');
    const mended = await packageHandler({ platform, arch, outDir: folder, ifChanged: true });
    expect(mended).to.include({ built: true, sha256: made.sha256 });
    await utimes(made.path, 1, 1);
    expect(await packageHandler({ platform, arch, outDir: folder, ifChanged: true })).to.include({ built: false });
  });

  it('is refused for a platform without native code', async () => {
    const failure = await packageHandler({ platform: 'plan9', arch: 'x64', outDir: folder }).catch(
      (error: Error) => error,
    );
    expect(failure).to.have.property('message', 'onnxruntime-node has no native code for plan9-x64');
  });

  it('becomes a function and a layer where it is too large for one zip', async () => {
    const native = randomBytes(3000);
    const files = new Map<string, Uint8Array>([
      ['index.mjs', randomBytes(2000)],
      ['onnxruntime.cjs', Buffer.from('exports')],
      ['onnxruntime_binding.node', native],
    ]);
    const name = join(folder, 'small');
    const { layer, ...own } = await writeZips(name, files, 4000);
    const unzipped = unzipSync(await readFile(own.path));
    expect(Object.keys(unzipped)).to.have.members(['index.mjs', 'onnxruntime.cjs']);
    expect(Buffer.from(unzipped['onnxruntime.cjs']!).toString()).to.equal(
      "module.exports = require('/opt/onnxruntime/onnxruntime.cjs');\n",
    );
    const layered = unzipSync(await readFile(layer!.path));
    expect(Object.keys(layered)).to.have.members([
      'onnxruntime/onnxruntime.cjs',
      'onnxruntime/onnxruntime_binding.node',
    ]);
    expect(Buffer.from(layered['onnxruntime/onnxruntime_binding.node']!).equals(native)).to.equal(true);

    expect(await writeZips(name, files, 10_000)).to.not.have.property('layer');
    expect(await stat(layer!.path).catch((error: NodeJS.ErrnoException) => error.code)).to.equal('ENOENT');
    const failure = await writeZips(name, files, 3000).catch((error: Error) => error);
    expect(failure)
      .to.have.property('message')
      .that.matches(/^the package is [\d.]+ MiB zipped, Lambda takes/);
  });

  describe('unpacked into an empty folder, read-only as Lambda mounts it, in an empty environment', () => {
    let place: string;
    let storage: Storage;
    before(async () => {
      place = join(folder, 'unpacked');
      await mkdir(place);
      for (const [name, bytes] of Object.entries(unzipSync(await readFile(made.path))))
        await writeFile(join(place, name), bytes);
      await chmod(place, 0o555);
      storage = await startStorage();
    });
    after(async () => {
      await storage.close();
      await chmod(place, 0o755);
    });

    const asFunction = (event: PredictionEvent) => {
      const script = `const { handler } = await import('./index.mjs'); console.log(JSON.stringify(await handler(JSON.parse(process.argv[1]))));`;
      const args = ['--input-type=module', '-e', script, JSON.stringify(event)];
      return runProgram(spawn(process.execPath, args, { cwd: place, env: {} }), '');
    };
    const asProgram = (event: PredictionEvent) =>
      runProgram(spawn(process.execPath, ['main.mjs'], { cwd: place, env: {} }), JSON.stringify(event));

    for (const name of ['random_forest_binary', 'logistic_multiclass', 'svm_regression', 'blend_regression']) {
      it(`predicts by ${name}, as a function and as a program`, async () => {
        const file = (part: string) => readFile(new URL(`../golden/${name}/${part}`, import.meta.url));
        const manifest = JSON.parse((await file('manifest.json')).toString()) as Manifest;
        const expected = JSON.parse((await file('expected.json')).toString()) as Expected;
        const event = eventFor(storage, { manifest, onnx: await file('model.onnx'), data: await file('input.csv') });
        for (const run of [asFunction, asProgram]) {
          const { code, stdout, stderr } = await run(event);
          expect(code, stderr).to.equal(0);
          const rows = parse<{ prediction: string }>(stored(storage, JSON.parse(stdout) as PredictionAnswer), {
            columns: true,
          });
          expect(rows).to.have.length((expected.labels ?? expected.values!).length);
          for (const [i, { prediction }] of rows.entries()) {
            if (expected.labels) expect(prediction).to.equal(expected.labels[i]);
            else expect(Number(prediction)).to.be.closeTo(expected.values![i]!, 1e-6 * Math.abs(expected.values![i]!));
          }
        }
      });
    }

    it('opens neither onnxruntime nor what other formats need, for trees from a CSV', async () => {
      const file = (part: string) => readFile(new URL(`../golden/xgboost_binary/${part}`, import.meta.url));
      const manifest = JSON.parse((await file('manifest.json')).toString()) as Manifest;
      const event = eventFor(storage, { manifest, onnx: await file('model.onnx'), data: await file('input.csv') });
      const less = join(folder, 'less');
      await mkdir(less);
      const needed = (await readdir(place)).filter((name) => /^(index|main|chunk-.*)\.mjs$/.test(name));
      for (const name of needed) await writeFile(join(less, name), await readFile(join(place, name)));
      const child = spawn(process.execPath, ['main.mjs'], { cwd: less, env: {} });
      const { code, stderr } = await runProgram(child, JSON.stringify(event));
      expect(code, stderr).to.equal(0);
    });
  });
});
