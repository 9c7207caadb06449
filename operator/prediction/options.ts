// What the predictions' concerns are given by start.ts.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { Account, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import type { Ledger } from '../accounts/ledger.ts';
import type { Span } from '../accounts/overhead.ts';
import type { Reservations } from '../accounts/reservations.ts';
import type { Cache } from '../runtime/cache.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { Kubernetes } from '../runtime/kubernetes.ts';
import type { Logger } from '../runtime/logging.ts';
import type { PredictionMetrics } from '../runtime/metrics.ts';
import type { StatusWriter } from '../runtime/status.ts';
import type { Places } from '../training/job.ts';
import type { Presigning } from './event.ts';
import type { Invoker } from './invoker.ts';

export interface PredictionOptions extends Presigning {
  kubernetes: Kubernetes;
  cache: Cache<PredictionJob>;
  trainings: Cache<TrainingJob>;
  accounts: Cache<Account>;
  writer: StatusWriter<PredictionJob>;
  events: EventRecorder;
  reservations: Reservations;
  ledger: Ledger;
  /** USD left of the account's month; undefined: unknown. */
  monthLeftUsd: (account: Account) => number | undefined;
  /** A job's share of the installation's standing costs, USD. */
  shareUsd: (span: Span) => number;
  bucket: Bucket;
  invokers: Readonly<Record<'Lambda' | 'Cluster', Invoker>>;
  /** Adds a key to the controller's queue. */
  enqueue: (key: string) => void;
  places: Places;
  /** What the ledger says it ran on. */
  functionName: string;
  functionMemoryMib: number;
  maxPredictionCostUsd: number;
  /** Tables with more rows are split. */
  splitRows: number;
  /** Results are encrypted by KMS. */
  kms: boolean;
  cloudEnabled: boolean;
  metrics: PredictionMetrics;
  clock: Clock;
  logger: Logger;
}
