// What a transition may know of the world, read before it (facts loaded by surroundings.ts), so that the machine itself does no I/O.
import type { Account, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import type { Bucket } from '../../cloud/access.ts';

export interface StoredDataset {
  readonly uri: string;
  readonly name: string;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Facts {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Never used before; the token of the step that is entered now. */
  readonly token: string;
  readonly userId: string;
  readonly userName: string;
  readonly bucket: Bucket;
  readonly cloudEnabled: boolean;
  /** Whether predictions can run on the cluster. */
  readonly clusterPredictions: boolean;
  /** undefined: the user has none; 'unknown': it could not be read. */
  readonly account: Account | undefined | 'unknown';
  readonly limits: { readonly trainingUsd: number; readonly predictionUsd: number; readonly monthlyUsd: number };
  readonly datasetLifecycleDays: number;
  /** Newest first; undefined when not asked for or not readable now. */
  readonly datasets?: readonly StoredDataset[];
  readonly trainings?: readonly TrainingJob[];
  readonly predictions?: readonly PredictionJob[];
}

/** Nothing can be begun. */
export const isSuspended = ({ account }: Facts): boolean => typeof account === 'object' && account.spec.suspend;

export type Wanted = 'datasets' | 'trainings' | 'predictions';
