// The programs of the stack run from bundles (decision 2), operator and bot from the ones their images carry: a process loads what is in
// use and nothing else, and never the type stripper. What is imported dynamically lies in chunks of its own. Source maps keep stack
// traces (and coverage) in our own files.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBeside, onlyUsedExports, ownPlaces, plainSchemaKeys } from './bundling.ts';
import { StartFailure } from './failure.ts';
import { asStep } from './step.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The folders a program is made of, the one with its main.ts first; its bundle is made again when anything in them changes. */
const SOURCES = {
  operator: ['operator', 'cloud', 'crds'],
  bot: ['bot', 'cloud', 'crds'],
  aws: ['local/aws', 'local/process', 'cloud', 'crds', 'infra'],
  kubernetes: ['local/kubernetes', 'local/process', 'cloud', 'crds'],
  telegram: ['local/telegram', 'cloud'],
} as const;

export type ProgramName = keyof typeof SOURCES;

/** CommonJS packages inside an ES module still ask for `require`. */
const BANNER =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/** Path of the bundle of a program in `folder`, made unless one of the same sources is there. */
export async function bundled(program: ProgramName, folder: string): Promise<string> {
  const there = bundleThere(program, folder);
  if (there !== undefined) return there;
  const sources = sourcesOf(program);
  const outdir = outputOf(program, folder);
  const unfinished = `${outdir}.unfinished`;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (name.startsWith(`${program}-`)) rmSync(join(folder, name), { recursive: true, force: true });
  }
  const esbuild = await import('esbuild');
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [`${SOURCES[program][0]}/main.ts`],
    outdir: unfinished,
    bundle: true,
    splitting: true,
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    format: 'esm',
    target: 'node22',
    // The SDK's ES modules can be shaken, its CommonJS ones can't.
    mainFields: ['module', 'main'],
    minifySyntax: true,
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: BANNER },
    plugins: [onlyUsedExports(root, sources), plainSchemaKeys, program in LOCAL ? ownPlaces : filesBeside],
    metafile: true,
    logLevel: 'error',
  });
  const known = new Set(sources.map((file) => relative(root, file)));
  const unknown = Object.keys(metafile.inputs).find(
    (file) => !/node_modules\/|^[a-z-]+:/.test(file) && !known.has(file),
  );
  if (unknown !== undefined)
    throw new StartFailure(`SOURCES of local/stack/bundles.ts lacks ${unknown}, part of ${program}.`);
  renameSync(unfinished, outdir);
  return join(outdir, 'main.mjs');
}

/** The same when it is there already, else undefined. */
export function bundleThere(program: ProgramName, folder: string): string | undefined {
  const main = join(outputOf(program, folder), 'main.mjs');
  return existsSync(main) ? main : undefined;
}

/** The programs that stand in for clouds: never in an image, so they may read files beside their sources. */
const LOCAL = { aws: true, kubernetes: true, telegram: true } as const;
export type LocalProgram = keyof typeof LOCAL;

/** Step: their bundles. */
async function bundleLocal(folder: string): Promise<Record<LocalProgram, string>> {
  const [aws, kubernetes, telegram] = await Promise.all([
    bundled('aws', folder),
    bundled('kubernetes', folder),
    bundled('telegram', folder),
  ]);
  return { aws, kubernetes, telegram };
}

/** What `bundleLocal` would answer when nothing needs to be made. */
export function localBundlesThere(folder: string): Record<LocalProgram, string> | undefined {
  const [aws, kubernetes, telegram] = (['aws', 'kubernetes', 'telegram'] as const).map((one) =>
    bundleThere(one, folder),
  );
  return aws && kubernetes && telegram ? { aws, kubernetes, telegram } : undefined;
}

function outputOf(program: ProgramName, folder: string): string {
  const hash = createHash('sha256')
    .update(root)
    .update(readFileSync(join(root, 'package-lock.json')));
  for (const name of ['bundles.ts', 'bundling.ts']) hash.update(readFileSync(new URL(name, import.meta.url)));
  for (const file of sourcesOf(program)) hash.update(relative(root, file)).update(readFileSync(file));
  return join(folder, `${program}-${hash.digest('hex').slice(0, 16)}`);
}

function sourcesOf(program: ProgramName): string[] {
  return SOURCES[program].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => join(root, folder, name))
      .filter((file) => /\.(ts|json)$/.test(file) && statSync(file).isFile()),
  );
}

await asStep(import.meta, bundleLocal);
