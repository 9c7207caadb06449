// `npm run images [-- --out DIR]`: prepares for each image a folder with all that its Dockerfile copies, and says its hash. `pulumi up` builds
// and pushes from these folders, under the hash as tag; `docker buildx build DIR/images/<image>` does the same by hand.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { unzipSync } from 'fflate';
import { packageHandler } from '../lambda/package.ts';
import { bundled } from '../local/stack/bundles.ts';

export interface Prepared {
  readonly image: string;
  readonly path: string;
  /** Of names and contents of all files. */
  readonly sha256: string;
  readonly bytes: number;
}

const root = resolve(import.meta.dirname, '..');

/** `outDir`: the repository's dist/, or elsewhere; `images`: all of them, or some. The same sources give the same hashes. */
export async function prepareImages(outDir: string, images = Object.keys(CONTENTS)): Promise<Prepared[]> {
  const folder = join(outDir, 'images');
  const prepared: Prepared[] = [];
  for (const image of images) {
    const fill = CONTENTS[image];
    if (!fill) throw new Error(`There is no image ${image}`);
    const path = join(folder, image);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    await fill(path, outDir);
    cpSync(join(import.meta.dirname, `${image}.Dockerfile`), join(path, 'Dockerfile'));
    const one = { image, path, ...measured(path) };
    writeFileSync(`${path}.json`, `${JSON.stringify({ sha256: one.sha256 })}\n`);
    prepared.push(one);
  }
  return prepared;
}

type Fill = (path: string, outDir: string) => Promise<void>;

const program =
  (name: 'operator' | 'bot'): Fill =>
  async (path, outDir) => {
    const main = await bundled(name, join(outDir, 'bundles'));
    cpSync(dirname(main), join(path, 'app'), { recursive: true });
  };

/** As process.arch → as Docker calls it. */
const PLATFORMS = { x64: 'amd64', arm64: 'arm64' } as const;

const CONTENTS: Readonly<Record<string, Fill>> = {
  operator: program('operator'),
  bot: program('bot'),
  prediction: async (path, outDir) => {
    for (const [arch, platform] of Object.entries(PLATFORMS)) {
      const { path: zip, layer } = await packageHandler({ platform: 'linux', arch, outDir, ifChanged: true });
      if (layer) throw new Error('The handler has a layer, which its image does not know of');
      for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip)))) {
        mkdirSync(dirname(join(path, platform, name)), { recursive: true });
        writeFileSync(join(path, platform, name), bytes, { mode: 0o755 });
      }
    }
  },
  worker: (path) => {
    const left = /(^|\/)(__pycache__|tests|packaging|\.[a-z_]+_cache|\.hypothesis)(\/|$)/;
    cpSync(join(root, 'trainer'), join(path, 'app', 'trainer'), {
      recursive: true,
      filter: (file) => {
        const name = relative(join(root, 'trainer'), file);
        return !left.test(name) && (statSync(file).isDirectory() || name.endsWith('.py'));
      },
    });
    cpSync(join(root, 'trainer/requirements.lock'), join(path, 'requirements.lock'));
    return Promise.resolve();
  },
};

function measured(folder: string): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  let bytes = 0;
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  for (const name of names.filter((one) => statSync(join(folder, one)).isFile())) {
    const contents = readFileSync(join(folder, name));
    hash.update(`${name} ${contents.length}\n`).update(contents);
    bytes += contents.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
    for (const { image, path, sha256, bytes } of await prepareImages(resolve(values.out)))
      console.log(
        `${image.padEnd(10)} ${(bytes / 2 ** 20).toFixed(1).padStart(6)} MiB  ${sha256.slice(0, 16)}  ${path}`,
      );
  } catch (error) {
    console.error(`images: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
