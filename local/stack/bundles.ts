// Every program of the stack runs from a bundle, operator and bot as in their images: only what is in use is loaded, and what is
// imported dynamically lies in chunks of its own, which a third of the memory and of the start-up depend on (decision 2).
// Source maps keep stack traces (and coverage) in our own files.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** What a program may import (test/layout.test.ts); the bundle is made again when any of it changes. */
const SOURCES = { operator: ['operator', 'cloud', 'crds'], bot: ['bot', 'cloud', 'crds'] } as const;

/** CommonJS packages inside an ES module still ask for `require`. */
const BANNER =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/** Path of the bundle of `<program>/main.ts` in `folder`, made unless one of the same sources is there. */
export async function bundled(program: keyof typeof SOURCES, folder: string): Promise<string> {
  const sources = sourcesOf(SOURCES[program]);
  const outdir = join(folder, `${program}-${fingerprint(sources)}`);
  const main = join(outdir, 'main.mjs');
  if (existsSync(main)) return main;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(`${program}-`)) rmSync(join(folder, name), { recursive: true, force: true });
  }
  const unfinished = `${outdir}.unfinished`;
  const esbuild = await import('esbuild');
  await esbuild.build({
    entryPoints: [join(root, program, 'main.ts')],
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
    plugins: [onlyUsedExports(sources), plainSchemaKeys],
    logLevel: 'error',
  });
  renameSync(unfinished, outdir);
  return main;
}

/**
 * `await import('@aws-sdk/client-ec2')` would keep all 700 operations and client-node the models of every API, as nobody can tell which
 * exports are read from the result. Here such an import gets a module with just those whose names occur in our sources: too many
 * at worst (a word in a comment), never too few, but for the SDK's aggregated clients (`EC2`, all operations in one class).
 */
function onlyUsedExports(sources: readonly string[]): Plugin {
  const words = new Set(sources.flatMap((file) => readFileSync(file, 'utf8').match(/[\w$]+/g) ?? []));
  return {
    name: 'only-used-exports',
    setup(build) {
      build.onResolve({ filter: /^@(aws-sdk|kubernetes)\/client-/ }, ({ path, kind }) =>
        kind === 'dynamic-import' ? { path, namespace: 'used' } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: 'used' }, async ({ path }) => {
        const all = Object.keys((await import(path)) as object);
        const isAggregated = (name: string) => all.includes(`${name}Client`);
        const names = all.filter((name) => words.has(name) && name !== 'default' && !isAggregated(name));
        return { contents: `export { ${names.join(', ')} } from '${path}';`, resolveDir: root };
      });
      // The SDK says itself that its modules do nothing when they are imported; client-node's do nothing either.
      build.onResolve({ filter: /^@kubernetes\/client-node$/ }, ({ path }) => ({
        path: fileURLToPath(import.meta.resolve(path)),
        sideEffects: false,
      }));
      build.onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path, importer, resolveDir }) =>
        importer.includes('/@kubernetes/client-node/')
          ? { path: join(resolveDir, path), sideEffects: false }
          : undefined,
      );
    },
  };
}

/**
 * The SDK's schemas have keys like `[_eQN]: "AddressAllocationId"`. A computed key might do something, so esbuild keeps every such schema;
 * written as the constant it is, all but those of the operations in use are dropped.
 */
const plainSchemaKeys: Plugin = {
  name: 'plain-schema-keys',
  setup(build) {
    build.onLoad({ filter: /@aws-sdk\/client-[^/]+\/dist-es\/schemas\/[^/]+\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const constants = new Map(
        [...text.matchAll(/^const (\w+) = ("[^"]*");$/gm)].map(([, name, value]) => [name, value]),
      );
      return { contents: text.replace(/\[(\w+)\]:/g, (key, name: string) => `${constants.get(name) ?? key}:`) };
    });
  },
};

function sourcesOf(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => join(root, folder, name))
      .filter((file) => /\.(ts|json)$/.test(file) && statSync(file).isFile()),
  );
}

function fingerprint(sources: readonly string[]): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const file of [fileURLToPath(import.meta.url), ...sources]) hash.update(file).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}
