// Jobs and instances in few words, for the collection's tables.
import type { Instance } from '../../../cloud/compute.ts';
import type { Attempt, PredictionJob, TrainingJob } from '../../../crds/crds.generated.ts';

export const NOW = Date.parse('2026-11-24T10:00:00Z');
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const FOLDERS = {
  workerRoleId: 'AROA',
  datasetPrefix: 'datasets',
  modelPrefix: 'models',
  predictionPrefix: 'predictions',
};

export const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  number: 1,
  batch: 'b-1',
  market: 'spot',
  requestedAt: '2026-11-24T09:00:00Z',
  ...more,
});

export const training = (uid: string, phase: string, attempts: Attempt[] = []): TrainingJob =>
  ({
    metadata: { namespace: 'ml-user-7', name: `t-${uid}`, uid },
    spec: { model: { type: 'linear', id: `model-${uid}` } },
    status: { phase, attempts },
  }) as unknown as TrainingJob;

export const prediction = (uid: string, phase: string): PredictionJob =>
  ({ metadata: { namespace: 'ml-user-7', name: `p-${uid}`, uid }, status: { phase } }) as unknown as PredictionJob;

export const instance = (id: string, more: Partial<Instance> = {}): Instance => ({
  id,
  instanceType: 'm5.large',
  zone: 'eu-central-1a',
  market: 'spot',
  state: 'running',
  launchedAt: NOW - HOUR,
  stateReason: undefined,
  batch: 'b-1',
  jobUid: undefined,
  tags: {},
  ...more,
});
