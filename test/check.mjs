// `npm run check`: generate, format, lint, types, for TypeScript and for the worker. Fails when generating or formatting changes a
// tracked file. Everything runs to the end, so that one call shows all there is to mend.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const bin = (name) => `node_modules/.bin/${name}`;
const venv = (name) => `.venv/bin/${name}`;

/** The worker, and what measures its models. */
const python = ['trainer', 'bench/models'];

const steps = [
  ['generate', 'npm', ['run', '--silent', 'generate']],
  ['format', bin('biome'), ['format', '--write', '.']],
  ['types', process.execPath, ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.']],
  ['lint', bin('eslint'), ['.', '--max-warnings', '0']],
  ['worker: format', venv('ruff'), ['format', ...python]],
  ['worker: lint', venv('ruff'), ['check', ...python]],
  ['worker: types', venv('mypy'), ['--config-file', 'trainer/pyproject.toml', ...python]],
];

if (!existsSync(venv('ruff')) || !existsSync(bin('biome'))) {
  const prepared = spawnSync(process.execPath, ['local/setup/prepare.mjs', '--dev'], { stdio: 'inherit' });
  if (prepared.status !== 0) process.exit(1);
}
const dirtyBefore = dirty();
const failed = [];
for (const [name, command, args] of steps) {
  const begun = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) {
    failed.push(name);
    console.log(`${stdout ?? ''}${stderr ?? ''}`);
  }
}
const changed = dirty().filter((line) => !dirtyBefore.includes(line));
if (changed.length > 0) {
  failed.push('a clean tree');
  console.log(
    `FAILED a clean tree: generating or formatting changed tracked files; commit them:\n${changed.join('\n')}`,
  );
}
console.log(failed.length === 0 ? 'check: all fine' : `check: ${failed.join(', ')} failed`);
process.exit(failed.length === 0 ? 0 : 1);

/** Tracked files that differ from the last commit, with a hash of how, so that a second change shows too. */
function dirty() {
  const names = spawnSync('git', ['diff', '--name-only', 'HEAD'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean);
  return names.map((name) => `${name} ${spawnSync('git', ['hash-object', name], { encoding: 'utf8' }).stdout.trim()}`);
}
