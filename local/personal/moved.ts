// What a state folder says when its accounts and jobs were carried over to a cluster (../move): operator and bot must not act here again.
import { readFileSync, rmSync } from 'node:fs';
import { StartFailure } from '../stack/failure.ts';
import type { StateFolder } from '../stack/state.ts';

interface Moved {
  /** Kubeconfig of the destination. */
  readonly to: string;
  readonly ended: boolean;
}

const FILE = 'moved.json';

export function noteMoved(state: Pick<StateFolder, 'write'>, moved: Moved): void {
  state.write(FILE, JSON.stringify(moved));
}

export function forgetMoved(state: Pick<StateFolder, 'path'>): void {
  rmSync(state.path(FILE), { force: true });
}

/** Throws StartFailure. */
export function refuseMoved(state: Pick<StateFolder, 'path' | 'root'>): void {
  let moved: Moved;
  try {
    moved = JSON.parse(readFileSync(state.path(FILE), 'utf8')) as Moved;
  } catch {
    return;
  }
  throw new StartFailure(
    moved.ended
      ? `What was in ${state.root} was moved to the cluster of ${moved.to}, where operator and bot act now. --fresh forgets it and begins anew here.`
      : `A move to the cluster of ${moved.to} was broken off. Run npm run move -- --to ${moved.to} --yes again, or take it back with --undo.`,
  );
}
