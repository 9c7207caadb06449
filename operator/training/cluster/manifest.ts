// What an attempt on the cluster is made of, as pure objects: the batch/v1 Job that runs the worker, and the Secret with its ticket.
// The Job's name is the "instance id": the worker's folder in the bucket and its role session are named after it, so the policy
// of an instance holds for a pod too. Next: cluster.ts creates them, reading.ts reads the Job.
import type { Ticket } from '../../../cloud/contract/contract.generated.ts';
import { TICKET } from '../../../cloud/keys.ts';
import type { Attempt, TrainingJob } from '../../../crds/crds.generated.ts';
import { API_VERSION, GROUP } from '../../../crds/objects.ts';
import { WORKER_ACCOUNT } from '../../accounts/namespace.ts';
import type { BatchJob } from '../../cluster/jobs.ts';
import {
  CONTAINER_SECURITY,
  FILE_FOLDER,
  fileSecret,
  JOB_ANNOTATION,
  labelsOf,
  labelValue,
  POD_SECURITY,
  SCRATCH,
  VOLUME_MOUNTS,
  volumes,
} from '../../cluster/pods.ts';
import { tableBytesOf } from '../dataset.ts';
import { uidOf } from '../job.ts';
import { growthOf } from '../outgrown.ts';
import { LONGEST_ATTEMPT_MS } from '../ticket.ts';

export const CLUSTER_TYPE = 'cluster';
const PREFIX = 'cluster-';
/** Labels of a worker's Job and pod. */
export const JOB_UID_LABEL = `${GROUP}/job-uid`;
export const ATTEMPT_LABEL = `${GROUP}/attempt`;
export const BATCH_LABEL = `${GROUP}/batch`;
export const CONTAINER = 'worker';

/** The worker has this long to checkpoint after SIGTERM; its own limit is 60 s. */
const GRACE_SECONDS = 90;
/** The worker stops by its ticket's `notAfter` first. */
const DEAD_MAN_SECONDS = 300;
const TTL_SECONDS = 600;

const DEFAULT_VCPU = 1;
const DEFAULT_MEMORY_GIB = 2;
const BASE_MEMORY_GIB = 1;
/** Parsed and encoded, a table takes several times its bytes as CSV. */
const MEMORY_PER_BYTE = 6;

export interface WorkerFacts {
  readonly image: string;
  readonly installation: string;
  readonly bucket: string;
  readonly region: string;
  readonly workerRoleId: string;
  readonly logGroup: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The same for the same attempt; the whole uid, as folders of all users lie side by side in the bucket. */
export const clusterId = (jobUid: string, attempt: number): string => `${PREFIX}${jobUid}-${attempt}`;
/** Whether an "instance id" is a Job on the cluster (EC2's begin with `i-`). */
export const isClusterId = (id: string): boolean => id.startsWith(PREFIX);

/** Renders the Job of an attempt. Nothing a user wrote gets into commands, environment or names. */
export function workerJob(job: TrainingJob, attempt: Attempt, facts: WorkerFacts): BatchJob {
  const { name = '', namespace = '', uid = '' } = job.metadata ?? {};
  const id = clusterId(uidOf(job), attempt.number);
  const labels = workerLabels(job, attempt, facts.installation);
  const owner = { apiVersion: API_VERSION, kind: 'TrainingJob', name, uid };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: id,
      namespace,
      labels,
      annotations: { [JOB_ANNOTATION]: name },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: false }],
    },
    spec: {
      // An attempt is one pod: what comes after it is decided by its result, not by the Job controller.
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      // A pod that is being ended counts when it has ended: it is writing its checkpoint.
      podReplacementPolicy: 'Failed',
      activeDeadlineSeconds: deadlineSeconds(job, facts.now),
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: { metadata: { labels }, spec: podSpec(job, id, facts) },
    },
  };
}

function podSpec(job: TrainingJob, id: string, facts: WorkerFacts): object {
  const affinity = affinityOf(job);
  return {
    restartPolicy: 'Never',
    serviceAccountName: WORKER_ACCOUNT,
    // The role's token comes in a volume of its own; the API server is none of a worker's business.
    ...POD_SECURITY,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    ...(affinity ? { affinity } : {}),
    containers: [
      {
        name: CONTAINER,
        image: facts.image,
        env: Object.entries(environment(id, facts)).map(([name, value]) => ({ name, value })),
        resources: resourcesOf(job),
        ...CONTAINER_SECURITY,
        volumeMounts: VOLUME_MOUNTS,
      },
    ],
    volumes: volumes(id),
  };
}

function environment(id: string, facts: WorkerFacts): Record<string, string> {
  return {
    SPOTLEARN_BUCKET: facts.bucket,
    SPOTLEARN_ROLE_ID: facts.workerRoleId,
    SPOTLEARN_INSTANCE_ID: id,
    SPOTLEARN_TICKET_FILE: `${FILE_FOLDER}/${TICKET}`,
    SPOTLEARN_LOG_GROUP: facts.logGroup,
    AWS_REGION: facts.region,
    AWS_DEFAULT_REGION: facts.region,
    // Makes aws:userid `<role id>:<id>`: the worker reaches instances/${aws:userid}/ and nothing else.
    AWS_ROLE_SESSION_NAME: id,
    TMPDIR: SCRATCH,
    HOME: SCRATCH,
  };
}

function workerLabels(job: TrainingJob, attempt: Attempt, installation: string): Record<string, string> {
  return {
    ...labelsOf(job.metadata ?? {}, installation, { name: 'spotlearn-worker', component: 'training' }),
    [JOB_UID_LABEL]: uidOf(job),
    [ATTEMPT_LABEL]: String(attempt.number),
    [BATCH_LABEL]: labelValue(attempt.batch),
  };
}

/** The ticket's `notAfter` (the job's own deadline, or a day) and some more: for a worker that no longer minds it. */
function deadlineSeconds(job: TrainingJob, now: number): number {
  const { activeDeadlineSeconds } = job.spec;
  const started = job.status?.startTime;
  const left =
    activeDeadlineSeconds === undefined || !started
      ? LONGEST_ATTEMPT_MS
      : Date.parse(started) + activeDeadlineSeconds * 1000 - now;
  return Math.ceil(Math.min(LONGEST_ATTEMPT_MS, Math.max(60_000, left)) / 1000) + DEAD_MAN_SECONDS;
}

/** Memory is limited to what is asked for, processors are not: an idle one may be used. */
function resourcesOf(job: TrainingJob): object {
  const { vcpu = DEFAULT_VCPU, memoryGiB, gpu = 0 } = job.spec.resources ?? {};
  const data = BASE_MEMORY_GIB + (MEMORY_PER_BYTE * tableBytesOf(job.status)) / 2 ** 30;
  const memory = `${Math.ceil((memoryGiB ?? Math.max(DEFAULT_MEMORY_GIB, data) * growthOf(job.status)) * 1024)}Mi`;
  return {
    requests: { cpu: String(vcpu), memory },
    limits: { memory, ...(gpu > 0 ? { 'nvidia.com/gpu': String(gpu) } : {}) },
  };
}

/** "Only these" types and zones, by the labels that nodes carry. */
function affinityOf(job: TrainingJob): object | undefined {
  const { instanceTypes, zones } = job.spec.resources ?? {};
  const matchExpressions = [
    ['node.kubernetes.io/instance-type', instanceTypes],
    ['topology.kubernetes.io/zone', zones],
  ].flatMap(([key, values]) => (values ? [{ key, operator: 'In', values }] : []));
  if (matchExpressions.length === 0) return undefined;
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
    },
  };
}

/** The Secret with a ticket. */
export const ticketSecret = (
  place: { readonly id: string; readonly namespace: string; readonly uid: string },
  installation: string,
  ticket: Ticket,
): ReturnType<typeof fileSecret> =>
  fileSecret({ ...place, name: place.id }, installation, { name: TICKET, content: ticket });
