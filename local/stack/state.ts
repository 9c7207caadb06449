// The state folder of `npm start`: one run at a time, the same ports again after a stop where they are still free (so that links in
// the chat go on working), and facts that must not change between runs.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { StartFailure } from './failure.ts';

export interface StateFolder {
  readonly root: string;
  path(...parts: string[]): string;
  /** The port this program had last time if it is still free, else a free one; remembered. */
  port(program: string): Promise<number>;
  /** A text made once and kept, readable by the owner only. */
  kept(name: string, make: () => string): string;
  write(name: string, text: string): string;
  release(): void;
}

/** Opens (or makes) the folder for this process. Throws StartFailure when another run has it or it can't be written. */
export function openState(folder: string, fresh: boolean): StateFolder {
  const root = resolve(folder);
  const path = (...parts: string[]) => join(root, ...parts);
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StartFailure(
      `The state folder ${root} cannot be made (${(error as Error).message}); choose another with --state DIR.`,
    );
  }
  const lock = path('running');
  const other = runningProcess(lock);
  if (other !== undefined)
    throw new StartFailure(
      `Spotlearn already runs from ${root} (process ${other}); stop it first, or use another folder with --state DIR.`,
    );
  if (fresh) forget(root);
  writeFileSync(lock, String(process.pid));
  mkdirSync(path('logs'), { recursive: true });
  const portsFile = path('ports.json');
  const ports = readJson(portsFile) as Record<string, number>;
  return {
    root,
    path,
    async port(program) {
      const before = ports[program];
      const port = before !== undefined && (await isFree(before)) ? before : await freePort();
      ports[program] = port;
      writeFileSync(portsFile, JSON.stringify(ports));
      return port;
    },
    kept(name, make) {
      try {
        return readFileSync(path(name), 'utf8');
      } catch {
        const text = make();
        writeFileSync(path(name), text, { mode: 0o600 });
        return text;
      }
    },
    write(name, text) {
      writeFileSync(path(name), text, { mode: 0o600 });
      return path(name);
    },
    release: () => rmSync(lock, { force: true }),
  };
}

/** Only what we make ourselves is removed, so that `--fresh --state ~` harms nobody. */
const OURS = [
  'kubernetes',
  'aws',
  'telegram',
  'logs',
  'downloads',
  'ports.json',
  'kubeconfig',
  'env',
  'aws-profiles',
  'aws-config.json',
  'accounts',
  'outputs.json',
  'moved.json',
  'root-key',
  'service-account-key',
  'kubelet-config.json',
];

function forget(root: string): void {
  for (const name of OURS) rmSync(join(root, name), { recursive: true, force: true });
}

function runningProcess(lock: string): number | undefined {
  let pid: number;
  try {
    pid = Number(readFileSync(lock, 'utf8'));
  } catch {
    return undefined;
  }
  try {
    process.kill(pid, 0);
  } catch {
    return undefined;
  }
  return pid === process.pid ? undefined : pid;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}

function listen(port: number): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

const freePort = (): Promise<number> => listen(0);
const isFree = (port: number): Promise<boolean> =>
  listen(port).then(
    () => true,
    () => false,
  );
