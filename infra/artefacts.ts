// What `npm run package` and `npm run package:worker` built, found for the program: by content hash, with a sentence for what is missing.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Artefact {
  readonly path: string;
  readonly sha256: string;
}

export interface Bundle extends Artefact {
  /** Fetched by the worker when a job needs them (docs/worker-bundle.md). */
  readonly packs: readonly Artefact[];
}

export interface Artefacts {
  /** The worker's bundles; without `arm64` there are no arm64 workers. */
  readonly worker: { readonly x86_64: Bundle; readonly arm64?: Bundle };
  readonly handler: Artefact & { readonly layer?: Artefact };
}

/** A folder that `npm run images` prepared, with its Dockerfile. */
export interface Context {
  readonly path: string;
  /** Of everything in it. */
  readonly sha256: string;
}

/** Something is not built yet; the message says by which command. */
export class ArtefactsMissing extends Error {}

interface Built {
  path: string;
  sha256: string;
}

/** `architecture`: of the prediction function. Throws ArtefactsMissing with one line for each missing thing. */
export function readArtefacts(folder: string, architecture: 'arm64' | 'x86_64'): Artefacts {
  const missing: string[] = [];
  const read = <T>(file: string, command: string): T | undefined => {
    try {
      return JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
    } catch {
      if (command !== '') missing.push(`${join(folder, file)} is missing; build it: ${command}`);
      return undefined;
    }
  };
  const there = ({ path, sha256 }: Built, command: string): Artefact => {
    if (!existsSync(path)) missing.push(`${path} is missing; build it: ${command}`);
    return { path, sha256 };
  };
  const bundle = (arch: string, needed: boolean): Bundle | undefined => {
    const command = `npm run package:worker -- --arch ${arch}`;
    const built = read<Built & { packs: Record<string, Built> }>(
      join('worker', `worker-python${UBUNTU_PYTHON}-${arch}.json`),
      needed ? command : '',
    );
    if (!built) return undefined;
    return { ...there(built, command), packs: Object.values(built.packs).map((pack) => there(pack, command)) };
  };
  const node = architecture === 'arm64' ? 'arm64' : 'x64';
  const zips = read<Built & { layer?: Built }>(`lambda-linux-${node}.zip.json`, HANDLER);
  const handler = zips && { ...there(zips, HANDLER), ...(zips.layer && { layer: there(zips.layer, HANDLER) }) };
  const x86 = bundle('x86_64', true);
  const arm = bundle('arm64', false);
  if (missing.length > 0 || !x86 || !handler) throw new ArtefactsMissing(missing.join('\n'));
  return { worker: { x86_64: x86, ...(arm && { arm64: arm }) }, handler };
}

/** Contexts of the images. Throws ArtefactsMissing. */
export function readContexts<N extends string>(folder: string, images: readonly N[]): Partial<Record<N, Context>> {
  const missing: string[] = [];
  const found = images.map((image) => {
    const path = join(folder, 'images', image);
    try {
      const { sha256 } = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as { sha256: string };
      if (existsSync(join(path, 'Dockerfile'))) return [image, { path, sha256 }] as const;
    } catch {
      // Not built, or not whole.
    }
    missing.push(`${path} is missing; build it: npm run images`);
    return undefined;
  });
  if (missing.length > 0) throw new ArtefactsMissing(missing.join('\n'));
  return Object.fromEntries(found.filter((one) => one !== undefined)) as Partial<Record<N, Context>>;
}

/** Of Ubuntu 24.04, the image of the workers (spot.ts). */
const UBUNTU_PYTHON = '3.12';
const HANDLER = 'npm run package';
