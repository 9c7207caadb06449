// Opens both ends of a move: a kubeconfig, or the state folder of one person's installation, whose embedded API runs meanwhile – the API alone.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../../cloud/errors.ts';
import { connect } from '../../operator/runtime/connection.ts';
import { kubernetes, type Kubernetes } from '../../operator/runtime/kubernetes.ts';
import { bundled } from '../stack/bundles.ts';
import { bare } from '../stack/environment.ts';
import { StartFailure } from '../stack/failure.ts';
import { startProgram } from '../stack/programs.ts';
import { openState, type StateFolder } from '../stack/state.ts';

export interface End {
  readonly kubernetes: Kubernetes;
  /** Of an installation that keeps its state in a folder. */
  readonly state: StateFolder | undefined;
  close(): Promise<void>;
}

/** Throws StartFailure. */
export async function clusterOf(file: string): Promise<End> {
  if (!existsSync(file)) throw new StartFailure(`There is no kubeconfig ${file}.`);
  try {
    const client = kubernetes(await connect({ KUBECONFIG: file }));
    return { kubernetes: client, state: undefined, close: async () => client.close() };
  } catch (error) {
    throw error instanceof ConfigurationError ? new StartFailure(error.message) : error;
  }
}

/** A folder or a kubeconfig. Throws StartFailure, also while Spotlearn runs from the folder. */
export async function sourceOf(place: string): Promise<End> {
  if (existsSync(place) && !statSync(place).isDirectory()) return clusterOf(place);
  if (!existsSync(join(place, 'kubernetes')))
    throw new StartFailure(`There is no installation in ${place}; say where it is: --from DIR, or --from KUBECONFIG.`);
  const state = openState(place, false);
  try {
    mkdirSync(state.path('artefacts'), { recursive: true });
    const program = await startProgram({
      name: 'kubernetes',
      script: await bundled('kubernetes', state.path('artefacts')),
      args: ['--state', state.path('kubernetes'), '--port', String(await state.port('kubernetes'))],
      env: bare(),
      log: state.path('logs', 'kubernetes.log'),
    });
    const api = await clusterOf(program.ready.kubeconfig ?? '');
    return {
      kubernetes: api.kubernetes,
      state,
      async close() {
        await api.close();
        await program.stop();
        state.release();
      },
    };
  } catch (error) {
    state.release();
    throw error;
  }
}
