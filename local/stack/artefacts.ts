// The two artefacts an installation runs: the worker bundle and the Lambda zip, built by the same commands as for AWS (for this
// machine's platform) and reused while their sources are unchanged.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageHandler } from '../../lambda/package.ts';
import { StartFailure } from './failure.ts';
import type { Artefact } from './provision.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const PYTHON_FOLDER = `${root}.venv/bin`;

export async function buildArtefacts(folder: string): Promise<{ worker: Artefact; lambda: Artefact }> {
  if (!existsSync(`${PYTHON_FOLDER}/python3`))
    throw new StartFailure(
      "The worker's Python environment is missing; run npm start (it makes it), not local/main.ts itself.",
    );
  const [worker, lambda] = await Promise.all([
    workerBundle(`${folder}/worker.tar.gz`),
    packageHandler({ platform: process.platform, arch: process.arch, outDir: folder, ifChanged: true }),
  ]);
  return { worker, lambda };
}

async function workerBundle(path: string): Promise<Artefact> {
  const { stdout } = await promisify(execFile)(`${PYTHON_FOLDER}/python3`, ['-m', 'trainer.bundle', path], {
    cwd: root,
  });
  return JSON.parse(stdout) as Artefact;
}
