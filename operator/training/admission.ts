// May this job run? Namespace → user → account; the access rule and the data set's head (dataset.ts); the model's id; the money
// (reserving.ts). Nothing paid happens before. Each refusal says in plain words what to change.
import type { Bucket } from '../../cloud/bucket.ts';
import { hyperparameterProblem } from '../../cloud/families.ts';
import { modelFolder } from '../../cloud/keys.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { Account, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, createdAt, userOf } from '../../crds/objects.ts';
import { isOpen, NOT_OPEN } from '../accounts/admitting.ts';
import type { Verdict } from './confirm.ts';
import { lookAtData } from './dataset.ts';
import { isFinal, modelId, uidOf, type Places } from './job.ts';
import { reserve, type ReservingOptions } from './reserving.ts';
import { refuse, wait, type Refusal } from './verdict.ts';

export interface AdmissionOptions extends ReservingOptions {
  bucket: Pick<Bucket, 'head' | 'get'>;
  places: Places;
  account: (name: string) => Account | undefined;
  /** TrainingJobs of the job's namespace; itself may be among them. */
  siblings: (job: TrainingJob) => Iterable<TrainingJob>;
  maxTrainingCostUsd: number;
  cloudEnabled: boolean;
  /** Why placement Cluster can't be had here; undefined: it can. */
  clusterUnavailable?: string;
  now: () => number;
}

/** The budget that holds: the job's own, but never above the account's or the installation's limit for one training. */
export function budgetOf(job: TrainingJob, account: Account | undefined, maxTrainingCostUsd: number): number {
  const limit = Math.min(account?.spec.limits.trainingUsd ?? maxTrainingCostUsd, maxTrainingCostUsd);
  return Math.min(job.spec.budget?.maxCostUsd ?? limit, limit);
}

export async function admit(job: TrainingJob, options: AdmissionOptions): Promise<Verdict> {
  const userId = userOf(job.metadata?.namespace ?? '');
  if (userId === undefined)
    return refuse('UnknownNamespace', 'Training jobs belong into the namespace of an account, ml-user-<id>.');
  const account = options.account(accountName(userId));
  if (!account) return wait('AccountMissing', `There is no account ${accountName(userId)} yet.`);
  if (!isOpen(account)) return wait('AccountNotApproved', NOT_OPEN);
  if (account.spec.suspend) return wait('AccountSuspended', 'The account is suspended; ask the administrator.');
  if (!options.cloudEnabled && job.spec.placement !== 'Cluster')
    return refuse(
      'CloudDisabled',
      'This installation launches nothing on AWS (SPOTLEARN_CLOUD_ENABLED is false); placement Cluster remains.',
    );
  if (options.clusterUnavailable !== undefined && job.spec.placement === 'Cluster')
    return refuse('PlacementUnavailable', options.clusterUnavailable);
  const wrong = hyperparameterProblem(job.spec.model.type, job.spec.model.hyperparameters ?? {});
  if (wrong) return refuse('InvalidSpec', `${wrong} Create the job again with spec.model.hyperparameters of these.`);
  const late = deadlineProblem(job, options.now());
  if (late) return late;
  const rival = rivalOf(job, options.siblings(job));
  if (rival)
    return refuse(
      'ModelExists',
      `TrainingJob ${rival.metadata?.name} was created before and makes the model ${modelId(job)} already; choose another spec.model.id.`,
    );
  const [data, taken] = await Promise.all([lookAtData(job, options), modelExists(job, userId, options)]);
  if ('is' in data) return data;
  if (job.status?.model?.manifestSha256 === undefined && taken)
    return refuse(
      'ModelExists',
      `There is a model ${modelId(job)} already; choose another spec.model.id or delete it.`,
    );
  return reserve(job, data, budgetOf(job, account, options.maxTrainingCostUsd), options);
}

/** A deadline that was over before anything began. Later on it is the deadline rule's matter, not admission's. */
function deadlineProblem(job: TrainingJob, now: number): Refusal | undefined {
  const { spec, status } = job;
  const due = Date.parse(spec.deadline ?? '');
  if (!(due <= now) || status?.startTime !== undefined) return undefined;
  if (due > Date.parse(createdAt(job)))
    return refuse(
      'DeadlineExceeded',
      `spec.deadline (${spec.deadline}) passed while the job waited. Create it again with a later one.`,
    );
  return refuse(
    'InvalidSpec',
    `spec.deadline (${spec.deadline}) is in the past; it is ${timestamp(now)}. Create the job again with a later one.`,
  );
}

/** Another live job that makes the same model and was created earlier (in the same second: whose name, then uid comes first). */
function rivalOf(job: TrainingJob, siblings: Iterable<TrainingJob>): TrainingJob | undefined {
  const id = modelId(job);
  for (const other of siblings) {
    if (uidOf(other) === uidOf(job) || isFinal(other) || other.metadata?.deletionTimestamp) continue;
    // The default id ends in the job's own uid: most are told apart without building it.
    if (other.spec.model.id === undefined && !id.endsWith(uidOf(other).slice(0, 8))) continue;
    if (modelId(other) === id && age(other) < age(job)) return other;
  }
  return undefined;
}

/** Orders by creation (RFC 3339 UTC, so as text), name and uid. */
const age = (job: TrainingJob): string => `${createdAt(job)} ${job.metadata?.name} ${uidOf(job)}`;

async function modelExists(job: TrainingJob, userId: string, { bucket, places }: AdmissionOptions): Promise<boolean> {
  return (await bucket.head(`${modelFolder(places, userId, modelId(job))}manifest.json`)) !== undefined;
}
