// The deployable zip: built, unpacked into an empty folder, and run there by node in an empty environment.
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { unzipSync } from 'fflate';
import type { PredictionAnswer } from '../../cloud/contract/contract.generated.ts';
import { type HandlerPackage, MOST_UNZIPPED_BYTES, MOST_ZIPPED_BYTES, packageHandler } from '../../lambda/package.ts';
import { eventFor, stored } from '../../bench/prediction/invocation.ts';
import { manifestOf, number } from '../../bench/prediction/manifest.ts';
import { linearModel } from '../../bench/prediction/onnxmodel.ts';
import { runProgram } from './process.ts';
import { startStorage } from '../../bench/prediction/storage.ts';

const { platform, arch } = process;

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

  it('predicts from an empty folder in an empty environment, as a function and as a program', async () => {
    const place = join(folder, 'unpacked');
    await mkdir(place);
    for (const [name, bytes] of Object.entries(unzipSync(await readFile(made.path))))
      await writeFile(join(place, name), bytes);
    await chmod(place, 0o555); // as Lambda mounts it
    const storage = await startStorage();
    const manifest = manifestOf({ columns: [number('a')], width: 1 });
    const event = eventFor(storage, { manifest, onnx: linearModel([2], [0.5]), data: 'a\n1\n' });
    const script = `const { handler } = await import('./index.mjs'); console.log(JSON.stringify(await handler(JSON.parse(process.argv[1]))));`;
    const runs = [
      spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(event)], { cwd: place, env: {} }),
      spawn(process.execPath, ['main.mjs'], { cwd: place, env: {} }),
    ];
    for (const child of runs) {
      const { code, stdout, stderr } = await runProgram(child, JSON.stringify(event));
      expect(code, stderr).to.equal(0);
      expect(stored(storage, JSON.parse(stdout) as PredictionAnswer)).to.equal('a,prediction\n1,2.5\n');
    }
    await storage.close();
    await chmod(place, 0o755);
  });
});
