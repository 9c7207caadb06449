// `npm test`: all tests, of TypeScript (mocha under c8) and of the worker (pytest under coverage.py), in two lanes side by side for
// the two cores. Ends with one line `N passed, N failed`; fails when a test failed or the coverage is below the gate.
// `npm run test:infra` (`--suite infra`): what proves the Pulumi program, alone.
// Arguments go to mocha (`npm test -- --grep sentence`), without coverage and without the worker's tests.
// `npm run contracts` (`--suite contracts`): what holds the embedded servers to the real and to independent ones, run against those too.
// `npm run journeys` (`--suite journeys`): the longer ways through the whole product, which would take `npm test` beyond ten minutes.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const LINES_TYPESCRIPT = 95;
const LINES_WORKER = 95;
const MOCHA = 'node_modules/mocha/bin/mocha.js';
const ALL = ['test/**/*.test.ts'];
const JOURNEYS = [
  'test/images/prediction.test.ts',
  'test/infra/language-host.test.ts',
  'test/infra/schema/inputs.test.ts',
  'test/lambda/package.test.ts',
  'test/local/move/move.test.ts',
  'test/examples/manifests.test.ts',
  'test/journey/bad-input.test.ts',
  'test/journey/personal.test.ts',
  'test/journey/surroundings.test.ts',
  'test/bench/training.test.ts',
];
const SUITES = {
  contracts: ['test/contract/**/*.test.ts', 'test/journey/main-job.test.ts'],
  journeys: JOURNEYS,
  infra: ['test/infra/**/*.test.ts', 'test/images/**/*.test.ts', 'test/contract/kubernetes/installation.test.ts'],
};
const except = (...files) => files.flatMap((file) => ['--ignore', file]);
/** What each lane of `npm test` runs: servers and whole products in one, everything else in the other. */
const LANES = {
  servers: ['test/contract/**/*.test.ts', 'test/journey/**/*.test.ts', ...except(...JOURNEYS)],
  parts: [...ALL, ...except('test/contract/**', 'test/journey/**', ...JOURNEYS)],
};
/** Who the contract suites are run against beside the embedded servers. */
const ORACLES = ['KUBEBUILDER_ASSETS', 'SPOTLEARN_MOTO', 'SPOTLEARN_MINISTACK'];
const report = (lane) => `coverage/mocha-${lane}.json`;
const only = process.argv.slice(2);

if (only[0] === '--lanes') process.exit(await lanes());
if (only[0] === '--suite') process.exit(await suite(only[1]));
if (only.length > 0) {
  const files = only.some((argument) => argument.endsWith('.ts')) ? [] : ALL;
  process.exit(await run('mocha', process.execPath, [MOCHA, ...files, ...only]));
}

for (const name of ORACLES) delete process.env[name]; // minutes: they have `npm run contracts`
mkdirSync('coverage', { recursive: true });
for (const lane of Object.keys(LANES)) rmSync(report(lane), { force: true });
rmSync('coverage/pytest.xml', { force: true });
const failed = await run('c8', process.execPath, [
  ...['node_modules/c8/bin/c8.js', '--config', 'test/c8.json', '--check-coverage', '--lines', String(LINES_TYPESCRIPT)],
  ...[process.execPath, 'test/run.mjs', '--lanes'],
]);
const counts = [...Object.keys(LANES).map(ofMocha), ofPytest()];
writeFileSync('coverage/summary.txt', `${told(counts)}\n`);
process.exit(failed || !good(counts) ? 1 : 0);

async function suite(name) {
  const absent = name === 'contracts' ? ORACLES.filter((oracle) => !process.env[oracle]) : [];
  for (const oracle of absent) console.log(`ABSENT: ${oracle}; see README, "Run the tests"`);
  mkdirSync('coverage', { recursive: true });
  rmSync(report(name), { force: true });
  const failed = await mocha(name, SUITES[name]);
  const counts = [ofMocha(name)];
  told(counts);
  return failed || !good(counts) ? 1 : 0;
}

function sum(counts, name) {
  return counts.reduce((total, one) => total + one[name], 0);
}

function good(counts) {
  return sum(counts, 'failed') === 0 && sum(counts, 'passed') > 0;
}

/** Prints and returns the closing line. */
function told(counts) {
  const skipped = sum(counts, 'skipped');
  if (skipped > 0) console.log(`${skipped} skipped: what they need is absent; the lines above say what`);
  const line = `${sum(counts, 'passed')} passed, ${sum(counts, 'failed')} failed`;
  console.log(line);
  return line;
}

/** Both lanes; 0 when all is well. */
async function lanes() {
  const lane = (name) => mocha(name, LANES[name]);
  const codes = await Promise.all([lane('parts'), worker().then(async (code) => (await lane('servers')) || code)]);
  return codes.find((code) => code !== 0) ?? 0;
}

function mocha(name, files) {
  const counting = ['--reporter', 'test/reporter.mjs', '--reporter-option', `output=${report(name)}`];
  return run(`mocha (${name})`, process.execPath, [MOCHA, ...files, ...counting]);
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
