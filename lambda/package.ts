// `npm run package`: builds the zip that `pulumi up` uploads and that the local Lambda service unpacks and runs. Inside:
//   index.mjs                 the handler (Lambda's handler setting: index.handler)
//   main.mjs                  the handler as a plain program, for pods
//   onnxruntime.cjs           onnxruntime's JavaScript, loaded when a model is
//   onnxruntime_binding.node, libonnxruntime.*   its native code, of one platform only
// The same sources give the same bytes: fixed times and order, and compression in JavaScript, whatever the machine.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { type Zippable, zipSync } from 'fflate';

const MIB = 1024 * 1024;
/** AWS Lambda: a zip uploaded directly, and everything unpacked (Lambda quotas). */
export const MOST_ZIPPED_BYTES = 50 * MIB;
export const MOST_UNZIPPED_BYTES = 250 * MIB;

export interface PackageOptions {
  /** As process.platform and process.arch; default linux, x64. */
  platform?: string;
  arch?: string;
  /** Default: dist/ of the repository. */
  outDir?: string;
  /** Keep a zip that was built from the same contents. */
  ifChanged?: boolean;
}

export interface HandlerPackage {
  path: string;
  sha256: string;
  zippedBytes: number;
  unzippedBytes: number;
  /** False when an earlier zip was kept. */
  built: boolean;
}

const root = resolve(import.meta.dirname, '..');
const runtimeFolder = dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));

/** Builds (or keeps) the zip. Throws when there is no native code for the platform or a limit of Lambda is passed. */
export async function packageHandler(options: PackageOptions = {}): Promise<HandlerPackage> {
  const { platform = 'linux', arch = 'x64', outDir = join(root, 'dist'), ifChanged = false } = options;
  const files = new Map([...(await bundles()), ...(await nativeFiles(platform, arch))]);
  const unzippedBytes = [...files.values()].reduce((sum, file) => sum + file.length, 0);
  if (unzippedBytes > MOST_UNZIPPED_BYTES) throw new Error(tooLarge('unzipped', unzippedBytes, MOST_UNZIPPED_BYTES));
  const path = join(outDir, `lambda-${platform}-${arch}.zip`);
  const contents = contentsHash(files);
  const kept = ifChanged ? await keptPackage(path, contents) : undefined;
  if (kept) return kept;

  const zip = zipOf(files);
  if (zip.length > MOST_ZIPPED_BYTES) throw new Error(tooLarge('zipped', zip.length, MOST_ZIPPED_BYTES));
  const made = { path, sha256: createHash('sha256').update(zip).digest('hex'), zippedBytes: zip.length, unzippedBytes };
  await mkdir(outDir, { recursive: true });
  await replace(path, zip);
  await replace(`${path}.json`, JSON.stringify({ contents, ...made }));
  return { ...made, built: true };
}

async function bundles(): Promise<[string, Uint8Array][]> {
  const common: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node22',
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
    outdir: 'out',
  };
  const handler = build({
    ...common,
    entryPoints: { index: 'lambda/handler.ts' },
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    plugins: [external(/^onnxruntime-node$/, './onnxruntime.cjs')],
  });
  const program = build({
    ...common,
    entryPoints: { main: 'lambda/main.ts' },
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    plugins: [external(/^\.\/handler\.ts$/, './index.mjs')],
  });
  const runtime = build({
    ...common,
    entryPoints: { onnxruntime: join(runtimeFolder, 'dist/index.js') },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    plugins: [bindingBeside()],
  });
  const built = await Promise.all([handler, program, runtime]);
  return built.flatMap(({ outputFiles }) =>
    (outputFiles ?? []).map((file): [string, Uint8Array] => [
      file.path.slice(file.path.lastIndexOf('/') + 1),
      file.contents,
    ]),
  );
}

function external(filter: RegExp, path: string): Plugin {
  return { name: 'external', setup: (plugin) => plugin.onResolve({ filter }, () => ({ path, external: true })) };
}

/** onnxruntime requires its binding by platform from a folder of many; in the zip it lies beside the code. */
function bindingBeside(): Plugin {
  return {
    name: 'binding-beside',
    setup(plugin) {
      plugin.onLoad({ filter: /onnxruntime-node[\\/]dist[\\/]binding\.js$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        const contents = source.replace(
          /require\(`[^`]*onnxruntime_binding\.node`\)/,
          'require("./onnxruntime_binding.node")',
        );
        if (contents === source)
          throw new Error('onnxruntime-node loads its binding in a new way: see lambda/package.ts');
        return { contents };
      });
      plugin.onResolve({ filter: /onnxruntime_binding\.node$/ }, ({ path }) => ({ path, external: true }));
    },
  };
}

async function nativeFiles(platform: string, arch: string): Promise<[string, Uint8Array][]> {
  const folder = join(runtimeFolder, 'bin/napi-v6', platform, arch);
  if (!existsSync(folder)) throw new Error(`onnxruntime-node has no native code for ${platform}-${arch}`);
  const names = (await readdir(folder)).sort();
  // On macOS the library is there twice; the binding asks for the short name.
  const wanted = names.filter((name) => !/^libonnxruntime\.\d+\.\d+\.\d+\.dylib$/.test(name));
  return Promise.all(
    wanted.map(async (name): Promise<[string, Uint8Array]> => [name, await readFile(join(folder, name))]),
  );
}

function zipOf(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries: Zippable = {};
  for (const name of [...files.keys()].sort()) {
    const mode = /\.(node|dylib|dll)$|\.so(\.|$)/.test(name) ? 0o755 : 0o644;
    entries[name] = [
      files.get(name)!,
      { attrs: (0o100000 | mode) * 2 ** 16, os: 3, mtime: new Date(1980, 0, 1), level: 6 },
    ];
  }
  return zipSync(entries);
}

function contentsHash(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256');
  for (const name of [...files.keys()].sort())
    hash.update(`${name} ${files.get(name)!.length}\n`).update(files.get(name)!);
  return hash.digest('hex');
}

async function keptPackage(path: string, contents: string): Promise<HandlerPackage | undefined> {
  try {
    const earlier = JSON.parse(await readFile(`${path}.json`, 'utf8')) as HandlerPackage & { contents: string };
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    if (earlier.contents !== contents || earlier.sha256 !== sha256) return undefined;
    const { zippedBytes, unzippedBytes } = earlier;
    return { path, sha256, zippedBytes, unzippedBytes, built: false };
  } catch {
    return undefined; // never built, or not readable: build
  }
}

/** A reader of `path` sees the old file or the new one, never half of one. */
async function replace(path: string, contents: Uint8Array | string): Promise<void> {
  await writeFile(`${path}.${process.pid}`, contents);
  await rename(`${path}.${process.pid}`, path);
}

function tooLarge(what: string, bytes: number, most: number): string {
  return `the package is ${(bytes / MIB).toFixed(1)} MiB ${what}, Lambda takes ${most / MIB} MiB`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      platform: { type: 'string' },
      arch: { type: 'string' },
      'out-dir': { type: 'string' },
      'if-changed': { type: 'boolean' },
    },
  });
  const { platform, arch, 'out-dir': outDir, 'if-changed': ifChanged } = values;
  const made = await packageHandler({ platform, arch, outDir, ifChanged });
  const size = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
  console.log(`${made.path}${made.built ? '' : ' (unchanged)'}`);
  console.log(`zipped ${size(made.zippedBytes)}, unzipped ${size(made.unzippedBytes)}, sha256 ${made.sha256}`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(`package: ${(error as Error).message}`);
    process.exitCode = 1;
  });
}
