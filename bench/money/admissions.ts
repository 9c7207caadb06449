// How many admissions a second the operator can judge in an account where a thousand jobs live: the decision itself, without the write that
// follows. Beside it, in the same run, what no admission can be faster than: creations that the embedded Kubernetes API takes over HTTP
// (Kubernetes's own ResourceQuota sits in that very path, and counts objects, not money).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { API_VERSION, KINDS, namespaceOf } from '../../crds/objects.ts';
import { decideRequests, type Held, type Live, type Standing } from '../../operator/accounts/exposure.ts';
import { connect } from '../../operator/runtime/connection.ts';
import { kubernetes } from '../../operator/runtime/kubernetes.ts';
import { TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { compared, median, type Measurement } from '../measurement.ts';
import { startCluster } from '../stack/cluster.ts';
import { inParallel } from '../training/workers.ts';

const LIVE_JOBS = 1_000;
const NAMESPACES = { group: '', plural: 'namespaces' };
const NAMESPACE = namespaceOf('1001');
const PEER = 'creations the embedded Kubernetes API takes';

export interface Size {
  readonly rounds: number;
  readonly decisions: number;
  readonly creations: number;
}

export async function admissions({ rounds, decisions, creations }: Size): Promise<Measurement[]> {
  const alone: number[] = [];
  const together: number[] = [];
  const created: number[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'bench-admissions-'));
  const server = await startCluster(folder);
  const client = kubernetes(await connect({ KUBECONFIG: server.kubeconfigPath }));
  try {
    await server.api.create(NAMESPACES, { metadata: { name: NAMESPACE } });
    // In turn, so that what slows the machine down slows all of them.
    for (let round = 0; round < rounds; round += 1) {
      alone.push(perSecond(decisions, () => decide(standing(), 1, decisions)));
      together.push(perSecond(decisions, () => decide(standing(), decisions, 1)));
      const jobs = Array.from({ length: creations }, (_, at) => jobOf(`job-${round}-${at}`));
      const began = performance.now();
      await inParallel(jobs, (job) => client.create(TRAINING_JOBS, job));
      created.push((1000 * creations) / (performance.now() - began));
    }
  } finally {
    client.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
  const row = (how: string, rates: readonly number[]) =>
    compared(`admissions judged, ${LIVE_JOBS} live jobs, ${how}`, median(rates), '1/s', PEER, median(created), 'more');
  return [row('one at a time', alone), row(`${decisions} at once`, together)];
}

/** An account with room for half of what is asked. */
function standing(): Standing {
  const uids = Array.from({ length: LIVE_JOBS }, (_, at) => `live-${at}`);
  const jobs = uids.map(
    (uid): Live => ({ uid, final: false, reservedUsd: 0.5, actualUsd: 0.01, unbilledUsd: 0.01, stopUsd: 0 }),
  );
  const at = new Date().toISOString();
  const held: Held = Object.fromEntries(uids.map((uid) => [uid, { usd: 0.5, spentUsd: 0, at }]));
  return { limitUsd: 2 * LIVE_JOBS, sum: { spentUsd: LIVE_JOBS }, jobs, held };
}

/** `times` decisions about so many requests each. */
function decide(before: Standing, requests: number, times: number): void {
  let now = before;
  for (let time = 0; time < times; time += 1) {
    const asked = Array.from({ length: requests }, (_, at) => ({ uid: `new-${time}-${at}`, usd: 1 }));
    now = { ...now, held: decideRequests(now, asked, 0).held };
  }
}

function perSecond(count: number, work: () => void): number {
  const began = performance.now();
  work();
  return (1000 * count) / (performance.now() - began);
}

const jobOf = (name: string): TrainingJob =>
  ({
    apiVersion: API_VERSION,
    kind: KINDS.TrainingJob.kind,
    metadata: { name, namespace: NAMESPACE },
    spec: {
      dataset: { uri: 's3://bench/datasets/user_1001/a.csv' },
      target: 'class',
      model: { type: 'random_forest' },
    },
  }) as TrainingJob;
