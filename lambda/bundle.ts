// The JavaScript of the package: handler, program and onnxruntime's own, each bundled so that a start reads what it needs and
// nothing else. Called by package.ts.
import { readFile } from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
/** Of onnxruntime-node: dist/ with its JavaScript, bin/ with its native code. */
export const runtimeFolder = dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));
export const RUNTIME = 'onnxruntime.cjs';

/** Name in the package → contents. */
export async function bundles(): Promise<Map<string, Uint8Array>> {
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
  const modules: BuildOptions = { ...common, format: 'esm', outExtension: { '.js': '.mjs' } };
  const handler = build({
    ...modules,
    entryPoints: { index: 'lambda/handler.ts' },
    splitting: true, // what is imported lazily (Parquet, gzip) is a file of its own
    plugins: [external(/^onnxruntime-node$/, `./${RUNTIME}`), builtinsAtHand()],
  });
  const program = build({
    ...modules,
    entryPoints: { main: 'lambda/main.ts' },
    plugins: [external(/^\.\/handler\.ts$/, './index.mjs'), builtinsAtHand()],
  });
  const runtime = build({
    ...common,
    entryPoints: { onnxruntime: join(runtimeFolder, 'dist/index.js') },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    plugins: [bindingBeside()],
  });
  const built = await Promise.all([handler, program, runtime]);
  const files = built.flatMap(({ outputFiles }) => outputFiles ?? []);
  return new Map(files.map(({ path, contents }) => [path.slice(path.lastIndexOf('/') + 1), contents]));
}

function external(filter: RegExp, path: string): Plugin {
  return { name: 'external', setup: (plugin) => plugin.onResolve({ filter }, () => ({ path, external: true })) };
}

/**
 * Node's own modules by process.getBuiltinModule. An import would read every one of their exports, and so run what node:http
 * loads only for who asks for its WebSocket: measured, 30 ms of the start instead of 5.
 */
function builtinsAtHand(): Plugin {
  return {
    name: 'builtins-at-hand',
    setup(plugin) {
      plugin.onResolve({ filter: /^node:/ }, ({ path }) =>
        isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
      );
      plugin.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
        contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      }));
    },
  };
}

/** onnxruntime requires its binding by platform from a folder of many; in the package it lies beside the code. */
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
          throw new Error('onnxruntime-node loads its binding in a new way: see lambda/bundle.ts');
        return { contents };
      });
      plugin.onResolve({ filter: /onnxruntime_binding\.node$/ }, ({ path }) => ({ path, external: true }));
    },
  };
}
