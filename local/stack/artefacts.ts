// Step: builds what an installation runs – the worker bundle, the Lambda zip (by the same commands as for AWS, for this machine's
// platform), operator and bot – and reuses what is unchanged.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageHandler } from '../../lambda/package.ts';
import { bundled } from './bundles.ts';
import { StartFailure } from './failure.ts';
import { PYTHON_FOLDER } from './installation.ts';
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
  return { worker, lambda, operator, bot };
}

async function workerBundle(path: string): Promise<Artefact> {
  const { stdout } = await promisify(execFile)(`${PYTHON_FOLDER}/python3`, ['-m', 'trainer.bundle', path], {
    cwd: root,
  });
  return JSON.parse(stdout) as Artefact;
}

await asStep(import.meta, buildArtefacts);
