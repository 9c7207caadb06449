// Our side as it is shipped: bundled, so that no TypeScript is stripped while memory and starts are measured.
import { createRequire } from 'node:module';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { unzipSync } from 'fflate';
import { packageHandler } from '../../lambda/package.ts';

/** Bundles a file of this folder into another; returns its path. */
export async function bundled(name: string, folder: string): Promise<string> {
  const runtime = { path: createRequire(import.meta.url).resolve('onnxruntime-node'), external: true };
  const outfile = join(folder, `${name.slice(0, -3)}.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, name)],
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    outfile,
    logLevel: 'silent',
    plugins: [{ name: 'runtime', setup: (it) => it.onResolve({ filter: /^onnxruntime-node$/ }, () => runtime) }],
  });
  return outfile;
}

/** Unpacks the handler's package into the folder; returns the path of its program. */
export async function packagedProgram(folder: string): Promise<string> {
  const { path } = await packageHandler({ platform: process.platform, arch: process.arch, ifChanged: true });
  for (const [name, bytes] of Object.entries(unzipSync(await readFile(path))))
    await writeFile(join(folder, name), bytes);
  return join(folder, 'main.mjs');
}
