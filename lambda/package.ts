// `npm run package`: builds the zips that `pulumi up` uploads, for x86_64 and for arm64, and the one that the local Lambda
// service unpacks and runs. Inside:
//   index.mjs                 the handler (Lambda's handler setting: index.handler), with chunks of what it shares or loads late
//   main.mjs                  the handler as a plain program, for pods
//   onnxruntime.cjs           onnxruntime's JavaScript, loaded when a model needs it
//   onnxruntime_binding.node, libonnxruntime.*   its native code, of one platform only
// Beyond what Lambda takes as one zip, what is onnxruntime's becomes a layer. The same sources give the same bytes: fixed times
// and order, and compression in JavaScript, whatever the machine.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Zippable, zipSync } from 'fflate';
import { bundles, RUNTIME, runtimeFolder } from './bundle.ts';

const MIB = 1024 * 1024;
/** AWS Lambda: a zip uploaded directly, and everything unpacked, layers included (Lambda quotas). */
export const MOST_ZIPPED_BYTES = 50 * MIB;
export const MOST_UNZIPPED_BYTES = 250 * MIB;
/** Where Lambda unpacks layers, and the folder within that ours has. */
const LAYERS = '/opt';
const LAYER_FOLDER = 'onnxruntime';
/** As process.arch → as Lambda calls it. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'arm64' };

export interface PackageOptions {
  /** As process.platform and process.arch; default linux, x64. */
  platform?: string;
  arch?: string;
  /** Default: dist/ of the repository. */
  outDir?: string;
  /** Keep a zip that was built from the same contents. */
  ifChanged?: boolean;
}

export interface Zip {
  path: string;
  sha256: string;
  zippedBytes: number;
  unzippedBytes: number;
}

export interface HandlerPackage extends Zip {
  /** Onnxruntime's part, where both together would be too large a zip. */
  layer?: Zip;
  /** False when an earlier zip was kept. */
  built: boolean;
}

type Files = ReadonlyMap<string, Uint8Array>;

const root = resolve(import.meta.dirname, '..');

/** Builds (or keeps) the zip. Throws when there is no native code for the platform or a limit of Lambda is passed. */
export async function packageHandler(options: PackageOptions = {}): Promise<HandlerPackage> {
  const { platform = 'linux', arch = 'x64', outDir = join(root, 'dist'), ifChanged = false } = options;
  const files = new Map([...(await bundles()), ...(await nativeFiles(platform, arch))]);
  if (bytesOf(files) > MOST_UNZIPPED_BYTES) throw new Error(tooLarge('unzipped', bytesOf(files), MOST_UNZIPPED_BYTES));
  const name = join(outDir, `lambda-${platform}-${arch}`);
  const contents = contentsHash(files);
  const kept = ifChanged ? await keptPackage(name, contents) : undefined;
  if (kept) return kept;
  await mkdir(outDir, { recursive: true });
  const made = await writeZips(name, files, MOST_ZIPPED_BYTES);
  await replace(`${name}.zip.json`, JSON.stringify({ contents, ...made }));
  return { ...made, built: true };
}

/** `<name>.zip`, and `<name>-layer.zip` where one zip would be beyond the limit. Throws when two are. */
export async function writeZips(
  name: string,
  files: Files,
  mostZippedBytes: number,
): Promise<Omit<HandlerPackage, 'built'>> {
  const whole = zipOf(files);
  const layerPath = `${name}-layer.zip`;
  if (whole.length <= mostZippedBytes) {
    await rm(layerPath, { force: true });
    return writeZip(`${name}.zip`, files, whole);
  }
  const { own, layer } = apart(files);
  const [zip, layerZip] = [zipOf(own), zipOf(layer)];
  for (const { length } of [zip, layerZip])
    if (length > mostZippedBytes) throw new Error(tooLarge('zipped', length, mostZippedBytes));
  return { ...(await writeZip(`${name}.zip`, own, zip)), layer: await writeZip(layerPath, layer, layerZip) };
}

/** In the zip of the function stands only where onnxruntime is. */
function apart(files: Files): { own: Files; layer: Files } {
  const own = new Map<string, Uint8Array>();
  const layer = new Map<string, Uint8Array>();
  for (const [name, bytes] of files) {
    if (name.endsWith('.mjs')) own.set(name, bytes);
    else layer.set(`${LAYER_FOLDER}/${name}`, bytes);
  }
  own.set(RUNTIME, Buffer.from(`module.exports = require('${LAYERS}/${LAYER_FOLDER}/${RUNTIME}');\n`));
  return { own, layer };
}

async function writeZip(path: string, files: Files, zip: Uint8Array): Promise<Zip> {
  await replace(path, zip);
  return { path, sha256: sha256Of(zip), zippedBytes: zip.length, unzippedBytes: bytesOf(files) };
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

function zipOf(files: Files): Uint8Array {
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

function bytesOf(files: Files): number {
  return [...files.values()].reduce((sum, file) => sum + file.length, 0);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function contentsHash(files: Files): string {
  const hash = createHash('sha256');
  for (const name of [...files.keys()].sort())
    hash.update(`${name} ${files.get(name)!.length}\n`).update(files.get(name)!);
  return hash.digest('hex');
}

async function keptPackage(name: string, contents: string): Promise<HandlerPackage | undefined> {
  try {
    const earlier = JSON.parse(await readFile(`${name}.zip.json`, 'utf8')) as HandlerPackage & { contents: string };
    const { contents: was, ...kept } = earlier;
    for (const { path, sha256 } of kept.layer ? [kept, kept.layer] : [kept])
      if (was !== contents || sha256Of(await readFile(path)) !== sha256) return undefined;
    return { ...kept, built: false };
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
  for (const each of arch ? [arch] : Object.keys(ARCHITECTURES)) {
    const made = await packageHandler({ platform, arch: each, outDir, ifChanged });
    console.log(`${ARCHITECTURES[each] ?? each}${made.built ? '' : ' (unchanged)'}`);
    for (const zip of made.layer ? [made, made.layer] : [made]) console.log(`  ${described(zip)}`);
  }
}

function described({ path, zippedBytes, unzippedBytes, sha256 }: Zip): string {
  const size = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
  return `${path}: zipped ${size(zippedBytes)}, unzipped ${size(unzippedBytes)}, sha256 ${sha256}`;
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(`package: ${(error as Error).message}`);
    process.exitCode = 1;
  });
}
