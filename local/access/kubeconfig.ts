// The kubeconfig as text, and the file it is written to.
import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { namespaceOf } from '../../crds/objects.ts';
import { StartFailure } from '../stack/failure.ts';
import type { ClusterEntry } from './administrator.ts';

/** Cluster, user and context are all named `spotlearn-<id>`, so that it merges with others. */
export function kubeconfigFor(userId: string, cluster: ClusterEntry, token: string): string {
  const name = `spotlearn-${userId}`;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: namespaceOf(userId) } }],
    'current-context': name,
  });
}

/** Throws StartFailure when it may not be written over; asked before a token is made. */
export function checkFree(file: string, force: boolean): void {
  if (!force && existsSync(file)) throw new StartFailure(`${file} is there already; --force writes over it.`);
}

/** Readable by the owner only, also where there was another. Throws StartFailure. */
export function writeKubeconfig(file: string, text: string, force: boolean): void {
  try {
    if (!force) return writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    chmodSync(`${file}.new`, 0o600);
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new StartFailure(`${file} cannot be written: ${(error as Error).message}`);
  }
}
