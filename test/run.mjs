// `npm test`: all tests, of TypeScript (mocha under c8) and of the worker (pytest under coverage.py), in two lanes side by side for
// the two cores. Ends with one line `N passed, N failed`; fails when a test failed or the coverage is below the gate.
// Arguments go to mocha (`npm test -- --grep sentence`), without coverage and without the worker's tests.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const LINES_TYPESCRIPT = 90;
const LINES_WORKER = 90;
const MOCHA = 'node_modules/mocha/bin/mocha.js';
const ALL = ['test/**/*.test.ts'];
/** What each lane runs: servers and whole products in one, everything else in the other. */
const LANES = {
  servers: ['test/contract/**/*.test.ts', 'test/journey/**/*.test.ts'],
  parts: [...ALL, '--ignore', 'test/contract/**', '--ignore', 'test/journey/**'],
};
const report = (lane) => `coverage/mocha-${lane}.json`;
const only = process.argv.slice(2);

if (only[0] === '--lanes') process.exit(await lanes());
if (only.length > 0) {
  const files = only.some((argument) => argument.endsWith('.ts')) ? [] : ALL;
  process.exit(await run('mocha', process.execPath, [MOCHA, ...files, ...only]));
}

mkdirSync('coverage', { recursive: true });
for (const lane of Object.keys(LANES)) rmSync(report(lane), { force: true });
rmSync('coverage/pytest.xml', { force: true });
const failed = await run('c8', process.execPath, [
  ...['node_modules/c8/bin/c8.js', '--config', 'test/c8.json', '--check-coverage', '--lines', String(LINES_TYPESCRIPT)],
  ...[process.execPath, 'test/run.mjs', '--lanes'],
]);
const counts = [...Object.keys(LANES).map(ofMocha), ofPytest()];
const sum = (name) => counts.reduce((total, one) => total + one[name], 0);
if (sum('skipped') > 0) console.log(`${sum('skipped')} skipped: what they need is absent; the lines above say what`);
const line = `${sum('passed')} passed, ${sum('failed')} failed`;
writeFileSync('coverage/summary.txt', `${line}\n`);
console.log(line);
process.exit(failed || sum('failed') > 0 || sum('passed') === 0 ? 1 : 0);

/** Both lanes; 0 when all is well. */
async function lanes() {
  const mocha = (lane) =>
    run(`mocha (${lane})`, process.execPath, [
      ...[MOCHA, ...LANES[lane]],
      ...['--reporter', 'test/reporter.mjs', '--reporter-option', `output=${report(lane)}`],
    ]);
  const codes = await Promise.all([mocha('parts'), worker().then(async (code) => (await mocha('servers')) || code)]);
  return codes.find((code) => code !== 0) ?? 0;
}

async function worker() {
  const python = (...args) => run(args[1], '.venv/bin/python3', args);
  const config = 'trainer/pyproject.toml';
  const tests = ['-m', 'pytest', '-q', '-c', config, '--junitxml=coverage/pytest.xml', 'trainer/tests'];
  const code = await python('-m', 'coverage', 'run', `--rcfile=${config}`, ...tests);
  return (
    code || python('-m', 'coverage', 'report', `--rcfile=${config}`, '--skip-covered', `--fail-under=${LINES_WORKER}`)
  );
}

function run(name, command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    child.once('error', (error) => {
      console.log(`${name} could not be started: ${error.message}`);
      resolve(1);
    });
    child.once('close', (code, signal) => {
      if (code !== 0) console.log(`${name} ended with ${signal ?? `code ${code}`}`);
      resolve(code ?? 1);
    });
  });
}

function ofMocha(lane) {
  try {
    return JSON.parse(readFileSync(report(lane), 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function ofPytest() {
  const suite = /<testsuite [^>]*>/.exec(tryRead('coverage/pytest.xml'))?.[0] ?? 'errors="1"';
  const number = (name) => Number(new RegExp(`${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = number('failures') + number('errors');
  return { passed: Math.max(0, number('tests') - failed - number('skipped')), failed, skipped: number('skipped') };
}

function tryRead(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
