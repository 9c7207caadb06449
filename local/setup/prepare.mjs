// First step of `npm start` and `npm test`: makes what they need and is not there yet, on Node's built-ins only, since
// nothing is installed when it runs (and the machine's Node may be too old to run our TypeScript).
//   1. a Node runtime of at least 22.19, from npm's package for this platform, when the machine's own is older;
//   2. node_modules, by `npm ci` under that runtime (an older npm runtime silently picks older packages);
//   3. the worker's Python environment .venv, from a lock file with hashes, compiled to .pyc.
// Each is built once, reused, and rebuilt when what it was made from changes. `--dev` adds the tools of the tests.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_WANTED = [22, 19];
const NODE_PACKAGE_VERSION = '24.21.0';
const PYTHON_WANTED = [3, 10];
const PYTHON_NAMES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];

const root = fileURLToPath(new URL('../../', import.meta.url));
const toolchain = join(root, '.toolchain');
const venv = join(root, '.venv');
const dev = process.argv.includes('--dev');

/** A missing tool or a failed step, in one sentence for whoever started us. */
class SetupError extends Error {}

function fingerprint(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Runs `make` unless the stamp file says it was made from the same things. */
async function once(stamp, mark, what, make) {
  if (read(stamp) === mark) return;
  const begun = Date.now();
  process.stderr.write(`set-up: ${what} …\n`);
  await make();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, mark);
  process.stderr.write(`set-up: ${what} done in ${((Date.now() - begun) / 1000).toFixed(0)} s\n`);
}

/** Runs a command quietly; on failure the last lines of what it said are in the error. */
function run(command, args, { env = process.env, failure }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const keep = (chunk) => {
      said = (said + chunk).slice(-6000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => reject(new SetupError(`${failure} (${error.message})`)));
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new SetupError(`${failure}\n${said.trim().split('\n').slice(-12).join('\n')}`)),
    );
  });
}

function answer(command, args, options = {}) {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 30_000, ...options }, (error, stdout) =>
      resolve(error ? undefined : stdout.trim()),
    );
  });
}

function atLeast(version, [major, minor]) {
  const [ours, oursMinor] = version.split('.').map(Number);
  return ours > major || (ours === major && oursMinor >= minor);
}

/** The command line of npm: the one that runs us, or the one on PATH. */
function npm(node) {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') && existsSync(script) ? [node, [script]] : ['npm', []];
}

/** Path of a Node that can run the product: this one, or one from npm's package for the platform. */
async function nodeRuntime() {
  if (atLeast(process.versions.node, NODE_WANTED)) return process.execPath;
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = join(toolchain, 'node');
  const node = join(folder, 'node_modules', name, 'bin', 'node');
  await once(
    join(folder, 'made-from'),
    `${name}@${NODE_PACKAGE_VERSION}`,
    `Node ${NODE_PACKAGE_VERSION} (this machine has ${process.versions.node})`,
    async () => {
      mkdirSync(folder, { recursive: true });
      const [command, first] = npm(process.execPath);
      await run(
        command,
        [
          ...first,
          'install',
          '--prefix',
          folder,
          '--no-save',
          '--no-audit',
          '--no-fund',
          `${name}@${NODE_PACKAGE_VERSION}`,
        ],
        {
          failure: `Node ${NODE_WANTED.join('.')} or newer is missing and its package ${name} could not be installed; install Node from nodejs.org and try again.`,
        },
      );
    },
  );
  return node;
}

async function nodeModules(node) {
  const mark = fingerprint(read(join(root, 'package-lock.json')), (await answer(node, ['--version'])) ?? '');
  await once(join(root, 'node_modules', '.made-from'), mark, 'packages (npm ci)', async () => {
    const [command, first] = npm(node);
    await run(command, [...first, 'ci', '--no-audit', '--no-fund'], {
      // onnxruntime-node would download GPU libraries nobody here uses.
      env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}`, ONNXRUNTIME_NODE_INSTALL: 'skip' },
      failure: 'The packages could not be installed (npm ci); is the registry reachable?',
    });
    // The type stripper, 30 MB, stays in a process that has used it: compile the starter in one that ends.
    const cache = { NODE_COMPILE_CACHE: 'node_modules/.cache/spotlearn' };
    await answer(node, ['local/main.ts', '--help'], { cwd: root, env: { ...process.env, ...cache } });
  });
  const link = join(root, 'node_modules', '.bin', 'node');
  if (node !== process.execPath && !existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(relative(dirname(link), node), link);
  }
}

async function findPython() {
  for (const name of PYTHON_NAMES) {
    const version = await answer(name, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])']);
    if (version && atLeast(version, PYTHON_WANTED)) return { name, version };
  }
  throw new SetupError(
    'Python 3.10 or newer is missing; install it (Debian and Ubuntu: apt-get install python3 python3-venv; macOS: brew install python).',
  );
}

async function pythonEnvironment() {
  const { name, version } = await findPython();
  const locks = ['requirements.lock', ...(dev ? ['requirements-dev.lock'] : [])].map((file) =>
    join(root, 'trainer', file),
  );
  const python = join(venv, 'bin', 'python3');
  const base = fingerprint(version, read(locks[0]));
  const made = read(join(venv, 'made-from')).split(' ');
  const marks = [base, ...(dev ? [fingerprint(read(locks[1]))] : [])];
  if (marks.every((mark, at) => made[at] === mark) && existsSync(python)) return;
  await once(
    join(venv, 'made-from'),
    marks.join(' '),
    `the worker's Python environment (Python ${version})`,
    async () => {
      if (made[0] !== base || !existsSync(python)) {
        rmSync(venv, { recursive: true, force: true });
        await run(name, ['-m', 'venv', venv], {
          failure:
            'A Python environment could not be made; install the venv module (Debian and Ubuntu: apt-get install python3-venv).',
        });
      }
      const requirements = locks.flatMap((lock) => ['-r', lock]);
      await run(
        python,
        [
          '-m',
          'pip',
          'install',
          '--quiet',
          '--disable-pip-version-check',
          '--no-compile',
          '--require-hashes',
          ...requirements,
        ],
        {
          failure: "The worker's Python packages could not be installed; is the package index reachable?",
        },
      );
      // Without .pyc every start of a worker takes 3 s longer; pip can't be trusted to write them (PYTHONDONTWRITEBYTECODE).
      await run(python, ['-m', 'compileall', '-q', '-j', '0', join(venv, 'lib')], {
        failure: 'The Python packages could not be compiled.',
      }).catch((error) => {
        // Some packages ship files for other Python versions, which don't compile; the rest is done all the same.
        if (!String(error.message).includes('SyntaxError') && !String(error.message).includes('IndentationError'))
          throw error;
      });
    },
  );
}

try {
  const node = await nodeRuntime();
  await Promise.all([nodeModules(node), pythonEnvironment()]);
} catch (error) {
  process.stderr.write(`${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exit(1);
}
