// `npm test`: all tests, of TypeScript (mocha under c8) and of the worker (pytest under coverage.py), side by side on the two
// cores. Ends with one line `N passed, N failed`; fails when a test failed or the coverage is below the gate.
// Arguments go to mocha (`npm test -- --grep sentence`), without coverage and without the worker's tests.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const LINES_TYPESCRIPT = 90;
const LINES_WORKER = 90;
const only = process.argv.slice(2);
const mocha = [
  'node_modules/mocha/bin/mocha.js',
  ...(only.some((argument) => argument.endsWith('.ts')) ? [] : ['test/**/*.test.ts']),
  ...only,
];

if (only.length > 0) process.exit(await run('mocha', process.execPath, mocha));

mkdirSync('coverage', { recursive: true });
const report = 'coverage/mocha.json';
const [typescript, worker] = await Promise.all([
  run('mocha', process.execPath, [
    'node_modules/c8/bin/c8.js',
    '--config',
    'test/c8.json',
    ...['--check-coverage', '--lines', String(LINES_TYPESCRIPT)],
    process.execPath,
    ...mocha,
    ...['--reporter', 'test/reporter.mjs', '--reporter-option', `output=${report}`],
  ]),
  run('pytest', '.venv/bin/python3', [
    ...[
      '-m',
      'coverage',
      'run',
      '--rcfile=trainer/pyproject.toml',
      '-m',
      'pytest',
      '-q',
      '-c',
      'trainer/pyproject.toml',
    ],
    ...['--junitxml=coverage/pytest.xml', 'trainer/tests'],
  ]).then(
    (code) =>
      code ||
      run('coverage', '.venv/bin/python3', [
        '-m',
        'coverage',
        'report',
        '--rcfile=trainer/pyproject.toml',
        '--skip-covered',
        `--fail-under=${LINES_WORKER}`,
      ]),
  ),
]);
const counts = [ofMocha(), ofPytest()];
const sum = (name) => counts.reduce((total, one) => total + one[name], 0);
if (sum('skipped') > 0) console.log(`${sum('skipped')} skipped: what they need is absent; the lines above say what`);
const line = `${sum('passed')} passed, ${sum('failed')} failed`;
writeFileSync('coverage/summary.txt', `${line}\n`);
console.log(line);
process.exit(typescript || worker || sum('failed') > 0 || sum('passed') === 0 ? 1 : 0);

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

function ofMocha() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
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
