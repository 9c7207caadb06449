// Step: builds what an installation runs – the worker bundle, the Lambda zip (by the same commands as for AWS, for this machine's
// platform), operator and bot – and reuses what is unchanged.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import { packageHandler } from '../../lambda/package.ts';
import { bundled } from './bundles.ts';
import { StartFailure } from './failure.ts';
import { PYTHON_FOLDER } from './installation.ts';
import { handlerIn } from './node.ts';
import type { Artefact } from './provision.ts';
import { asStep } from './step.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Artefacts {
  readonly worker: Artefact;
  readonly lambda: Artefact;
  /** Paths of the bundled programs. */
  readonly operator: string;
  readonly bot: string;
}

async function buildArtefacts(folder: string): Promise<Artefacts> {
  if (!existsSync(`${PYTHON_FOLDER}/python3`))
    throw new StartFailure(
      "The worker's Python environment is missing; run npm start (it makes it), not local/main.ts itself.",
    );
  const [worker, lambda, operator, bot] = await Promise.all([
    workerBundle(`${folder}/worker.tar.gz`),
    packageHandler({ platform: process.platform, arch: process.arch, outDir: folder, ifChanged: true }),
    bundled('operator', folder),
    bundled('bot', folder),
  ]);
  const handler = handlerIn(folder);
  if (lambda.built || !existsSync(handler)) unpackHandler(lambda.path, dirname(handler));
  return { worker, lambda, operator, bot };
}

/** For pods: the zip of the function, unpacked. */
function unpackHandler(zip: string, folder: string): void {
  const draft = `${folder}.unfinished`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip)))) writeFileSync(join(draft, name), bytes);
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
}

async function workerBundle(path: string): Promise<Artefact> {
  const { stdout } = await promisify(execFile)(`${PYTHON_FOLDER}/python3`, ['-m', 'trainer.bundle', path], {
    cwd: root,
  });
  return JSON.parse(stdout) as Artefact;
}

await asStep(import.meta, buildArtefacts);
