// The program under mocks, as tests want it: with a region, a token and a folder of artefacts of its own unless they say otherwise.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, type Declared, type Run as Whole } from '../../local/pulumi/program.ts';

export type { Declared, Recorded } from '../../local/pulumi/program.ts';
export type Run = Partial<Whole>;

export const ACCOUNT_ID = '111122223333';
export const TOKEN = '123456789:AAExampleExampleExampleExample';

/** Rejects with what the program throws. */
export async function programOf(run: Run = {}): Promise<Declared> {
  const artefacts = makeArtefacts();
  try {
    return await runProgram({
      ...{ stack: 'dev', accountId: ACCOUNT_ID },
      ...run,
      configuration: {
        'aws:region': 'eu-central-1',
        'spotlearn:telegramToken': TOKEN,
        'spotlearn:artefacts': artefacts,
        ...run.configuration,
      },
    });
  } finally {
    rmSync(artefacts, { recursive: true, force: true });
  }
}

/** A folder as `npm run package`, `package:worker` and `images` leave it, with little in its files. */
export function makeArtefacts(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spotlearn-artefacts-'));
  mkdirSync(join(folder, 'worker'));
  const file = (name: string) => {
    const path = join(folder, name);
    writeFileSync(path, name);
    return { path, sha256: createHash('sha256').update(name).digest('hex') };
  };
  for (const arch of ['x86_64', 'arm64']) {
    const bundle = file(`worker/worker-python3.12-${arch}.tar.gz`);
    const packs = { export: file(`worker/export-${arch}.tar.gz`) };
    writeFileSync(join(folder, `worker/worker-python3.12-${arch}.json`), JSON.stringify({ ...bundle, packs }));
  }
  for (const arch of ['x64', 'arm64']) {
    const zip = file(`lambda-linux-${arch}.zip`);
    writeFileSync(join(folder, `lambda-linux-${arch}.zip.json`), JSON.stringify(zip));
  }
  for (const image of ['operator', 'bot', 'worker', 'prediction']) {
    mkdirSync(join(folder, 'images', image), { recursive: true });
    const { sha256 } = file(`images/${image}/Dockerfile`);
    writeFileSync(join(folder, `images/${image}.json`), JSON.stringify({ sha256 }));
  }
  return folder;
}
