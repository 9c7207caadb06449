// Operator and bot run from bundles, here as in their images: only the parts of the SDK and of client-node that are in use are
// loaded, which halves their memory and start-up. Source maps keep stack traces (and coverage) in our own files.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** What a program may import (test/layout.test.ts); the bundle is made again when any of it changes. */
const SOURCES = { operator: ['operator', 'cloud', 'crds'], bot: ['bot', 'cloud', 'crds'] } as const;

/** CommonJS packages inside an ES module still ask for `require`. */
const BANNER =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/** Path of the bundle of `<program>/main.ts` in `folder`, made unless one of the same sources is there. */
export async function bundled(program: keyof typeof SOURCES, folder: string): Promise<string> {
  const outfile = join(folder, `${program}-${fingerprint(SOURCES[program])}.mjs`);
  if (existsSync(outfile)) return outfile;
  const esbuild = await import('esbuild');
  await esbuild.build({
    entryPoints: [join(root, program, 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    // The SDK's ES modules can be shaken, its CommonJS ones can't.
    mainFields: ['module', 'main'],
    minifySyntax: true,
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: BANNER },
    logLevel: 'error',
  });
  return outfile;
}

function fingerprint(folders: readonly string[]): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      const file = join(root, folder, name);
      if (/\.(ts|json)$/.test(name) && statSync(file).isFile()) hash.update(name).update(readFileSync(file));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
