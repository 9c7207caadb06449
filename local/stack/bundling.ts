// What esbuild can't know about our packages, for bundles.ts: which exports of a dynamic import are read, that the SDK's schemas do nothing
// when they are made, where a source file lies, which files of packages it reads.
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

/**
 * `await import('@aws-sdk/client-ec2')` would keep all 700 operations and client-node the models of every API, as nobody can tell which
 * exports are read from the result. Here such an import gets a module with just those whose names occur in our sources: too many
 * at worst (a word in a comment), never too few, but for the SDK's aggregated clients (`EC2`, all operations in one class).
 * CommonJS packages need it, too: esbuild gives a dynamic import of one nothing but its default.
 */
export function onlyUsedExports(root: string, sources: readonly string[]): Plugin {
  const texts = sources.map((file) => readFileSync(file, 'utf8'));
  const words = new Set(texts.flatMap((text) => text.match(/[\w$]+/g) ?? []));
  const packages = new Set(
    texts.flatMap((text) => [...text.matchAll(/\bimport\('([^.'][^']*)'/g)].map(([, name]) => name)),
  );
  // A filter of just these: a call of ours for each import of each package would take longer than bundling does.
  const filter = new RegExp(`^(${[...packages].map((name = '') => name.replaceAll('.', '\\.')).join('|')})$`);
  return {
    name: 'only-used-exports',
    setup(build) {
      build.onResolve({ filter }, ({ path, kind, importer }) =>
        kind === 'dynamic-import' && !isBuiltin(path) && !importer.includes('/node_modules/')
          ? { path, namespace: 'used' }
          : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: 'used' }, async ({ path }) => {
        const all = Object.keys((await import(path)) as object);
        const isAggregated = (name: string) => all.includes(`${name}Client`);
        // Node loads the SDK as CommonJS, which has a default; esbuild as ES modules, which have none.
        const isNone = (name: string) => name === 'default' && path.startsWith('@aws-sdk/');
        const names = all.filter((name) => words.has(name) && !isNone(name) && !isAggregated(name));
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
export const plainSchemaKeys: Plugin = {
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

/** Files beside a source (a script, a page) are still read beside it: `import.meta.url` stays that of the source. */
export const ownPlaces: Plugin = {
  name: 'own-places',
  setup(build) {
    build.onLoad({ filter: /\/(local\/.*\.ts|iam-data\/.*\.js)$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta')) return undefined;
      const contents = text
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replace(/import\.meta\.resolve\('([^']+)'\)/g, (_, name: string) => JSON.stringify(import.meta.resolve(name)));
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

/**
 * Files of packages that a source asks for by `import.meta.resolve` (a font, WebAssembly) are put beside the bundle, where no packages are.
 */
export const filesBeside: Plugin = {
  name: 'files-beside',
  setup(build) {
    build.initialOptions.loader = { ...build.initialOptions.loader, '.ttf': 'file', '.wasm': 'file' };
    build.onLoad({ filter: /\/cloud\/drawing\/.*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const imports: string[] = [];
      const asked = text.replace(/import\.meta\.resolve\(('[^']+')\)/g, (_, name: string) => {
        const file = `file${imports.length}`;
        imports.push(`import ${file} from ${name};`);
        return `new URL(${file}, import.meta.url).href`;
      });
      // On the first line, so that source maps stay right.
      return imports.length > 0 ? { contents: imports.join(' ') + asked, loader: 'ts' } : undefined;
    });
  },
};
