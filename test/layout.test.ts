// The layering of docs/architecture.md, held by reading every import: each folder may use only what stands beside it here.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Folder → what it may import besides itself and packages. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  crds: [],
  cloud: [],
  operator: ['crds', 'cloud'],
  bot: ['crds', 'cloud'],
  lambda: ['cloud/contract'],
  infra: ['crds', 'cloud'],
  local: ['crds', 'cloud', 'operator', 'bot', 'lambda', 'infra'],
  images: ['crds', 'cloud', 'lambda', 'local'],
  docs: ['crds', 'cloud', 'operator', 'bot', 'infra'],
  bench: ['crds', 'cloud', 'operator', 'bot', 'lambda', 'local', 'infra'],
};
const FORBIDDEN_NAMES = /(^|\/)(utils?|helpers?|common|lib|misc|types)(\.ts|\.mjs|\/|$)/;

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/^\s*(\/\/|\*).*$/gm, '');
  const found = text.matchAll(
    /(?:^\s*(?:import|export)\b[^'";]*?from\s*|^\s*import\s*|\bimport\()\s*['"]([^'"]+)['"]/gm,
  );
  return [...found].map((match) => match[1] ?? '');
}

/** Path, from the root, of a relative import; undefined for a package. */
function target(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return relative(root, normalize(join(root, dirname(file), specifier)));
}

describe('The layout of the repository', () => {
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    it(`lets ${folder}/ import ${allowed.length === 0 ? 'nothing of ours' : allowed.join(', ')}`, () => {
      const wrong = sources(folder).flatMap((file) =>
        importsOf(file)
          .map((specifier) => target(file, specifier))
          .filter((path) => path !== undefined)
          .filter((path) => ![folder, ...allowed].some((place) => path === place || path.startsWith(`${place}/`)))
          .map((path) => `${file} imports ${path}`),
      );
      expect(wrong).to.deep.equal([]);
    });
  }

  it('finds imports at all', () => {
    expect(importsOf('cloud/presign.ts')).to.include.members(['./errors.ts', '@aws-sdk/client-s3']);
  });

  it('keeps telegraf at the edge of the bot', () => {
    const users = sources('bot').filter((file) =>
      importsOf(file).some((name) => name === 'telegraf' || name.startsWith('telegraf/')),
    );
    expect(users.filter((file) => !['bot/main.ts', 'bot/commands.ts'].includes(file))).to.deep.equal([]);
  });

  it('has no place for things without a name', () => {
    const wrong = Object.keys(MAY_IMPORT)
      .flatMap(sources)
      .filter((file) => FORBIDDEN_NAMES.test(file));
    expect(wrong).to.deep.equal([]);
  });

  it('has one description of the world: production code does not ask whether it runs locally', () => {
    const wrong = ['operator', 'bot', 'lambda', 'cloud', 'infra', 'crds']
      .flatMap(sources)
      .filter((file) => /\bif\s*\(\s*!?(is)?local\b/i.test(readFileSync(join(root, file), 'utf8')));
    expect(wrong).to.deep.equal([]);
  });
});
